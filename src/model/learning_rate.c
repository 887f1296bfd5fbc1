/* Warm-up times decay, halved by each recovery. */
#include "model/learning_rate.h"

#include "model/constants.h"

#include <math.h>

double ddpm_learning_rate(const ddpm_learning_rate_spec *spec, int64_t iteration, int64_t recoveries)
{
    const double at = (double)iteration;
    const double warmup = spec->warmup > 0 ? fmin(1.0, (at + 1.0) / (double)spec->warmup) : 1.0;
    double decay = 1.0;
    switch (spec->decay) {
    case DDPM_DECAY_CONSTANT:
        break;
    case DDPM_DECAY_COSINE:
        decay = 0.5 * (1.0 + cos(DDPM_PI * at / (double)spec->iterations));
        break;
    case DDPM_DECAY_STEP:
        decay = pow(spec->factor, (double)(iteration / spec->every));
        break;
    }
    return ldexp(spec->peak * warmup * decay, -(int)recoveries);
}
