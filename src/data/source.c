/* Reads rows from a generator or from an HDF5 dataset, selects columns, and checks every value. */
#include "data/source.h"

#include "base/memory.h"
#include "data/column_names.h"
#include "data/conventions.h"
#include "data/pairs.h"
#include "data/toy_source.h"
#include "file/h5.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 1 << 22,    /* numbers read at once when columns are selected */
    NARROWED = 1 << 18, /* numbers read at once when they are narrowed or measured */
    FOUND_BYTES = 256
};

struct ddpm_source {
    ddpm_data_spec spec;
    int64_t rows, columns;       /* columns: selected */
    ddpm_h5 *file;               /* NULL for a generator */
    int64_t width;               /* columns of the dataset */
    int64_t *selected;           /* [columns], NULL: all */
    char **all_names;            /* [width], NULL: none */
    const char **selected_names; /* [columns], NULL: none */
    const char *const *names;    /* [columns], NULL: none */
    ddpm_number type;
    ddpm_conventions conventions;
    void *piece;                       /* whole rows, when columns are selected */
    void *numbers;                     /* rows before they are narrowed; NULL: they need not be */
    ddpm_condition_source *conditions; /* NULL: none */
    uint64_t noise_seed;               /* with data.pairs */
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
        if (!is_condition(source, j)) source->selected[source->columns++] = j;
    if (source->columns > 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_CONFIG, "data.condition: every column of '%s' is a condition; nothing is left to model",
                     source->spec.dataset);
}

static size_t holder_bytes(const ddpm_source *source)
{
    return (size_t)ddpm_number_bytes(ddpm_source_holder(source));
}

static int64_t room_of(const ddpm_source *source)
{
    return ddpm_larger(1, NARROWED / source->columns);
}

static ddpm_status select_columns(ddpm_source *source)
{
    const int64_t listed = source->spec.columns.count;
    source->columns = source->width;
    if (listed > 0 || source->conditions) {
        DDPM_TRY(DDPM_NEW(&source->selected, listed > 0 ? listed : source->width, "selected columns"));
        DDPM_TRY(listed > 0 ? select_listed(source) : select_unconditioned(source));
        DDPM_TRY(
            ddpm_allocate(&source->piece, ddpm_larger(source->width, PIECE), holder_bytes(source), "rows being read"));
    }
    if (!source->all_names) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&source->selected_names, source->columns, "column names"));
    source->names = source->selected_names;
    for (int64_t j = 0; j < source->columns; j++)
        source->selected_names[j] = source->all_names[source->selected ? source->selected[j] : j];
    return DDPM_OK;
}

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
static ddpm_status refuse_dataset(const ddpm_source *source, const ddpm_h5_shape *shape)
{
    enum { LOOKED_AT = 1000 };
    const ddpm_data_spec *spec = &source->spec;
    const char *what = shape->is_number ? "it is a single number" : shape->found;
    others found = {0};
    DDPM_TRY(ddpm_h5_list(source->file, LOOKED_AT, find_others, &found));
    if (!found.has_tables && !makes_numbers(shape))
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' does not hold rows of numbers (%s), and no dataset of the file does; write "
                         "them with the program that made it",
                         spec->path, spec->dataset, what);
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: dataset '%s' does not hold rows of numbers (%s); %s%s%s'analysis/import_table.py %s' makes such "
        "rows of tables of any kind",
        spec->path, spec->dataset, what, *found.rows ? "set data.dataset to one that does, as '" : "", found.rows,
        *found.rows ? "', or " : "", spec->path);
}

static ddpm_status open_dataset(ddpm_source *source)
{
    const ddpm_data_spec *spec = &source->spec;
    const char *path = spec->path, *dataset = spec->dataset;
    ddpm_h5_shape shape;
    DDPM_TRY(ddpm_h5_open(path, &source->file));
    DDPM_TRY(ddpm_h5_shape_of(source->file, dataset, &shape));
    if (!shape.is_number || shape.dims < 1) return refuse_dataset(source, &shape);
    source->type = shape.type;
    source->rows = shape.size[0];
    source->width = 1;
    for (int i = 1; i < shape.dims; i++)
        if (__builtin_mul_overflow(source->width, shape.size[i], &source->width))
            return ddpm_fail(DDPM_ERR_DATA, "%s: a row of dataset '%s' is too wide", path, dataset);
    if (source->rows < 1 || source->width < 1)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' has %lld rows of %lld columns; at least one of each is needed", path,
                         dataset, (long long)source->rows, (long long)source->width);
    DDPM_TRY(ddpm_conventions_read(source->file, path, dataset, &source->conventions));
    return ddpm_column_names_read(source->file, path, dataset, source->width, &source->all_names);
}

static ddpm_status open_conditions(ddpm_source *source)
{
    if (source->spec.condition.count == 0) return DDPM_OK;
    return ddpm_condition_source_open(&source->spec, source->file, source->rows, source->width, source->all_names,
                                      &source->conditions);
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

ddpm_status ddpm_source_open(const ddpm_data_spec *spec, ddpm_source **out)
{
    ddpm_source *source = NULL;
    ddpm_status status = DDPM_OK;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&source, 1, "data source"));
    source->spec = *spec;
    if (spec->source == DDPM_DATA_HDF5) {
        status = open_dataset(source);
        if (status == DDPM_OK) status = open_conditions(source);
        if (status == DDPM_OK) status = select_columns(source);
        if (status == DDPM_OK && ddpm_source_holder(source) != DDPM_NUMBER_FLOAT32)
            status = ddpm_allocate(&source->numbers, room_of(source) * source->columns, holder_bytes(source),
                                   "rows being read");
        if (status == DDPM_OK) status = open_pairs(source);
    } else {
        source->type = DDPM_NUMBER_FLOAT32;
        source->rows = spec->count;
        source->columns = spec->dimensions;
        source->names = ddpm_toy_source_columns(spec);
        status = open_conditions(source);
    }
    if (status != DDPM_OK) {
        ddpm_source_close(source);
        return status;
    }
    *out = source;
    return DDPM_OK;
}

void ddpm_source_close(ddpm_source *source)
{
    if (!source) return;
    ddpm_condition_source_close(source->conditions);
    /* the file was only read, so that a failure to close it loses nothing */
    if (source->file && ddpm_h5_close(&source->file) != DDPM_OK) source->file = NULL;
    ddpm_release(source->selected);
    ddpm_release(source->all_names);
    ddpm_release((void *)source->selected_names);
    ddpm_release(source->piece);
    ddpm_release(source->numbers);
    ddpm_release(source);
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

uint64_t ddpm_source_noise_seed(const ddpm_source *source)
{
    return source->noise_seed;
}

const char *const *ddpm_source_names(const ddpm_source *source)
{
    return source->names;
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

static ddpm_status read_numbers(ddpm_source *source, int64_t first, int64_t count, void *numbers)
{
    const ddpm_data_spec *spec = &source->spec;
    if (!source->file) {
        ddpm_toy_source_read(spec, first, count, numbers, NULL);
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

/* Refuse a number that is no value by the conventions of its file. */
static ddpm_status check_conventions(const ddpm_source *source, int64_t first, int64_t count, const void *numbers)
{
    const ddpm_number holder = ddpm_source_holder(source);
    for (int64_t i = 0; i < count * source->columns; i++) {
        const double x = (double)ddpm_number_get(holder, numbers, i);
        const char *why = ddpm_conventions_refuse(&source->conventions, x);
        char all[DDPM_MESSAGE_BYTES / 2];
        if (!why) continue;
        snprintf(all, sizeof all,
                 "%g, which %s; 'analysis/import_table.py %s' fills and marks such gaps, or leaves out their rows", x,
                 why, source->spec.path);
        return refuse(source, first, i, all);
    }
    return DDPM_OK;
}

static ddpm_status check(const ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count, const void *numbers)
{
    const ddpm_number holder = ddpm_source_holder(source);
    if (gaps == DDPM_GAPS_UNCHECKED) return DDPM_OK;
    if (source->conventions.applies) DDPM_TRY(check_conventions(source, first, count, numbers));
    if (ddpm_number_is_integer(holder)) return DDPM_OK;
    for (int64_t i = 0; i < count * source->columns; i++) {
        const double x =
            holder == DDPM_NUMBER_FLOAT32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
        if (isfinite(x) || (gaps == DDPM_GAPS_ALLOWED && isnan(x))) continue;
        return refuse(source, first, i,
                      gaps == DDPM_GAPS_NONE ? "not a finite number; remove or fill in such rows"
                                             : "infinite; write NaN for a value that is not known");
    }
    return DDPM_OK;
}

ddpm_status ddpm_source_read(ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count, void *numbers)
{
    DDPM_TRY(read_numbers(source, first, count, numbers));
    return check(source, gaps, first, count, numbers);
}

/* ---- reading through the source's own memory, some rows at a time ---- */

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
    const int64_t room = room_of(source);
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

/* ---- measuring ---- */

typedef struct measured_source {
    ddpm_source *source;
    void *numbers; /* [most][columns] of the holder's type */
    int (*takes_part)(const void *context, int64_t row);
    const void *context;
} measured_source;

static ddpm_status read_narrow(void *context, int64_t first, int64_t count, const float **rows)
{
    measured_source *m = context;
    *rows = m->numbers;
    return ddpm_source_read(m->source, DDPM_GAPS_NONE, first, count, m->numbers);
}

static ddpm_status read_measured(void *context, const double *reference, int64_t first, int64_t count, double *rows)
{
    const measured_source *m = context;
    const ddpm_number holder = ddpm_source_holder(m->source);
    const int64_t columns = m->source->columns;
    DDPM_TRY(ddpm_source_read(m->source, DDPM_GAPS_NONE, first, count, m->numbers));
    for (int64_t i = 0; i < count * columns; i++)
        rows[i] =
            (double)(ddpm_number_get(holder, m->numbers, i) - (reference ? (long double)reference[i % columns] : 0.0L));
    return DDPM_OK;
}

static int measured_takes_part(const void *context, int64_t row)
{
    const measured_source *m = context;
    return m->takes_part(m->context, row);
}

static int measured_is_wide(const void *context, int64_t column)
{
    (void)context;
    (void)column;
    return 1;
}

static void name_column(const void *context, int64_t column, char *out, size_t bytes)
{
    const ddpm_source *source = ((const measured_source *)context)->source;
    snprintf(out, bytes, "%s: dataset '%s', column %lld (from 0)%s%s%s", source->spec.path, source->spec.dataset,
             (long long)(source->selected ? source->selected[column] : column), source->names ? " '" : "",
             source->names ? source->names[column] : "", source->names ? "'" : "");
}

ddpm_status ddpm_source_measure(ddpm_comm *comm, ddpm_standardize how, ddpm_source *source,
                                int (*takes_part)(const void *context, int64_t row), const void *context,
                                ddpm_transform *out)
{
    measured_source m = {.source = source, .takes_part = takes_part, .context = context};
    const int64_t most = room_of(source);
    const ddpm_row_reader reader = {.count = source->rows,
                                    .columns = source->columns,
                                    .most = most,
                                    .context = &m,
                                    .read = read_measured,
                                    .read_narrow = source->numbers ? NULL : read_narrow,
                                    .takes_part = measured_takes_part,
                                    .is_wide = source->numbers ? measured_is_wide : NULL,
                                    .name = name_column};
    ddpm_status status = ddpm_allocate(&m.numbers, most * source->columns, holder_bytes(source), "rows to measure");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) status = ddpm_transform_measure(comm, how, &reader, out);
    ddpm_release(m.numbers);
    return status;
}
