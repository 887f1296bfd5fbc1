/* A line for each part of a run, with warnings where a setting is likely to be a mistake. */
#include "train/describe.h"

#include "assembly/audit.h"
#include "base/log.h"
#include "base/printable.h"
#include "data/column_maps.h"
#include "fit/principal.h"
#include "model/column_text.h"
#include "train/baseline.h"
#include "train/memory.h"

#include <math.h>

static void describe_data(const ddpm_dataset *dataset, const ddpm_data_spec *spec)
{
    char data[160];
    ddpm_dataset_describe(dataset, data, sizeof data);
    ddpm_log_info("data       %s; %lld to train on, %lld held out", data, (long long)ddpm_dataset_rows(dataset),
                  (long long)ddpm_dataset_held_out(dataset));
    int64_t least;
    const int64_t groups = ddpm_dataset_balanced(dataset, &least);
    if (groups > 0)
        ddpm_log_info("balance    the %lld classes that training rows have are drawn equally often, each of the rarest "
                      "one's rows (%lld) %.0f times",
                      (long long)groups, (long long)least, (double)spec->visits / (double)groups / (double)least);
    const ddpm_row_weights *weights = ddpm_dataset_weights(dataset);
    if (weights)
        ddpm_log_info(
            "balance    rows are drawn in proportion to %s: %lld of %lld rows to train on have one above zero, and "
            "they are worth %.0f rows of equal weight",
            spec->balance.items[0], (long long)weights->positive, (long long)weights->rows, weights->equal);
    if (spec->validation > 0.0 && ddpm_dataset_held_out(dataset) == 0)
        ddpm_log_warning("data.validation: %g of the rows is less than one row (of streamed rows: less than one page), "
                         "so there will be no validation loss",
                         spec->validation);
}

/* What tokens were made of. */
static void describe_columns(const ddpm_dataset *dataset)
{
    enum { LISTED = 40 };
    const ddpm_vocabulary *vocabulary = ddpm_dataset_transform(dataset)->vocabulary;
    const char *const *names = ddpm_dataset_names(dataset);
    char text[DDPM_COLUMN_TEXT];
    for (int64_t j = 0; vocabulary && j < vocabulary->columns && j < LISTED; j++)
        ddpm_log_info("%-10s %lld %s%s%s", j ? "" : "columns", (long long)j, names ? names[j] : "", names ? ", " : "",
                      ddpm_column_describe(&vocabulary->column[j], sizeof text, text));
    if (vocabulary && vocabulary->columns > LISTED)
        ddpm_log_info("%-10s and %lld more, which 'ddpm info' lists", "", (long long)vocabulary->columns - LISTED);
}

/* Which columns are mapped by their quantiles. Which of few values go together, as in ranks and one-hot codes, noise
 * does not tell sharply; tokens do, where there are not too many of them. */
static void describe_maps(const ddpm_data_spec *spec, const ddpm_dataset *dataset)
{
    enum { FEW = 10, WIDE = 100 };
    const ddpm_transform *transform = ddpm_dataset_transform(dataset);
    const char *const *names = ddpm_dataset_names(dataset);
    int64_t mapped = 0, few = 0, first = -1;
    for (int64_t j = 0; j < transform->columns; j++) {
        if (!ddpm_transform_has_quantiles(transform, j)) continue;
        if (first < 0) first = j;
        mapped++;
        few += ddpm_quantiles_has_few(transform->quantiles + j * DDPM_QUANTILES, FEW);
    }
    if (mapped > 0)
        ddpm_log_info("columns    %lld of %lld are mapped by their quantiles (data.transform), the first is %lld%s%s%s",
                      (long long)mapped, (long long)transform->columns, (long long)first, names ? " '" : "",
                      names ? ddpm_printable(names[first]) : "", names ? "'" : "");
    if (2 * few > transform->columns && transform->columns <= WIDE)
        ddpm_log_info(
            "columns    %lld of %lld have at most %d values: diffusion.process: masked, as in configs/table.yaml, "
            "learns best which of them go together",
            (long long)few, (long long)transform->columns, (int)FEW);
    if (spec->transform == DDPM_MAP_AUTO && spec->source == DDPM_DATA_HDF5 && !transform->vocabulary &&
        ddpm_column_maps_skip(spec, ddpm_dataset_rows(dataset) + ddpm_dataset_held_out(dataset), transform->columns))
        ddpm_log_info(
            "columns    their order was not looked at, since the rows take more than a quarter of data.memory "
            "to sort; data.transform: quantile maps them by their quantiles all the same");
}

static void describe_network(const ddpm_network *network)
{
    const ddpm_kernels *kernels = ddpm_network_kernels(network);
    ddpm_log_info("network    %lld parameters, %.3g operations a row and training step; %s kernels, %s precision",
                  (long long)ddpm_network_parameters(network), 3.0 * ddpm_network_operations(network), kernels->name,
                  kernels->precision);
    if (!kernels->at_full_rate)
        ddpm_log_warning(
            "training.precision: this processor has no instruction for bfloat16 (AVX512-BF16); the program "
            "does without it, and float32 is faster here");
}

static void describe_mixture(const ddpm_mixture *mixture, double seconds)
{
    if (mixture->count > 0)
        ddpm_log_info("mixture    of %lld Gaussians, fitted to the rows in %.1f s; the network learns what is left",
                      (long long)mixture->count, seconds);
}

/* What the columns of wider rows have in common is all left to the network, whose hidden layers are narrower; a network
 * of tokens never has a linear prediction beside it. */
static void warn_of_width(const ddpm_trainer *t)
{
    const int64_t columns = ddpm_dataset_columns(t->dataset), most = DDPM_PRINCIPAL_COLUMNS_MAX;
    const int is_masked = ddpm_model_is_masked(&t->model);
    if (columns > most && (is_masked || t->config->network.components > 0) && t->config->network.width < columns)
        ddpm_log_warning(
            "rows of %lld columns, where at most %lld are sensible: %swhat the columns have in common must "
            "pass through network.width, %lld; %s, or take a larger width",
            (long long)columns, (long long)most, is_masked ? "" : "beyond that there is no linear prediction, and ",
            (long long)t->config->network.width,
            is_masked ? "choose fewer columns (data.columns)"
                      : "make fewer columns of the rows first (such as their principal components)");
}

/* At t = T the predicted x_0 is (x_T - sqrt(1 - alpha_bar_T) noise) / sqrt(alpha_bar_T), so an error of the network in
 * the noise is divided by sqrt(alpha_bar_T). */
static void warn_of_noise(const ddpm_diffusion *diffusion)
{
    const double most = 1e3, factor = 1.0 / sqrt(diffusion->schedule.alpha_bar[diffusion->schedule.steps]);
    if (diffusion->predict == DDPM_PREDICT_NOISE && factor > most)
        ddpm_log_warning("diffusion.predict: noise: with this schedule sampling multiplies the network's errors at "
                         "t = T by %.0f, and samples may diverge; use velocity",
                         factor);
}

static void describe_diffusion(const ddpm_trainer *t)
{
    ddpm_model_report_audit(&t->model.diffusion.schedule);
    warn_of_noise(&t->model.diffusion);
    if (!t->config->data.pairs) ddpm_audit_report_sampling(&t->model.diffusion, &t->config->sampling, 0.0);
}

static void describe_tokens(const ddpm_masked *masked)
{
    int64_t tokens = 0;
    for (int64_t j = 0; j < masked->columns; j++) tokens += masked->column[j].tokens;
    ddpm_log_info("tokens     %lld of %lld columns, from %lld coefficients; the loss is a bound in nats a row",
                  (long long)tokens, (long long)masked->columns, (long long)masked->coefficients);
}

static void describe_batch(const ddpm_stepper *stepper)
{
    const ddpm_batch *batch = &stepper->batch;
    const int ranks = ddpm_comm_size(stepper->comm);
    ddpm_log_info("batch      %lld rows in %lld blocks of %lld; %s reduction", (long long)batch->rows,
                  (long long)batch->blocks, (long long)batch->block_rows,
                  stepper->spec.reduction == DDPM_REDUCTION_EXACT ? "exact" : "float32");
    if (ranks > batch->blocks)
        ddpm_log_warning("%d ranks share %lld blocks: some ranks have nothing to do; use fewer ranks, a larger "
                         "training.batch, or smaller parallel.block_rows",
                         ranks, (long long)batch->blocks);
}

static void describe_rounds(const ddpm_trainer *t)
{
    int64_t carried;
    if (!t->round) return;
    const ddpm_comm *group = ddpm_round_comm(t->round, &carried);
    ddpm_log_info(
        "local      %lld workers, each with the batch above, take %lld steps by themselves; then the outer optimiser "
        "takes the mean. Rank 0 is one of %d that carry %lld of them. metrics.csv every %lld iterations, "
        "checkpoints every %lld",
        (long long)t->spec.local.workers, (long long)t->spec.local.steps, ddpm_comm_size(group), (long long)carried,
        (long long)t->spec.report_every, (long long)t->spec.checkpoint_every);
}

static void describe_memory(const ddpm_trainer *t)
{
    const ddpm_memory m = ddpm_memory_count(t->stepper, t->round, t->spec.keep_best);
    const double mib = 1048576.0;
    ddpm_log_info(
        "memory     %.1f MiB a rank beside the data and the libraries: parameters, average and "
        "moments %.1f; packed weights %.1f; gradient and the threads' sums %.1f, activations %.1f; tables %.1f. "
        "While rank 0 writes a checkpoint it takes up to %.1f more",
        (double)ddpm_memory_total(&m) / mib, (double)m.parameters / mib, (double)m.packed / mib, (double)m.sums / mib,
        (double)m.activations / mib, (double)m.tables / mib, (double)m.checkpoint / mib);
}

void ddpm_describe_run(const ddpm_trainer *t)
{
    describe_data(t->dataset, &t->spec.data);
    describe_columns(t->dataset);
    describe_maps(&t->spec.data, t->dataset);
    describe_network(t->model.network);
    describe_mixture(&t->mixture, t->mixture_seconds);
    warn_of_width(t);
    ddpm_baseline_describe(t);
    if (ddpm_model_is_masked(&t->model))
        describe_tokens(&t->model.masked);
    else
        describe_diffusion(t);
    describe_batch(t->stepper);
    describe_rounds(t);
    describe_memory(t);
}
