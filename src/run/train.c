/* The training loop: resume, iterate, report, save. Rank 0 keeps the run folder. */
#include "ddpm/run/train.h"

#include "ddpm/base/log.h"
#include "ddpm/base/memory.h"
#include "ddpm/run/inspect.h"
#include "ddpm/run/load.h"
#include "ddpm/run/progress.h"
#include "ddpm/run/run_folder.h"
#include "ddpm/run/step.h"
#include "ddpm/run/stop.h"
#include "ddpm/store/lock.h"
#include "ddpm/world/placement.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

typedef struct trainer {
    ddpm_comm *comm;
    ddpm_model model;
    ddpm_dataset *dataset;
    ddpm_stepper *stepper;
    ddpm_state state;
    ddpm_interval interval;   /* since the last row of metrics.csv */
    int64_t marked_iteration; /* the same moment in this submission, for the rate */
    double marked_seconds;
    ddpm_timing *timing; /* NULL: not asked for */
    ddpm_stop stop;
    ddpm_lock *lock;         /* of the folder: rank 0, else NULL */
    ddpm_run_folder *folder; /* likewise, while the loop runs */
    int64_t saved;           /* iteration of the newest checkpoint, -1: none */
    int64_t returned;        /* iteration that the last recovery went back to, -1: none */
} trainer;

static const ddpm_config *config_of(const trainer *t)
{
    return t->model.config;
}

static int is_writer(const trainer *t)
{
    return ddpm_comm_rank(t->comm) == 0;
}

static ddpm_status allocate_state(trainer *t)
{
    const int64_t n = ddpm_network_parameter_count(t->model.network);
    DDPM_TRY(DDPM_NEW(&t->state.parameters, n, "parameters"));
    DDPM_TRY(DDPM_NEW(&t->state.ema, n, "average of the parameters"));
    DDPM_TRY(DDPM_NEW(&t->state.moment1, n, "moments"));
    return DDPM_NEW(&t->state.moment2, n, "moments");
}

/* Local. A new run starts from here. */
static ddpm_status begin(trainer *t)
{
    const size_t bytes = (size_t)ddpm_network_parameter_count(t->model.network) * sizeof(float);
    ddpm_stepper_free(t->stepper); /* it holds scales of an earlier attempt */
    t->stepper = NULL;
    DDPM_TRY(ddpm_stepper_create(t->comm, &t->model, t->dataset, omp_get_max_threads(), &t->stepper));
    ddpm_stepper_measure(t->stepper, t->timing);
    t->state.iteration = 0;
    t->interval = (ddpm_interval){0};
    ddpm_network_initialise(t->model.network, config_of(t)->run.seed, t->state.parameters);
    memcpy(t->state.ema, t->state.parameters, bytes);
    memset(t->state.moment1, 0, bytes);
    memset(t->state.moment2, 0, bytes);
    return DDPM_OK;
}

/* Local. Everything but the data. */
static ddpm_status build(trainer *t, const ddpm_config *config)
{
    DDPM_TRY(
        ddpm_model_create(config, ddpm_dataset_columns(t->dataset), ddpm_dataset_condition(t->dataset), &t->model));
    DDPM_TRY(allocate_state(t));
    return begin(t);
}

/* Local. The data must be those the run began with: the transform is a fingerprint of them. */
static ddpm_status check_same_data(const trainer *t, const ddpm_checkpoint *checkpoint)
{
    const ddpm_transform *now = ddpm_dataset_transform(t->dataset);
    const size_t bytes = (size_t)now->columns * sizeof(double);
    if (checkpoint->columns != now->columns)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "the data have %lld columns and had %lld when this run began; restore them, or start a new run folder",
            (long long)now->columns, (long long)checkpoint->columns);
    if (memcmp(checkpoint->mean, now->mean, bytes) == 0 && memcmp(checkpoint->scale, now->scale, bytes) == 0)
        return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "the data are not those this run began with (a column's mean or deviation differs); restore them, "
                     "or start a new run folder");
}

/* Local. */
static ddpm_status adopt(trainer *t, const ddpm_loaded *loaded)
{
    const ddpm_checkpoint *c = &loaded->checkpoint;
    const size_t bytes = (size_t)c->parameter_count * sizeof(float);
    int64_t count;
    int32_t *exponents = ddpm_stepper_exponents(t->stepper, &count);
    ddpm_timesteps *timesteps = ddpm_stepper_timesteps(t->stepper);
    DDPM_TRY(ddpm_config_same_science(&loaded->config, config_of(t)));
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

static ddpm_status load(trainer *t, const char *path)
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

/* Collective. The newest such checkpoint that can be read; a damaged one is passed over with a warning. */
static ddpm_status resume_newest(trainer *t, const char *folder, int64_t every, int64_t most)
{
    int64_t count = 0, *iterations = NULL;
    char path[DDPM_PATH_BYTES];
    ddpm_status status = ddpm_agree(t->comm, is_writer(t) ? list(folder, every, most, &count, &iterations) : DDPM_OK);
    ddpm_comm_broadcast(t->comm, &count, sizeof count);
    for (int64_t i = 0; status == DDPM_OK && i < count; i++) {
        memset(path, 0, sizeof path);
        status = ddpm_agree(t->comm,
                            is_writer(t) ? ddpm_checkpoint_path(folder, iterations[i], path, sizeof path) : DDPM_OK);
        if (status != DDPM_OK) break;
        ddpm_comm_broadcast(t->comm, path, sizeof path);
        status = load(t, path);
        const int damaged = status == DDPM_ERR_DATA && strstr(ddpm_error_message(), path) != NULL;
        if (!damaged) break;
        ddpm_log_warning("%s", ddpm_error_message());
        if (i + 1 < count) status = DDPM_OK;
    }
    ddpm_release(iterations);
    return status;
}

/* Collective. */
static ddpm_status resume(trainer *t, const ddpm_train_options *options, const char *folder)
{
    if (options->resume == DDPM_RESUME_FILE) return load(t, options->resume_file);
    if (options->resume == DDPM_RESUME_AUTO) return resume_newest(t, folder, 1, INT64_MAX);
    int64_t count = 0, *iterations = NULL;
    ddpm_status status = is_writer(t) ? ddpm_checkpoint_list(folder, &count, &iterations) : DDPM_OK;
    ddpm_release(iterations);
    if (status == DDPM_OK && count > 0)
        status = ddpm_fail(
            DDPM_ERR_USAGE,
            "%s has checkpoints of an earlier run; name another folder (--output), or go on (--resume auto)", folder);
    return ddpm_agree(t->comm, status);
}

/* Local. The state as a checkpoint, borrowed. */
static ddpm_checkpoint state_of(trainer *t)
{
    const ddpm_transform *transform = ddpm_dataset_transform(t->dataset);
    ddpm_checkpoint c = {
        .iteration = t->state.iteration,
        .recoveries = t->state.recoveries,
        .interval = t->interval,
        .columns = transform->columns,
        .column_names = (char **)ddpm_dataset_names(t->dataset),
        .mean = transform->mean,
        .scale = transform->scale,
        .minimum = transform->minimum,
        .maximum = transform->maximum,
        .condition = *ddpm_dataset_condition(t->dataset),
        .steps = t->model.diffusion.schedule.steps,
        .beta = t->model.diffusion.schedule.beta,
        .history = ddpm_stepper_timesteps(t->stepper)->history,
        .seen = ddpm_stepper_timesteps(t->stepper)->seen,
        .parameter_count = ddpm_network_parameter_count(t->model.network),
        .parameters = t->state.parameters,
        .ema = t->state.ema,
        .moment1 = t->state.moment1,
        .moment2 = t->state.moment2,
    };
    c.exponent = ddpm_stepper_exponents(t->stepper, &c.exponent_count);
    return c;
}

/* Local: rank 0. */
static ddpm_status save(trainer *t)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    ddpm_checkpoint c = state_of(t);
    return ddpm_run_folder_save(t->folder, config_of(t), &c, count, tensors);
}

/* Collective. */
static ddpm_status checkpoint(trainer *t)
{
    if (t->saved == t->state.iteration) return DDPM_OK;
    t->saved = t->state.iteration;
    return ddpm_agree(t->comm, is_writer(t) ? save(t) : DDPM_OK);
}

/* Local: rank 0. A row of metrics.csv, and a line where one is due. */
static ddpm_status report(trainer *t, ddpm_progress *progress, const ddpm_reduced *last, double validation,
                          double seconds)
{
    const ddpm_config *config = config_of(t);
    const double epoch =
        (double)t->state.iteration * (double)config->training.batch / (double)ddpm_dataset_rows(t->dataset);
    const double rate = (double)(t->state.iteration - t->marked_iteration) / (seconds - t->marked_seconds);
    const ddpm_metrics_row row = {
        .iteration = t->state.iteration,
        .epoch = epoch,
        .loss = t->interval.loss / (double)t->interval.count,
        .validation_loss = validation,
        .learning_rate = ddpm_learning_rate(config, t->state.iteration - 1, t->state.recoveries),
        .gradient_norm = last->norm,
        .rows_per_second = rate * (double)config->training.batch,
        .seconds = seconds,
    };
    char detail[160], held_out[24] = "-";
    if (!isnan(validation)) snprintf(held_out, sizeof held_out, "%.5f", validation);
    snprintf(detail, sizeof detail, "loss %.5f  %.3g rows/s", row.loss, row.rows_per_second);
    ddpm_progress_bar(progress, t->state.iteration, rate, detail);
    if (ddpm_progress_line_due(progress, t->state.iteration)) {
        char left[32];
        ddpm_progress_duration((double)(progress->total - t->state.iteration) / rate, left, sizeof left);
        if (progress->header_due)
            ddpm_log_info("%10s %9s %10s %10s %10s %10s %12s", "iteration", "epoch", "loss", "held out", "rate",
                          "rows/s", "left");
        progress->header_due = 0;
        ddpm_log_info("%10lld %9.2f %10.5f %10s %10.2e %10.3g %12s", (long long)row.iteration, row.epoch, row.loss,
                      held_out, row.learning_rate, row.rows_per_second, left);
    }
    return ddpm_run_folder_report(t->folder, &row);
}

/* Local: rank 0. What to do after a loss or gradient that is not finite; the state before it is kept, for a look. */
static ddpm_status fail_numeric(trainer *t)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(t->model.network, &tensors);
    ddpm_checkpoint c = state_of(t);
    char what[DDPM_MESSAGE_BYTES / 2], path[DDPM_PATH_BYTES];
    snprintf(what, sizeof what, "%s, at iteration %lld of seed %llu; the last checkpoint is untouched",
             ddpm_error_message(), (long long)t->state.iteration + 1, (unsigned long long)config_of(t)->run.seed);
    if (ddpm_run_folder_save_failed(t->folder, config_of(t), &c, count, tensors, path) != DDPM_OK)
        return ddpm_fail(DDPM_ERR_NUMERIC, "%s; the state before it could not be kept", what);
    return ddpm_fail(DDPM_ERR_NUMERIC,
                     "%s: go on from it at half the learning rate (training.recover: 1 with checkpoint.keep: 0), or "
                     "begin anew with a lower "
                     "training.learning_rate or training.clip; to see the block's rows: the same command with --resume "
                     "'%s' --block B",
                     what, path);
}

/* Collective. One iteration, and what is due after it. */
static ddpm_status advance(trainer *t, ddpm_progress *progress, double started, int *stopping)
{
    const ddpm_config *config = config_of(t);
    ddpm_reduced result;
    double validation = NAN;
    ddpm_status status = ddpm_stepper_iterate(t->stepper, &t->state, ddpm_stop_wanted(&t->stop), &result);
    if (status == DDPM_ERR_NUMERIC) return ddpm_agree(t->comm, is_writer(t) ? fail_numeric(t) : DDPM_OK);
    DDPM_TRY(status);
    const int64_t done = t->state.iteration;
    *stopping = result.votes > 0;
    t->interval.loss += result.loss;
    t->interval.count++;

    const int last = done == config->training.iterations;
    const int validates = config->training.validate_every > 0 && (done % config->training.validate_every == 0 || last);
    if (validates) DDPM_TRY(ddpm_stepper_validate(t->stepper, &t->state, &validation));
    if (done % config->run.report_every == 0 || validates || last) {
        const double seconds = ddpm_comm_seconds() - started;
        DDPM_TRY(ddpm_agree(t->comm, is_writer(t) ? report(t, progress, &result, validation, seconds) : DDPM_OK));
        t->interval = (ddpm_interval){0};
        t->marked_iteration = done;
        t->marked_seconds = seconds;
    }
    if (done % config->checkpoint.every == 0 || last || *stopping) return checkpoint(t);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status loop(trainer *t)
{
    const int64_t iterations = config_of(t)->training.iterations;
    ddpm_progress progress = ddpm_progress_begin("iterations", t->state.iteration, iterations);
    int stopping = 0;
    ddpm_status status = DDPM_OK;
    const double started = ddpm_comm_seconds() - (is_writer(t) ? ddpm_run_folder_seconds(t->folder) : 0.0);
    t->marked_iteration = t->state.iteration;
    t->marked_seconds = ddpm_comm_seconds() - started;
    while (status == DDPM_OK && !stopping && t->state.iteration < iterations)
        status = advance(t, &progress, started, &stopping);
    if (stopping) (void)ddpm_stop_wanted(&t->stop); /* another rank may have been first to see what this one sees now */
    if (status == DDPM_OK && stopping && t->state.iteration < iterations)
        return ddpm_fail(
            DDPM_STOPPED, "stopped by %s at iteration %lld of %lld, checkpoint saved; the same command goes on",
            t->stop.reason ? t->stop.reason : "another rank", (long long)t->state.iteration, (long long)iterations);
    return status;
}

/* Collective. */
static ddpm_status train_on(trainer *t, const char *folder)
{
    const int writes = is_writer(t);
    char message[DDPM_MESSAGE_BYTES];
    ddpm_status status = ddpm_agree(
        t->comm, writes ? ddpm_run_folder_open(folder, config_of(t), t->state.iteration, &t->folder) : DDPM_OK);
    if (status == DDPM_OK) status = loop(t);
    snprintf(message, sizeof message, "%s", ddpm_error_message());
    const ddpm_status closed = ddpm_agree(t->comm, writes ? ddpm_run_folder_close(&t->folder) : DDPM_OK);
    return status == DDPM_OK ? closed : ddpm_fail(status, "%s", message);
}

/* Collective. To the newest regular checkpoint, else to the start, with half the learning rate; one further back when
 * the run failed again before it came to a new one, for numbers may have grown wild long before they are infinite.
 * Checkpoints of requests to stop are passed over: where a run goes back to must not depend on when it was stopped. */
static ddpm_status go_back(trainer *t, const char *folder)
{
    const int64_t recoveries = t->state.recoveries + 1;
    const int again = t->returned >= 0 && t->saved <= t->returned;
    const int64_t most = again ? t->returned - 1 : t->state.iteration;
    ddpm_log_warning("%s", ddpm_error_message());
    DDPM_TRY(ddpm_agree(t->comm, begin(t)));
    DDPM_TRY(resume_newest(t, folder, config_of(t)->checkpoint.every, most));
    t->state.recoveries = recoveries;
    t->returned = t->state.iteration;
    t->saved = t->state.iteration > 0 ? t->state.iteration : -1;
    ddpm_log_warning("recovery %lld of %lld: on from iteration %lld with the learning rate halved",
                     (long long)recoveries, (long long)config_of(t)->training.recover, (long long)t->state.iteration);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status inspect(trainer *t, const ddpm_train_options *options, const char *folder)
{
    const int64_t batch = config_of(t)->training.batch;
    DDPM_TRY(resume(t, options, folder));
    DDPM_TRY(ddpm_dataset_prepare(t->dataset, t->state.iteration * batch, batch));
    return ddpm_agree(
        t->comm, is_writer(t) ? ddpm_inspect_block(t->stepper, &t->model, t->dataset, &t->state, options->block, stdout)
                              : DDPM_OK);
}

static void describe(const trainer *t)
{
    const ddpm_config *config = config_of(t);
    const double operations = ddpm_network_operations(t->model.network);
    char data[160];
    ddpm_dataset_describe(t->dataset, data, sizeof data);
    ddpm_log_info("data       %s; %lld to train on, %lld held out", data, (long long)ddpm_dataset_rows(t->dataset),
                  (long long)ddpm_dataset_held_out(t->dataset));
    if (config->data.validation > 0.0 && ddpm_dataset_held_out(t->dataset) == 0)
        ddpm_log_warning("data.validation: %g of the rows is less than one row, or one page where they are streamed; "
                         "there will be no "
                         "validation loss",
                         config->data.validation);
    ddpm_log_info("network    %lld parameters, %.3g operations a row and training step; %s kernels",
                  (long long)ddpm_network_parameter_count(t->model.network), 3.0 * operations,
                  ddpm_network_kernels(t->model.network)->name);
    ddpm_model_report_audit(&t->model.diffusion.schedule);
    ddpm_log_info("batch      %lld rows in %lld blocks of %lld; %s reduction", (long long)config->training.batch,
                  (long long)ddpm_stepper_blocks(t->stepper), (long long)ddpm_stepper_block_rows(t->stepper),
                  config->parallel.reduction == DDPM_REDUCTION_EXACT ? "exact" : "float32");
    ddpm_log_info("memory     %.1f MiB a rank beside the data", (double)ddpm_stepper_bytes(t->stepper) / 1048576.0);
    if (ddpm_comm_size(t->comm) > ddpm_stepper_blocks(t->stepper))
        ddpm_log_warning("%d ranks share %lld blocks: some ranks have nothing to do; use fewer ranks, a larger "
                         "training.batch, or smaller "
                         "parallel.block_rows",
                         ddpm_comm_size(t->comm), (long long)ddpm_stepper_blocks(t->stepper));
}

/* Collective. */
static ddpm_status run(trainer *t, const ddpm_config *config, const ddpm_train_options *options)
{
    char folder[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_agree(t->comm, ddpm_run_folder_name(config, folder)));
    ddpm_placement_report(t->comm, omp_get_max_threads());
    DDPM_TRY(ddpm_dataset_create(t->comm, config, &t->dataset));
    DDPM_TRY(ddpm_agree(t->comm, build(t, config)));
    describe(t);
    if (options->dry_run) {
        ddpm_log_info("dry run    nothing was written; the run folder would be %s", folder);
        return DDPM_OK;
    }
    if (options->inspects) return inspect(t, options, folder);
    DDPM_TRY(ddpm_agree(t->comm, is_writer(t) ? ddpm_lock_take(folder, &t->lock) : DDPM_OK));
    DDPM_TRY(resume(t, options, folder));
    t->saved = t->state.iteration > 0 ? t->state.iteration : -1;
    if (t->state.iteration >= config->training.iterations) {
        ddpm_log_info("finished   %s has all %lld iterations already", folder, (long long)t->state.iteration);
        return DDPM_OK;
    }
    DDPM_TRY(ddpm_agree(t->comm, ddpm_stop_begin(config->run.time_limit, config->run.stop_margin,
                                                 is_writer(t) ? folder : NULL, &t->stop)));
    if (t->timing) ddpm_timing_begin(t->timing);
    ddpm_status status = train_on(t, folder);
    while (status == DDPM_ERR_NUMERIC && t->state.recoveries < config->training.recover) {
        status = go_back(t, folder);
        if (status == DDPM_OK) status = train_on(t, folder);
    }
    ddpm_stop_end(&t->stop);
    if (status == DDPM_OK && t->timing) status = ddpm_timing_write(t->comm, t->timing, omp_get_max_threads(), folder);
    if (status == DDPM_OK) ddpm_log_info("finished   %lld iterations; see %s", (long long)t->state.iteration, folder);
    return status;
}

ddpm_status ddpm_train(ddpm_comm *comm, const ddpm_config *config, const ddpm_train_options *options)
{
    ddpm_timing timing;
    trainer t = {.comm = comm, .timing = options->timings ? &timing : NULL, .saved = -1, .returned = -1};
    const ddpm_status status = run(&t, config, options);
    ddpm_lock_release(t.lock);
    ddpm_stepper_free(t.stepper);
    ddpm_release(t.state.parameters);
    ddpm_release(t.state.ema);
    ddpm_release(t.state.moment1);
    ddpm_release(t.state.moment2);
    ddpm_dataset_free(t.dataset);
    ddpm_model_release(&t.model);
    return status;
}
