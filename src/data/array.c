/* Opens datasets of numbers of one kind. */
#include "data/array.h"

#include "data/column_names.h"

#include <stdio.h>
#include <string.h>

enum { FOUND_BYTES = 256 };

/* Other datasets of a file. */
typedef struct others {
    char rows[FOUND_BYTES]; /* the first that holds rows of numbers, or "" */
    int has_tables;         /* whether any is one that analysis/import_table.py makes numbers of */
} others;

/* Whether analysis/import_table.py makes numbers of a dataset: not of references, opaque bytes and the like. */
static int makes_numbers(const ddpm_h5_shape *shape)
{
    return shape->dims > 0 && shape->size[0] > 0 &&
           (shape->is_number || shape->is_enumeration || strncmp(shape->found, "compound", 8) == 0 ||
            strstr(shape->found, "text") || strcmp(shape->found, "arrays") == 0);
}

static void find_others(void *context, const char *name, const ddpm_h5_shape *shape)
{
    others *found = context;
    if (!*found->rows && shape->is_number && shape->dims > 1) snprintf(found->rows, FOUND_BYTES, "%s", name);
    found->has_tables |= makes_numbers(shape);
}

/* Refuse a dataset that holds no rows of numbers, with what helps: another dataset, or a file made of this one. */
static ddpm_status refuse(const ddpm_h5 *file, const char *path, const char *dataset, const ddpm_h5_shape *shape)
{
    enum { LOOKED_AT = 1000 };
    const char *what = shape->is_number ? "it is a single number" : shape->found;
    others found = {0};
    DDPM_TRY(ddpm_h5_list(file, LOOKED_AT, find_others, &found));
    if (!found.has_tables && !makes_numbers(shape))
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' does not hold rows of numbers (%s), and no dataset of the file does; write "
                         "them with the program that made it",
                         path, dataset, what);
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: dataset '%s' does not hold rows of numbers (%s); %s%s%s'analysis/import_table.py %s' makes such "
        "rows of tables of any kind",
        path, dataset, what, *found.rows ? "set data.dataset to one that does, as '" : "", found.rows,
        *found.rows ? "', or " : "", path);
}

ddpm_status ddpm_array_open(ddpm_h5 *file, const char *path, const char *dataset, ddpm_array *out)
{
    ddpm_h5_shape shape;
    *out = (ddpm_array){.width = 1};
    DDPM_TRY(ddpm_h5_shape_of(file, dataset, &shape));
    if (!shape.is_number || shape.dims < 1) return refuse(file, path, dataset, &shape);
    out->type = shape.type;
    out->rows = shape.size[0];
    for (int i = 1; i < shape.dims; i++)
        if (__builtin_mul_overflow(out->width, shape.size[i], &out->width))
            return ddpm_fail(DDPM_ERR_DATA, "%s: a row of dataset '%s' is too wide", path, dataset);
    if (out->rows < 1 || out->width < 1)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' has %lld rows of %lld columns; at least one of each is needed", path,
                         dataset, (long long)out->rows, (long long)out->width);
    DDPM_TRY(ddpm_conventions_read(file, path, dataset, &out->conventions));
    return ddpm_column_names_read(file, path, dataset, out->width, &out->names);
}
