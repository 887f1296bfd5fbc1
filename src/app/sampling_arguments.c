/* Parsing of the options that say how to sample. What they leave open, ddpm_sampling_resolve decides. */
#include "app/sampling_arguments.h"

static ddpm_status parse_method(const char *value, ddpm_method *out)
{
    const char *methods[DDPM_METHOD_COUNT];
    int choice;
    for (int i = 0; i < DDPM_METHOD_COUNT; i++) methods[i] = ddpm_method_name((ddpm_method)i);
    DDPM_TRY(ddpm_arguments_choice("--sampler", value, DDPM_METHOD_COUNT, methods, &choice));
    *out = (ddpm_method)choice;
    return DDPM_OK;
}

static ddpm_status parse_weights(const char *value, ddpm_weights *out)
{
    const char *weights[] = {ddpm_weights_name(DDPM_WEIGHTS_EMA), ddpm_weights_name(DDPM_WEIGHTS_RAW)};
    int choice;
    DDPM_TRY(ddpm_arguments_choice("--weights", value, 2, weights, &choice));
    *out = choice == 0 ? DDPM_WEIGHTS_EMA : DDPM_WEIGHTS_RAW;
    return DDPM_OK;
}

static ddpm_status parse_clip(const char *value, ddpm_clip *out)
{
    const char *clips[] = {ddpm_clip_name(DDPM_CLIP_NONE), ddpm_clip_name(DDPM_CLIP_DATA)};
    int choice;
    DDPM_TRY(ddpm_arguments_choice("--clip", value, 2, clips, &choice));
    *out = choice == 0 ? DDPM_CLIP_NONE : DDPM_CLIP_DATA;
    return DDPM_OK;
}

ddpm_status ddpm_sampling_arguments_parse(int found, const char *value, ddpm_sampling_given *given)
{
    ddpm_sampling *s = &given->values;
    switch (found) {
    case DDPM_SAMPLING_METHOD:
        given->has_method = 1;
        return parse_method(value, &s->method);
    case DDPM_SAMPLING_STEPS:
        given->has_steps = 1;
        return ddpm_arguments_integer("--steps", value, 1, 1000000, &s->steps);
    case DDPM_SAMPLING_ETA:
        given->has_eta = 1;
        return ddpm_arguments_real("--eta", value, 0.0, 1.0, &s->eta);
    case DDPM_SAMPLING_CORRECTIONS:
        given->has_corrections = 1;
        return ddpm_arguments_integer("--corrections", value, 0, 1000, &s->corrections);
    case DDPM_SAMPLING_GUIDANCE:
        given->has_guidance = 1;
        return ddpm_arguments_real("--guidance", value, 0.0, 1000.0, &s->guidance);
    case DDPM_SAMPLING_WEIGHTS:
        given->has_weights = 1;
        return parse_weights(value, &s->weights);
    default: /* DDPM_SAMPLING_CLIP */
        given->has_clip = 1;
        return parse_clip(value, &s->clip);
    }
}
