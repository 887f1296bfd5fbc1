/* The loss of the best linear prediction, and what is said of a run beside it. */
#include "train/baseline.h"

#include "base/log.h"

#include <math.h>

/* Shares of the baseline: what counts as learned, which is twice the error of a validation loss by its draws; and the
 * largest error by the held-out rows with which anything is said. */
static const double NOTICEABLE = 0.01, UNCERTAIN = 0.1;

double ddpm_baseline_loss(const ddpm_trainer *t)
{
    const ddpm_objective *objective = &t->model.objective;
    const int64_t T = t->model.diffusion.schedule.steps;
    double sum = 0.0;
    if (t->components.count == 0 || objective->loss != DDPM_LOSS_SIMPLE) return NAN;
    if (ddpm_dataset_is_paired(t->dataset)) return NAN; /* their noise is not independent of the rows */
    for (int64_t at = 1; at <= T; at++)
        sum += (double)objective->weight[at] * ddpm_components_error(&t->components, &t->model.diffusion, at);
    return sum / (double)T;
}

void ddpm_baseline_describe(const ddpm_trainer *t)
{
    const double baseline = ddpm_baseline_loss(t);
    if (!isnan(baseline))
        ddpm_log_info("baseline   the best linear prediction has a loss of %.5f; what is learned of rows that are not "
                      "Gaussian comes below it",
                      baseline);
}

/* The error of a validation loss by its held-out rows, as a share: that of the variance of so many normal numbers. */
static double uncertainty(const ddpm_trainer *t)
{
    const double rows = (double)ddpm_dataset_held_out(t->dataset), columns = (double)ddpm_dataset_columns(t->dataset);
    return sqrt(2.0 / (rows * columns));
}

/* Whether the validation loss can be compared with the baseline at all. */
static int is_comparable(const ddpm_trainer *t, double baseline, double validation)
{
    return !isnan(baseline) && !isnan(validation) && uncertainty(t) < UNCERTAIN;
}

/* Whether it is lower by more than chance explains. */
static int has_learned(const ddpm_trainer *t, double baseline, double validation)
{
    return validation < (1.0 - NOTICEABLE - 2.0 * uncertainty(t)) * baseline;
}

static const char *advice(const ddpm_trainer *t)
{
    if (ddpm_network_get_spec(t->model.network)->kind == DDPM_NETWORK_MLP) return "network.kind: residual";
    if (t->config->network.initial == DDPM_INITIAL_PYTORCH) return "network.initial: variance";
    return "a larger network.width, more training.iterations, or another training.learning_rate";
}

void ddpm_baseline_watch(const ddpm_trainer *t, double validation)
{
    const int64_t done = t->state.iteration, before = done - t->spec.validate_every, iterations = t->spec.iterations;
    if (done * 10 < iterations || before * 10 >= iterations) return;
    const double baseline = ddpm_baseline_loss(t);
    if (is_comparable(t, baseline, validation) && !has_learned(t, baseline, validation))
        ddpm_log_warning("after a tenth of the run the held-out loss, %.5f, has not come below that of the best linear "
                         "prediction, %.5f: unless the rows are Gaussian, nothing is being learned; try %s",
                         validation, baseline, advice(t));
}

/* Whether the training loss is lower than the held-out loss by more than chance, and by a tenth of what was learned of
 * the training rows. */
static int repeats_rows(const ddpm_trainer *t, double baseline, double validation, double loss)
{
    return loss < baseline && validation - loss > 0.1 * (baseline - loss) + 2.0 * uncertainty(t) * baseline;
}

void ddpm_baseline_finish(const ddpm_trainer *t, const char *folder)
{
    const double baseline = ddpm_baseline_loss(t), loss = t->last.loss, validation = t->last.validation;
    ddpm_log_info("finished   %lld iterations; see %s", (long long)t->state.iteration, folder);
    if (isnan(validation)) return;
    ddpm_log_info("result     held-out loss %.5f, training loss %.5f, gap %.5f", validation, loss, validation - loss);
    if (!is_comparable(t, baseline, validation)) return;
    if (repeats_rows(t, baseline, validation, loss))
        ddpm_log_warning("the held-out loss is above the training loss by more than a tenth of what was learned: the "
                         "model repeats training rows; take more rows, fewer training.iterations, or a smaller "
                         "network.width");
    else if (!has_learned(t, baseline, validation))
        ddpm_log_warning(
            "the held-out loss is not below that of the best linear prediction, %.5f: nothing was learned that "
            "a Gaussian does not have, and unless the rows are Gaussian, `ddpm evaluate` will tell samples "
            "apart; try %s",
            baseline, advice(t));
}
