/* Builds the model of a checkpoint. */
#include "assembly/loaded.h"

#include "base/log.h"

#include <string.h>

ddpm_status ddpm_loaded_configuration(const ddpm_loaded *loaded, ddpm_config *out)
{
    const char *text = loaded->checkpoint.config;
    DDPM_TRY(ddpm_config_defaults(out));
    DDPM_TRY(ddpm_config_parse_saved(out, text, strlen(text), "the checkpoint's configuration"));
    return ddpm_config_check(out);
}

static ddpm_status build_model(ddpm_loaded *out)
{
    const ddpm_checkpoint *c = &out->checkpoint;
    DDPM_TRY(ddpm_model_create_with_beta(&out->config, c->columns, c->vocabulary.columns > 0 ? &c->vocabulary : NULL,
                                         &c->condition, c->steps, c->beta, &out->model));
    DDPM_TRY(ddpm_model_set_components(&out->model, &c->components));
    return ddpm_model_set_mixture(&out->model, &c->mixture);
}

ddpm_status ddpm_loaded_build(ddpm_loaded *out)
{
    const ddpm_checkpoint *c = &out->checkpoint;
    DDPM_TRY(ddpm_loaded_configuration(out, &out->config));
    if (c->vocabulary.columns == 0 && out->config.diffusion.steps != c->steps)
        return ddpm_fail(DDPM_ERR_DATA,
                         "the checkpoint's schedule has %lld steps, its configuration %lld; the file was altered",
                         (long long)c->steps, (long long)out->config.diffusion.steps);
    if (c->iteration > out->config.training.iterations)
        return ddpm_fail(DDPM_ERR_DATA,
                         "the checkpoint is of iteration %lld, its configuration ends at %lld; the file was altered",
                         (long long)c->iteration, (long long)out->config.training.iterations);
    if (c->horizon > out->config.training.iterations)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "the checkpoint was shortened to %lld iterations, its configuration ends at %lld; the file was altered",
            (long long)c->horizon, (long long)out->config.training.iterations);
    return build_model(out);
}

ddpm_status ddpm_loaded_set_precision(ddpm_loaded *loaded)
{
    const ddpm_precision wanted = loaded->config.sampling.precision;
    if (ddpm_network_get_spec(loaded->model.network)->precision != wanted) {
        ddpm_model_release(&loaded->model);
        DDPM_TRY(build_model(loaded));
    }
    if (!ddpm_network_kernels(loaded->model.network)->at_full_rate)
        ddpm_log_warning("sampling.precision: this processor has no instruction for bfloat16 (AVX512-BF16); the "
                         "program does without it, and float32 is faster here");
    return DDPM_OK;
}

void ddpm_loaded_release(ddpm_loaded *loaded)
{
    ddpm_checkpoint_release(&loaded->checkpoint);
    ddpm_model_release(&loaded->model);
    ddpm_config_release(&loaded->config);
}

void ddpm_loaded_name_process(ddpm_loaded *loaded)
{
    loaded->config.diffusion.process =
        ddpm_model_is_masked(&loaded->model) ? DDPM_PROCESS_MASKED : DDPM_PROCESS_GAUSSIAN;
}

ddpm_status ddpm_loaded_check_denoiser(const ddpm_loaded *loaded, const char *path)
{
    if (!ddpm_model_is_classifier(&loaded->model)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "%s: is a classifier (diffusion.predict: class), which cannot make rows; name a model of the same "
                     "data that can, and this classifier with 'ddpm sample ... --classifier'",
                     path);
}

ddpm_transform ddpm_loaded_transform(const ddpm_loaded *loaded)
{
    const ddpm_checkpoint *c = &loaded->checkpoint;
    return (ddpm_transform){.columns = c->columns,
                            .mean = c->mean,
                            .remainder = c->remainder,
                            .scale = c->scale,
                            .minimum = c->minimum,
                            .maximum = c->maximum,
                            .quantiles = c->quantiles,
                            .decimals = c->decimals,
                            .steps = c->quantile_steps,
                            .vocabulary = c->vocabulary.columns > 0 ? (ddpm_vocabulary *)&c->vocabulary : NULL};
}

int ddpm_loaded_is_narrowed(const ddpm_loaded *loaded, ddpm_number type)
{
    return !loaded->checkpoint.has_number && ddpm_number_holder(type) != DDPM_NUMBER_FLOAT32;
}

const float *ddpm_loaded_weights(const ddpm_loaded *loaded, ddpm_weights which)
{
    const ddpm_checkpoint *c = &loaded->checkpoint;
    if (which == DDPM_WEIGHTS_RAW) return c->parameters;
    return which == DDPM_WEIGHTS_BEST && c->best ? c->best : c->ema;
}
