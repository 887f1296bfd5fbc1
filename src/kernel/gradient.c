/* Adding a block's gradients to a thread's sums. */
#include "kernel/gradient.h"

#include <float.h>
#include <math.h>

static ddpm_fixed_sums fixed_sums(const ddpm_gradient *gradient, int64_t tensor, int64_t offset)
{
    const int exponent = gradient->exponent[tensor];
    const double limit = ldexp(gradient->limit, -exponent);
    return (ddpm_fixed_sums){
        .sum = gradient->fixed + offset,
        .scale = ldexp(1.0, exponent),
        .limit = limit < (double)FLT_MAX ? (float)limit : FLT_MAX,
    };
}

/* In float32 any finite number may be added. */
static ddpm_float_sums float_sums(const ddpm_gradient *gradient, int64_t offset)
{
    return (ddpm_float_sums){.sum = gradient->real + offset, .limit = FLT_MAX};
}

void ddpm_gradient_add_product(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t stride,
                               ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, float *scratch)
{
    const ddpm_kernels *kernels = gradient->kernels;
    if (gradient->fixed) {
        ddpm_fixed_sums to = fixed_sums(gradient, tensor, offset);
        to.stride = stride;
        gradient->refused[tensor] += kernels->backward_weights_fixed(x, dz, block, to, scratch);
    } else {
        ddpm_float_sums to = float_sums(gradient, offset);
        to.stride = stride;
        gradient->refused[tensor] += kernels->backward_weights_float(x, dz, block, to, scratch);
    }
}

void ddpm_gradient_add(ddpm_gradient *gradient, int64_t tensor, int64_t offset, int64_t n, const float *v)
{
    const ddpm_kernels *kernels = gradient->kernels;
    gradient->refused[tensor] += gradient->fixed ? kernels->add_fixed(n, v, fixed_sums(gradient, tensor, offset))
                                                 : kernels->add_float(n, v, float_sums(gradient, offset));
}
