/* Model, stepper and state together. */
#include "bench/workload.h"

#include "base/split.h"
#include "fit/principal.h"
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
    return ddpm_model_create(&w->config, ddpm_dataset_columns(dataset), ddpm_dataset_transform(dataset)->vocabulary,
                             ddpm_dataset_condition(dataset), &w->model);
}

/* Collective. A training step has the linear part of the network. */
static ddpm_status set_components(ddpm_comm *comm, ddpm_dataset *dataset, ddpm_workload *w)
{
    const int64_t rows = ddpm_smaller(w->spec.batch, 1024); /* at a time */
    const int64_t count = ddpm_network_get_spec(w->model.network)->components;
    ddpm_components components;
    if (count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_principal_components(comm, dataset, rows, count, &components));
    const ddpm_status status = ddpm_agree(comm, ddpm_model_set_components(&w->model, &components));
    ddpm_components_release(&components);
    return status;
}

ddpm_status ddpm_workload_create(ddpm_comm *comm, const ddpm_config *config, const ddpm_workload_spec *spec,
                                 ddpm_dataset *dataset, int threads, ddpm_workload *out)
{
    *out = (ddpm_workload){.spec = *spec, .config = vary(config, spec)};
    DDPM_TRY(ddpm_agree(comm, build(dataset, out)));
    const int is_local = spec->local.steps > 0;
    DDPM_TRY(ddpm_state_create(comm, out->model.network, 0, is_local, &out->state));
    ddpm_state_begin(comm, out->model.network, out->config.run.seed, &out->state);
    DDPM_TRY(set_components(comm, dataset, out));
    ddpm_stepper_spec step = ddpm_settings_stepper(&out->config);
    step.workers = is_local ? spec->local.workers : 1;
    if (is_local) DDPM_TRY(ddpm_round_create(comm, &spec->local, out->model.network, threads, &out->round));
    return ddpm_stepper_create(comm, is_local ? ddpm_round_comm(out->round, NULL) : comm, &step, &out->model, dataset,
                               threads, NULL, &out->stepper);
}

void ddpm_workload_release(ddpm_workload *workload)
{
    ddpm_stepper_free(workload->stepper);
    ddpm_round_free(workload->round);
    ddpm_state_release(&workload->state);
    ddpm_model_release(&workload->model);
    *workload = (ddpm_workload){0};
}

/* Collective. */
static ddpm_status iterate(void *context, int64_t times)
{
    ddpm_workload *w = context;
    ddpm_reduced found;
    for (int64_t i = 0; i < times; i++)
        DDPM_TRY(w->round ? ddpm_round_iterate(w->round, w->stepper, &w->state, NULL, &found)
                          : ddpm_stepper_iterate(w->stepper, &w->state, 0, &found));
    return DDPM_OK;
}

ddpm_timed ddpm_workload_steps(ddpm_workload *workload)
{
    return (ddpm_timed){iterate, workload};
}
