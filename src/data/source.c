/* Reads rows from a generator, or from a dataset or table of an HDF5 file, selects columns, and checks every value. */
#include "data/source.h"

#include "base/memory.h"
#include "data/adopt.h"
#include "data/array.h"
#include "data/pairs.h"
#include "data/table.h"
#include "data/toy_source.h"
#include "file/h5.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 1 << 22,   /* numbers read at once when columns are selected */
    NARROWED = 1 << 18 /* numbers read at once when they are narrowed or measured */
};

struct ddpm_source {
    ddpm_data_spec spec;
    int64_t rows, columns;       /* columns: selected */
    ddpm_h5 *file;               /* NULL for a generator */
    ddpm_table *table;           /* NULL: the rows are those of an array */
    ddpm_array array;            /* its names are NULL for a table */
    int64_t width;               /* columns of the dataset or table */
    int64_t *selected;           /* [columns], NULL: all */
    char *const *all_names;      /* [width], NULL: none */
    const char **selected_names; /* [columns], NULL: none */
    const char *const *names;    /* [columns], NULL: none */
    ddpm_number type;
    void *piece;                       /* whole rows of an array, when columns are selected */
    void *numbers;                     /* rows before they are narrowed; NULL: they need not be */
    ddpm_condition_source *conditions; /* NULL: none */
    ddpm_condition_source *weights;    /* of the rows, one value; NULL: none */
    uint64_t noise_seed;               /* with data.pairs */
    ddpm_adoption adoption;            /* no columns: they are read as the file has them */
};

static ddpm_status find_column(const ddpm_source *source, const char *wanted, int64_t *out)
{
    const ddpm_data_spec *spec = &source->spec;
    *out = ddpm_data_column(wanted, source->width, (const char *const *)source->all_names);
    if (*out >= 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has no column '%s'; it has %lld columns, 0 to %lld%s", spec->path,
                     spec->dataset, wanted, (long long)source->width, (long long)source->width - 1,
                     source->all_names ? ", with names that 'ddpm info' lists" : ", without names");
}

static int is_condition(const ddpm_source *source, int64_t column)
{
    const ddpm_condition_source *conditions = source->conditions;
    for (int64_t v = 0; conditions && v < ddpm_condition_source_count(conditions); v++)
        if (ddpm_condition_source_column(conditions, v) == column) return 1;
    return 0;
}

/* Columns that are not modelled unless data.columns lists them. */
static int is_beside(const ddpm_source *source, int64_t column)
{
    return is_condition(source, column) ||
           (source->weights && ddpm_condition_source_column(source->weights, 0) == column);
}

static ddpm_status select_listed(ddpm_source *source)
{
    const ddpm_text_list *list = &source->spec.columns;
    for (int64_t i = 0; i < list->count; i++) {
        DDPM_TRY(find_column(source, list->items[i], &source->selected[i]));
        if (is_condition(source, source->selected[i]))
            return ddpm_fail(
                DDPM_ERR_CONFIG,
                "data.columns: column '%s' is a condition too (data.condition); a column is either modelled or a "
                "condition: name it in one of the two",
                list->items[i]);
    }
    source->columns = list->count;
    return DDPM_OK;
}

static ddpm_status select_unconditioned(ddpm_source *source)
{
    source->columns = 0;
    for (int64_t j = 0; j < source->width; j++)
        if (!is_beside(source, j)) source->selected[source->columns++] = j;
    if (source->columns > 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_CONFIG,
                     "data.condition: every column of '%s' is a condition or a weight; nothing is left to model",
                     source->spec.dataset);
}

static size_t holder_bytes(const ddpm_source *source)
{
    return (size_t)ddpm_number_bytes(ddpm_source_holder(source));
}

static ddpm_status select_columns(ddpm_source *source)
{
    const int64_t listed = source->spec.columns.count;
    source->columns = source->width;
    if (listed > 0 || source->conditions || source->weights) {
        DDPM_TRY(DDPM_NEW(&source->selected, listed > 0 ? listed : source->width, "selected columns"));
        DDPM_TRY(listed > 0 ? select_listed(source) : select_unconditioned(source));
        if (!source->table)
            DDPM_TRY(ddpm_allocate(&source->piece, ddpm_larger(source->width, PIECE), holder_bytes(source),
                                   "rows being read"));
    }
    if (!source->all_names) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&source->selected_names, source->columns, "column names"));
    source->names = source->selected_names;
    for (int64_t j = 0; j < source->columns; j++)
        source->selected_names[j] = source->all_names[source->selected ? source->selected[j] : j];
    return DDPM_OK;
}

static ddpm_status open_conditions(ddpm_source *source)
{
    const ddpm_condition_list list = {"data.condition", "condition", &source->spec.condition};
    if (list.names->count == 0) return DDPM_OK;
    return ddpm_condition_source_open(&source->spec, &list, source->file, source->rows, source->width,
                                      source->all_names, &source->conditions);
}

static ddpm_status open_weights(ddpm_source *source)
{
    const ddpm_condition_list list = {"training.balance", "weight", &source->spec.balance};
    int64_t weights = 0;
    for (int64_t i = 0; i < list.names->count; i++) weights += strncmp(list.names->items[i], "weight:", 7) == 0;
    if (weights == 0) return DDPM_OK;
    if (list.names->count > 1)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.balance: expected names of conditions, or one weight:NAME alone, found %lld names; "
                         "multiply the weights by those of the classes, and name the product",
                         (long long)list.names->count);
    return ddpm_condition_source_open(&source->spec, &list, source->file, source->rows,
                                      source->table ? 0 : source->width, source->all_names, &source->weights);
}

static ddpm_status open_pairs(ddpm_source *source)
{
    if (!source->spec.pairs) return DDPM_OK;
    if (source->columns != source->width)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "data.pairs: expected data.columns: [] and no column as a condition, since the noise of a "
                         "sample belongs to all of its %lld columns; found %lld of them",
                         (long long)source->width, (long long)source->columns);
    return ddpm_pairs_seed(source->file, &source->spec, &source->noise_seed);
}

/* Files of tables have no `data`. */
static void choose_dataset(ddpm_source *source)
{
    ddpm_data_spec *spec = &source->spec;
    if (strcmp(spec->dataset, "data") == 0 && !ddpm_h5_has(source->file, "data") && ddpm_h5_has(source->file, "table"))
        spec->dataset = "table";
}

static ddpm_status open_array(ddpm_source *source)
{
    ddpm_array *array = &source->array;
    DDPM_TRY(ddpm_array_open(source->file, source->spec.path, source->spec.dataset, array));
    source->type = array->type;
    source->rows = array->rows;
    source->width = array->width;
    source->all_names = array->names;
    DDPM_TRY(open_conditions(source));
    DDPM_TRY(open_weights(source));
    DDPM_TRY(select_columns(source));
    if (ddpm_source_holder(source) != DDPM_NUMBER_FLOAT32)
        DDPM_TRY(ddpm_allocate(&source->numbers, ddpm_source_room(source) * source->columns, holder_bytes(source),
                               "rows being read"));
    return open_pairs(source);
}

static ddpm_status open_table(ddpm_source *source, ddpm_h5_kind kind)
{
    const ddpm_data_spec *spec = &source->spec;
    DDPM_TRY(ddpm_table_open(source->file, spec->path, spec->dataset, kind, &source->table));
    source->type = DDPM_NUMBER_FLOAT64;
    source->width = ddpm_table_width(source->table);
    source->all_names = ddpm_table_names(source->table);
    if (spec->condition.count > 0)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "%s: data.condition: '%s' is a table with columns of different kinds, all of which are "
                         "modelled; leave data.condition out: any of its columns can be given when sampling",
                         spec->path, spec->dataset);
    if (spec->pairs)
        return ddpm_fail(DDPM_ERR_CONFIG, "%s: data.pairs: rows of the table '%s' are not made of noise; leave it out",
                         spec->path, spec->dataset);
    DDPM_TRY(select_columns(source));
    DDPM_TRY(ddpm_table_select(source->table, source->columns, source->selected));
    source->rows = ddpm_table_rows(source->table);
    DDPM_TRY(open_weights(source));
    return ddpm_allocate(&source->numbers, ddpm_source_room(source) * source->columns, holder_bytes(source),
                         "rows being read");
}

/* Rows in memory are those of an array of float32 numbers. */
static ddpm_status open_given(ddpm_source *source)
{
    const ddpm_memory_rows *given = source->spec.given;
    source->type = DDPM_NUMBER_FLOAT32;
    source->rows = given->rows;
    source->width = given->columns;
    source->all_names = given->names;
    if (source->spec.pairs)
        return ddpm_fail(DDPM_ERR_CONFIG, "data.pairs: rows in memory are not made of noise; leave it out");
    DDPM_TRY(open_conditions(source));
    DDPM_TRY(open_weights(source));
    return select_columns(source);
}

static ddpm_status open_file(ddpm_source *source)
{
    DDPM_TRY(ddpm_h5_open(source->spec.path, &source->file));
    choose_dataset(source);
    const ddpm_h5_kind kind = ddpm_h5_kind_of(source->file, source->spec.dataset);
    return kind == DDPM_H5_GROUP || kind == DDPM_H5_COMPOUND ? open_table(source, kind) : open_array(source);
}

static ddpm_status open_generator(ddpm_source *source)
{
    source->type = DDPM_NUMBER_FLOAT32;
    source->rows = source->spec.count;
    source->columns = source->spec.dimensions;
    source->names = ddpm_toy_source_columns(&source->spec);
    DDPM_TRY(open_conditions(source));
    return open_weights(source);
}

ddpm_status ddpm_source_open(const ddpm_data_spec *spec, ddpm_source **out)
{
    ddpm_source *source = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&source, 1, "data source"));
    source->spec = *spec;
    const ddpm_status status = spec->given                      ? open_given(source)
                               : spec->source == DDPM_DATA_HDF5 ? open_file(source)
                                                                : open_generator(source);
    if (status == DDPM_OK)
        *out = source;
    else
        ddpm_source_close(source);
    return status;
}

void ddpm_source_close(ddpm_source *source)
{
    if (!source) return;
    ddpm_condition_source_close(source->conditions);
    ddpm_condition_source_close(source->weights);
    ddpm_table_close(source->table);
    ddpm_adoption_release(&source->adoption);
    /* the file was only read, so that a failure to close it loses nothing */
    if (source->file && ddpm_h5_close(&source->file) != DDPM_OK) source->file = NULL;
    ddpm_release(source->selected);
    ddpm_release(source->array.names);
    ddpm_release((void *)source->selected_names);
    ddpm_release(source->piece);
    ddpm_release(source->numbers);
    ddpm_release(source);
}

const ddpm_data_spec *ddpm_source_spec(const ddpm_source *source)
{
    return &source->spec;
}

int64_t ddpm_source_rows(const ddpm_source *source)
{
    return source->rows;
}

int64_t ddpm_source_columns(const ddpm_source *source)
{
    return source->columns;
}

ddpm_condition_source *ddpm_source_conditions(const ddpm_source *source)
{
    return source->conditions;
}

ddpm_condition_source *ddpm_source_weights(const ddpm_source *source)
{
    return source->weights;
}

uint64_t ddpm_source_noise_seed(const ddpm_source *source)
{
    return source->noise_seed;
}

const char *const *ddpm_source_names(const ddpm_source *source)
{
    return source->names;
}

const ddpm_column_layout *ddpm_source_layouts(const ddpm_source *source)
{
    return source->table ? ddpm_table_layouts(source->table) : NULL;
}

int ddpm_source_has_tokens(const ddpm_source *source)
{
    return source->spec.tokens || source->table;
}

ddpm_status ddpm_source_adopt(ddpm_source *source, const ddpm_vocabulary *vocabulary)
{
    ddpm_adoption_release(&source->adoption);
    return ddpm_adoption_create(ddpm_source_layouts(source), source->names, source->spec.path, vocabulary,
                                &source->adoption);
}

void ddpm_source_name_column(const ddpm_source *source, int64_t column, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s: dataset '%s', column %lld (from 0)%s%s%s", source->spec.path, source->spec.dataset,
             (long long)(source->selected ? source->selected[column] : column), source->names ? " '" : "",
             source->names ? source->names[column] : "", source->names ? "'" : "");
}

int64_t ddpm_source_room(const ddpm_source *source)
{
    return ddpm_larger(1, NARROWED / ddpm_larger(1, source->columns));
}

ddpm_number ddpm_source_type(const ddpm_source *source)
{
    return source->type;
}

ddpm_number ddpm_source_holder(const ddpm_source *source)
{
    return ddpm_number_holder(source->type);
}

/* ---- reading ---- */

/* Copy the selected columns of `count` rows in the piece. */
static void select_from_piece(const ddpm_source *source, int64_t count, char *to)
{
    const size_t bytes = holder_bytes(source);
    const char *from = source->piece;
    for (int64_t i = 0; i < count; i++, from += (size_t)source->width * bytes)
        for (int64_t j = 0; j < source->columns; j++, to += bytes)
            memcpy(to, from + (size_t)source->selected[j] * bytes, bytes);
}

static ddpm_status read_selected(ddpm_source *source, int64_t first, int64_t count, char *numbers)
{
    const size_t row_bytes = (size_t)source->columns * holder_bytes(source);
    const int64_t room = ddpm_larger(1, PIECE / source->width);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        DDPM_TRY(ddpm_h5_read_rows_as(source->file, source->spec.dataset, ddpm_source_holder(source), first + done,
                                      part, source->piece));
        select_from_piece(source, part, numbers + (size_t)done * row_bytes);
    }
    return DDPM_OK;
}

static void read_given(const ddpm_source *source, int64_t first, int64_t count, float *numbers)
{
    const float *from = source->spec.given->numbers + first * source->width;
    for (int64_t i = 0; i < count; i++, from += source->width)
        for (int64_t j = 0; j < source->columns; j++) *numbers++ = from[source->selected ? source->selected[j] : j];
}

static ddpm_status read_numbers(ddpm_source *source, int64_t first, int64_t count, void *numbers)
{
    const ddpm_data_spec *spec = &source->spec;
    if (spec->given) {
        read_given(source, first, count, numbers);
        return DDPM_OK;
    }
    if (!source->file) {
        ddpm_toy_source_read(spec, first, count, numbers, NULL);
        return DDPM_OK;
    }
    if (source->table) {
        DDPM_TRY(ddpm_table_read(source->table, first, count, numbers));
        if (source->adoption.columns > 0) ddpm_adoption_apply(&source->adoption, count, numbers);
        return DDPM_OK;
    }
    if (source->selected) return read_selected(source, first, count, numbers);
    return ddpm_h5_read_rows_as(source->file, spec->dataset, ddpm_source_holder(source), first, count, numbers);
}

/* Fail with the place of value i, counted from the start of row `first`. */
static ddpm_status refuse(const ddpm_source *source, int64_t first, int64_t i, const char *why)
{
    const int64_t column = i % source->columns;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s', row %lld, column %lld%s%s%s (both from 0) is %s",
                     source->spec.path, source->spec.dataset, (long long)(first + i / source->columns),
                     (long long)(source->selected ? source->selected[column] : column), source->names ? " ('" : "",
                     source->names ? source->names[column] : "", source->names ? "')" : "", why);
}

static int is_allowed(ddpm_gaps gaps, double x)
{
    return isfinite(x) || (gaps == DDPM_GAPS_ALLOWED && isnan(x));
}

static const char *why_refused(ddpm_gaps gaps)
{
    return gaps == DDPM_GAPS_NONE ? "not a finite number; remove or fill in such rows"
                                  : "infinite; write NaN for a value that is not known";
}

/* Refuse a number that is no value by the conventions of its file. */
static ddpm_status check_conventions(const ddpm_source *source, int64_t first, int64_t count, const void *numbers)
{
    const ddpm_number holder = ddpm_source_holder(source);
    for (int64_t i = 0; i < count * source->columns; i++) {
        const double x = (double)ddpm_number_get(holder, numbers, i);
        const char *why = ddpm_conventions_refuse(&source->array.conventions, x);
        char all[DDPM_MESSAGE_BYTES / 2];
        if (!why) continue;
        snprintf(all, sizeof all,
                 "%g, which %s; 'analysis/import_table.py %s' fills and marks such gaps, or leaves out their rows", x,
                 why, source->spec.path);
        return refuse(source, first, i, all);
    }
    return DDPM_OK;
}

/* Without a branch, so that the compiler takes several at once. */
static int are_finite(const float *numbers, int64_t count)
{
    uint32_t bits, infinite = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy(&bits, &numbers[i], sizeof bits);
        infinite |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !infinite;
}

static ddpm_status check(const ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count, const void *numbers)
{
    const ddpm_number holder = ddpm_source_holder(source);
    if (gaps == DDPM_GAPS_UNCHECKED) return DDPM_OK;
    if (source->array.conventions.applies) DDPM_TRY(check_conventions(source, first, count, numbers));
    if (ddpm_number_is_integer(holder)) return DDPM_OK;
    if (holder == DDPM_NUMBER_FLOAT32 && are_finite(numbers, count * source->columns)) return DDPM_OK;
    for (int64_t i = 0; i < count * source->columns; i++) {
        const double x =
            holder == DDPM_NUMBER_FLOAT32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
        if (!is_allowed(gaps, x)) return refuse(source, first, i, why_refused(gaps));
    }
    return DDPM_OK;
}

ddpm_status ddpm_source_read(ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count, void *numbers)
{
    DDPM_TRY(read_numbers(source, first, count, numbers));
    return check(source, gaps, first, count, numbers);
}

/* ---- reading through the source's own memory, some rows at a time ---- */

ddpm_status ddpm_source_read_column(ddpm_source *source, ddpm_gaps gaps, int64_t column, int64_t first, int64_t count,
                                    double *values)
{
    DDPM_TRY(ddpm_table_read_column(source->table, column, first, count, values));
    for (int64_t i = 0; gaps != DDPM_GAPS_UNCHECKED && i < count; i++)
        if (!is_allowed(gaps, values[i])) return refuse(source, first, i * source->columns + column, why_refused(gaps));
    return DDPM_OK;
}

/* Standardise rows in the source's memory. What is finite must be so in float32, too. */
static ddpm_status narrow(const ddpm_source *source, ddpm_gaps gaps, const ddpm_transform *transform, int64_t first,
                          int64_t count, float *rows)
{
    ddpm_transform_apply(transform, ddpm_source_holder(source), count, source->numbers, rows);
    for (int64_t i = 0; gaps != DDPM_GAPS_UNCHECKED && i < count * source->columns; i++)
        if (isinf(rows[i]))
            return refuse(source, first, i,
                          "too large for a model, which computes in float32; give the column in a "
                          "larger unit, or set data.standardize to column");
    return DDPM_OK;
}

ddpm_status ddpm_source_read_standardised(ddpm_source *source, ddpm_gaps gaps, const ddpm_transform *transform,
                                          int64_t first, int64_t count, float *rows)
{
    const int64_t room = ddpm_source_room(source);
    if (!source->numbers) {
        DDPM_TRY(ddpm_source_read(source, gaps, first, count, rows));
        ddpm_transform_apply(transform, DDPM_NUMBER_FLOAT32, count, rows, rows);
        return DDPM_OK;
    }
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        DDPM_TRY(ddpm_source_read(source, gaps, first + done, part, source->numbers));
        DDPM_TRY(narrow(source, gaps, transform, first + done, part, rows + done * source->columns));
    }
    return DDPM_OK;
}
