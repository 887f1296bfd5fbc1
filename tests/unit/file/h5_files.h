/** For tests of HDF5 files: files in the temporary folder, made by this program or by calls of HDF5 alone. */
#ifndef DDPM_TESTS_H5_FILES_H
#define DDPM_TESTS_H5_FILES_H

#include "scratch.h"

#include "file/h5.h"
#include "file/h5_handle.h"

static inline ddpm_h5 *create(const char *name)
{
    ddpm_h5 *file = NULL;
    expect_ok(ddpm_h5_create(in_scratch(name), 0, &file));
    return file;
}

static inline ddpm_h5 *reopen(const char *name)
{
    ddpm_h5 *file = NULL;
    expect_ok(ddpm_h5_open(in_scratch(name), &file));
    return file;
}

/** A file made by calls of HDF5 alone. */
static inline hid_t raw_create(const char *name)
{
    const hid_t id = H5Fcreate(in_scratch(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(id >= 0);
    return id;
}

static inline void raw_dataset(hid_t file, const char *name, hid_t type, int dims, const hsize_t *size, hid_t creation,
                               const void *data)
{
    const hid_t space = H5Screate_simple(dims, size, NULL);
    const hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(id >= 0);
    if (data) assert_true(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(id);
    H5Sclose(space);
}

#endif
