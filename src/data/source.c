/* Reads rows from a generator or from an HDF5 dataset, selects columns, and checks every value. */
#include "data/source.h"

#include "base/memory.h"
#include "data/pairs.h"
#include "data/toy_source.h"
#include "file/h5.h"

#include <math.h>
#include <stdio.h>

enum { PIECE = 1 << 22 }; /* numbers read at once when columns are selected */
enum { FOUND_BYTES = 256 };

struct ddpm_source {
    ddpm_data_spec spec;
    int64_t rows, columns;             /* columns: selected */
    ddpm_h5 *file;                     /* NULL for a generator */
    int64_t width;                     /* columns of the dataset */
    int64_t *selected;                 /* [columns], NULL: all */
    char **all_names;                  /* [width], NULL: none */
    const char **selected_names;       /* [columns], NULL: none */
    const char *const *names;          /* [columns], NULL: none */
    float *piece;                      /* whole rows, when columns are selected */
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

static ddpm_status select_columns(ddpm_source *source)
{
    const int64_t listed = source->spec.columns.count;
    source->columns = source->width;
    if (listed > 0 || source->conditions) {
        DDPM_TRY(DDPM_NEW(&source->selected, listed > 0 ? listed : source->width, "selected columns"));
        DDPM_TRY(listed > 0 ? select_listed(source) : select_unconditioned(source));
        DDPM_TRY(DDPM_NEW(&source->piece, ddpm_larger(source->width, PIECE), "rows being read"));
    }
    if (!source->all_names) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&source->selected_names, source->columns, "column names"));
    source->names = source->selected_names;
    for (int64_t j = 0; j < source->columns; j++)
        source->selected_names[j] = source->all_names[source->selected ? source->selected[j] : j];
    return DDPM_OK;
}

static void find_rows(void *context, const char *name, const ddpm_h5_shape *shape)
{
    char *found = context;
    if (!*found && shape->is_number && shape->dims > 1) snprintf(found, FOUND_BYTES, "%s", name);
}

/* Refuse a dataset that holds no rows of numbers, with what helps: another dataset, or a file made of this one. */
static ddpm_status refuse_dataset(const ddpm_source *source, const ddpm_h5_shape *shape)
{
    enum { LOOKED_AT = 1000 };
    const ddpm_data_spec *spec = &source->spec;
    char other[FOUND_BYTES] = "";
    DDPM_TRY(ddpm_h5_list(source->file, LOOKED_AT, find_rows, other));
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: dataset '%s' does not hold rows of numbers (%s); %s%s%s'analysis/import_table.py %s' makes such "
        "rows of tables of any kind",
        spec->path, spec->dataset, shape->is_number ? "it is a single number" : shape->found,
        *other ? "set data.dataset to one that does, as '" : "", other, *other ? "', or " : "", spec->path);
}

static ddpm_status open_dataset(ddpm_source *source)
{
    const ddpm_data_spec *spec = &source->spec;
    const char *path = spec->path, *dataset = spec->dataset;
    ddpm_h5_shape shape;
    int64_t names = 0;
    DDPM_TRY(ddpm_h5_open(path, &source->file));
    DDPM_TRY(ddpm_h5_shape_of(source->file, dataset, &shape));
    if (!shape.is_number || shape.dims < 1) return refuse_dataset(source, &shape);
    source->rows = shape.size[0];
    source->width = 1;
    for (int i = 1; i < shape.dims; i++)
        if (__builtin_mul_overflow(source->width, shape.size[i], &source->width))
            return ddpm_fail(DDPM_ERR_DATA, "%s: a row of dataset '%s' is too wide", path, dataset);
    if (source->rows < 1 || source->width < 1)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: dataset '%s' has %lld rows of %lld columns; at least one of each is needed", path,
                         dataset, (long long)source->rows, (long long)source->width);
    DDPM_TRY(ddpm_h5_get_names(source->file, dataset, "columns", &names, &source->all_names));
    if (source->all_names && names != source->width)
        return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, but its attribute 'columns' has %lld names",
                         path, dataset, (long long)source->width, (long long)names);
    return DDPM_OK;
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
        if (status == DDPM_OK) status = open_pairs(source);
    } else {
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

static ddpm_status read_selected(ddpm_source *source, int64_t first, int64_t count, float *rows)
{
    const char *dataset = source->spec.dataset;
    const int64_t room = ddpm_larger(1, PIECE / source->width);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        DDPM_TRY(ddpm_h5_read_rows(source->file, dataset, first + done, part, source->piece));
        for (int64_t i = 0; i < part; i++)
            for (int64_t j = 0; j < source->columns; j++)
                rows[(done + i) * source->columns + j] = source->piece[i * source->width + source->selected[j]];
    }
    return DDPM_OK;
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

ddpm_status ddpm_source_read_unchecked(ddpm_source *source, int64_t first, int64_t count, float *rows)
{
    const ddpm_data_spec *spec = &source->spec;
    if (!source->file) {
        ddpm_toy_source_read(spec, first, count, rows, NULL);
        return DDPM_OK;
    }
    if (source->selected) return read_selected(source, first, count, rows);
    return ddpm_h5_read_rows(source->file, spec->dataset, first, count, rows);
}

ddpm_status ddpm_source_read(ddpm_source *source, int64_t first, int64_t count, float *rows)
{
    DDPM_TRY(ddpm_source_read_unchecked(source, first, count, rows));
    for (int64_t i = 0; i < count * source->columns; i++)
        if (!isfinite(rows[i]))
            return refuse(source, first, i, "not a finite float32 number; remove or fill in such rows");
    return DDPM_OK;
}

ddpm_status ddpm_source_read_incomplete(ddpm_source *source, int64_t first, int64_t count, float *rows)
{
    DDPM_TRY(ddpm_source_read_unchecked(source, first, count, rows));
    for (int64_t i = 0; i < count * source->columns; i++)
        if (isinf(rows[i]))
            return refuse(source, first, i, "infinite as a float32 number; write NaN for a value that is not known");
    return DDPM_OK;
}
