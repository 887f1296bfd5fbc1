/* The network, the diffusion and the loss of a configuration. */
#include "assembly/model.h"

#include "base/auto.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/split.h"
#include "fit/mixture.h"
#include "fit/principal.h"

ddpm_status ddpm_model_schedule(const ddpm_config *config, ddpm_schedule *out)
{
    double *table = NULL;
    *out = (ddpm_schedule){0};
    DDPM_TRY(DDPM_NEW(&table, config->diffusion.schedule.values.count, "schedule"));
    const ddpm_schedule_spec spec = ddpm_config_schedule(config, table);
    const ddpm_status status = ddpm_schedule_create(&spec, out);
    ddpm_release(table);
    return status;
}

/* A classifier steers by its gradient between the classes, too, where there are no rows to train it on; high
 * frequencies make that gradient rough. */
static int64_t features_of(const ddpm_config *config, int64_t columns)
{
    if (config->network.features != DDPM_AUTO) return config->network.features;
    return columns <= DDPM_FEATURES_COLUMNS && config->diffusion.predict != DDPM_PREDICT_CLASS ? DDPM_FEATURES_AUTO : 0;
}

/* The most Gaussians that a mixture of the rows can have. */
static int64_t mixture_of(const ddpm_config *config, int64_t columns)
{
    const int64_t wanted = config->network.mixture;
    if (config->network.components == 0 || config->diffusion.predict == DDPM_PREDICT_CLASS || wanted == 1) return 0;
    if (wanted != DDPM_AUTO) return wanted;
    const int64_t most = ddpm_smaller(DDPM_MIXTURE_AUTO, DDPM_MIXTURE_NUMBERS_MAX / columns / columns);
    return columns > DDPM_MIXTURE_AUTO_COLUMNS && most >= 2 ? most : 0;
}

static ddpm_network_spec network_spec(const ddpm_config *config, ddpm_precision precision, int64_t columns,
                                      const ddpm_condition *condition)
{
    const int classifies = config->diffusion.predict == DDPM_PREDICT_CLASS;
    return (ddpm_network_spec){
        .columns = columns,
        .condition = classifies ? 0 : ddpm_condition_width(condition),
        .classes = classifies ? condition->classes[0] : 0,
        .heads = ddpm_variance_is_learned(config->diffusion.variance) ? 2 : 1,
        .kind = config->network.kind,
        .width = config->network.width,
        .depth = config->network.depth,
        .components = classifies ? 0 : ddpm_smaller(config->network.components, columns),
        .mixture = mixture_of(config, columns),
        .features = features_of(config, columns),
        .initial = config->network.initial,
        .activation = config->network.activation,
        .time = config->network.time,
        .time_width = config->network.time_width,
        .steps = config->diffusion.steps,
        .precision = precision,
    };
}

/* The masked process has inputs and outputs of its own, and as many steps as columns. */
static void fit_to_tokens(const ddpm_masked *masked, ddpm_network_spec *spec)
{
    spec->columns = masked->inputs;
    spec->classes = masked->coefficients;
    spec->heads = 1;
    spec->is_entered = 1;
    spec->components = spec->mixture = 0;
    spec->features = 0;
    spec->steps = masked->columns;
}

/* A classifier learns one condition, which must be a class of two kinds at least. */
static ddpm_status check_classes(const ddpm_config *config, const ddpm_condition *condition)
{
    if (config->diffusion.predict != DDPM_PREDICT_CLASS) return DDPM_OK;
    if (condition->count == 1 && condition->classes[0] >= 2) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_CONFIG,
                     "data.condition: diffusion.predict: class needs one condition that is a class with at least two "
                     "values; found %s",
                     condition->count != 1        ? "another number of conditions"
                     : condition->classes[0] == 0 ? "a number (class:NAME makes whole numbers classes)"
                                                  : "rows of one class only");
}

/* The process must be one that the rows can have. */
static ddpm_status check_process(const ddpm_config *config, const ddpm_vocabulary *vocabulary)
{
    const ddpm_process process = config->diffusion.process;
    if (vocabulary && process == DDPM_PROCESS_GAUSSIAN)
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "diffusion.process: expected masked or auto for a table of numbers, categories and gaps, found "
            "gaussian, which is for arrays of numbers");
    if (vocabulary && config->diffusion.predict == DDPM_PREDICT_CLASS)
        return ddpm_fail(DDPM_ERR_CONFIG, "diffusion.predict: class has no meaning with diffusion.process: masked, "
                                          "whose model gives the classes of any column that is hidden");
    return DDPM_OK;
}

/* The schedule belongs to the model afterwards, or is released on failure. */
static ddpm_status assemble(const ddpm_config *config, ddpm_precision precision, int64_t columns,
                            const ddpm_vocabulary *vocabulary, const ddpm_condition *condition, ddpm_schedule *schedule,
                            ddpm_model *out)
{
    out->condition = condition;
    out->columns = columns;
    ddpm_status status = check_process(config, vocabulary);
    if (status == DDPM_OK) status = check_classes(config, condition);
    if (status != DDPM_OK) {
        ddpm_schedule_release(schedule);
        return status;
    }
    status = ddpm_diffusion_create(schedule, config->diffusion.predict, config->diffusion.variance, &out->diffusion);
    if (status == DDPM_OK)
        status = ddpm_objective_create(&out->diffusion, config->diffusion.loss, config->diffusion.lambda,
                                       config->diffusion.weighting, config->diffusion.gamma, &out->objective);
    if (status == DDPM_OK && vocabulary) status = ddpm_masked_create(vocabulary, &out->masked);
    if (status == DDPM_OK) {
        ddpm_network_spec spec = network_spec(config, precision, columns, condition);
        if (vocabulary) fit_to_tokens(&out->masked, &spec);
        status = ddpm_network_create(&spec, &out->network);
    }
    if (status != DDPM_OK) ddpm_model_release(out);
    return status;
}

ddpm_status ddpm_model_masked_schedule(int64_t columns, ddpm_schedule *out)
{
    double *beta = NULL;
    *out = (ddpm_schedule){0};
    DDPM_TRY(DDPM_NEW(&beta, columns + 1, "schedule"));
    ddpm_masked_schedule(columns, beta);
    const ddpm_status status = ddpm_schedule_from_beta(columns, beta, out);
    ddpm_release(beta);
    return status;
}

ddpm_status ddpm_model_create(const ddpm_config *config, int64_t columns, const ddpm_vocabulary *vocabulary,
                              const ddpm_condition *condition, ddpm_model *out)
{
    ddpm_schedule schedule;
    *out = (ddpm_model){0};
    DDPM_TRY(vocabulary ? ddpm_model_masked_schedule(columns, &schedule) : ddpm_model_schedule(config, &schedule));
    return assemble(config, config->training.precision, columns, vocabulary, condition, &schedule, out);
}

ddpm_status ddpm_model_create_with_beta(const ddpm_config *config, int64_t columns, const ddpm_vocabulary *vocabulary,
                                        const ddpm_condition *condition, int64_t steps, const double *beta,
                                        ddpm_model *out)
{
    ddpm_schedule schedule;
    *out = (ddpm_model){0};
    DDPM_TRY(ddpm_schedule_from_beta(steps, beta, &schedule));
    return assemble(config, config->sampling.precision, columns, vocabulary, condition, &schedule, out);
}

ddpm_status ddpm_model_set_components(ddpm_model *model, const ddpm_components *components)
{
    const ddpm_diffusion *d = &model->diffusion;
    const ddpm_network_spec *network = ddpm_network_get_spec(model->network);
    const int64_t most = network->components, columns = network->columns;
    if (most == 0 || columns > DDPM_PRINCIPAL_COLUMNS_MAX) return DDPM_OK;
    if (components->count < 1 || components->count > most || components->columns != columns)
        return ddpm_fail(DDPM_ERR_DATA,
                         "expected 1 to %lld principal components of %lld columns, found %lld of %lld; the file was "
                         "altered",
                         (long long)most, (long long)columns, (long long)components->count,
                         (long long)components->columns);
    const ddpm_linear_spec spec = {
        .count = components->count,
        .variance = components->variance,
        .direction = components->direction,
        .signal = d->signal,
        .noise = d->noise,
        .target_data = d->target_data,
        .target_noise = d->target_noise,
    };
    return ddpm_network_set_linear(model->network, &spec);
}

ddpm_status ddpm_model_set_mixture(ddpm_model *model, const ddpm_mixture *mixture)
{
    const ddpm_diffusion *d = &model->diffusion;
    const ddpm_network_spec *network = ddpm_network_get_spec(model->network);
    if (mixture->count == 0) return DDPM_OK;
    if (mixture->count > network->mixture || mixture->columns != network->columns ||
        mixture->directions != mixture->count * mixture->columns)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "expected a mixture of at most %lld Gaussians of %lld columns, found %lld with %lld directions; "
            "the file was altered",
            (long long)network->mixture, (long long)network->columns, (long long)mixture->count,
            (long long)mixture->directions);
    const ddpm_mixture_spec spec = {
        .count = mixture->count,
        .weight = mixture->weight,
        .mean = mixture->mean,
        .variance = mixture->variance,
        .direction = mixture->direction,
        .signal = d->signal,
        .noise = d->noise,
        .target_data = d->target_data,
        .target_noise = d->target_noise,
    };
    return ddpm_network_set_mixture(model->network, &spec);
}

void ddpm_model_release(ddpm_model *model)
{
    ddpm_network_free(model->network);
    ddpm_masked_release(&model->masked);
    ddpm_objective_release(&model->objective);
    ddpm_diffusion_release(&model->diffusion);
    *model = (ddpm_model){0};
}

int64_t ddpm_model_bytes(const ddpm_model *model)
{
    const ddpm_diffusion *d = &model->diffusion;
    const ddpm_schedule *s = &d->schedule;
    const size_t step = 4 * sizeof *s->beta + 4 * sizeof *d->signal + sizeof *model->objective.weight +
                        sizeof *model->objective.mean_slope + sizeof *model->objective.transition;
    return (s->steps + 1) * (int64_t)step + ddpm_masked_bytes(&model->masked) + ddpm_network_bytes(model->network);
}

int ddpm_model_is_classifier(const ddpm_model *model)
{
    return model->diffusion.predict == DDPM_PREDICT_CLASS;
}

int ddpm_model_is_masked(const ddpm_model *model)
{
    return model->masked.columns > 0;
}

void ddpm_model_report_audit(const ddpm_schedule *schedule)
{
    const ddpm_schedule_audit audit = ddpm_schedule_audit_of(schedule);
    ddpm_log_info("schedule   T = %lld, alpha_bar_T = %.3g, SNR_T = %.3g, prior term L_T = %.3g nats per dimension",
                  (long long)schedule->steps, audit.alpha_bar, audit.snr, audit.prior);
    if (!audit.reaches_noise)
        ddpm_log_warning(
            "the forward process does not reach noise (L_T is above %g nats per dimension), but sampling starts from "
            "noise: use diffusion.schedule.kind cosine, a larger diffusion.schedule.end, or more diffusion.steps",
            DDPM_SCHEDULE_PRIOR_LIMIT);
}
