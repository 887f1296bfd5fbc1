/* The real rows of an evaluation: what training held out, a file's rows, fresh rows of a toy problem. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/permutation.h"
#include "data/dataset.h"
#include "data/source.h"
#include "file/file.h"
#include "model/toy.h"

#include <math.h>
#include <string.h>

enum { SETS = DDPM_EVALUATION_PAIRS };

static ddpm_status allocate(const ddpm_evaluation *e, int64_t count, ddpm_row_table *table)
{
    table->count = count;
    DDPM_TRY(DDPM_NEW(&table->rows, count * e->columns, "rows to evaluate"));
    return DDPM_NEW(&table->values, count * e->condition->count, "conditions of the rows to evaluate");
}

void ddpm_row_table_release(ddpm_row_table *table)
{
    ddpm_release(table->rows);
    ddpm_release(table->values);
    *table = (ddpm_row_table){0};
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- rows of a file ---- */

/* Conditions of rows first .. first+count-1 of a source, standardised as the model's. */
static ddpm_status read_conditions(const ddpm_evaluation *e, ddpm_source *source, int64_t first, int64_t count,
                                   float *values)
{
    const int64_t V = e->condition->count;
    DDPM_TRY(ddpm_condition_source_read(ddpm_source_conditions(source), first, count, values));
    for (int64_t i = 0; i < count * V; i++)
        if (ddpm_condition_standardise(e->condition, i % V, (double)values[i], &values[i]) != DDPM_OK)
            return ddpm_fail(DDPM_ERR_DATA, "row %lld (from 0): %s", (long long)(first + i / V), ddpm_error_message());
    return DDPM_OK;
}

/* Rows first .. first+count-1 of a source to the table from its row `at` on; conditions where the source has them. */
static ddpm_status read_rows(const ddpm_evaluation *e, ddpm_source *source, int64_t first, int64_t count,
                             ddpm_row_table *table, int64_t at)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    float *rows = table->rows + at * e->columns;
    DDPM_TRY(ddpm_source_read(source, first, count, rows));
    ddpm_transform_apply(&transform, count, rows);
    if (!ddpm_source_conditions(source)) return DDPM_OK;
    return read_conditions(e, source, first, count, table->values + at * e->condition->count);
}

/* `count` rows spread evenly over all, since files are often sorted. */
static ddpm_status read_spread(const ddpm_evaluation *e, ddpm_source *source, int64_t count, ddpm_row_table *out)
{
    const int64_t all = ddpm_source_rows(source);
    DDPM_TRY(allocate(e, count, out));
    if (count == all) return read_rows(e, source, 0, all, out, 0);
    for (int64_t i = 0; i < count; i++)
        DDPM_TRY(read_rows(e, source, (int64_t)((double)i * (double)all / (double)count), 1, out, i));
    return DDPM_OK;
}

/* data.condition with the kinds that the model knows, whatever type another file holds them in. Release items. */
static ddpm_status name_conditions(const ddpm_condition *condition, ddpm_text_list *out)
{
    int64_t text = 0;
    *out = (ddpm_text_list){.count = condition->count};
    for (int64_t v = 0; v < condition->count; v++)
        text += (int64_t)(sizeof(char *) + sizeof "number:" + strlen(condition->names[v]));
    DDPM_TRY(ddpm_allocate(&out->items, text, 1, "conditions"));
    char *next = (char *)(out->items + condition->count);
    for (int64_t v = 0; v < condition->count; v++) {
        out->items[v] = next;
        next = stpcpy(stpcpy(next, condition->classes[v] ? "class:" : "number:"), condition->names[v]) + 1;
    }
    return DDPM_OK;
}

/* A source over a file that must have the model's columns. */
static ddpm_status open_file(const ddpm_evaluation *e, const ddpm_data_spec *spec, ddpm_source **out)
{
    DDPM_TRY(ddpm_source_open(spec, out));
    if (ddpm_source_columns(*out) == e->columns) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, the model %lld", spec->path, spec->dataset,
                     (long long)ddpm_source_columns(*out), (long long)e->columns);
}

static void copy_row(const ddpm_evaluation *e, const ddpm_row_table *from, int64_t row, ddpm_row_table *to, int64_t at)
{
    const int64_t D = e->columns, V = e->condition->count;
    memcpy(to->rows + at * D, from->rows + row * D, (size_t)D * sizeof(float));
    if (V > 0) memcpy(to->values + at * V, from->values + row * V, (size_t)V * sizeof(float));
}

/* Half of the rows of `all` to each table, in an order of the seed. */
static ddpm_status split(const ddpm_evaluation *e, const ddpm_row_table *all, ddpm_row_table *one,
                         ddpm_row_table *other)
{
    if (all->count < 2) return ddpm_fail(DDPM_ERR_DATA, "%s: two rows at least are needed", e->options.data);
    const ddpm_permutation order = ddpm_permutation_make(e->options.seed, DDPM_RANDOM_PAIRS, 0, all->count);
    DDPM_TRY(allocate(e, all->count / 2, one));
    DDPM_TRY(allocate(e, all->count / 2, other));
    for (int64_t i = 0; i < all->count / 2; i++) {
        copy_row(e, all, ddpm_permutation_at(&order, 2 * i), one, i);
        copy_row(e, all, ddpm_permutation_at(&order, 2 * i + 1), other, i);
    }
    return DDPM_OK;
}

/* The tables of --data from its source. */
static ddpm_status read_tables(ddpm_evaluation *e, ddpm_source *source)
{
    const int64_t all = ddpm_source_rows(source), pairs = 2 * SETS * e->options.samples;
    ddpm_row_table pool = {0};
    if (e->options.count > 0) DDPM_TRY(read_spread(e, source, least(e->options.count, all), &e->held_out));
    if (e->options.samples <= 0) return DDPM_OK;
    ddpm_status status = read_spread(e, source, least(pairs, all), &pool);
    if (status == DDPM_OK) status = split(e, &pool, &e->references, &e->others);
    ddpm_row_table_release(&pool);
    return status;
}

/* Local. --data: the file's rows, and their halves for the quality. */
static ddpm_status read_file(ddpm_evaluation *e)
{
    ddpm_data_spec spec = ddpm_config_data(&e->loaded->config);
    ddpm_data_names names;
    ddpm_text_list named = {0};
    ddpm_source *source = NULL;
    ddpm_status status = ddpm_data_spec_point(&spec, e->options.data, "data", &names);
    if (status == DDPM_OK) status = name_conditions(e->condition, &named);
    spec.condition = named;
    if (status == DDPM_OK) status = open_file(e, &spec, &source);
    if (status == DDPM_OK) status = read_tables(e, source);
    ddpm_source_close(source);
    ddpm_release(named.items);
    return status;
}

/* ---- the run's own rows ---- */

/* Rows of the toy problem that neither training nor validation has seen: of another seed. */
static ddpm_status draw_fresh(const ddpm_evaluation *e, uint64_t stream, int64_t count, ddpm_row_table *out)
{
    ddpm_data_spec spec = ddpm_config_data(&e->loaded->config);
    ddpm_source *source = NULL;
    spec.seed += UINT64_C(0x9E3779B97F4A7C15) * stream;
    spec.count = count;
    DDPM_TRY(ddpm_source_open(&spec, &source));
    ddpm_status status = allocate(e, count, out);
    if (status == DDPM_OK) status = read_rows(e, source, 0, count, out, 0);
    ddpm_source_close(source);
    return status;
}

static ddpm_status copy_held_out(const ddpm_evaluation *e, const ddpm_dataset *dataset, int64_t count,
                                 ddpm_row_table *out)
{
    DDPM_TRY(allocate(e, count, out));
    ddpm_dataset_fill_held_out(dataset, 0, count, out->rows, out->values);
    return DDPM_OK;
}

static int same_condition(const ddpm_condition *now, const ddpm_condition *then)
{
    int same = now->count == then->count;
    for (int64_t v = 0; same && v < then->count; v++)
        same = now->classes[v] == then->classes[v] && fabs(now->mean[v] - then->mean[v]) <= 1e-6 * then->scale[v] &&
               fabs(now->scale[v] - then->scale[v]) <= 1e-6 * then->scale[v];
    return same;
}

/* The data must be those of the training: the same statistics. */
static ddpm_status check_unchanged(const ddpm_evaluation *e, const ddpm_dataset *dataset)
{
    const ddpm_transform *now = ddpm_dataset_transform(dataset);
    const ddpm_checkpoint *then = &e->loaded->checkpoint;
    int same = ddpm_dataset_columns(dataset) == e->columns;
    for (int64_t j = 0; same && j < e->columns; j++)
        same = fabs(now->mean[j] - then->mean[j]) <= 1e-6 * then->scale[j] &&
               fabs(now->scale[j] - then->scale[j]) <= 1e-6 * then->scale[j];
    if (same && same_condition(ddpm_dataset_condition(dataset), e->condition)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: not the data that the model was trained on; name the rows to evaluate with --data",
                     e->loaded->config.data.path);
}

/* Collective. */
static ddpm_status fill_from(ddpm_evaluation *e, ddpm_dataset *dataset)
{
    const ddpm_evaluate_options *o = &e->options;
    const int toy = e->loaded->config.data.source != DDPM_DATA_HDF5;
    const int64_t held_out = ddpm_dataset_held_out(dataset), rows = ddpm_dataset_rows(dataset);
    ddpm_status status = check_unchanged(e, dataset);
    if (status == DDPM_OK && held_out == 0 && !toy)
        status = ddpm_fail(DDPM_ERR_DATA,
                           "the model's training held no rows out (data.validation is 0); name some with --data");
    DDPM_TRY(ddpm_agree(e->comm, status));
    if (o->count > 0)
        status = held_out > 0 ? copy_held_out(e, dataset, least(o->count, held_out), &e->held_out)
                              : draw_fresh(e, 3, o->count, &e->held_out);
    if (status == DDPM_OK && o->samples > 0 && toy) {
        status = draw_fresh(e, 1, SETS * o->samples, &e->references);
        if (status == DDPM_OK) status = draw_fresh(e, 2, SETS * o->samples, &e->others);
    }
    if (status == DDPM_OK && o->samples > 0 && !toy) {
        status = copy_held_out(e, dataset, least(SETS * o->samples, held_out), &e->references);
        if (status == DDPM_OK) status = allocate(e, least(SETS * o->samples, rows), &e->others);
    }
    DDPM_TRY(ddpm_agree(e->comm, status));
    if (o->samples <= 0 || toy) return DDPM_OK;
    DDPM_TRY(ddpm_dataset_prepare(dataset, 0, e->others.count));
    ddpm_dataset_fill(dataset, 0, e->others.count, e->others.rows, e->others.values);
    return DDPM_OK;
}

/* Local. --samples-file. */
static ddpm_status read_samples(ddpm_evaluation *e)
{
    ddpm_data_spec spec = {0}; /* of all columns: samples have the model's columns alone */
    ddpm_data_names names;
    ddpm_source *source = NULL;
    DDPM_TRY(ddpm_data_spec_point(&spec, e->options.samples_file, "samples", &names));
    ddpm_status status = open_file(e, &spec, &source);
    if (status == DDPM_OK)
        status = read_spread(e, source, least(e->options.samples, ddpm_source_rows(source)), &e->samples);
    ddpm_source_close(source);
    return status;
}

ddpm_status ddpm_evaluation_read(ddpm_evaluation *e)
{
    const ddpm_evaluate_options *o = &e->options;
    if (o->data) {
        DDPM_TRY(ddpm_agree(e->comm, read_file(e)));
    } else {
        ddpm_dataset *dataset = NULL;
        const ddpm_data_spec data = ddpm_config_data(&e->loaded->config);
        DDPM_TRY(ddpm_dataset_create(e->comm, &data, &dataset));
        const ddpm_status status = fill_from(e, dataset);
        ddpm_dataset_free(dataset);
        DDPM_TRY(status);
    }
    if (o->samples > 0 && o->samples_file) DDPM_TRY(ddpm_agree(e->comm, read_samples(e)));
    return DDPM_OK;
}
