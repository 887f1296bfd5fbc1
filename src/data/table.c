/* Opens tables with columns of different kinds, and reads their rows. */
#include "data/table.h"

#include "base/memory.h"
#include "base/split.h"
#include "base/text_list.h"
#include "data/text_names.h"
#include "file/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 1 << 16,        /* rows of a column read at once */
    CACHE_BYTES = 64 << 20, /* of decompressed chunks, of all columns together */
    CACHE_LEAST = 1 << 20,  /* and of each */
    TITLE_BYTES = 600
};

/* A member of an enumeration. */
typedef struct member {
    int64_t code, place;
} member;

typedef struct table_column {
    ddpm_h5_column *h5;
    const char *name;
    member *members; /* [layout.count] of an enumeration, by code */
} table_column;

struct ddpm_table {
    ddpm_h5 *file;
    const char *path;
    char *object; /* the group or dataset that holds the columns */
    ddpm_h5_kind kind;
    int64_t width;
    char **names; /* [width] */
    int64_t rows, count;
    table_column *columns;       /* [count] that are selected */
    ddpm_column_layout *layouts; /* [count] */
    double *piece;               /* [PIECE] */
};

/* How a message names a column. */
static const char *title(const ddpm_table *t, const char *column, char out[TITLE_BYTES])
{
    snprintf(out, TITLE_BYTES, "%.200s: column '%.200s' of '%.100s'", t->path, column, t->object);
    return out;
}

static ddpm_status refuse(const ddpm_table *t, const char *column, const char *why)
{
    char text[TITLE_BYTES];
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s %s; leave it out with data.columns, or 'analysis/import_table.py %s' makes columns of it where "
        "it can, and says where not",
        title(t, column, text), why, t->path);
}

/* ---- opening ---- */

/* Take the group's own list of its columns, if it has one. */
static ddpm_status take_listed(ddpm_table *t)
{
    char text[TITLE_BYTES];
    int64_t listed = 0;
    char **names = NULL;
    if (t->kind != DDPM_H5_GROUP) return DDPM_OK;
    DDPM_TRY(ddpm_h5_get_names(t->file, t->object, "columns", &listed, &names));
    if (listed == 0) return DDPM_OK;
    for (int64_t i = 0; i < listed; i++) {
        int64_t j = 0;
        while (j < t->width && strcmp(names[i], t->names[j]) != 0) j++;
        if (j < t->width) continue;
        const ddpm_status status =
            ddpm_fail(DDPM_ERR_DATA,
                      "%s, which the group's attribute 'columns' lists, is not there; write such "
                      "a dataset, or correct the attribute",
                      title(t, names[i], text));
        ddpm_release(names);
        return status;
    }
    ddpm_release(t->names);
    t->names = names;
    t->width = listed;
    return DDPM_OK;
}

/* A data frame that pandas wrote is a group with the compound dataset `table`, whose first member is the index. */
static ddpm_status enter_frame(ddpm_table *t)
{
    char inner[DDPM_PATH_BYTES];
    if (t->kind != DDPM_H5_GROUP || t->width != 1) return DDPM_OK;
    const int of_pandas = ddpm_h5_has_attribute(t->file, t->object, "pandas_type");
    snprintf(inner, sizeof inner, "%s/%s", t->object, t->names[0]);
    if (ddpm_h5_kind_of(t->file, inner) != DDPM_H5_COMPOUND) return DDPM_OK;
    ddpm_release(t->object);
    ddpm_release(t->names);
    t->object = NULL;
    t->names = NULL;
    DDPM_TRY(DDPM_NEW(&t->object, (int64_t)strlen(inner) + 1, "a name"));
    memcpy(t->object, inner, strlen(inner));
    t->kind = DDPM_H5_COMPOUND;
    DDPM_TRY(ddpm_h5_members(t->file, t->object, &t->width, &t->names));
    if (of_pandas && t->width > 1 && strcmp(t->names[0], "index") == 0) /* the texts stay where they are */
        memmove((void *)t->names, (void *)(t->names + 1), (size_t)--t->width * sizeof *t->names);
    return DDPM_OK;
}

static ddpm_status find_columns(ddpm_table *t, const char *dataset)
{
    DDPM_TRY(DDPM_NEW(&t->object, (int64_t)strlen(dataset) + 1, "a name"));
    memcpy(t->object, dataset, strlen(dataset));
    DDPM_TRY(ddpm_h5_members(t->file, t->object, &t->width, &t->names));
    DDPM_TRY(enter_frame(t));
    DDPM_TRY(take_listed(t));
    if (t->width > 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: '%s' is a group without datasets; a table is a group with a dataset for each column, or a "
                     "compound dataset; name another one with data.dataset",
                     t->path, t->object);
}

ddpm_status ddpm_table_open(ddpm_h5 *file, const char *path, const char *dataset, ddpm_h5_kind kind, ddpm_table **out)
{
    ddpm_table *t = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&t, 1, "a table"));
    t->file = file;
    t->path = path;
    t->kind = kind;
    const ddpm_status status = find_columns(t, dataset);
    if (status == DDPM_OK)
        *out = t;
    else
        ddpm_table_close(t);
    return status;
}

void ddpm_table_close(ddpm_table *table)
{
    if (!table) return;
    for (int64_t j = 0; table->columns && j < table->count; j++) {
        ddpm_h5_column_close(table->columns[j].h5);
        ddpm_release(table->columns[j].members);
    }
    for (int64_t j = 0; table->layouts && j < table->count; j++) ddpm_column_layout_release(&table->layouts[j]);
    ddpm_release(table->columns);
    ddpm_release(table->layouts);
    ddpm_release(table->piece);
    ddpm_release(table->names);
    ddpm_release(table->object);
    ddpm_release(table);
}

int64_t ddpm_table_width(const ddpm_table *table)
{
    return table->width;
}

char *const *ddpm_table_names(const ddpm_table *table)
{
    return table->names;
}

/* ---- what a column is ---- */

static int by_code(const void *a, const void *b)
{
    const int64_t x = ((const member *)a)->code, y = ((const member *)b)->code;
    return (x > y) - (x < y);
}

/* The attributes of a column are those of its dataset; members of a compound have none. */
static int has_gap(const ddpm_table *t, const char *dataset)
{
    return t->kind == DDPM_H5_GROUP && ddpm_h5_has_attribute(t->file, dataset, "gap");
}

static ddpm_status find_gap_member(const ddpm_table *t, const char *column, const char *dataset,
                                   ddpm_column_layout *layout)
{
    char *text = NULL, why[300];
    layout->gap = -1;
    if (!has_gap(t, dataset)) return DDPM_OK;
    DDPM_TRY(ddpm_h5_get_text(t->file, dataset, "gap", &text));
    for (int64_t k = 0; k < layout->count; k++)
        if (strcmp(layout->names[k], text) == 0) layout->gap = k;
    snprintf(why, sizeof why, "has the attribute gap: '%.200s', which is no member of its enumeration", text);
    ddpm_release(text);
    return layout->gap >= 0 ? DDPM_OK : refuse(t, column, why);
}

/* That the names ascend is handed on as it is; an attribute of that name that is no whole number means something else.
 */
static int is_ordered(const ddpm_table *t, const char *dataset)
{
    int64_t ordered = 0;
    return t->kind == DDPM_H5_GROUP && ddpm_h5_has_attribute(t->file, dataset, "ordered") &&
           ddpm_h5_get_int(t->file, dataset, "ordered", &ordered) == DDPM_OK && ordered != 0;
}

static ddpm_status describe_enumeration(const ddpm_table *t, table_column *c, const char *dataset,
                                        ddpm_column_layout *layout)
{
    layout->kind = DDPM_COLUMN_CATEGORY;
    layout->is_ordered = is_ordered(t, dataset);
    DDPM_TRY(ddpm_h5_column_names(c->h5, &layout->count, &layout->names, &layout->codes));
    DDPM_TRY(DDPM_NEW(&c->members, layout->count, "members of an enumeration"));
    for (int64_t k = 0; k < layout->count; k++) c->members[k] = (member){layout->codes[k], k};
    qsort(c->members, (size_t)layout->count, sizeof *c->members, by_code);
    return find_gap_member(t, c->name, dataset, layout);
}

static ddpm_status describe_text(const ddpm_table *t, const table_column *c, ddpm_column_layout *layout)
{
    char text[TITLE_BYTES];
    layout->kind = DDPM_COLUMN_CATEGORY;
    layout->is_text = 1;
    return ddpm_text_names_find(c->h5, t->rows, title(t, c->name, text), &layout->count, &layout->names);
}

/* What the numbers count, as the days of a date, and how they are written, is handed on as it is. An attribute of such
 * a name that is no text is for other programs. */
static ddpm_status find_text(const ddpm_table *t, const char *dataset, const char *name, char **out)
{
    if (t->kind != DDPM_H5_GROUP || !ddpm_h5_has_attribute(t->file, dataset, name)) return DDPM_OK;
    const ddpm_status status = ddpm_h5_get_text(t->file, dataset, name, out);
    return status == DDPM_ERR_DATA ? DDPM_OK : status;
}

static ddpm_status describe_number(const ddpm_table *t, const char *column, const char *dataset,
                                   ddpm_column_layout *layout)
{
    layout->kind = DDPM_COLUMN_NUMBER;
    DDPM_TRY(find_text(t, dataset, "units", &layout->units));
    DDPM_TRY(find_text(t, dataset, "format", &layout->format));
    layout->has_gap_number = ddpm_number_is_integer(layout->number) && has_gap(t, dataset);
    if (!layout->has_gap_number) return DDPM_OK;
    DDPM_TRY(ddpm_h5_get_int(t->file, dataset, "gap", &layout->gap_number));
    /* A larger number of 64 bits without a sign is read as this one. */
    return layout->number == DDPM_NUMBER_UINT64 && layout->gap_number == INT64_MAX
               ? refuse(t, column, "has the attribute gap: 2^63 - 1 or more, and gaps are less")
               : DDPM_OK;
}

/* All columns have as many rows as the first. */
static ddpm_status check_shape(ddpm_table *t, const table_column *c)
{
    const ddpm_h5_shape *shape = ddpm_h5_column_shape(c->h5);
    char why[300];
    snprintf(why, sizeof why, "has %d dimensions, not one", shape->dims);
    if (shape->dims != 1) return refuse(t, c->name, why);
    if (c == t->columns) t->rows = shape->size[0];
    snprintf(why, sizeof why, "has %lld rows, but column '%.100s' has %lld", (long long)shape->size[0],
             t->columns[0].name, (long long)t->rows);
    if (shape->size[0] != t->rows) return refuse(t, c->name, why);
    return t->rows > 0 ? DDPM_OK : refuse(t, c->name, "has no rows");
}

static ddpm_status check_link(const ddpm_table *t, const char *column, const char *dataset)
{
    char text[TITLE_BYTES], what[450];
    if (t->kind != DDPM_H5_GROUP || !ddpm_h5_link_is_lost(t->file, dataset, what, sizeof what)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s %s; write a dataset in its place (h5copy copies one), or leave it out with data.columns",
                     title(t, column, text), what);
}

static ddpm_status open_column(ddpm_table *t, table_column *c, ddpm_column_layout *layout)
{
    const int64_t cache = ddpm_larger(CACHE_LEAST, CACHE_BYTES / (t->kind == DDPM_H5_GROUP ? t->count : 1));
    char dataset[DDPM_PATH_BYTES], why[300];
    layout->gap = -1;
    snprintf(dataset, sizeof dataset, "%s/%s", t->object, c->name);
    DDPM_TRY(check_link(t, c->name, dataset));
    DDPM_TRY(ddpm_h5_column_open(t->file, t->object, t->kind, c->name, cache, &c->h5));
    DDPM_TRY(check_shape(t, c));
    layout->number = ddpm_h5_column_shape(c->h5)->type;
    switch (ddpm_h5_column_element(c->h5)) {
    case DDPM_H5_NUMBER:
        return describe_number(t, c->name, dataset, layout);
    case DDPM_H5_NAME:
        return describe_enumeration(t, c, dataset, layout);
    case DDPM_H5_TEXT:
        return describe_text(t, c, layout);
    case DDPM_H5_OTHER:
        break;
    }
    const char *found = ddpm_h5_column_shape(c->h5)->found;
    snprintf(why, sizeof why, "holds %s; numbers, enumerations and texts are read%s", found,
             strcmp(found, "arrays") == 0 ? " (to_hdf of pandas writes a column each with data_columns=True)" : "");
    return refuse(t, c->name, why);
}

ddpm_status ddpm_table_select(ddpm_table *table, int64_t count, const int64_t *columns)
{
    table->count = columns ? count : table->width;
    DDPM_TRY(DDPM_NEW(&table->columns, table->count, "columns"));
    DDPM_TRY(DDPM_NEW(&table->layouts, table->count, "columns"));
    DDPM_TRY(DDPM_NEW(&table->piece, PIECE, "rows being read"));
    for (int64_t j = 0; j < table->count; j++) {
        table->columns[j].name = table->names[columns ? columns[j] : j];
        DDPM_TRY(open_column(table, &table->columns[j], &table->layouts[j]));
    }
    return DDPM_OK;
}

int64_t ddpm_table_rows(const ddpm_table *table)
{
    return table->rows;
}

const ddpm_column_layout *ddpm_table_layouts(const ddpm_table *table)
{
    return table->layouts;
}

/* ---- reading ---- */

/* The member of a code, NULL if none has it. Most enumerations have codes that follow each other. */
static const member *find_member(const member *members, int64_t count, int64_t code)
{
    const member wanted = {.code = code};
    if (count == 0) return NULL;
    const uint64_t guess = (uint64_t)code - (uint64_t)members[0].code;
    if (guess < (uint64_t)count && members[guess].code == code) return &members[guess];
    return bsearch(&wanted, members, (size_t)count, sizeof wanted, by_code);
}

/* Codes become the places of their names. */
static ddpm_status place_codes(const ddpm_table *t, int64_t column, int64_t first, int64_t count, double *values)
{
    const ddpm_column_layout *layout = &t->layouts[column];
    for (int64_t i = 0; i < count; i++) {
        const int64_t code = (int64_t)values[i];
        const member *found = find_member(t->columns[column].members, layout->count, code);
        if (!found) {
            char why[200];
            snprintf(why, sizeof why, "has the code %lld in row %lld (from 0), which is no member of its enumeration",
                     (long long)code, (long long)(first + i));
            return refuse(t, t->columns[column].name, why);
        }
        values[i] = found->place == layout->gap ? NAN : (double)found->place;
    }
    return DDPM_OK;
}

typedef struct text_placer {
    const ddpm_table *table;
    int64_t column, first;
    double *values;
} text_placer;

static ddpm_status place_text(void *context, int64_t row, const char *text)
{
    const text_placer *p = context;
    const ddpm_column_layout *layout = &p->table->layouts[p->column];
    const int64_t place = ddpm_text_names_place(layout->count, layout->names, text);
    p->values[row - p->first] = place < 0 ? NAN : (double)place; /* only the empty text is none of the names */
    return DDPM_OK;
}

ddpm_status ddpm_table_read_column(ddpm_table *table, int64_t column, int64_t first, int64_t count, double *values)
{
    const ddpm_column_layout *layout = &table->layouts[column];
    const ddpm_h5_column *h5 = table->columns[column].h5;
    if (layout->is_text) {
        text_placer placer = {table, column, first, values};
        return ddpm_h5_column_read_texts(h5, first, count, place_text, &placer);
    }
    DDPM_TRY(ddpm_h5_column_read(h5, first, count, values));
    if (layout->kind == DDPM_COLUMN_CATEGORY) return place_codes(table, column, first, count, values);
    for (int64_t i = 0; layout->has_gap_number && i < count; i++)
        if (values[i] == (double)layout->gap_number) values[i] = NAN;
    return DDPM_OK;
}

ddpm_status ddpm_table_read(ddpm_table *table, int64_t first, int64_t count, double *rows)
{
    for (int64_t done = 0; done < count; done += PIECE) {
        const int64_t part = ddpm_smaller(PIECE, count - done);
        for (int64_t j = 0; j < table->count; j++) {
            DDPM_TRY(ddpm_table_read_column(table, j, first + done, part, table->piece));
            double *to = rows + done * table->count + j;
            for (int64_t i = 0; i < part; i++) to[i * table->count] = table->piece[i];
        }
    }
    return DDPM_OK;
}
