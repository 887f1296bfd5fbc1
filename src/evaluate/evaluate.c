/* An evaluation from checkpoint to table: decide, read, measure, report. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "world/placement.h"

#include <math.h>
#include <omp.h>

enum { SAMPLES = 5000, SAMPLES_WIDE = 1000, WIDE = 64 /* columns: pairs of rows cost in proportion to them */ };

/* What the command line leaves open. */
static ddpm_evaluate_options resolve(const ddpm_evaluate_options *options, const ddpm_loaded *loaded)
{
    ddpm_evaluate_options o = *options;
    const int64_t columns = loaded->checkpoint.columns;
    if (!o.has_seed) o.seed = loaded->config.run.seed;
    if (o.samples < 0) o.samples = columns > WIDE ? SAMPLES_WIDE : SAMPLES;
    if (o.probes < 0) o.probes = columns > DDPM_EVALUATE_EXACT ? 1 : 0;
    return o;
}

static void release(ddpm_evaluation *e)
{
    ddpm_row_table_release(&e->held_out);
    ddpm_row_table_release(&e->references);
    ddpm_row_table_release(&e->others);
    ddpm_row_table_release(&e->samples);
    ddpm_release(e->term);
    ddpm_release(e->row_bound);
    ddpm_release(e->row_likelihood);
    ddpm_release(e->ks);
}

/* Collective. */
static ddpm_status evaluate(ddpm_evaluation *e)
{
    const int samples = e->options.samples > 0 && !e->options.samples_file; /* each under a real row's conditions */
    if (samples) DDPM_TRY(ddpm_sampling_check(&e->sampling, e->loaded, 1));
    for (int64_t j = 0; j < e->columns; j++) e->log_scale += log(e->loaded->checkpoint.scale[j]);
    DDPM_TRY(ddpm_evaluation_read(e));
    if (e->options.count > 0) DDPM_TRY(ddpm_evaluation_model(e));
    if (e->options.samples > 0) DDPM_TRY(ddpm_evaluation_quality(e));
    return ddpm_agree(e->comm, ddpm_comm_rank(e->comm) == 0 ? ddpm_evaluation_report(e) : DDPM_OK);
}

ddpm_status ddpm_evaluate(ddpm_comm *comm, const ddpm_evaluate_options *options)
{
    ddpm_loaded loaded;
    DDPM_TRY(ddpm_load_shared(comm, options->checkpoint, 0, &loaded));
    const ddpm_status denoises = ddpm_loaded_check_denoiser(&loaded, options->checkpoint);
    if (denoises != DDPM_OK) {
        ddpm_loaded_release(&loaded);
        return denoises;
    }
    ddpm_placement_report(comm, omp_get_max_threads());
    ddpm_evaluation e = {.comm = comm,
                         .loaded = &loaded,
                         .condition = &loaded.checkpoint.condition,
                         .options = resolve(options, &loaded),
                         .sampling = ddpm_sampling_resolve(&options->sampling, &loaded.config),
                         .threads = omp_get_max_threads(),
                         .columns = loaded.checkpoint.columns,
                         .steps = loaded.checkpoint.steps};
    const ddpm_status status = evaluate(&e);
    release(&e);
    ddpm_loaded_release(&loaded);
    return status;
}
