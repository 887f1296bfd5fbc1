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
    if (t->spec.data.known) return NAN;               /* the components and the vocabulary are those of other rows */
    if (ddpm_dataset_weights(t->dataset)) return NAN; /* they are those of the rows without weights */
    if (ddpm_model_is_masked(&t->model)) return t->model.masked.independent;
    if (t->components.count == 0 || objective->loss != DDPM_LOSS_SIMPLE) return NAN;
    if (ddpm_dataset_is_paired(t->dataset)) return NAN; /* their noise is not independent of the rows */
    for (int64_t at = 1; at <= T; at++)
        sum += (double)objective->weight[at] * ddpm_components_error(&t->components, &t->model.diffusion, at);
    return sum / (double)T;
}

/* What the baseline is the loss of, and what a model below it has learned. */
static const char *name_of(const ddpm_trainer *t)
{
    return ddpm_model_is_masked(&t->model) ? "columns that are drawn independently" : "the best linear prediction";
}

static const char *beyond(const ddpm_trainer *t)
{
    return ddpm_model_is_masked(&t->model) ? "the columns are independent" : "the rows are Gaussian";
}

void ddpm_baseline_describe(const ddpm_trainer *t)
{
    const double baseline = ddpm_baseline_loss(t);
    if (!isnan(baseline))
        ddpm_log_info("baseline   the loss of %s is %.5f; what is learned comes below it, unless %s", name_of(t),
                      baseline, beyond(t));
}

/* The error of a validation loss by its held-out rows, as a share: that of the variance of so many normal numbers. The
 * entropy of a column has no larger one. */
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
        ddpm_log_warning(
            "after a tenth of the run the held-out loss, %.5f, is not below that of %s, %.5f, by more than chance "
            "explains: unless %s, nothing is being learned; try %s",
            validation, name_of(t), baseline, beyond(t), advice(t));
}

/* Whether the training loss is lower than the held-out loss by more than chance, and by a tenth of what was learned of
 * the training rows. That of classes drawn evenly is the loss of other rows than those that are held out. */
static int repeats_rows(const ddpm_trainer *t, double baseline)
{
    const double loss = t->last.loss, validation = t->last.validation;
    int64_t least;
    if (ddpm_dataset_balanced(t->dataset, &least) > 0) return 0;
    return loss < baseline && validation - loss > 0.1 * (baseline - loss) + 2.0 * uncertainty(t) * baseline;
}

/* Whether samples come from the average with the least held-out loss, not from the end of the run. */
static int keeps_best(const ddpm_trainer *t)
{
    return t->state.best_iteration >= 0 && t->config->sampling.weights == DDPM_WEIGHTS_BEST;
}

static void judge(const ddpm_trainer *t, double baseline)
{
    const double validation = keeps_best(t) ? t->state.best_loss : t->last.validation;
    if (!is_comparable(t, baseline, validation)) return;
    if (!keeps_best(t) && repeats_rows(t, baseline))
        ddpm_log_warning("the held-out loss is above the training loss by more than a tenth of what was learned: the "
                         "model repeats training rows; take more rows, fewer training.iterations, a smaller "
                         "network.width, or training.keep_best with sampling.weights: best");
    else if (!has_learned(t, baseline, validation))
        ddpm_log_warning("the held-out loss is not below that of %s, %.5f, by more than chance explains: unless %s, "
                         "nothing was learned, and `ddpm evaluate` will tell samples apart; try %s",
                         name_of(t), baseline, beyond(t), advice(t));
}

void ddpm_baseline_finish(const ddpm_trainer *t, const char *folder)
{
    const double loss = t->last.loss, validation = t->last.validation;
    ddpm_log_info("finished   %lld iterations; see %s", (long long)t->state.iteration, folder);
    if (isnan(validation)) return;
    ddpm_log_info("result     held-out loss %.5f, training loss %.5f, gap %.5f", validation, loss, validation - loss);
    if (t->state.best_iteration >= 0)
        ddpm_log_info("best       held-out loss %.5f at iteration %lld, kept for --weights best", t->state.best_loss,
                      (long long)t->state.best_iteration);
    judge(t, ddpm_baseline_loss(t));
}
