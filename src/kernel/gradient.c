/* Adding a block's gradients to a thread's accumulator. */
#include "kernel/gradient.h"

#include <float.h>
#include <math.h>

/* The largest contribution as a float in the gradient's own unit. */
static float limit_of(const ddpm_gradient *gradient, int64_t tensor)
{
    const double limit = ldexp(gradient->limit, -gradient->exponent[tensor]);
    return limit < (double)FLT_MAX ? (float)limit : FLT_MAX;
}

void ddpm_gradient_add_product(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t rows, int64_t block,
                               int64_t k, int64_t n, const float *x, int64_t ldx, const float *dz, int64_t ldz,
                               float *scratch)
{
    const ddpm_kernels *kernels = gradient->kernels;
    int refused;
    if (gradient->fixed) {
        const double scale = ldexp(1.0, gradient->exponent[tensor]);
        refused = kernels->backward_weights_fixed(rows, block, k, n, x, ldx, dz, ldz, scale, limit_of(gradient, tensor),
                                                  gradient->fixed + offset, scratch);
    } else {
        refused = kernels->backward_weights_float(rows, block, k, n, x, ldx, dz, ldz, FLT_MAX, gradient->real + offset,
                                                  scratch);
    }
    gradient->refused[tensor] += refused;
}

void ddpm_gradient_add(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t n, const float *v)
{
    const ddpm_kernels *kernels = gradient->kernels;
    int refused;
    if (gradient->fixed) {
        const double scale = ldexp(1.0, gradient->exponent[tensor]);
        refused = kernels->add_fixed(n, v, scale, limit_of(gradient, tensor), gradient->fixed + offset);
    } else {
        refused = kernels->add_float(n, v, FLT_MAX, gradient->real + offset);
    }
    gradient->refused[tensor] += refused;
}
