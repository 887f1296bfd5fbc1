/* From doubles to columns in the types of the data. */
#include "store/table_file.h"

#include "base/memory.h"
#include "base/split.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 512 };

/* The path of a column's dataset; a name may hold a stroke, which would make a group of it. @return its last part. */
static const char *path_of(const ddpm_table_file *t, int64_t j, char out[NAME_BYTES])
{
    const int begin = snprintf(out, NAME_BYTES, "%s/", t->group);
    const char *name = t->names ? t->names[j] : "";
    if (*name && strcmp(name, ".") != 0)
        snprintf(out + begin, (size_t)(NAME_BYTES - begin), "%s", name);
    else
        snprintf(out + begin, (size_t)(NAME_BYTES - begin), "column%lld", (long long)j);
    for (char *at = out + begin; *at; at++)
        if (*at == '/') *at = '_';
    return out + begin;
}

/* ---- declaring ---- */

static int64_t longest_name(const ddpm_column_layout *l)
{
    int64_t longest = 1;
    for (int64_t i = 0; i < l->count; i++) longest = ddpm_larger(longest, (int64_t)strlen(l->names[i]));
    return longest;
}

static int64_t bytes_of(const ddpm_column_layout *l)
{
    return l->is_text ? longest_name(l) : ddpm_number_bytes(l->number);
}

int64_t ddpm_table_file_bytes(const ddpm_vocabulary *vocabulary)
{
    int64_t most = 1;
    for (int64_t j = 0; j < vocabulary->columns; j++) most = ddpm_larger(most, bytes_of(&vocabulary->column[j].layout));
    return most;
}

static ddpm_status declare_column(ddpm_h5 *file, const char *path, const ddpm_column_layout *l, int dims,
                                  const int64_t *size)
{
    const char *const *names = (const char *const *)l->names;
    if (l->is_text) return ddpm_h5_declare_texts(file, path, bytes_of(l), dims, size);
    if (l->kind == DDPM_COLUMN_CATEGORY) {
        DDPM_TRY(ddpm_h5_declare_names(file, path, l->number, l->count, names, l->codes, dims, size));
        if (l->is_ordered) DDPM_TRY(ddpm_h5_put_int(file, path, "ordered", 1));
        return l->gap >= 0 ? ddpm_h5_put_text(file, path, "gap", names[l->gap]) : DDPM_OK;
    }
    DDPM_TRY(ddpm_h5_declare(file, path, l->number, dims, size));
    if (l->has_gap_number) DDPM_TRY(ddpm_h5_put_int(file, path, "gap", l->gap_number));
    if (l->units) DDPM_TRY(ddpm_h5_put_text(file, path, "units", l->units));
    return l->format ? ddpm_h5_put_text(file, path, "format", l->format) : DDPM_OK;
}

/* The columns as the group's attribute lists them. @param room  [D], of the names. */
static ddpm_status declare(const ddpm_table_file *t, ddpm_h5 *file, int dims, const int64_t *size,
                           char (*room)[NAME_BYTES], const char **names)
{
    char path[NAME_BYTES];
    for (int64_t j = 0; j < t->vocabulary->columns; j++) {
        snprintf(room[j], NAME_BYTES, "%s", path_of(t, j, path));
        names[j] = room[j];
        DDPM_TRY(declare_column(file, path, &t->vocabulary->column[j].layout, dims, size));
    }
    return ddpm_h5_put_names(file, t->group, "columns", t->vocabulary->columns, names);
}

ddpm_status ddpm_table_file_declare(const ddpm_table_file *table, ddpm_h5 *file, int dims, const int64_t *size)
{
    char(*room)[NAME_BYTES] = NULL;
    const char **names = NULL;
    ddpm_status status = DDPM_NEW(&room, table->vocabulary->columns, "names of columns");
    if (status == DDPM_OK) status = DDPM_NEW(&names, table->vocabulary->columns, "names of columns");
    if (status == DDPM_OK) status = declare(table, file, dims, size, room, names);
    ddpm_release(room);
    ddpm_release((void *)names);
    return status;
}

/* ---- writing ---- */

int ddpm_table_file_holds(const ddpm_column_layout *layout, double value)
{
    const ddpm_column_layout *l = layout;
    if (isnan(value)) {
        if (l->kind == DDPM_COLUMN_CATEGORY) return l->is_text || l->gap >= 0;
        return l->has_gap_number || !ddpm_number_is_integer(l->number);
    }
    return l->kind == DDPM_COLUMN_CATEGORY ? value >= 0 && value < (double)l->count : !isinf(value);
}

/* The place of a value's name; -1: it is an empty text. */
static int64_t place_of(const ddpm_column_layout *l, double value)
{
    return isnan(value) ? l->gap : (int64_t)value;
}

static void set_code(ddpm_number type, int64_t code, void *out, int64_t i)
{
    ddpm_number_set(type, type == DDPM_NUMBER_UINT64 ? (long double)(uint64_t)code : (long double)code, out, i);
}

/* One column of rows that have `columns`. */
static void convert(const ddpm_column_layout *l, int64_t columns, int64_t rows, const double *values, void *out)
{
    const int64_t bytes = bytes_of(l);
    if (l->is_text) memset(out, 0, (size_t)(rows * bytes));
    for (int64_t i = 0; i < rows; i++) {
        const double value = values[i * columns];
        const int64_t place = l->kind == DDPM_COLUMN_CATEGORY ? place_of(l, value) : -1;
        if (l->is_text && place >= 0)
            memcpy((char *)out + i * bytes, l->names[place], strlen(l->names[place]));
        else if (!l->is_text && place >= 0)
            set_code(l->number, l->codes[place], out, i);
        else if (!l->is_text && isnan(value) && l->has_gap_number)
            set_code(l->number, l->gap_number, out, i);
        else if (!l->is_text)
            ddpm_number_set(l->number, (long double)value, out, i);
    }
}

ddpm_status ddpm_table_file_write(const ddpm_table_file *table, ddpm_h5 *file, int dims, const int64_t *start,
                                  const int64_t *count, int64_t rows, const double *values, void *room)
{
    const ddpm_vocabulary *v = table->vocabulary;
    char path[NAME_BYTES];
    for (int64_t j = 0; j < v->columns; j++) {
        const ddpm_column_layout *l = &v->column[j].layout;
        path_of(table, j, path);
        convert(l, v->columns, rows, values + j, room);
        DDPM_TRY(ddpm_h5_write_slab_own(file, path, bytes_of(l), dims, start, count, room));
    }
    return DDPM_OK;
}
