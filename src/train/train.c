/* The training loop: resume, iterate, report, save, recover. Rank 0 keeps the run folder. */
#include "train/train.h"

#include "base/log.h"
#include "base/memory.h"
#include "train/inspect.h"
#include "train/trainer.h"
#include "world/placement.h"
#include "world/progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* Collective. */
static ddpm_status resume(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    if (options->resume == DDPM_RESUME_FILE) return ddpm_trainer_load(t, options->resume_file);
    if (options->resume == DDPM_RESUME_AUTO) return ddpm_trainer_load_newest(t, folder, 1, INT64_MAX);
    int64_t count = 0, *iterations = NULL;
    ddpm_status status = ddpm_trainer_writes(t) ? ddpm_checkpoint_list(folder, &count, &iterations) : DDPM_OK;
    ddpm_release(iterations);
    if (status == DDPM_OK && count > 0)
        status = ddpm_fail(
            DDPM_ERR_USAGE,
            "%s has checkpoints of an earlier run; name another folder (--output), or go on (--resume auto)", folder);
    return ddpm_agree(t->comm, status);
}

/* Collective. */
static ddpm_status checkpoint(ddpm_trainer *t)
{
    if (t->saved == t->state.iteration) return DDPM_OK;
    t->saved = t->state.iteration;
    return ddpm_agree(t->comm, ddpm_trainer_writes(t) ? ddpm_trainer_save(t) : DDPM_OK);
}

/* Local: rank 0. A row of metrics.csv, and a line where one is due. */
static ddpm_status report(ddpm_trainer *t, ddpm_progress *progress, const ddpm_reduced *last, double validation,
                          double seconds)
{
    const ddpm_config *config = ddpm_trainer_config(t);
    const double epoch =
        (double)t->state.iteration * (double)config->training.batch / (double)ddpm_dataset_rows(t->dataset);
    const double rate = (double)(t->state.iteration - t->marked_iteration) / (seconds - t->marked_seconds);
    const ddpm_learning_rate_spec learning_rate = ddpm_config_learning_rate(config);
    const ddpm_metrics_row row = {
        .iteration = t->state.iteration,
        .epoch = epoch,
        .loss = t->interval.loss / (double)t->interval.count,
        .validation_loss = validation,
        .learning_rate = ddpm_learning_rate(&learning_rate, t->state.iteration - 1, t->state.recoveries),
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
static ddpm_status fail_numeric(ddpm_trainer *t)
{
    char what[DDPM_MESSAGE_BYTES / 2], path[DDPM_PATH_BYTES];
    snprintf(what, sizeof what, "%s, at iteration %lld of seed %llu; the last checkpoint is untouched",
             ddpm_error_message(), (long long)t->state.iteration + 1,
             (unsigned long long)ddpm_trainer_config(t)->run.seed);
    if (ddpm_trainer_save_failed(t, path) != DDPM_OK)
        return ddpm_fail(DDPM_ERR_NUMERIC, "%s; the state before it could not be kept", what);
    return ddpm_fail(DDPM_ERR_NUMERIC,
                     "%s: go on from it at half the learning rate (training.recover: 1 with checkpoint.keep: 0), or "
                     "begin anew with a lower "
                     "training.learning_rate or training.clip; to see the block's rows: the same command with --resume "
                     "'%s' --block B",
                     what, path);
}

/* Collective. One iteration, and what is due after it. */
static ddpm_status advance(ddpm_trainer *t, ddpm_progress *progress, double started, int *stopping)
{
    const ddpm_config *config = ddpm_trainer_config(t);
    ddpm_reduced result;
    double validation = NAN;
    ddpm_status status = ddpm_stepper_iterate(t->stepper, &t->state, ddpm_stop_wanted(&t->stop), &result);
    if (status == DDPM_ERR_NUMERIC) return ddpm_agree(t->comm, ddpm_trainer_writes(t) ? fail_numeric(t) : DDPM_OK);
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
        DDPM_TRY(
            ddpm_agree(t->comm, ddpm_trainer_writes(t) ? report(t, progress, &result, validation, seconds) : DDPM_OK));
        t->interval = (ddpm_interval){0};
        t->marked_iteration = done;
        t->marked_seconds = seconds;
    }
    if (done % config->checkpoint.every == 0 || last || *stopping) return checkpoint(t);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status loop(ddpm_trainer *t)
{
    const int64_t iterations = ddpm_trainer_config(t)->training.iterations;
    ddpm_progress progress = ddpm_progress_begin("iterations", t->state.iteration, iterations);
    int stopping = 0;
    ddpm_status status = DDPM_OK;
    const double started = ddpm_comm_seconds() - (ddpm_trainer_writes(t) ? ddpm_run_folder_seconds(t->folder) : 0.0);
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
static ddpm_status train_on(ddpm_trainer *t, const char *folder)
{
    const int writes = ddpm_trainer_writes(t);
    char message[DDPM_MESSAGE_BYTES];
    ddpm_status status = ddpm_agree(
        t->comm,
        writes ? ddpm_run_folder_open(folder, ddpm_trainer_config(t), t->state.iteration, &t->folder) : DDPM_OK);
    if (status == DDPM_OK) status = loop(t);
    snprintf(message, sizeof message, "%s", ddpm_error_message());
    const ddpm_status closed = ddpm_agree(t->comm, writes ? ddpm_run_folder_close(&t->folder) : DDPM_OK);
    return status == DDPM_OK ? closed : ddpm_fail(status, "%s", message);
}

/* Collective. To the newest regular checkpoint, else to the start, with half the learning rate; one further back when
 * the run failed again before it came to a new one, for numbers may have grown wild long before they are infinite.
 * Checkpoints of requests to stop are passed over: where a run goes back to must not depend on when it was stopped. */
static ddpm_status go_back(ddpm_trainer *t, const char *folder)
{
    const int64_t recoveries = t->state.recoveries + 1;
    const int again = t->returned >= 0 && t->saved <= t->returned;
    const int64_t most = again ? t->returned - 1 : t->state.iteration;
    ddpm_log_warning("%s", ddpm_error_message());
    DDPM_TRY(ddpm_trainer_begin(t));
    DDPM_TRY(ddpm_trainer_load_newest(t, folder, ddpm_trainer_config(t)->checkpoint.every, most));
    t->state.recoveries = recoveries;
    t->returned = t->state.iteration;
    t->saved = t->state.iteration > 0 ? t->state.iteration : -1;
    ddpm_log_warning("recovery %lld of %lld: on from iteration %lld with the learning rate halved",
                     (long long)recoveries, (long long)ddpm_trainer_config(t)->training.recover,
                     (long long)t->state.iteration);
    return DDPM_OK;
}

/* Collective. */
static ddpm_status inspect(ddpm_trainer *t, const ddpm_train_options *options, const char *folder)
{
    const int64_t batch = ddpm_trainer_config(t)->training.batch;
    DDPM_TRY(resume(t, options, folder));
    DDPM_TRY(ddpm_dataset_prepare(t->dataset, t->state.iteration * batch, batch));
    return ddpm_agree(t->comm, ddpm_trainer_writes(t) ? ddpm_inspect_block(t->stepper, &t->model, t->dataset, &t->state,
                                                                           options->block, stdout)
                                                      : DDPM_OK);
}

/* What the network says of the noise at T becomes x_0 divided by sqrt(alpha_bar_T), its errors with it. */
static void warn_of_noise(const ddpm_diffusion *diffusion)
{
    const double most = 1e3, factor = 1.0 / sqrt(diffusion->schedule.alpha_bar[diffusion->schedule.steps]);
    if (diffusion->predict == DDPM_PREDICT_NOISE && factor > most)
        ddpm_log_warning("diffusion.predict: noise: with this schedule sampling multiplies the network's errors at "
                         "t = T by %.0f, and samples may diverge; use velocity",
                         factor);
}

static void describe_memory(const ddpm_stepper *stepper)
{
    const ddpm_memory m = ddpm_stepper_memory(stepper);
    const double mib = 1048576.0;
    ddpm_log_info(
        "memory     %.1f MiB a rank beside the data and the libraries: parameters, average, moments, gradient "
        "%.1f; packed weights %.1f; sums %.1f and activations %.1f of the threads; tables %.1f; on rank 0 up to "
        "%.1f more while it writes a checkpoint",
        (double)ddpm_memory_total(&m) / mib, (double)m.parameters / mib, (double)m.packed / mib, (double)m.sums / mib,
        (double)m.activations / mib, (double)m.tables / mib, (double)m.checkpoint / mib);
}

static void describe(const ddpm_trainer *t)
{
    const ddpm_config *config = ddpm_trainer_config(t);
    const double operations = ddpm_network_operations(t->model.network);
    const ddpm_kernels *kernels = ddpm_network_kernels(t->model.network);
    char data[160];
    ddpm_dataset_describe(t->dataset, data, sizeof data);
    ddpm_log_info("data       %s; %lld to train on, %lld held out", data, (long long)ddpm_dataset_rows(t->dataset),
                  (long long)ddpm_dataset_held_out(t->dataset));
    if (config->data.validation > 0.0 && ddpm_dataset_held_out(t->dataset) == 0)
        ddpm_log_warning("data.validation: %g of the rows is less than one row, or one page where they are streamed; "
                         "there will be no "
                         "validation loss",
                         config->data.validation);
    ddpm_log_info("network    %lld parameters, %.3g operations a row and training step; %s kernels, %s precision",
                  (long long)ddpm_network_parameter_count(t->model.network), 3.0 * operations, kernels->name,
                  kernels->precision);
    if (!kernels->at_full_rate)
        ddpm_log_warning(
            "training.precision: this processor has no instruction for bfloat16 (AVX512-BF16) and does without, "
            "slowly: float32 is faster here");
    ddpm_model_report_audit(&t->model.diffusion.schedule);
    warn_of_noise(&t->model.diffusion);
    ddpm_log_info("batch      %lld rows in %lld blocks of %lld; %s reduction", (long long)config->training.batch,
                  (long long)ddpm_stepper_blocks(t->stepper), (long long)ddpm_stepper_block_rows(t->stepper),
                  config->parallel.reduction == DDPM_REDUCTION_EXACT ? "exact" : "float32");
    describe_memory(t->stepper);
    if (ddpm_comm_size(t->comm) > ddpm_stepper_blocks(t->stepper))
        ddpm_log_warning("%d ranks share %lld blocks: some ranks have nothing to do; use fewer ranks, a larger "
                         "training.batch, or smaller "
                         "parallel.block_rows",
                         ddpm_comm_size(t->comm), (long long)ddpm_stepper_blocks(t->stepper));
}

/* Collective. */
static ddpm_status run(ddpm_trainer *t, const ddpm_config *config, const ddpm_train_options *options)
{
    char folder[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_agree(t->comm, ddpm_run_folder_name(config, folder)));
    ddpm_placement_report(t->comm, omp_get_max_threads());
    const ddpm_data_spec data = ddpm_config_data(config);
    DDPM_TRY(ddpm_dataset_create(t->comm, &data, &t->dataset));
    DDPM_TRY(ddpm_placement_check(t->comm, ddpm_kernels_choose(config->training.precision)));
    DDPM_TRY(ddpm_trainer_build(t, config));
    describe(t);
    if (options->dry_run) {
        ddpm_log_info("dry run    nothing was written; the run folder would be %s", folder);
        return DDPM_OK;
    }
    if (options->inspects) return inspect(t, options, folder);
    DDPM_TRY(ddpm_agree(t->comm, ddpm_trainer_writes(t) ? ddpm_lock_take(folder, &t->lock) : DDPM_OK));
    DDPM_TRY(resume(t, options, folder));
    t->saved = t->state.iteration > 0 ? t->state.iteration : -1;
    if (t->state.iteration >= config->training.iterations) {
        ddpm_log_info("finished   %s has all %lld iterations already", folder, (long long)t->state.iteration);
        return DDPM_OK;
    }
    DDPM_TRY(ddpm_agree(t->comm, ddpm_stop_begin(config->run.time_limit, config->run.stop_margin,
                                                 ddpm_trainer_writes(t) ? folder : NULL, &t->stop)));
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
    ddpm_timing timing = {0};
    ddpm_trainer t = {.comm = comm, .timing = options->timings ? &timing : NULL, .saved = -1, .returned = -1};
    const ddpm_status status = run(&t, config, options);
    ddpm_trainer_release(&t);
    return status;
}
