/* A run is made from a configuration, goes on from a checkpoint, and is saved as one. */
#include "train/trainer.h"

#include "assembly/load.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/fingerprint.h"
#include "fit/mixture.h"
#include "fit/principal.h"
#include "model/same_data.h"
#include "train/baseline.h"
#include "train/settings.h"
#include "train/snapshot.h"
#include "train/start.h"
#include "train/step.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ddpm_trainer_shorten(ddpm_trainer *t, int64_t horizon)
{
    ddpm_learning_rate_spec *rate = &t->spec.step.update.rate;
    t->state.horizon = horizon;
    t->spec.iterations = rate->iterations = horizon;
    rate->warmup = ddpm_smaller(rate->warmup, horizon);
    if (t->stepper) t->stepper->spec.update.rate = *rate;
}

ddpm_status ddpm_trainer_begin(ddpm_trainer *t)
{
    ddpm_stepper_free(t->stepper); /* it holds the scales of an earlier attempt */
    t->stepper = NULL;
    DDPM_TRY(ddpm_stepper_create(t->comm, t->round ? ddpm_round_comm(t->round, NULL) : t->comm, &t->spec.step,
                                 &t->model, t->dataset, omp_get_max_threads(), t->timing, &t->stepper));
    t->interval = (ddpm_interval){0};
    t->saved = -1;
    ddpm_state_begin(t->comm, t->model.network, t->spec.step.seed, &t->state);
    return DDPM_OK;
}

/* Local. The text goes into every checkpoint, from which it has to be read back. */
static ddpm_status check_config_text(const char *text)
{
    ddpm_config config;
    ddpm_status status = ddpm_config_defaults(&config);
    if (status == DDPM_OK && strlen(text) > DDPM_H5_TEXT_BYTES)
        status = ddpm_fail(DDPM_ERR_CONFIG, "expected at most %d bytes, found %zu", DDPM_H5_TEXT_BYTES, strlen(text));
    if (status == DDPM_OK) status = ddpm_config_parse_saved(&config, text, strlen(text), "RUN/config.yaml");
    ddpm_config_release(&config);
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_fail(status,
                     "the configuration could not be read back from a checkpoint: %s; change what is not UTF-8 (a name "
                     "or a path), or shorten its lists",
                     ddpm_error_message());
}

/* Local. */
static ddpm_status build(ddpm_trainer *t)
{
    const int64_t columns = ddpm_dataset_columns(t->dataset);
    if (t->spec.local.steps > 1 && ddpm_dataset_is_streamed(t->dataset))
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.local_steps: expected 1 with rows that are streamed, which all ranks read together; "
                         "found %lld; give data.memory room for the rows, if the nodes have it",
                         (long long)t->spec.local.steps);
    t->spec.validate_every =
        ddpm_settings_interval(t->config, ddpm_config_validate_every(t->config, ddpm_dataset_rows(t->dataset)));
    DDPM_TRY(ddpm_config_text(t->config, &t->config_text));
    DDPM_TRY(check_config_text(t->config_text));
    return ddpm_model_create(t->config, columns, ddpm_dataset_transform(t->dataset)->vocabulary,
                             ddpm_dataset_condition(t->dataset), &t->model);
}

/* Collective. Compute the components of the rows: those that the network needs, or else all of them, for the error of
 * the best linear prediction. */
static ddpm_status find_components(ddpm_trainer *t)
{
    const int64_t needed = ddpm_network_get_spec(t->model.network)->components;
    if (ddpm_model_is_classifier(&t->model) || ddpm_model_is_masked(&t->model)) return DDPM_OK;
    DDPM_TRY(ddpm_principal_components(t->comm, t->dataset, t->spec.step.batch,
                                       needed > 0 ? needed : ddpm_dataset_columns(t->dataset), &t->components));
    return ddpm_agree(t->comm, ddpm_model_set_components(&t->model, &t->components));
}

/* Collective. Fit the mixture that the network adds in the place of the linear prediction. */
static ddpm_status find_mixture(ddpm_trainer *t)
{
    const double start = ddpm_comm_seconds();
    if (ddpm_network_get_spec(t->model.network)->mixture == 0) return DDPM_OK;
    DDPM_TRY(ddpm_mixture_fit(t->comm, t->dataset, t->spec.step.batch, t->config->network.mixture, t->spec.step.seed,
                              &t->mixture));
    t->mixture_seconds = ddpm_comm_seconds() - start;
    return ddpm_agree(t->comm, ddpm_model_set_mixture(&t->model, &t->mixture));
}

ddpm_status ddpm_trainer_build(ddpm_trainer *t)
{
    DDPM_TRY(ddpm_agree(t->comm, build(t)));
    const int is_local = t->spec.local.steps > 1;
    DDPM_TRY(ddpm_state_create(t->comm, t->model.network, t->spec.keep_best, is_local, &t->state));
    if (is_local)
        DDPM_TRY(ddpm_round_create(t->comm, &t->spec.local, t->model.network, omp_get_max_threads(), &t->round));
    if (t->spec.data.known) {
        DDPM_TRY(ddpm_agree(t->comm, ddpm_start_take_parts(t)));
    } else {
        DDPM_TRY(find_components(t));
        DDPM_TRY(find_mixture(t));
    }
    return ddpm_trainer_begin(t);
}

/* Local. Keys that are no science, since most runs do not depend on them, but decide the statistics of these data. */
static ddpm_status check_same_statistics(const ddpm_trainer *t, const ddpm_config *then)
{
    if (ddpm_dataset_transform(t->dataset)->vocabulary) DDPM_TRY(ddpm_config_same_key("data.exact", then, t->config));
    if (ddpm_dataset_is_streamed(t->dataset)) DDPM_TRY(ddpm_config_same_key("data.piece", then, t->config));
    return DDPM_OK;
}

/* Local. The data must be those that the run began with. */
static ddpm_status check_same_data(const ddpm_trainer *t, const ddpm_loaded *loaded)
{
    char message[DDPM_MESSAGE_BYTES];
    const ddpm_transform then = ddpm_loaded_transform(loaded);
    const int narrowed = ddpm_loaded_is_narrowed(loaded, ddpm_dataset_type(t->dataset));
    ddpm_status status =
        ddpm_same_transform(ddpm_dataset_transform(t->dataset), &then, ddpm_dataset_names(t->dataset), narrowed);
    if (status == DDPM_OK)
        status = ddpm_same_condition(ddpm_dataset_condition(t->dataset), &loaded->checkpoint.condition);
    const int64_t fingerprint = loaded->checkpoint.fingerprint;
    if (status == DDPM_OK && fingerprint != DDPM_FINGERPRINT_UNKNOWN &&
        fingerprint != ddpm_dataset_fingerprint(t->dataset))
        status = ddpm_fail(DDPM_ERR_DATA,
                           "their statistics are the same, but rows were replaced or reordered, or have other weights");
    if (status == DDPM_OK) return DDPM_OK;
    snprintf(message, sizeof message, "%s", ddpm_error_message());
    DDPM_TRY(check_same_statistics(t, &loaded->config));
    return ddpm_fail(
        status,
        "the data are not those that this run began with: %s; restore them, or go on from its weights with "
        "these data in a new run folder (--start-from, --output)",
        message);
}

/* Local. A run keeps the components and the mixture that it began with, even where another processor would round them
 * differently. */
static ddpm_status restore_components(ddpm_trainer *t, const ddpm_components *components)
{
    if (components->count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_model_set_components(&t->model, components));
    ddpm_components_release(&t->components);
    return ddpm_components_copy(components, &t->components);
}

static ddpm_status restore_mixture(ddpm_trainer *t, const ddpm_mixture *mixture)
{
    if (mixture->count == 0) return DDPM_OK;
    DDPM_TRY(ddpm_model_set_mixture(&t->model, mixture));
    ddpm_mixture_release(&t->mixture);
    return ddpm_mixture_copy(mixture, &t->mixture);
}

/* Local. */
static ddpm_status restore(ddpm_trainer *t, const ddpm_loaded *loaded)
{
    DDPM_TRY(ddpm_start_check_longer(&loaded->config, t->config));
    DDPM_TRY(ddpm_config_same_science(&loaded->config, t->config));
    DDPM_TRY(check_same_data(t, loaded));
    DDPM_TRY(restore_components(t, &loaded->checkpoint.components));
    DDPM_TRY(restore_mixture(t, &loaded->checkpoint.mixture));
    DDPM_TRY(ddpm_snapshot_restore(&loaded->checkpoint, t->stepper, &t->state));
    if (t->state.horizon > 0) ddpm_trainer_shorten(t, t->state.horizon);
    t->interval = loaded->checkpoint.interval;
    t->saved = t->state.iteration;
    return DDPM_OK;
}

ddpm_status ddpm_trainer_load(ddpm_trainer *t, const char *path)
{
    ddpm_loaded loaded;
    DDPM_TRY(ddpm_load_everywhere(t->comm, path, 1, &loaded));
    const ddpm_status status = ddpm_agree(t->comm, restore(t, &loaded));
    ddpm_loaded_release(&loaded);
    if (status == DDPM_OK) ddpm_log_info("resume     %s, iteration %lld", path, (long long)t->state.iteration);
    return status;
}

/* Local: rank 0. The iterations of the folder's checkpoints, newest first, that are multiples of `every` and at most
 * `most`. */
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
    ddpm_status status = DDPM_ON_RANK_0(t->comm, list(folder, every, most, &count, &iterations));
    ddpm_comm_broadcast(t->comm, &count, sizeof count);
    for (int64_t i = 0; status == DDPM_OK && i < count; i++) {
        memset(path, 0, sizeof path);
        status = DDPM_ON_RANK_0(t->comm, ddpm_checkpoint_path(folder, iterations[i], path, sizeof path));
        if (status != DDPM_OK) break;
        ddpm_comm_broadcast(t->comm, path, sizeof path);
        status = ddpm_trainer_load(t, path);
        /* only the message of a damaged file names it: other data or another configuration is no damage */
        const int damaged = status == DDPM_ERR_DATA && strstr(ddpm_error_message(), path) != NULL;
        if (!damaged) break;
        ddpm_log_warning("%s", ddpm_error_message());
        if (i + 1 < count) status = DDPM_OK;
    }
    ddpm_release(iterations);
    return status;
}

ddpm_status ddpm_trainer_advance(ddpm_trainer *t, ddpm_stop *stop, ddpm_reduced *out)
{
    if (t->round) return ddpm_round_iterate(t->round, t->stepper, &t->state, stop, out);
    return ddpm_stepper_iterate(t->stepper, &t->state, stop && ddpm_stop_wanted(stop), out);
}

/* Local. Everything that a checkpoint holds, borrowed. */
static ddpm_checkpoint whole_checkpoint(const ddpm_trainer *t)
{
    ddpm_checkpoint c = ddpm_snapshot_take(t->stepper, &t->state);
    c.interval = t->interval;
    c.config = t->config_text;
    c.baseline = ddpm_baseline_loss(t);
    if (ddpm_network_get_spec(t->model.network)->components > 0) c.components = t->components;
    c.mixture = t->mixture;
    return c;
}

/* Local. What is written can be read back: a state in which a number has left its range is a failure of the training.
 */
static ddpm_status check_state(const ddpm_checkpoint *c, int64_t count, const ddpm_tensor *tensors)
{
    if (ddpm_checkpoint_check(c, count, tensors) == DDPM_OK) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_NUMERIC, "the state after iteration %lld: %s", (long long)c->iteration,
                     ddpm_error_message());
}

ddpm_status ddpm_trainer_checkpoint(const ddpm_trainer *t, ddpm_checkpoint *out)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    *out = whole_checkpoint(t);
    return check_state(out, count, tensors);
}

ddpm_status ddpm_trainer_save(const ddpm_trainer *t)
{
    if (t->state.in_parts)
        return ddpm_fail(DDPM_ERR_INTERNAL, "a checkpoint of an average and moments of which this node has a part");
    const ddpm_checkpoint c = whole_checkpoint(t);
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    if (check_state(&c, count, tensors) != DDPM_OK)
        return ddpm_fail(DDPM_ERR_NUMERIC,
                         "%s. It was not saved. Start a new run with a lower training.learning_rate, or with "
                         "data.standardize: column where the data's numbers are large; or set training.recover%s to go "
                         "back to a checkpoint at half the learning rate",
                         ddpm_error_message(), t->spec.recover > 0 ? " higher" : " (with checkpoint.keep: 0)");
    return ddpm_run_folder_save(t->folder, &c, count, tensors,
                                t->replaces ? DDPM_KEEP_NO_OTHER : t->spec.checkpoint_keep);
}

ddpm_status ddpm_trainer_save_failed(const ddpm_trainer *t, char path[DDPM_PATH_BYTES])
{
    const ddpm_checkpoint c = whole_checkpoint(t);
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    DDPM_TRY(check_state(&c, count, tensors));
    return ddpm_run_folder_save_failed(t->folder, &c, count, tensors, path);
}

void ddpm_trainer_release(ddpm_trainer *t)
{
    ddpm_lock_release(t->lock);
    ddpm_stepper_free(t->stepper);
    ddpm_round_free(t->round);
    ddpm_state_release(&t->state);
    ddpm_dataset_free(t->dataset);
    ddpm_loaded_release(&t->origin);
    ddpm_model_release(&t->model);
    ddpm_components_release(&t->components);
    ddpm_mixture_release(&t->mixture);
    free(t->config_text);
}
