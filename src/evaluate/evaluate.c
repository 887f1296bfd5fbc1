/* An evaluation from checkpoint to table: read the model and the rows, measure, report. */
#include "evaluate/values.h"

#include "assembly/load.h"
#include "base/log.h"
#include "base/memory.h"
#include "file/json_file.h"
#include "file/output.h"
#include "model/twins.h"
#include "sample/density.h"
#include "sample/engine.h"
#include "world/placement.h"

#include <math.h>
#include <omp.h>

enum {
    SAMPLES = 10000,
    SET_ROWS =
        5000, /* for the distances, which cost time in proportion to the square of the rows, and to the columns */
    SET_ROWS_WIDE = 1000,
    WIDE = 64 /* columns */
};

/* The options with defaults that depend on the model. */
static ddpm_evaluate_options with_defaults(const ddpm_evaluate_options *options, const ddpm_loaded *loaded)
{
    ddpm_evaluate_options o = *options;
    const int64_t columns = loaded->checkpoint.columns;
    if (!o.has_seed) o.seed = loaded->config.run.seed;
    if (o.samples < 0) o.samples = SAMPLES;
    if (o.probes < 0) o.probes = columns > DDPM_DENSITY_EXACT ? 1 : 0;
    return o;
}

/* The most rows of a set for the distances: as many as samples are asked for. */
static int64_t set_rows(const ddpm_evaluate_options *options, const ddpm_loaded *loaded)
{
    if (options->samples >= 0) return options->samples;
    return loaded->checkpoint.columns > WIDE ? SET_ROWS_WIDE : SET_ROWS;
}

/* Leave out the bound of a model that has none. */
static ddpm_status check_bound(ddpm_evaluation *e)
{
    if (ddpm_model_is_masked(&e->loaded->model) && e->options.likelihood)
        return ddpm_fail(DDPM_ERR_USAGE,
                         "--likelihood: the likelihood of diffusion.process: masked is its bound, which "
                         "is printed without this option");
    if (!e->loaded->config.data.pairs || e->options.count == 0) return DDPM_OK;
    if (e->options.likelihood)
        return ddpm_fail(DDPM_ERR_USAGE, "--likelihood: a model of data.pairs: true has no likelihood, since its noise "
                                         "belongs to the rows; take the model that made the pairs");
    e->options.count = 0;
    ddpm_log_info("bound      left out: a model of data.pairs: true has none");
    return DDPM_OK;
}

static void release(ddpm_evaluation *e)
{
    ddpm_row_table_release(&e->evaluated);
    ddpm_row_table_release(&e->references);
    ddpm_row_table_release(&e->others);
    ddpm_row_table_release(&e->samples);
    ddpm_release(e->left_out);
    ddpm_release(e->term);
    ddpm_release(e->row_bound);
    ddpm_release(e->row_likelihood);
    ddpm_release(e->ks);
    ddpm_release(e->values);
    ddpm_likeness_release(&e->likeness);
    ddpm_privacy_release(&e->privacy);
}

/* Local: rank 0. A file that may not be replaced is refused before hours of work, not after them. */
static ddpm_status prepare_outputs(const ddpm_evaluate_options *options)
{
    if (options->output) DDPM_TRY(ddpm_output_prepare(options->output, NULL));
    return options->json ? ddpm_output_prepare(options->json, DDPM_JSON_BEGINS) : DDPM_OK;
}

static ddpm_status leave_out_constants(ddpm_evaluation *e)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    DDPM_TRY(DDPM_NEW(&e->left_out, e->columns, "constant columns"));
    e->counted = ddpm_density_columns(&transform, e->left_out);
    return DDPM_OK;
}

/* What a change to the data's units adds to a negative log-density: the same for all rows, or its mean. */
static void measure_volume(ddpm_evaluation *e)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    const int64_t rows = transform.quantiles ? e->evaluated.count : 1;
    double sum = 0.0;
    for (int64_t i = 0; i < rows; i++) sum += ddpm_transform_log_volume(&transform, e->evaluated.rows + i * e->columns);
    if (isnan(sum)) sum = -INFINITY; /* no density of some rows, and others beyond a value that many share */
    e->log_scale = rows > 0 ? sum / (double)rows : 0.0;
}

/* Measures compare columns each by its own tokens, not by those of differences. */
static void separate_columns(ddpm_evaluation *e)
{
    const ddpm_vocabulary *vocabulary = ddpm_loaded_transform(e->loaded).vocabulary;
    const ddpm_row_table *tables[] = {&e->samples, &e->references, &e->others};
    for (size_t i = 0; vocabulary && i < sizeof tables / sizeof *tables; i++)
        ddpm_twins_separate(vocabulary, tables[i]->count, tables[i]->rows);
}

/* Collective. Read the rows, and compute what is asked for. */
static ddpm_status evaluate(ddpm_evaluation *e)
{
    DDPM_TRY(check_bound(e));
    const int makes_samples = e->options.samples > 0 && !e->options.samples_file;
    if (makes_samples) /* each sample has the conditions of a real row */
        DDPM_TRY(ddpm_engine_check(&e->sampling, e->condition, e->loaded->config.diffusion.condition_dropout, 1));
    DDPM_TRY(ddpm_agree(e->comm, leave_out_constants(e)));
    DDPM_TRY(ddpm_evaluation_read(e));
    measure_volume(e);
    DDPM_TRY(DDPM_ON_RANK_0(e->comm, prepare_outputs(&e->options)));
    if (e->options.count > 0)
        DDPM_TRY(ddpm_model_is_masked(&e->loaded->model) ? ddpm_evaluation_masked_bound(e) : ddpm_evaluation_bound(e));
    if (e->options.samples > 0) {
        DDPM_TRY(ddpm_evaluation_samples(e));
        separate_columns(e);
        DDPM_TRY(ddpm_agree(e->comm, ddpm_evaluation_values(e)));
        DDPM_TRY(ddpm_evaluation_two_sample(e));
        DDPM_TRY(ddpm_evaluation_compare(e));
        DDPM_TRY(ddpm_evaluation_distances(e));
    }
    return DDPM_ON_RANK_0(e->comm, ddpm_evaluation_report(e));
}

ddpm_status ddpm_evaluate(ddpm_comm *comm, const ddpm_evaluate_options *options)
{
    ddpm_loaded loaded;
    DDPM_TRY(ddpm_load_everywhere(comm, options->checkpoint, 0, &loaded));
    ddpm_loaded_name_process(&loaded);
    ddpm_status status = ddpm_loaded_check_denoiser(&loaded, options->checkpoint);
    if (status == DDPM_OK) status = ddpm_sampling_settings_apply(&options->settings, &loaded.config);
    if (status == DDPM_OK) status = ddpm_loaded_set_precision(&loaded);
    status = ddpm_agree(comm, status);
    if (status != DDPM_OK) {
        ddpm_loaded_release(&loaded);
        return status;
    }
    ddpm_placement_report(comm, omp_get_max_threads());
    ddpm_evaluation e = {.comm = comm,
                         .loaded = &loaded,
                         .condition = &loaded.checkpoint.condition,
                         .options = with_defaults(options, &loaded),
                         .sampling = loaded.config.sampling,
                         .data = ddpm_config_data(&loaded.config),
                         .threads = omp_get_max_threads(),
                         .columns = loaded.checkpoint.columns,
                         .steps = loaded.checkpoint.steps,
                         .set_rows = set_rows(options, &loaded)};
    e.data.pairs = 0; /* only the rows are wanted, of any file */
    status = evaluate(&e);
    release(&e);
    ddpm_loaded_release(&loaded);
    return status;
}
