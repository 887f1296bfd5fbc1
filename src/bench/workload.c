/* Model, stepper and state together. */
#include "bench/workload.h"

/* Local. */
static ddpm_status build(const ddpm_dataset *dataset, ddpm_workload *w)
{
    DDPM_TRY(ddpm_model_create(&w->config, ddpm_dataset_columns(dataset), ddpm_dataset_condition(dataset), &w->model));
    DDPM_TRY(ddpm_state_create(&w->model, &w->state));
    ddpm_state_begin(&w->model, &w->state);
    return DDPM_OK;
}

ddpm_status ddpm_workload_create(ddpm_comm *comm, const ddpm_config *config, ddpm_dataset *dataset, int threads,
                                 ddpm_workload *out)
{
    *out = (ddpm_workload){.config = *config};
    DDPM_TRY(ddpm_agree(comm, build(dataset, out)));
    return ddpm_stepper_create(comm, &out->model, dataset, threads, &out->stepper);
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
    for (int64_t t = 0; t < times; t++) DDPM_TRY(ddpm_stepper_iterate(w->stepper, &w->state, 0, &found));
    return DDPM_OK;
}

ddpm_timed ddpm_workload_steps(ddpm_workload *workload)
{
    return (ddpm_timed){iterate, workload};
}
