/* The real rows of an evaluation: what training held out, a file's rows, fresh rows of a toy problem. */
#include "ddpm/run/evaluation.h"

#include "ddpm/base/memory.h"
#include "ddpm/base/permutation.h"
#include "ddpm/model/toy.h"
#include "ddpm/store/dataset.h"
#include "ddpm/store/source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SETS = DDPM_EVALUATION_PAIRS };

static ddpm_status allocate(ddpm_row_table *table, int64_t count, int64_t columns)
{
    table->count = count;
    return DDPM_NEW(&table->rows, count * columns, "rows to evaluate");
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- rows of a file ---- */

/* FILE.h5[:dataset] put into a configuration; a file whose name holds a colon is still found. */
static ddpm_status point_to(const char *text, const char *dataset, ddpm_config *config)
{
    const char *colon = access(text, F_OK) == 0 ? NULL : strrchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (length >= DDPM_CONFIG_TEXT || (colon && strlen(colon + 1) >= DDPM_CONFIG_TEXT))
        return ddpm_fail(DDPM_ERR_USAGE, "%s: the name is too long", text);
    config->data.source = DDPM_DATA_HDF5;
    memcpy(config->data.path, text, length);
    config->data.path[length] = '\0';
    snprintf(config->data.dataset, DDPM_CONFIG_TEXT, "%s", colon ? colon + 1 : dataset);
    return DDPM_OK;
}

/* `count` rows spread evenly over all, since files are often sorted. */
static ddpm_status read_spread(ddpm_source *source, int64_t count, const ddpm_transform *transform, ddpm_row_table *out)
{
    const int64_t all = ddpm_source_rows(source), columns = ddpm_source_columns(source);
    DDPM_TRY(allocate(out, count, columns));
    if (count == all)
        DDPM_TRY(ddpm_source_read(source, 0, all, out->rows));
    else
        for (int64_t i = 0; i < count; i++)
            DDPM_TRY(ddpm_source_read(source, (int64_t)((double)i * (double)all / (double)count), 1,
                                      out->rows + i * columns));
    ddpm_transform_apply(transform, count, out->rows);
    return DDPM_OK;
}

/* A source over a file that must have the model's columns; config is the model's with the file put into it. */
static ddpm_status open_file(const ddpm_evaluation *e, const ddpm_config *config, ddpm_source **out)
{
    DDPM_TRY(ddpm_source_open(config, out));
    if (ddpm_source_columns(*out) == e->columns) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s' has %lld columns, the model %lld", config->data.path,
                     config->data.dataset, (long long)ddpm_source_columns(*out), (long long)e->columns);
}

/* Half of the rows of `all` to each table, in an order of the seed. */
static ddpm_status split(const ddpm_evaluation *e, const ddpm_row_table *all, ddpm_row_table *one,
                         ddpm_row_table *other)
{
    const size_t bytes = (size_t)e->columns * sizeof(float);
    if (all->count < 2) return ddpm_fail(DDPM_ERR_DATA, "%s: two rows at least are needed", e->options.data);
    const ddpm_permutation order = ddpm_permutation_make(e->options.seed, DDPM_RANDOM_PAIRS, 0, all->count);
    DDPM_TRY(allocate(one, all->count / 2, e->columns));
    DDPM_TRY(allocate(other, all->count / 2, e->columns));
    for (int64_t i = 0; i < all->count / 2; i++) {
        memcpy(one->rows + i * e->columns, all->rows + ddpm_permutation_at(&order, 2 * i) * e->columns, bytes);
        memcpy(other->rows + i * e->columns, all->rows + ddpm_permutation_at(&order, 2 * i + 1) * e->columns, bytes);
    }
    return DDPM_OK;
}

/* Local. --data: the file's rows, and their halves for the quality. */
static ddpm_status read_file(ddpm_evaluation *e)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    ddpm_config config = e->loaded->config; /* its lists stay the model's */
    ddpm_source *source = NULL;
    ddpm_row_table pool = {0};
    DDPM_TRY(point_to(e->options.data, "data", &config));
    ddpm_status status = open_file(e, &config, &source);
    if (status == DDPM_OK && e->options.count > 0)
        status = read_spread(source, least(e->options.count, ddpm_source_rows(source)), &transform, &e->held_out);
    if (status == DDPM_OK && e->options.samples > 0) {
        status = read_spread(source, least(2 * SETS * e->options.samples, ddpm_source_rows(source)), &transform, &pool);
        if (status == DDPM_OK) status = split(e, &pool, &e->references, &e->others);
    }
    ddpm_release(pool.rows);
    ddpm_source_close(source);
    return status;
}

/* ---- the run's own rows ---- */

/* Rows of the toy problem that neither training nor validation has seen: of another seed. */
static ddpm_status draw_fresh(const ddpm_evaluation *e, uint64_t stream, int64_t count, ddpm_row_table *out)
{
    ddpm_config config = e->loaded->config;
    ddpm_source *source = NULL;
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    config.run.seed += UINT64_C(0x9E3779B97F4A7C15) * stream;
    config.data.count = count;
    DDPM_TRY(ddpm_source_open(&config, &source));
    ddpm_status status = allocate(out, count, e->columns);
    if (status == DDPM_OK) status = ddpm_source_read(source, 0, count, out->rows);
    if (status == DDPM_OK) ddpm_transform_apply(&transform, count, out->rows);
    ddpm_source_close(source);
    return status;
}

static ddpm_status copy_held_out(const ddpm_dataset *dataset, int64_t count, ddpm_row_table *out)
{
    DDPM_TRY(allocate(out, count, ddpm_dataset_columns(dataset)));
    ddpm_dataset_fill_held_out(dataset, 0, count, out->rows, NULL);
    return DDPM_OK;
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
    if (same) return DDPM_OK;
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
        status = held_out > 0 ? copy_held_out(dataset, least(o->count, held_out), &e->held_out)
                              : draw_fresh(e, 3, o->count, &e->held_out);
    if (status == DDPM_OK && o->samples > 0 && toy) {
        status = draw_fresh(e, 1, SETS * o->samples, &e->references);
        if (status == DDPM_OK) status = draw_fresh(e, 2, SETS * o->samples, &e->others);
    }
    if (status == DDPM_OK && o->samples > 0 && !toy) {
        status = copy_held_out(dataset, least(SETS * o->samples, held_out), &e->references);
        if (status == DDPM_OK) status = allocate(&e->others, least(SETS * o->samples, rows), e->columns);
    }
    DDPM_TRY(ddpm_agree(e->comm, status));
    if (o->samples <= 0 || toy) return DDPM_OK;
    DDPM_TRY(ddpm_dataset_prepare(dataset, 0, e->others.count));
    ddpm_dataset_fill(dataset, 0, e->others.count, e->others.rows, NULL);
    return DDPM_OK;
}

/* Local. --samples-file. */
static ddpm_status read_samples(ddpm_evaluation *e)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    ddpm_config config = e->loaded->config;
    ddpm_source *source = NULL;
    config.data.columns = (ddpm_config_list){0}; /* samples have the model's columns */
    DDPM_TRY(point_to(e->options.samples_file, "samples", &config));
    ddpm_status status = open_file(e, &config, &source);
    if (status == DDPM_OK)
        status = read_spread(source, least(e->options.samples, ddpm_source_rows(source)), &transform, &e->samples);
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
        DDPM_TRY(ddpm_dataset_create(e->comm, &e->loaded->config, &dataset));
        const ddpm_status status = fill_from(e, dataset);
        ddpm_dataset_free(dataset);
        DDPM_TRY(status);
    }
    if (o->samples > 0 && o->samples_file) DDPM_TRY(ddpm_agree(e->comm, read_samples(e)));
    return DDPM_OK;
}
