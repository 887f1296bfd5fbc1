/* From nothing, or from a checkpoint, to a state that can be trained on; and back to a checkpoint. */
#include "train/trainer.h"

#include "assembly/loaded.h"
#include "base/log.h"
#include "base/memory.h"

#include <omp.h>
#include <string.h>

const ddpm_config *ddpm_trainer_config(const ddpm_trainer *t)
{
    return t->model.config;
}

int ddpm_trainer_writes(const ddpm_trainer *t)
{
    return ddpm_comm_rank(t->comm) == 0;
}

ddpm_status ddpm_trainer_begin(ddpm_trainer *t)
{
    ddpm_stepper_free(t->stepper); /* it holds scales of an earlier attempt */
    t->stepper = NULL;
    DDPM_TRY(ddpm_stepper_create(t->comm, &t->model, t->dataset, omp_get_max_threads(), &t->stepper));
    ddpm_stepper_measure(t->stepper, t->timing);
    t->interval = (ddpm_interval){0};
    ddpm_state_begin(&t->model, &t->state);
    return DDPM_OK;
}

/* Local. */
static ddpm_status build_model(ddpm_trainer *t, const ddpm_config *config)
{
    DDPM_TRY(
        ddpm_model_create(config, ddpm_dataset_columns(t->dataset), ddpm_dataset_condition(t->dataset), &t->model));
    return ddpm_state_create(&t->model, &t->state);
}

ddpm_status ddpm_trainer_build(ddpm_trainer *t, const ddpm_config *config)
{
    DDPM_TRY(ddpm_agree(t->comm, build_model(t, config)));
    return ddpm_trainer_begin(t);
}

/* Local. The data must be those the run began with: the transform is a fingerprint of them, of conditions likewise. */
static ddpm_status check_same_data(const ddpm_trainer *t, const ddpm_checkpoint *checkpoint)
{
    const ddpm_transform *now = ddpm_dataset_transform(t->dataset);
    const size_t bytes = (size_t)now->columns * sizeof(double);
    if (checkpoint->columns != now->columns)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "the data have %lld columns and had %lld when this run began; restore them, or start a new run folder",
            (long long)now->columns, (long long)checkpoint->columns);
    if (memcmp(checkpoint->mean, now->mean, bytes) == 0 && memcmp(checkpoint->scale, now->scale, bytes) == 0 &&
        ddpm_condition_same(&checkpoint->condition, ddpm_dataset_condition(t->dataset)))
        return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "the data are not those this run began with (the mean or deviation of a column, or the classes of "
                     "a condition, differ); restore them, or start a new run folder");
}

/* Local. */
static ddpm_status adopt(ddpm_trainer *t, const ddpm_loaded *loaded)
{
    const ddpm_checkpoint *c = &loaded->checkpoint;
    const size_t bytes = (size_t)c->parameter_count * sizeof(float);
    int64_t count;
    int32_t *exponents = ddpm_stepper_exponents(t->stepper, &count);
    ddpm_timesteps *timesteps = ddpm_stepper_timesteps(t->stepper);
    DDPM_TRY(ddpm_config_same_science(&loaded->config, ddpm_trainer_config(t)));
    DDPM_TRY(check_same_data(t, c));
    if (c->exponent_count != count || c->parameter_count != ddpm_network_parameter_count(t->model.network))
        return ddpm_fail(DDPM_ERR_DATA, "the checkpoint is of another network");
    if ((c->history != NULL) != (timesteps->history != NULL))
        return ddpm_fail(DDPM_ERR_DATA,
                         "the checkpoint's history of losses does not fit diffusion.timesteps; the file was altered");
    if (c->history) {
        memcpy(timesteps->history, c->history, (size_t)(c->steps * DDPM_TIMESTEPS_HISTORY) * sizeof *c->history);
        memcpy(timesteps->seen, c->seen, (size_t)c->steps * sizeof *c->seen);
        ddpm_timesteps_refresh(timesteps);
    }
    t->state.iteration = c->iteration;
    t->state.recoveries = c->recoveries;
    t->interval = c->interval;
    memcpy(t->state.parameters, c->parameters, bytes);
    memcpy(t->state.ema, c->ema, bytes);
    memcpy(t->state.moment1, c->moment1, bytes);
    memcpy(t->state.moment2, c->moment2, bytes);
    memcpy(exponents, c->exponent, (size_t)count * sizeof *exponents);
    return DDPM_OK;
}

ddpm_status ddpm_trainer_load(ddpm_trainer *t, const char *path)
{
    ddpm_loaded loaded;
    DDPM_TRY(ddpm_load_shared(t->comm, path, 1, &loaded));
    const ddpm_status status = ddpm_agree(t->comm, adopt(t, &loaded));
    ddpm_loaded_release(&loaded);
    if (status == DDPM_OK) ddpm_log_info("resume     %s, iteration %lld", path, (long long)t->state.iteration);
    return status;
}

/* Local: rank 0. Iterations of the folder's checkpoints, newest first, that are multiples of `every` up to `most`. */
static ddpm_status list(const char *folder, int64_t every, int64_t most, int64_t *count, int64_t **iterations)
{
    int64_t kept = 0;
    DDPM_TRY(ddpm_checkpoint_list(folder, count, iterations));
    for (int64_t i = 0; i < *count; i++)
        if ((*iterations)[i] % every == 0 && (*iterations)[i] <= most) (*iterations)[kept++] = (*iterations)[i];
    *count = kept;
    return DDPM_OK;
}

ddpm_status ddpm_trainer_load_newest(ddpm_trainer *t, const char *folder, int64_t every, int64_t most)
{
    int64_t count = 0, *iterations = NULL;
    char path[DDPM_PATH_BYTES];
    ddpm_status status =
        ddpm_agree(t->comm, ddpm_trainer_writes(t) ? list(folder, every, most, &count, &iterations) : DDPM_OK);
    ddpm_comm_broadcast(t->comm, &count, sizeof count);
    for (int64_t i = 0; status == DDPM_OK && i < count; i++) {
        memset(path, 0, sizeof path);
        status = ddpm_agree(
            t->comm, ddpm_trainer_writes(t) ? ddpm_checkpoint_path(folder, iterations[i], path, sizeof path) : DDPM_OK);
        if (status != DDPM_OK) break;
        ddpm_comm_broadcast(t->comm, path, sizeof path);
        status = ddpm_trainer_load(t, path);
        const int damaged = status == DDPM_ERR_DATA && strstr(ddpm_error_message(), path) != NULL;
        if (!damaged) break;
        ddpm_log_warning("%s", ddpm_error_message());
        if (i + 1 < count) status = DDPM_OK;
    }
    ddpm_release(iterations);
    return status;
}

/* Local. The state as a checkpoint, borrowed. */
static ddpm_checkpoint state_of(const ddpm_trainer *t)
{
    ddpm_checkpoint c = ddpm_stepper_checkpoint(t->stepper, &t->state);
    c.interval = t->interval;
    return c;
}

ddpm_status ddpm_trainer_save(ddpm_trainer *t)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    ddpm_checkpoint c = state_of(t);
    return ddpm_run_folder_save(t->folder, ddpm_trainer_config(t), &c, count, tensors);
}

ddpm_status ddpm_trainer_save_failed(ddpm_trainer *t, char path[DDPM_PATH_BYTES])
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    ddpm_checkpoint c = state_of(t);
    return ddpm_run_folder_save_failed(t->folder, ddpm_trainer_config(t), &c, count, tensors, path);
}

void ddpm_trainer_release(ddpm_trainer *t)
{
    ddpm_lock_release(t->lock);
    ddpm_stepper_free(t->stepper);
    ddpm_state_release(&t->state);
    ddpm_dataset_free(t->dataset);
    ddpm_model_release(&t->model);
}
