/* Opens datasets of numbers of one kind. */
#include "data/array.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text_list.h"

#include <stdio.h>

enum { FOUND_BYTES = 256 };

/* Two columns of one name get names of their own, so that each name means one column. */
static ddpm_status number_names(const char *path, const char *dataset, ddpm_array *array)
{
    int64_t repeated = -1;
    if (array->names) DDPM_TRY(ddpm_texts_number(array->width, &array->names, &repeated));
    if (repeated >= 0)
        ddpm_log_warning(
            "%s: dataset '%s' has columns of the same name; they are numbered in their order, so that column "
            "%lld (from 0) is '%s'",
            path, dataset, (long long)repeated, array->names[repeated]);
    return DDPM_OK;
}

static void find_rows(void *context, const char *name, const ddpm_h5_shape *shape)
{
    char *found = context;
    if (!*found && shape->is_number && shape->dims > 1) snprintf(found, FOUND_BYTES, "%s", name);
}

/* Refuse a dataset that holds no rows of numbers, with what helps: another dataset, or a file made of this one. */
static ddpm_status refuse(const ddpm_h5 *file, const char *path, const char *dataset, const ddpm_h5_shape *shape)
{
    enum { LOOKED_AT = 1000 };
    char other[FOUND_BYTES] = "";
    DDPM_TRY(ddpm_h5_list(file, LOOKED_AT, find_rows, other));
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: dataset '%s' does not hold rows of numbers (%s); %s%s%s'analysis/import_table.py %s' makes such "
        "rows of tables of any kind",
        path, dataset, shape->is_number ? "it is a single number" : shape->found,
        *other ? "set data.dataset to one that does, as '" : "", other, *other ? "', or " : "", path);
}

ddpm_status ddpm_array_open(ddpm_h5 *file, const char *path, const char *dataset, ddpm_array *out)
{
    ddpm_h5_shape shape;
    int64_t names = 0;
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
    DDPM_TRY(ddpm_h5_get_names(file, dataset, "columns", &names, &out->names));
    if (out->names && names != out->width)
        return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, but its attribute 'columns' has %lld names",
                         path, dataset, (long long)out->width, (long long)names);
    return number_names(path, dataset, out);
}
