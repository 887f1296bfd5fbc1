/* Functions of a whole configuration: defaults, rules that span keys, release. */
#include "config/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ddpm_status ddpm_config_defaults(ddpm_config *config)
{
    memset(config, 0, sizeof *config); /* lists are empty */
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        if (!option->initial) continue;
        DDPM_TRY(ddpm_option_read(option, config, option->initial, strlen(option->initial),
                                  option->type != DDPM_OPTION_TEXT));
    }
    return DDPM_OK;
}

void ddpm_config_release(ddpm_config *config)
{
    ddpm_config_list_release(&config->data.columns);
    ddpm_config_list_release(&config->data.condition);
    ddpm_config_list_release(&config->diffusion.schedule.values);
    ddpm_config_list_release(&config->data.transform_columns);
    ddpm_config_list_release(&config->training.balance);
}

static ddpm_status check_data(const ddpm_config *config)
{
    if (config->data.source == DDPM_DATA_HDF5 && !config->data.path[0])
        return ddpm_fail(DDPM_ERR_CONFIG, "data.path: expected the HDF5 file with the rows, found \"\"; give it, or "
                                          "set data.source to a generated one");
    if (config->data.source == DDPM_DATA_TWO_MOONS && config->data.dimensions != 2)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "data.dimensions: expected 2 with data.source: two_moons, found %lld; 3 is "
                         "for swiss_roll and s_curve",
                         (long long)config->data.dimensions);
    return DDPM_OK;
}

/* beta times 1000 / T must be below 1 to be a variance. */
static ddpm_status check_rescale(const ddpm_config *config)
{
    const ddpm_schedule_kind kind = config->diffusion.schedule.kind;
    const double start = config->diffusion.schedule.start, end = config->diffusion.schedule.end;
    const double largest = fmax(isnan(start) ? DDPM_SCHEDULE_START : start, isnan(end) ? DDPM_SCHEDULE_END : end);
    const double steps = (double)config->diffusion.steps;
    if (kind != DDPM_SCHEDULE_LINEAR && kind != DDPM_SCHEDULE_QUADRATIC) return DDPM_OK;
    if (!config->diffusion.schedule.rescale || largest * 1000 / steps < 1) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_CONFIG,
                     "diffusion.schedule.rescale: expected a largest beta below 1, found %g * 1000 / T = %g with "
                     "diffusion.steps: %.0f; take at least %.0f steps, or smaller start and end, or rescale: false",
                     largest, largest * 1000 / steps, steps, floor(largest * 1000) + 1);
}

static ddpm_status check_diffusion(const ddpm_config *config)
{
    const int64_t given = config->diffusion.schedule.values.count, steps = config->diffusion.steps;
    const ddpm_prediction predict = config->diffusion.predict;
    if (config->diffusion.schedule.kind == DDPM_SCHEDULE_TABLE && given != steps)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "diffusion.schedule.values: expected %lld numbers, one beta for each of "
                         "diffusion.steps, found %lld; make the two agree",
                         (long long)steps, (long long)given);
    if (config->diffusion.schedule.zero_terminal_snr && predict != DDPM_PREDICT_VELOCITY &&
        predict != DDPM_PREDICT_FLOW && predict != DDPM_PREDICT_DATA && predict != DDPM_PREDICT_CLASS)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "diffusion.predict: expected velocity, flow or data with "
                         "diffusion.schedule.zero_terminal_snr: true, found %s, which "
                         "does not determine the data at a step without signal",
                         ddpm_config_choice("diffusion.predict", predict));
    if (config->diffusion.loss == DDPM_LOSS_SIMPLE && ddpm_variance_is_learned(config->diffusion.variance))
        return ddpm_fail(DDPM_ERR_CONFIG, "diffusion.loss: expected hybrid or vlb with a learned diffusion.variance, "
                                          "found simple, which does not train "
                                          "the variance");
    if (config->diffusion.loss == DDPM_LOSS_HYBRID && !ddpm_variance_is_learned(config->diffusion.variance))
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "diffusion.variance: expected learned or learned_range with diffusion.loss: hybrid, whose bound trains the "
            "variance alone; or take diffusion.loss: simple");
    if (config->sampling.steps > steps)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "sampling.steps: expected at most diffusion.steps, %lld, found %lld; 0 takes "
                         "all of them",
                         (long long)steps, (long long)config->sampling.steps);
    return check_rescale(config);
}

/* A classifier is trained by the cross-entropy of one class, and by nothing else. */
static ddpm_status check_classifier(const ddpm_config *config)
{
    if (config->diffusion.predict != DDPM_PREDICT_CLASS) return DDPM_OK;
    if (config->data.condition.count != 1)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "data.condition: expected one name, of the class that is learned, with diffusion.predict: "
                         "class, found %lld names",
                         (long long)config->data.condition.count);
    if (config->diffusion.loss != DDPM_LOSS_SIMPLE || config->diffusion.weighting != DDPM_WEIGHTING_NONE ||
        ddpm_variance_is_learned(config->diffusion.variance))
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "diffusion.predict: class is trained by cross-entropy: it needs loss: simple, "
                         "weighting: none and a variance that is not learned");
    return DDPM_OK;
}

/* A model of pairs knows x_t only of a row's own noise, where any other sampler than DDIM leads away from it. */
ddpm_status ddpm_config_check_pairs(const ddpm_config *config)
{
    const ddpm_sampling *s = &config->sampling;
    const char *found = ddpm_config_choice("sampling.method", s->method);
    if (!config->data.pairs) return DDPM_OK;
    if (s->eta > 0.0) found = "eta above 0";
    if (s->corrections > 0) found = "corrections";
    if (s->method == DDPM_METHOD_DDIM && s->eta == 0.0 && s->corrections == 0) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_CONFIG,
                     "sampling.method: expected ddim, with eta: 0 and no corrections, of a model of data.pairs: true, "
                     "which was trained on the way from each row's own noise; found %s",
                     found);
}

/* What is trained with data.pairs: true. */
static ddpm_status check_pairs(const ddpm_config *config)
{
    if (!config->data.pairs) return DDPM_OK;
    if (config->data.source != DDPM_DATA_HDF5)
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "data.pairs: expected data.source: hdf5 and a file of `ddpm sample`, found %s, whose rows have "
            "no noise of their own",
            ddpm_config_choice("data.source", config->data.source));
    if (config->diffusion.loss != DDPM_LOSS_SIMPLE)
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "diffusion.loss: expected simple with data.pairs: true, found %s, whose bound is that of noise "
            "which is independent of the rows",
            ddpm_config_choice("diffusion.loss", config->diffusion.loss));
    if (config->training.balance.count > 0)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.balance: expected [] with data.pairs: true, whose samples can be made "
                         "in any shares of the classes; make them so");
    if (config->diffusion.predict == DDPM_PREDICT_CLASS)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "diffusion.predict: class learns nothing from data.pairs: true; leave it out");
    return ddpm_config_check_pairs(config);
}

static ddpm_status check_training(const ddpm_config *config)
{
    if (config->network.time == DDPM_TIME_SINUSOIDAL && config->network.time_width % 2 != 0)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "network.time_width: expected an even number, a sine and a cosine for each "
                         "frequency, found %lld; take %lld",
                         (long long)config->network.time_width, (long long)config->network.time_width + 1);
    if (config->network.kind == DDPM_NETWORK_RESIDUAL && config->network.time == DDPM_TIME_GAIN_TABLE)
        return ddpm_fail(DDPM_ERR_CONFIG, "network.time: expected sinusoidal with network.kind: residual, whose blocks "
                                          "are modulated from the embedding, found gain_table");
    if (config->training.warmup > config->training.iterations)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.warmup: expected at most training.iterations, %lld, found %lld; "
                         "the learning rate would never reach its value",
                         (long long)config->training.iterations, (long long)config->training.warmup);
    if ((double)config->training.iterations * (double)config->training.batch > 0x1p62)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "training.iterations: expected at most 2^62 rows in all, found %lld iterations of "
                         "training.batch: %lld; take fewer of either",
                         (long long)config->training.iterations, (long long)config->training.batch);
    if (config->training.recover > 0 && config->checkpoint.keep > 0)
        return ddpm_fail(
            DDPM_ERR_CONFIG,
            "checkpoint.keep: expected 0 (all) with training.recover, found %lld; the checkpoint to go back "
            "to might have been removed",
            (long long)config->checkpoint.keep);
    return DDPM_OK;
}

ddpm_status ddpm_config_check(const ddpm_config *config)
{
    for (int i = 0; i < ddpm_option_count; i++) DDPM_TRY(ddpm_option_valid(&ddpm_options[i], config));
    DDPM_TRY(check_data(config));
    DDPM_TRY(check_diffusion(config));
    DDPM_TRY(check_classifier(config));
    DDPM_TRY(check_pairs(config));
    return check_training(config);
}
