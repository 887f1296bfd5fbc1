/* From a gradient's norm to the settings of the update, and from these to new parameters. */
#include "train/update.h"

#include <math.h>

double ddpm_update_decay(const ddpm_update_spec *spec, int64_t iteration)
{
    const double n = (double)(iteration + 1);
    return fmin(spec->ema, (1.0 + n) / (10.0 + n));
}

ddpm_update ddpm_update_settings(const ddpm_update_spec *spec, int64_t iteration, int64_t recoveries, double norm)
{
    const double n = (double)(iteration + 1);
    const int clips = spec->clip > 0.0 && norm > spec->clip;
    return (ddpm_update){
        .learning_rate = (float)ddpm_learning_rate(&spec->rate, iteration, recoveries),
        .shrink = (float)(clips ? spec->clip / norm : 1.0),
        .beta1 = (float)(spec->optimizer == DDPM_OPTIMIZER_SGD ? spec->momentum : spec->beta1),
        .beta2 = (float)spec->beta2,
        .correction1 = (float)(1.0 / (1.0 - pow(spec->beta1, n))),
        .correction2 = (float)(1.0 / (1.0 - pow(spec->beta2, n))),
        .epsilon = (float)spec->epsilon,
        .decay = (float)spec->weight_decay,
        .ema = (float)ddpm_update_decay(spec, iteration),
    };
}

void ddpm_update_apply(ddpm_optimizer optimizer, const ddpm_kernels *kernels, const ddpm_update *update, int64_t first,
                       int64_t count, const float *gradient, ddpm_state *state)
{
    const float *g = gradient + first;
    float *w = state->parameters + first, *ema = state->ema + first;
    float *m1 = state->moment1 + first, *m2 = state->moment2 + first;
    switch (optimizer) {
    case DDPM_OPTIMIZER_ADAM:
        kernels->adam(count, update, g, w, m1, m2, ema);
        break;
    case DDPM_OPTIMIZER_ADAMW:
        kernels->adamw(count, update, g, w, m1, m2, ema);
        break;
    case DDPM_OPTIMIZER_SGD:
        kernels->sgd(count, update, g, w, m1, m2, ema);
        break;
    case DDPM_OPTIMIZER_COUNT:
        break;
    }
}

void ddpm_update_apply_piece(ddpm_optimizer optimizer, const ddpm_network *network, const ddpm_update *update,
                             const ddpm_piece *piece, const float *gradient, ddpm_state *state)
{
    const ddpm_kernels *kernels = ddpm_network_kernels(network);
    const ddpm_tensor *tensors;
    ddpm_network_tensors(network, &tensors);
    const ddpm_tensor *t = &tensors[piece->tensor];
    const int64_t width = piece->columns.end - piece->columns.first, rows = piece->rows.end - piece->rows.first,
                  first = t->offset + piece->rows.first * t->cols + piece->columns.first;
    if (width == t->cols) {
        ddpm_update_apply(optimizer, kernels, update, first, rows * width, gradient, state);
        return;
    }
    for (int64_t row = 0; row < rows; row++)
        ddpm_update_apply(optimizer, kernels, update, first + row * t->cols, width, gradient, state);
}
