/** For tests of files: a temporary folder, which is removed afterwards, and the bytes of a file. */
#ifndef DDPM_TESTS_SCRATCH_H
#define DDPM_TESTS_SCRATCH_H

#include "expect.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[256]; /* the folder; its name has a space in it */

static inline int scratch_make(void **state)
{
    const char *parent = getenv("TMPDIR");
    (void)state;
    snprintf(scratch, sizeof scratch, "%s/ddpm test XXXXXX", parent && *parent ? parent : "/tmp");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about, (void)type, (void)where;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/** A path in the folder; valid until four calls later. */
static inline const char *in_scratch(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

/** All bytes of a file, with a zero after them; free() them. */
static inline char *file_bytes(const char *path, size_t *bytes)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &about), 0);
    char *data = calloc(1, (size_t)about.st_size + 1);
    assert_non_null(data);
    *bytes = fread(data, 1, (size_t)about.st_size, file);
    assert_int_equal(*bytes, about.st_size);
    fclose(file);
    return data;
}

static inline void put_bytes(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

#endif
