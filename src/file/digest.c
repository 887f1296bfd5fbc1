/* The digest of a checkpoint. Of HDF5 this file knows only the signature with which a file begins. */
#include "file/digest.h"

#include "file/file.h"
#include "file/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { READ_BYTES = 1 << 20 };

static const char magic[] = "ddpm checkpoint ";
static const char hdf5_signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};

uint64_t ddpm_digest_bytes(const void *data, size_t bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, bytes, seed);
}

ddpm_status ddpm_digest_damaged(const char *path)
{
    return ddpm_fail(DDPM_ERR_DATA, "%s is damaged (its digest does not match); use an older checkpoint of the folder",
                     path);
}

/** Read so many bytes, or up to the end of the file. */
static ddpm_status read_at(int fd, const char *path, void *data, size_t bytes, int64_t offset, size_t *got)
{
    *got = 0;
    while (*got < bytes) {
        const ssize_t n = pread(fd, (char *)data + *got, bytes - *got, (off_t)(offset + (int64_t)*got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ddpm_file_fail(path, "could not be read");
        if (n == 0) break;
        *got += (size_t)n;
    }
    return DDPM_OK;
}

static ddpm_status hash_rest(int fd, const char *path, XXH3_state_t *state, int64_t *bytes)
{
    static char buffer[READ_BYTES]; /* main thread only */
    size_t got;
    *bytes = DDPM_DIGEST_BLOCK;
    XXH3_128bits_reset(state);
    do {
        DDPM_TRY(read_at(fd, path, buffer, READ_BYTES, *bytes, &got));
        XXH3_128bits_update(state, buffer, got);
        *bytes += (int64_t)got;
    } while (got == READ_BYTES);
    return DDPM_OK;
}

int ddpm_digest_begins(const char *path)
{
    char start[sizeof magic - 1];
    size_t got = 0, same = 0;
    int fd;
    if (ddpm_input_open(path, &fd) != DDPM_OK) return 0;
    const ddpm_status status = read_at(fd, path, start, sizeof start, 0, &got);
    close(fd);
    for (size_t i = 0; i < got; i++) same += start[i] == magic[i];
    return status == DDPM_OK && got == sizeof start && same > got / 2;
}

/** The block of a file of so many bytes, from the hash of what follows it. */
static void fill_block(XXH128_hash_t hash, int64_t bytes, int format, char block[DDPM_DIGEST_BLOCK])
{
    char hex[33];
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, hash);
    for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", digest.digest[i]);
    memset(block, 0, DDPM_DIGEST_BLOCK);
    snprintf(block, DDPM_DIGEST_BLOCK, "%s%d\nbytes %lld\nxxh3 %s\n", magic, format, (long long)bytes, hex);
}

/** The block that follows from the rest of the file. */
static ddpm_status compute_block(int fd, const char *path, int format, char block[DDPM_DIGEST_BLOCK])
{
    int64_t bytes = 0;
    XXH3_state_t *state = XXH3_createState();
    if (!state) return ddpm_fail(DDPM_ERR_MEMORY, "%s: no memory for its digest", path);
    const ddpm_status status = hash_rest(fd, path, state, &bytes);
    if (status == DDPM_OK) fill_block(XXH3_128bits_digest(state), bytes, format, block);
    XXH3_freeState(state);
    return status;
}

ddpm_status ddpm_digest_seal(const char *path, int format)
{
    char block[DDPM_DIGEST_BLOCK];
    const int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return ddpm_file_fail_open(path, "could not be opened");
    ddpm_status status = compute_block(fd, path, format, block);
    if (status == DDPM_OK) status = ddpm_file_write_at(fd, path, block, DDPM_DIGEST_BLOCK, 0);
    if (close(fd) && errno != EINTR && status == DDPM_OK) status = ddpm_file_fail(path, "could not be written");
    return status;
}

enum { BEGINNING = DDPM_DIGEST_BLOCK + sizeof hdf5_signature };

/** The format number of a file that begins so: of BEGINNING bytes, `got` are there. */
static ddpm_status read_format(const char *path, const char found[BEGINNING], size_t got, int *format)
{
    char number[4] = "";
    const size_t known = got < sizeof magic - 1 ? got : sizeof magic - 1;
    if (memcmp(found, magic, known) && memcmp(found + DDPM_DIGEST_BLOCK, hdf5_signature, sizeof hdf5_signature))
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: is not a checkpoint; expected a file that `ddpm train` wrote, or its run folder", path);
    if (got < BEGINNING) return ddpm_digest_damaged(path);
    memcpy(number, found + sizeof magic - 1, sizeof number - 1);
    *format = atoi(number); /* if no number is there, the blocks will differ */
    return DDPM_OK;
}

/** Compare an open file's block with the one that follows from its rest. */
static ddpm_status check_open(int fd, const char *path, int *format)
{
    char found[BEGINNING] = "", expected[DDPM_DIGEST_BLOCK];
    size_t got = 0;
    DDPM_TRY(read_at(fd, path, found, sizeof found, 0, &got));
    DDPM_TRY(read_format(path, found, got, format));
    DDPM_TRY(compute_block(fd, path, *format, expected));
    return memcmp(found, expected, sizeof expected) ? ddpm_digest_damaged(path) : DDPM_OK;
}

ddpm_status ddpm_digest_check(const char *path, int *format)
{
    int fd;
    DDPM_TRY(ddpm_input_open(path, &fd));
    const ddpm_status status = check_open(fd, path, format);
    close(fd);
    return status;
}

ddpm_status ddpm_digest_check_bytes(const char *name, const void *bytes, size_t count, int *format)
{
    char found[BEGINNING] = "", expected[DDPM_DIGEST_BLOCK];
    const size_t got = count < BEGINNING ? count : BEGINNING;
    if (got > 0) memcpy(found, bytes, got);
    DDPM_TRY(read_format(name, found, got, format));
    fill_block(XXH3_128bits((const char *)bytes + DDPM_DIGEST_BLOCK, count - DDPM_DIGEST_BLOCK), (int64_t)count,
               *format, expected);
    return memcmp(found, expected, sizeof expected) ? ddpm_digest_damaged(name) : DDPM_OK;
}
