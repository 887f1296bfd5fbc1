/** Forging of checkpoints: one number of an existing file becomes another, at a limit of its range or beyond, or one
 * text another. The tables of store/checkpoint_table.h and store/vocabulary_flat.h say which there are; HDF5 renews its
 * own checksums, the caller the digest. */
#ifndef DDPM_TESTS_FORGE_H
#define DDPM_TESTS_FORGE_H

#include "store/checkpoint_table.h"
#include "store/vocabulary_flat.h"

#define H5_USE_110_API
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORGE_VOCABULARY = DDPM_FLAT_COUNTS + DDPM_FLAT_REALS + DDPM_FLAT_TEXTS + 2 /* code; whether it is an array */,
    FORGE_NUMBERS = DDPM_CHECKPOINT_ATTRIBUTES + DDPM_CHECKPOINT_FIELDS + DDPM_CHECKPOINT_ARRAYS + FORGE_VOCABULARY +
                    DDPM_CHECKPOINT_LISTS + 2 /* the type of numbers, and the configuration */,
    FORGE_VALUES = 12,
    FORGE_MOST = 1 << 20 /* numbers of a dataset */
};

static inline double forge_value(double least, double largest, unsigned which)
{
    const double values[FORGE_VALUES] = {least, largest, least - 1, largest + 1, 2 * largest, -1e308,
                                         1e308, NAN,     INFINITY,  0x1p31,      0x1p63,      0};
    return values[which % FORGE_VALUES];
}

static inline int forge_attribute(hid_t file, const char *object, const char *name, double x)
{
    const hid_t id = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    const int done = id >= 0 && H5Awrite(id, H5T_NATIVE_DOUBLE, &x) >= 0;
    if (id >= 0) H5Aclose(id);
    return done;
}

/* A text of `width` bytes: of a configuration another digit, of a name another name. */
static inline void forge_letters(char *text, size_t width, int is_config, unsigned element, unsigned which)
{
    static const char *const names[FORGE_VALUES] = {"",  "\n", "\x1b[2J", "\xff\xfe", "/", "..",
                                                    ".", "%n", "'",       "ddpm:",    " ", "float64"};
    const size_t start = strcspn(text, "0123456789");
    if (is_config && start < width) {
        size_t at = start + element % (width - start);
        while (text[at] < '0' || text[at] > '9') at--;
        text[at] = "0123456789-."[which % FORGE_VALUES];
    } else {
        const char *name = names[which % FORGE_VALUES];
        for (size_t i = 0; i < width; i++) text[i] = *name ? *name++ : '\0';
    }
}

/* One text of an attribute that holds texts of a fixed length. */
static inline int forge_text(hid_t file, const char *name, int is_config, unsigned element, unsigned which)
{
    const hid_t id = H5Aopen(file, name, H5P_DEFAULT), type = id >= 0 ? H5Aget_type(id) : -1,
                space = id >= 0 ? H5Aget_space(id) : -1;
    const hssize_t count = space >= 0 ? H5Sget_simple_extent_npoints(space) : 0;
    const size_t width = type >= 0 && H5Tis_variable_str(type) == 0 ? H5Tget_size(type) : 0;
    char *texts =
        count > 0 && width > 0 && (size_t)count * width <= FORGE_MOST ? calloc((size_t)count + 1, width) : NULL;
    int done = texts && H5Aread(id, type, texts) >= 0;
    if (done) {
        const unsigned place = is_config ? 0 : element % (unsigned)count;
        forge_letters(texts + place * width, width, is_config, element, which);
        done = H5Awrite(id, type, texts) >= 0;
    }
    free(texts);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
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

static inline int forge_array(hid_t file, const ddpm_checkpoint_array *a, unsigned element, unsigned which)
{
    char name[256] = "";
    const hid_t group = H5Gopen2(file, a->group, H5P_DEFAULT);
    const int done = group >= 0 && H5Ovisit(group, H5_INDEX_NAME, H5_ITER_INC, forge_visit, name) > 0 &&
                     forge_dataset(group, name, element, forge_value(a->least, a->largest, which));
    if (group >= 0) H5Gclose(group);
    return done;
}

/* Number i of those of the vocabulary. Bytes of texts: those that act on a terminal, and no UTF-8. */
static inline int forge_vocabulary(hid_t file, int i, unsigned element, unsigned which)
{
    if (i < DDPM_FLAT_COUNTS) {
        const ddpm_flat_count *c = &ddpm_flat_counts[i];
        return forge_dataset(file, c->name, element, forge_value((double)c->least, (double)c->largest, which));
    }
    if ((i -= DDPM_FLAT_COUNTS) < DDPM_FLAT_REALS)
        return forge_dataset(file, ddpm_flat_real_names[i], element, forge_value(-1e300, 1e300, which));
    if ((i -= DDPM_FLAT_REALS) < DDPM_FLAT_TEXTS)
        return forge_dataset(file, ddpm_flat_text_names[i], element, forge_value('\n' + 1, '\x1b', which));
    if (i == DDPM_FLAT_TEXTS) return forge_dataset(file, ddpm_flat_code_name, element, forge_value(-128, 127, which));
    return forge_attribute(file, "vocabulary", "array", forge_value(0, 1, which));
}

static inline int forge_open(hid_t file, int i, unsigned element, unsigned which)
{
    if (i < DDPM_CHECKPOINT_ATTRIBUTES) {
        const ddpm_checkpoint_attribute *a = &ddpm_checkpoint_attributes[i];
        return forge_attribute(file, "/", a->name, forge_value(a->least, a->largest, which));
    }
    if ((i -= DDPM_CHECKPOINT_ATTRIBUTES) < DDPM_CHECKPOINT_FIELDS) {
        const ddpm_checkpoint_field *f = &ddpm_checkpoint_fields[i];
        return forge_dataset(file, f->name, element, forge_value(f->least, f->largest, which));
    }
    if ((i -= DDPM_CHECKPOINT_FIELDS) < DDPM_CHECKPOINT_ARRAYS)
        return forge_array(file, &ddpm_checkpoint_arrays[i], element, which);
    if ((i -= DDPM_CHECKPOINT_ARRAYS) < FORGE_VOCABULARY) return forge_vocabulary(file, i, element, which);
    if ((i -= FORGE_VOCABULARY) < DDPM_CHECKPOINT_LISTS)
        return forge_text(file, ddpm_checkpoint_lists[i].attribute, 0, element, which);
    i -= DDPM_CHECKPOINT_LISTS;
    return forge_text(file, i == 0 ? "number" : "config", i == 1, element, which);
}

/** Forge number `number` of the tables (its element `element`) with value `which`. @return whether the file has it. */
static inline int forge(const char *path, unsigned number, unsigned element, unsigned which)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    const int done = file >= 0 && forge_open(file, (int)(number % FORGE_NUMBERS), element, which);
    return file >= 0 && H5Fclose(file) >= 0 && done;
}

#endif
