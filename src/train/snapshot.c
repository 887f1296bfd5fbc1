/* The parts of a run that a checkpoint holds, on the way in and on the way out. */
#include "train/snapshot.h"

#include <math.h>
#include <string.h>

ddpm_checkpoint ddpm_snapshot_take(ddpm_stepper *stepper, const ddpm_state *state)
{
    const ddpm_model *model = stepper->model;
    const ddpm_transform *transform = ddpm_dataset_transform(stepper->dataset);
    ddpm_checkpoint c = {
        .iteration = state->iteration,
        .recoveries = state->recoveries,
        .horizon = state->horizon,
        .returned_to = state->returned_to,
        .columns = transform->columns,
        .column_names = (char **)ddpm_dataset_names(stepper->dataset),
        .has_number = ddpm_dataset_type(stepper->dataset) != DDPM_NUMBER_FLOAT32,
        .number = ddpm_dataset_type(stepper->dataset),
        .mean = transform->mean,
        .remainder = transform->remainder,
        .scale = transform->scale,
        .minimum = transform->minimum,
        .maximum = transform->maximum,
        .quantiles = transform->quantiles,
        .decimals = transform->decimals,
        .quantile_steps = transform->steps,
        .vocabulary = transform->vocabulary ? *transform->vocabulary : (ddpm_vocabulary){0},
        .condition = *ddpm_dataset_condition(stepper->dataset),
        .fingerprint = ddpm_dataset_fingerprint(stepper->dataset),
        .steps = model->diffusion.schedule.steps,
        .beta = model->diffusion.schedule.beta,
        .history = stepper->timesteps.history,
        .seen = stepper->timesteps.seen,
        .parameter_count = ddpm_network_array_length(model->network),
        .parameters = state->parameters,
        .ema = state->in_parts & DDPM_STATE_AVERAGE ? NULL : state->ema,
        .moment1 = state->in_parts & DDPM_STATE_MOMENTS ? NULL : state->moment1,
        .moment2 = state->in_parts & DDPM_STATE_MOMENTS ? NULL : state->moment2,
        .velocity = state->velocity,
        .best = state->best_iteration >= 0 ? state->best : NULL,
        .best_loss = state->best_iteration >= 0 ? state->best_loss : NAN,
        .best_iteration = state->best_iteration,
    };
    c.exponent = ddpm_reducer_exponents(stepper->reducer, &c.exponent_count);
    return c;
}

ddpm_status ddpm_snapshot_restore(const ddpm_checkpoint *checkpoint, ddpm_stepper *stepper, ddpm_state *state)
{
    const ddpm_checkpoint *c = checkpoint;
    const size_t bytes = (size_t)c->parameter_count * sizeof(float);
    ddpm_timesteps *timesteps = &stepper->timesteps;
    int64_t count;
    int32_t *exponents = ddpm_reducer_exponents(stepper->reducer, &count);
    if (c->exponent_count != count || c->parameter_count != ddpm_network_array_length(stepper->model->network))
        return ddpm_fail(DDPM_ERR_DATA, "the checkpoint is of another network");
    if ((c->velocity != NULL) != (state->velocity != NULL))
        return ddpm_fail(DDPM_ERR_DATA,
                         "the checkpoint's velocity does not fit training.local_steps; the file was altered");
    if ((c->history != NULL) != (timesteps->history != NULL))
        return ddpm_fail(DDPM_ERR_DATA,
                         "the checkpoint's history of losses does not fit diffusion.timesteps; the file was altered");
    if (c->history) {
        memcpy(timesteps->history, c->history, (size_t)(c->steps * DDPM_TIMESTEPS_HISTORY) * sizeof *c->history);
        memcpy(timesteps->seen, c->seen, (size_t)c->steps * sizeof *c->seen);
        ddpm_timesteps_refresh(timesteps);
    }
    state->iteration = c->iteration;
    state->in_parts = 0;
    state->recoveries = c->recoveries;
    state->horizon = c->horizon;
    state->returned_to = c->returned_to;
    if (state->sets) {
        memcpy(state->parameters, c->parameters, bytes);
        memcpy(state->ema, c->ema, bytes);
        memcpy(state->moment1, c->moment1, bytes);
        memcpy(state->moment2, c->moment2, bytes);
        if (c->velocity && state->velocity) memcpy(state->velocity, c->velocity, bytes);
        if (c->best && state->best) memcpy(state->best, c->best, bytes);
    }
    state->best_loss = c->best && state->best ? c->best_loss : INFINITY;
    state->best_iteration = c->best && state->best ? c->best_iteration : -1;
    memcpy(exponents, c->exponent, (size_t)count * sizeof *exponents);
    return DDPM_OK;
}
