/* Opens a generator, or a dataset or table of an HDF5 file, and selects columns; source_read.c reads them. */
#include "data/source_handle.h"

#include "base/memory.h"
#include "data/pairs.h"
#include "data/toy_source.h"
#include "file/h5.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        for (int64_t k = 0; k < i; k++)
            if (source->selected[k] == source->selected[i])
                return ddpm_fail(DDPM_ERR_CONFIG, "data.columns: '%s' and '%s' are the same column; leave one out",
                                 list->items[k], list->items[i]);
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
            DDPM_TRY(ddpm_allocate(&source->piece, ddpm_larger(source->width, DDPM_SOURCE_PIECE), holder_bytes(source),
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

/* Elsewhere FILE:dataset names a dataset. */
static ddpm_status check_colon(const char *path)
{
    char file[DDPM_PATH_BYTES];
    const char *colon = strrchr(path, ':');
    if (!colon || !colon[1] || snprintf(file, sizeof file, "%.*s", (int)(colon - path), path) >= (int)sizeof file ||
        access(file, F_OK) != 0)
        return DDPM_OK;
    return ddpm_fail(DDPM_ERR_MISSING, "%s: there is no such file, but a file %s; data.dataset: %s names its dataset",
                     path, file, colon + 1);
}

static ddpm_status open_file(ddpm_source *source)
{
    const ddpm_status status = ddpm_h5_open(source->spec.path, &source->file);
    if (status == DDPM_ERR_MISSING) DDPM_TRY(check_colon(source->spec.path));
    DDPM_TRY(status);
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
    return ddpm_larger(1, DDPM_SOURCE_NARROWED / ddpm_larger(1, source->columns));
}

ddpm_number ddpm_source_type(const ddpm_source *source)
{
    return source->type;
}

ddpm_number ddpm_source_holder(const ddpm_source *source)
{
    return ddpm_number_holder(source->type);
}
