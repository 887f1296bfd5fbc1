/* The training loop: an iteration, then the validation, the report and the checkpoint that are due. Around it a run is
 * resumed, goes back to a checkpoint after an iteration that failed, and begins again where it is shortened. */
#include "train/train.h"

#include "base/log.h"
#include "base/memory.h"
#include "train/baseline.h"
#include "train/describe.h"
#include "train/inspect.h"
#include "train/report.h"
#include "train/settings.h"
#include "train/start.h"
#include "train/validation.h"
#include "world/placement.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

/* Local: rank 0. Keep the state before an iteration whose loss or gradient is not finite, and say what can be done. */
static ddpm_status fail_numeric(const ddpm_trainer *t)
{
    char what[DDPM_MESSAGE_BYTES / 2], path[DDPM_PATH_BYTES];
    snprintf(what, sizeof what, "%s, at iteration %lld of seed %llu", ddpm_error_message(),
             (long long)t->state.iteration + 1, (unsigned long long)t->spec.step.seed);
    const int is_local = t->spec.local.steps > 1;
    if (ddpm_trainer_save_failed(t, path) != DDPM_OK)
        return ddpm_fail(DDPM_ERR_NUMERIC,
                         "%s; the state before this iteration was not saved (%s). Set training.recover%s to go back to "
                         "a checkpoint at half the learning rate, or start a new run with a lower "
                         "training.learning_rate or training.clip",
                         what, ddpm_error_message(), t->spec.recover > 0 ? " higher" : " (with checkpoint.keep: 0)");
    return ddpm_fail(DDPM_ERR_NUMERIC,
                     "%s; the state before it is in %s. Set training.recover%s to go back to a checkpoint at half the "
                     "learning rate, or start a new run with a lower training.learning_rate or training.clip%s%s%s",
                     what, path, t->spec.recover > 0 ? " higher" : " (with checkpoint.keep: 0)",
                     is_local ? "" : ". '--resume ", is_local ? "" : path,
                     is_local ? "" : " --block B' added to this command prints the rows of block B");
}

/* Collective. Save the state, unless that was done at this iteration. */
static ddpm_status save(ddpm_trainer *t)
{
    if (t->saved == t->state.iteration) return DDPM_OK;
    t->saved = t->state.iteration;
    ddpm_stepper_gather(t->stepper, &t->state, DDPM_STATE_ALL);
    DDPM_TRY(DDPM_ON_RANK_0(t->comm, ddpm_trainer_save(t)));
    t->replaces = 0;
    return DDPM_OK;
}

/* Whether the last validations have had no new least loss. */
static int has_stalled(const ddpm_trainer *t)
{
    const int64_t since = t->state.iteration - t->state.best_iteration;
    return t->spec.patience > 0 && t->state.best_iteration >= 0 && since >= t->spec.patience * t->spec.validate_every;
}

static int is_finished(const ddpm_trainer *t)
{
    return t->state.iteration >= t->spec.iterations || has_stalled(t);
}

/* The iterations of a run that begins again, such that its learning rate comes to its end soon after the iteration at
 * which the held-out loss was least. */
static int64_t shorter(const ddpm_trainer *t)
{
    const int64_t least = t->state.best_iteration;
    return ddpm_settings_interval(t->config, least + (least + 1) / 2);
}

/* Whether a run that has stalled is to begin again: with as many iterations as before it would be the same run. */
static int begins_again(const ddpm_trainer *t)
{
    return t->config->training.shorten && t->state.horizon == 0 && t->state.iteration < t->spec.iterations &&
           has_stalled(t) && shorter(t) < t->spec.iterations;
}

/* Collective. One iteration, and what is due after it.
 * started: the time at which the run would have begun, had it not been interrupted. */
static ddpm_status advance(ddpm_trainer *t, ddpm_progress *progress, double started, int *stopping)
{
    const ddpm_trainer_spec *spec = &t->spec;
    ddpm_reduced result;
    double validation = NAN;
    ddpm_status status = ddpm_trainer_advance(t, &t->stop, &result);
    if (status == DDPM_ERR_NUMERIC) {
        ddpm_stepper_gather(t->stepper, &t->state, DDPM_STATE_ALL);
        return DDPM_ON_RANK_0(t->comm, fail_numeric(t));
    }
    DDPM_TRY(status);
    const int64_t done = t->state.iteration;
    *stopping = result.votes > 0;
    t->interval.loss += result.loss;
    t->interval.count++;

    const int validates = spec->validate_every > 0 && (done % spec->validate_every == 0 || done == spec->iterations);
    if (validates) {
        DDPM_TRY(ddpm_validation_loss(t->stepper, &t->state, &validation));
        ddpm_baseline_watch(t, validation);
        t->last.validation = validation;
    }
    const int last = is_finished(t);
    if (done % spec->report_every == 0 || validates || last) {
        const double seconds = ddpm_comm_seconds() - started;
        DDPM_TRY(DDPM_ON_RANK_0(t->comm, ddpm_report_interval(t, progress, result.norm, validation, seconds)));
        t->last.loss = t->interval.loss / (double)t->interval.count;
        t->interval = (ddpm_interval){0};
        t->rate_iteration = done;
        t->rate_seconds = seconds;
    }
    if (done % spec->checkpoint_every == 0 || last || *stopping) return save(t);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status loop(ddpm_trainer *t)
{
    const int64_t iterations = t->spec.iterations;
    const double before = t->folder ? ddpm_run_folder_seconds(t->folder) : 0.0, started = ddpm_comm_seconds() - before;
    ddpm_progress progress = ddpm_progress_begin("iterations", iterations);
    int stopping = 0;
    ddpm_status status = DDPM_OK;
    t->rate_iteration = t->state.iteration;
    t->rate_seconds = ddpm_comm_seconds() - started;
    while (status == DDPM_OK && !stopping && !is_finished(t)) status = advance(t, &progress, started, &stopping);
    if (stopping)
        (void)ddpm_stop_wanted(&t->stop); /* where another rank voted, this one may find the same reason now */
    if (status == DDPM_OK && stopping && !is_finished(t))
        return ddpm_fail(
            DDPM_STOPPED, "stopped by %s at iteration %lld of %lld, checkpoint saved; the same command goes on",
            t->stop.reason ? t->stop.reason : "another rank", (long long)t->state.iteration, (long long)iterations);
    return status;
}

/* Collective. The loop, between the opening and the closing of the run folder. */
static ddpm_status loop_in_folder(ddpm_trainer *t, const char *folder)
{
    char message[DDPM_MESSAGE_BYTES];
    ddpm_status status =
        DDPM_ON_RANK_0(t->comm, ddpm_run_folder_open(folder, t->config_text, t->state.iteration, &t->folder));
    if (status == DDPM_OK) status = loop(t);
    snprintf(message, sizeof message, "%s", ddpm_error_message());
    const ddpm_status closed = DDPM_ON_RANK_0(t->comm, ddpm_run_folder_close(&t->folder));
    return status == DDPM_OK ? closed : ddpm_fail(status, "%s", message);
}

/* Collective. Go back to the newest regular checkpoint, or to the start, and halve the learning rate. A run that fails
 * again before it comes to a new regular checkpoint goes back further, since numbers may have grown far too large long
 * before they are infinite. Where a run goes back to must not depend on when it was stopped: the checkpoints of
 * requests to stop are passed over, and those beyond are removed, lest the run be resumed from one of them. */
static ddpm_status go_back(ddpm_trainer *t, const char *folder)
{
    const int64_t recoveries = t->state.recoveries + 1, every = t->spec.checkpoint_every;
    const int64_t regular = t->state.iteration - t->state.iteration % every; /* where the newest one is, or was */
    const int again = regular <= t->state.returned_to;
    const int64_t most = again ? t->state.returned_to - 1 : t->state.iteration;
    ddpm_log_warning("%s", ddpm_error_message());
    DDPM_TRY(ddpm_trainer_begin(t));
    DDPM_TRY(ddpm_trainer_load_newest(t, folder, every, most));
    DDPM_TRY(ddpm_start_begin(t));
    t->state.recoveries = recoveries;
    t->state.returned_to = t->state.iteration;
    DDPM_TRY(DDPM_ON_RANK_0(t->comm, ddpm_checkpoint_go_back(folder, t->state.iteration)));
    ddpm_log_warning("recovery %lld of %lld: the run goes on from iteration %lld with the learning rate halved",
                     (long long)recoveries, (long long)t->spec.recover, (long long)t->state.iteration);
    return DDPM_OK;
}

/* Collective. Begin a shorter run: what was best until now was found at nearly the full learning rate. The checkpoint
 * at which it stalled stays until the shorter one has one of its own, so that a run that is killed before that begins
 * again at once. */
static ddpm_status begin_again(ddpm_trainer *t, const char *folder)
{
    const int64_t horizon = shorter(t);
    DDPM_TRY(DDPM_ON_RANK_0(t->comm, ddpm_checkpoint_publish(folder, t->state.iteration, DDPM_KEEP_NO_OTHER)));
    ddpm_log_info("shortened  the held-out loss was least (%.7g) at iteration %lld; the run begins again, for %lld "
                  "iterations (training.shorten)",
                  t->state.best_loss, (long long)t->state.best_iteration, (long long)horizon);
    ddpm_trainer_shorten(t, horizon);
    t->state.returned_to = -1;
    t->replaces = 1;
    DDPM_TRY(ddpm_trainer_begin(t));
    return ddpm_start_begin(t);
}

/* Collective. Train, go back as often as is allowed, and begin again where the run is shortened. */
static ddpm_status train_with_recoveries(ddpm_trainer *t, const char *folder)
{
    if (t->timing) ddpm_timing_begin(t->timing);
    ddpm_status status = loop_in_folder(t, folder);
    for (;;) {
        if (status == DDPM_ERR_NUMERIC && t->state.recoveries < t->spec.recover)
            status = go_back(t, folder);
        else if (status == DDPM_OK && begins_again(t))
            status = begin_again(t, folder);
        else
            break;
        if (status == DDPM_OK) status = loop_in_folder(t, folder);
    }
    return status;
}

/* Local: rank 0. */
static ddpm_status refuse_checkpoints(const char *folder)
{
    int64_t count = 0, *iterations = NULL;
    const ddpm_status status = ddpm_checkpoint_list(folder, &count, &iterations);
    ddpm_release(iterations);
    if (status != DDPM_OK || count == 0) return status;
    return ddpm_fail(
        DDPM_ERR_USAGE,
        "%s has checkpoints of an earlier run; name another folder (--output), remove %s/checkpoints to begin "
        "anew, or leave --resume never out to go on",
        folder, folder);
}

/* Collective. */
static ddpm_status load_state(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    switch (options->resume) {
    case DDPM_RESUME_FILE:
        return ddpm_trainer_load(t, options->resume_file);
    case DDPM_RESUME_AUTO:
        return ddpm_trainer_load_newest(t, folder, 1, INT64_MAX);
    case DDPM_RESUME_NEVER:
        break;
    }
    return DDPM_ON_RANK_0(t->comm, refuse_checkpoints(folder));
}

/* Collective. */
static ddpm_status resume(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    DDPM_TRY(load_state(t, options, folder));
    return ddpm_start_begin(t);
}

/* Collective. */
static ddpm_status inspect(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    const int64_t batch = t->spec.step.batch;
    if (t->spec.local.steps > 1)
        return ddpm_fail(DDPM_ERR_USAGE, "--block: expected a run without training.local_steps, whose workers' blocks "
                                         "depend on the steps before them");
    DDPM_TRY(resume(t, options, folder));
    DDPM_TRY(ddpm_dataset_prepare(t->dataset, t->state.iteration * batch, batch));
    return DDPM_ON_RANK_0(t->comm, ddpm_inspect_block(t->stepper, &t->state, options->block, stdout));
}

/* Collective. Resume, then train until the end or a request to stop. */
static ddpm_status resume_and_train(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    const char *watched = ddpm_comm_rank(t->comm) == 0 ? folder : NULL;
    DDPM_TRY(DDPM_ON_RANK_0(t->comm, ddpm_lock_take(folder, &t->lock)));
    DDPM_TRY(resume(t, options, folder));
    if (is_finished(t) && !begins_again(t)) {
        ddpm_start_tell_finished(t, folder);
        return DDPM_OK;
    }
    DDPM_TRY(ddpm_agree(t->comm, ddpm_stop_begin(t->spec.time_limit, t->spec.stop_margin, watched, &t->stop)));
    ddpm_status status = train_with_recoveries(t, folder);
    ddpm_stop_end();
    if (t->timing && (status == DDPM_OK || status == DDPM_STOPPED)) {
        const ddpm_status written = ddpm_timing_write(t->comm, t->timing, omp_get_max_threads(), folder);
        if (written != DDPM_OK) status = written; /* else the message of the stop is still the last one */
    }
    if (status == DDPM_OK && has_stalled(t))
        ddpm_log_info("ended      the held-out loss was least at iteration %lld (training.patience)",
                      (long long)t->state.best_iteration);
    if (status == DDPM_OK) ddpm_baseline_finish(t, folder);
    return status;
}

/* Collective. Say how long iterations take: as many as fill a moment, after a first one, for which memory is still new.
 * The state is then another one. */
static ddpm_status time_iterations(ddpm_trainer *t)
{
    const double moment = 0.2; /* seconds */
    const int64_t most = 100, iterations = t->spec.iterations;
    int64_t count = 1;
    double seconds = 0.0;
    char whole[40];
    for (int part = 0; part < 2; part++) {
        const double begun = ddpm_comm_seconds();
        ddpm_reduced result;
        for (int64_t i = 0; i < count; i++) DDPM_TRY(ddpm_trainer_advance(t, NULL, &result));
        seconds = (ddpm_comm_seconds() - begun) / (double)count;
        count = ddpm_larger(1, ddpm_smaller(most, (int64_t)(moment / fmax(seconds, moment / (double)most))));
        ddpm_comm_broadcast(t->comm, &count, sizeof count);
    }
    seconds /= (double)t->spec.local.steps;
    ddpm_progress_duration(seconds * (double)iterations, whole, sizeof whole);
    ddpm_log_info("time       %.3g s an iteration on these ranks and threads, so that %lld take about %s", seconds,
                  (long long)iterations, whole);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status run(ddpm_trainer *t, const ddpm_train_options *options)
{
    char folder[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_agree(t->comm, ddpm_settings_folder(t->config, folder)));
    ddpm_placement_report(t->comm, omp_get_max_threads());
    DDPM_TRY(ddpm_start_prepare(t, options, folder));
    DDPM_TRY(ddpm_dataset_create(t->comm, &t->spec.data, &t->dataset));
    DDPM_TRY(ddpm_placement_check(t->comm, ddpm_kernels_choose(t->config->training.precision)));
    DDPM_TRY(ddpm_trainer_build(t));
    ddpm_describe_run(t);
    if (options->dry_run) {
        DDPM_TRY(time_iterations(t));
        ddpm_log_info("dry run    nothing was written; the run folder would be %s", folder);
        return DDPM_OK;
    }
    return options->inspects ? inspect(t, options, folder) : resume_and_train(t, options, folder);
}

ddpm_status ddpm_train(ddpm_comm *comm, const ddpm_config *config, const ddpm_train_options *options)
{
    ddpm_timing timing = {0};
    ddpm_trainer t = {
        .comm = comm,
        .spec = ddpm_settings_trainer(config),
        .config = config,
        .timing = options->timings ? &timing : NULL,
        .last = {NAN, NAN},
    };
    const ddpm_status status = run(&t, options);
    ddpm_trainer_release(&t);
    return status;
}
