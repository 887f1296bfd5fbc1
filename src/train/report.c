/* Metrics of the last iterations. */
#include "train/report.h"

#include "base/log.h"

#include <math.h>
#include <stdio.h>

/* A line of the log, below the names of its columns. */
static void print_line(ddpm_progress *progress, const ddpm_metrics_row *row, double iterations_per_second)
{
    char held_out[24] = "-", left[32];
    if (!isnan(row->validation_loss)) snprintf(held_out, sizeof held_out, "%.5f", row->validation_loss);
    ddpm_progress_duration((double)(progress->total - row->iteration) / iterations_per_second, left, sizeof left);
    if (progress->header_due)
        ddpm_log_passing("%10s %9s %10s %10s %10s %10s %12s", "iteration", "epoch", "loss", "held out", "rate",
                         "rows/s", "left");
    progress->header_due = 0;
    ddpm_log_passing("%10lld %9.2f %10.5f %10s %10.2e %10.3g %12s", (long long)row->iteration, row->epoch, row->loss,
                     held_out, row->learning_rate, row->rows_per_second, left);
}

ddpm_status ddpm_report_interval(const ddpm_trainer *t, ddpm_progress *progress, double norm, double validation,
                                 double seconds)
{
    const int64_t done = t->state.iteration;
    const double batch = (double)t->spec.step.batch;
    const double rate = (double)(done - t->rate_iteration) / (seconds - t->rate_seconds);
    const ddpm_metrics_row row = {
        .iteration = done,
        .epoch = (double)done * batch / (double)ddpm_dataset_rows(t->dataset),
        .loss = t->interval.loss / (double)t->interval.count,
        .validation_loss = validation,
        .learning_rate = ddpm_learning_rate(&t->spec.step.update.rate, done - 1, t->state.recoveries),
        .gradient_norm = norm,
        .rows_per_second = rate * batch,
        .seconds = seconds,
    };
    char detail[160];
    snprintf(detail, sizeof detail, "loss %.5f  %.3g rows/s", row.loss, row.rows_per_second);
    ddpm_progress_bar(progress, done, rate, detail);
    if (ddpm_progress_line_due(progress, done)) print_line(progress, &row, rate);
    return ddpm_run_folder_report(t->folder, &row);
}
