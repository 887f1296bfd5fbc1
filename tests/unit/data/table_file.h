/** For tests of tables: files with columns of all kinds, written with HDF5's own functions. */
#ifndef DDPM_TESTS_TABLE_FILE_H
#define DDPM_TESTS_TABLE_FILE_H

#include "scratch.h"

#include "file/h5_handle.h"

/* Close what was opened, in any order; assert that it was. */
static inline hid_t valid(hid_t id)
{
    assert_true(id >= 0);
    return id;
}

static inline void put_column(hid_t group, const char *name, hid_t type, hid_t memory, int64_t rows, const void *data)
{
    const hsize_t size = (hsize_t)rows;
    const hid_t space = valid(H5Screate_simple(1, &size, NULL));
    const hid_t id = valid(H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    assert_true(H5Dwrite(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    assert_true(H5Dclose(id) >= 0 && H5Sclose(space) >= 0);
}

/** An enumeration of one byte, or a text of a fixed length, or of variable length. Close with H5Tclose. */
static inline hid_t enumeration(int count, const char *const *names, const int8_t *codes)
{
    const hid_t type = valid(H5Tenum_create(H5T_NATIVE_INT8));
    for (int i = 0; i < count; i++) assert_true(H5Tenum_insert(type, names[i], &codes[i]) >= 0);
    return type;
}

static inline hid_t text_of(size_t bytes)
{
    const hid_t type = valid(H5Tcopy(H5T_C_S1));
    assert_true(H5Tset_size(type, bytes) >= 0);
    return type;
}

static inline void put_attribute(hid_t file, const char *object, const char *name, hid_t type, const void *value)
{
    const hid_t space = valid(H5Screate(H5S_SCALAR));
    const hid_t id = valid(H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    assert_true(H5Awrite(id, type, value) >= 0 && H5Aclose(id) >= 0 && H5Sclose(space) >= 0);
}

static inline void put_text(hid_t file, const char *object, const char *name, const char *text)
{
    const hid_t type = text_of(strlen(text) + 1);
    put_attribute(file, object, name, type, text);
    assert_true(H5Tclose(type) >= 0);
}

/** A file with the group `table`, to which a test adds columns. */
static inline hid_t new_table(const char *name, hid_t *group)
{
    const hid_t file = valid(H5Fcreate(in_scratch(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    *group = valid(H5Gcreate2(file, "table", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    return file;
}

static inline void close_table(hid_t file, hid_t group)
{
    assert_true(H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
}

#endif
