/** Forging of checkpoints: one number of an existing file becomes another, at a limit of its range or beyond. The
 * tables of store/checkpoint_table.h say which numbers there are; HDF5 renews its own checksums, the caller the digest.
 */
#ifndef DDPM_TESTS_FORGE_H
#define DDPM_TESTS_FORGE_H

#include "store/checkpoint_table.h"

#define H5_USE_110_API
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORGE_NUMBERS = DDPM_CHECKPOINT_ATTRIBUTES + DDPM_CHECKPOINT_FIELDS + DDPM_CHECKPOINT_ARRAYS,
    FORGE_VALUES = 12,
    FORGE_MOST = 1 << 20 /* numbers of a dataset */
};

static inline double forge_value(double least, double largest, unsigned which)
{
    const double values[FORGE_VALUES] = {least, largest, least - 1, largest + 1, 2 * largest, -1e308,
                                         1e308, NAN,     INFINITY,  0x1p31,      0x1p63,      0};
    return values[which % FORGE_VALUES];
}

static inline int forge_attribute(hid_t file, const char *name, double x)
{
    const hid_t id = H5Aopen(file, name, H5P_DEFAULT);
    const int done = id >= 0 && H5Awrite(id, H5T_NATIVE_DOUBLE, &x) >= 0;
    if (id >= 0) H5Aclose(id);
    return done;
}

static inline int forge_dataset(hid_t file, const char *name, unsigned element, double x)
{
    const hid_t id = H5Dopen2(file, name, H5P_DEFAULT);
    const hid_t space = id >= 0 ? H5Dget_space(id) : -1;
    const hssize_t count = space >= 0 ? H5Sget_simple_extent_npoints(space) : 0;
    double *numbers = count > 0 && count <= FORGE_MOST ? calloc((size_t)count, sizeof *numbers) : NULL;
    int done = numbers && H5Dread(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0;
    if (done) {
        numbers[element % (unsigned)count] = x;
        done = H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0;
    }
    free(numbers);
    if (space >= 0) H5Sclose(space);
    if (id >= 0) H5Dclose(id);
    return done;
}

/* Take the first dataset below a group. */
static inline herr_t forge_visit(hid_t group, const char *name, const H5O_info_t *about, void *found)
{
    (void)group;
    if (about->type != H5O_TYPE_DATASET || strlen(name) >= 200) return 0;
    strcpy(found, name);
    return 1;
}

/** Forge number `number` of the tables (its element `element`) with value `which`. @return whether the file has it. */
static inline int forge(const char *path, unsigned number, unsigned element, unsigned which)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    int done = 0, i = (int)(number % FORGE_NUMBERS);
    if (file < 0) return 0;
    if (i < DDPM_CHECKPOINT_ATTRIBUTES) {
        const ddpm_checkpoint_attribute *a = &ddpm_checkpoint_attributes[i];
        done = forge_attribute(file, a->name, forge_value(a->least, a->largest, which));
    } else if ((i -= DDPM_CHECKPOINT_ATTRIBUTES) < DDPM_CHECKPOINT_FIELDS) {
        const ddpm_checkpoint_field *f = &ddpm_checkpoint_fields[i];
        done = forge_dataset(file, f->name, element, forge_value(f->least, f->largest, which));
    } else {
        const ddpm_checkpoint_array *a = &ddpm_checkpoint_arrays[i - DDPM_CHECKPOINT_FIELDS];
        char name[256] = "";
        const hid_t group = H5Gopen2(file, a->group, H5P_DEFAULT);
        if (group >= 0 && H5Ovisit(group, H5_INDEX_NAME, H5_ITER_INC, forge_visit, name) > 0)
            done = forge_dataset(group, name, element, forge_value(a->least, a->largest, which));
        if (group >= 0) H5Gclose(group);
    }
    return H5Fclose(file) >= 0 && done;
}

#endif
