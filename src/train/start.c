/* Where the weights of a run begin, and how they go on after its end. */
#include "train/start.h"

#include "assembly/load.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/settings.h"

#include <stdio.h>
#include <string.h>

static const char *origin_of(const ddpm_trainer *t)
{
    return t->config->training.start_from;
}

/* The arrays of a checkpoint whose header is all that is needed from here on. */
static void drop_arrays(ddpm_checkpoint *c)
{
    float **const arrays[] = {&c->parameters, &c->ema, &c->best, &c->moment1, &c->moment2, &c->velocity};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        ddpm_release(*arrays[i]);
        *arrays[i] = NULL;
    }
}

/* Local: rank 0. The newest checkpoint of the run that is whole; empty: there is none. */
static ddpm_status find_own(const ddpm_train_options *options, const char *folder, char out[DDPM_PATH_BYTES])
{
    int64_t count = 0, *iterations = NULL;
    ddpm_h5 *file = NULL;
    ddpm_status status = DDPM_OK;
    memset(out, 0, DDPM_PATH_BYTES);
    if (options->resume == DDPM_RESUME_FILE) snprintf(out, DDPM_PATH_BYTES, "%s", options->resume_file);
    if (options->resume != DDPM_RESUME_AUTO) return DDPM_OK;
    DDPM_TRY(ddpm_checkpoint_list(folder, &count, &iterations));
    for (int64_t i = 0; status == DDPM_OK && i < count; i++) {
        status = ddpm_checkpoint_path(folder, iterations[i], out, DDPM_PATH_BYTES);
        if (status == DDPM_OK && ddpm_checkpoint_open(out, &file) == DDPM_OK) {
            status = ddpm_h5_finish(&file, DDPM_OK);
            break;
        }
        out[0] = '\0';
    }
    ddpm_release(iterations);
    return status;
}

ddpm_status ddpm_start_prepare(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    char own[DDPM_PATH_BYTES];
    if (!origin_of(t)[0]) return DDPM_OK;
    DDPM_TRY(DDPM_ON_RANK_0(t->comm, find_own(options, folder, own)));
    ddpm_comm_broadcast(t->comm, own, sizeof own);
    DDPM_TRY(ddpm_load_everywhere(t->comm, own[0] ? own : origin_of(t), 0, &t->origin));
    if (!own[0]) DDPM_TRY(ddpm_config_same_meaning(&t->origin.config, t->config, origin_of(t)));
    ddpm_model_release(&t->origin.model);
    drop_arrays(&t->origin.checkpoint);
    t->known = (ddpm_known){.model = origin_of(t),
                            .transform = ddpm_loaded_transform(&t->origin),
                            .names = (const char *const *)t->origin.checkpoint.column_names,
                            .condition = &t->origin.checkpoint.condition};
    t->spec.data.known = &t->known;
    return DDPM_OK;
}

ddpm_status ddpm_start_take_parts(ddpm_trainer *t)
{
    const ddpm_checkpoint *c = &t->origin.checkpoint;
    if (c->components.count > 0) {
        DDPM_TRY(ddpm_model_set_components(&t->model, &c->components));
        DDPM_TRY(ddpm_components_copy(&c->components, &t->components));
    }
    if (c->mixture.count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_model_set_mixture(&t->model, &c->mixture));
    return ddpm_mixture_copy(&c->mixture, &t->mixture);
}

/* Local. */
static ddpm_status take_weights(ddpm_trainer *t, const ddpm_loaded *from)
{
    const float *weights = ddpm_loaded_weights(from, from->config.sampling.weights);
    const size_t bytes = (size_t)from->checkpoint.parameter_count * sizeof *weights;
    DDPM_TRY(ddpm_config_same_meaning(&from->config, t->config, origin_of(t)));
    if (from->checkpoint.parameter_count != ddpm_network_array_length(t->model.network))
        return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld parameters, this network %lld; its model has changed since",
                         origin_of(t), (long long)from->checkpoint.parameter_count,
                         (long long)ddpm_network_array_length(t->model.network));
    if (t->state.sets) {
        memcpy(t->state.parameters, weights, bytes);
        memcpy(t->state.ema, weights, bytes);
    }
    return DDPM_OK;
}

ddpm_status ddpm_start_begin(ddpm_trainer *t)
{
    ddpm_loaded from;
    if (!origin_of(t)[0] || t->saved >= 0) return DDPM_OK;
    DDPM_TRY(ddpm_load_everywhere(t->comm, origin_of(t), 0, &from));
    const ddpm_status status = ddpm_agree(t->comm, take_weights(t, &from));
    if (status == DDPM_OK)
        ddpm_log_info(
            "start      weights (%s) of %s, iteration %lld of a run with seed %llu; rows are mapped as its own",
            ddpm_config_choice("sampling.weights", from.config.sampling.weights), origin_of(t),
            (long long)from.checkpoint.iteration, (unsigned long long)from.config.run.seed);
    ddpm_loaded_release(&from);
    return status;
}

enum { COMMAND_BYTES = 3 * DDPM_PATH_BYTES + 256 };

/* Local. The command that trains the weights of a finished run further. */
static void write_command(const char *folder, int64_t more, char out[COMMAND_BYTES])
{
    snprintf(out, COMMAND_BYTES,
             "ddpm train \"%s/config.yaml\" --start-from \"%s\" --output \"%s-more\" --set training.iterations=%lld",
             folder, folder, folder, (long long)more);
}

ddpm_status ddpm_start_check_longer(const ddpm_config *then, const ddpm_config *now)
{
    char folder[DDPM_PATH_BYTES], command[COMMAND_BYTES];
    const int64_t before = then->training.iterations, after = now->training.iterations;
    ddpm_config same = *now; /* its lists are borrowed */
    same.training.iterations = before;
    if (then->training.decay != DDPM_DECAY_COSINE || after <= before ||
        ddpm_config_same_science(then, &same) != DDPM_OK)
        return DDPM_OK;
    DDPM_TRY(ddpm_settings_folder(now, folder));
    write_command(folder, after - before, command);
    return ddpm_fail(
        DDPM_ERR_CONFIG,
        "training.iterations was %lld when this run began and is %lld now, but with training.decay: cosine "
        "its learning rate ends at the former; '%s' trains its weights further, or restore it, or name a "
        "new run folder (--output)",
        (long long)before, (long long)after, command);
}

void ddpm_start_tell_finished(const ddpm_trainer *t, const char *folder)
{
    char command[COMMAND_BYTES];
    const long long done = (long long)t->state.iteration;
    write_command(folder, t->spec.iterations, command);
    if (t->state.iteration < t->spec.iterations)
        ddpm_log_info("finished   %s ended at iteration %lld, since its held-out loss no longer fell; a larger "
                      "training.patience goes on, or '%s'",
                      folder, done, command);
    else if (t->config->training.decay == DDPM_DECAY_COSINE)
        ddpm_log_info("finished   %s has all %lld iterations already; '%s' trains its weights further", folder, done,
                      command);
    else
        ddpm_log_info("finished   %s has all %lld iterations already; more training.iterations go on", folder, done);
}
