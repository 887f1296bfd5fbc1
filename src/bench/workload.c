/* Model, stepper and state together. */
#include "bench/workload.h"

#include "train/settings.h"
#include "train/step.h"

ddpm_workload_spec ddpm_workload_settings(const ddpm_config *config)
{
    return (ddpm_workload_spec){
        .width = config->network.width,
        .depth = config->network.depth,
        .batch = config->training.batch,
        .block_rows = config->parallel.block_rows,
        .reduction = config->parallel.reduction,
        .precision = config->training.precision,
    };
}

static ddpm_config vary(const ddpm_config *config, const ddpm_workload_spec *spec)
{
    ddpm_config out = *config;
    out.network.width = spec->width;
    out.network.depth = spec->depth;
    out.training.batch = spec->batch;
    out.parallel.block_rows = spec->block_rows;
    out.parallel.reduction = spec->reduction;
    out.training.precision = spec->precision;
    return out;
}

/* Local. */
static ddpm_status build(const ddpm_dataset *dataset, ddpm_workload *w)
{
    DDPM_TRY(ddpm_model_create(&w->config, ddpm_dataset_columns(dataset), ddpm_dataset_condition(dataset), &w->model));
    DDPM_TRY(ddpm_state_create(w->model.network, &w->state));
    ddpm_state_begin(w->model.network, w->config.run.seed, &w->state);
    return DDPM_OK;
}

ddpm_status ddpm_workload_create(ddpm_comm *comm, const ddpm_config *config, const ddpm_workload_spec *spec,
                                 ddpm_dataset *dataset, int threads, ddpm_workload *out)
{
    *out = (ddpm_workload){.spec = *spec, .config = vary(config, spec)};
    DDPM_TRY(ddpm_agree(comm, build(dataset, out)));
    const ddpm_stepper_spec step = ddpm_settings_stepper(&out->config);
    return ddpm_stepper_create(comm, &step, &out->model, dataset, threads, NULL, &out->stepper);
}

void ddpm_workload_release(ddpm_workload *workload)
{
    ddpm_stepper_free(workload->stepper);
    ddpm_state_release(&workload->state);
    ddpm_model_release(&workload->model);
    *workload = (ddpm_workload){0};
}

/* Collective. */
static ddpm_status iterate(void *context, int64_t times)
{
    ddpm_workload *w = context;
    ddpm_reduced found;
    for (int64_t i = 0; i < times; i++) DDPM_TRY(ddpm_stepper_iterate(w->stepper, &w->state, 0, &found));
    return DDPM_OK;
}

ddpm_timed ddpm_workload_steps(ddpm_workload *workload)
{
    return (ddpm_timed){iterate, workload};
}
