/* The linear part of a network: y += G_t x with G_t = sum over k of (g_k - g) u_k u_k' + g I, where g_k = slope of
 * component u_k at t and g that of all directions across the components. */
#include "network/linear.h"

#include "base/memory.h"

#include <string.h>

struct ddpm_linear {
    ddpm_linear_spec spec; /* its tables of coefficients are borrowed, and what belongs to the components is copied */
    ddpm_dense onto, back; /* x U' [D -> K] and z U [K -> D] */
    const ddpm_kernels *kernels; /* float32, since this part is exact where the network's need not be */
    int64_t columns;             /* D */
    double *variance;            /* [K + 1] */
};

static ddpm_status build(const ddpm_linear_spec *spec, int64_t columns, ddpm_linear *out)
{
    const int64_t K = spec->count;
    float *transposed = NULL;
    out->spec = *spec;
    out->columns = columns;
    out->kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    DDPM_TRY(DDPM_NEW(&out->variance, K + 1, "linear part"));
    memcpy(out->variance, spec->variance, (size_t)(K + 1) * sizeof *out->variance);
    DDPM_TRY(ddpm_dense_make(out->kernels, (ddpm_const_matrix){spec->direction, K, columns, columns, 0}, &out->back));
    DDPM_TRY(DDPM_NEW(&transposed, K * columns, "linear part"));
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < columns; j++) transposed[j * K + k] = spec->direction[k * columns + j];
    const ddpm_status status =
        ddpm_dense_make(out->kernels, (ddpm_const_matrix){transposed, columns, K, K, 0}, &out->onto);
    ddpm_release(transposed);
    return status;
}

ddpm_status ddpm_network_set_linear(ddpm_network *network, const ddpm_linear_spec *spec)
{
    ddpm_linear *linear = NULL;
    DDPM_TRY(DDPM_NEW(&linear, 1, "linear part"));
    const ddpm_status status = build(spec, network->spec.columns, linear);
    if (status != DDPM_OK) {
        ddpm_linear_free(linear);
        return status;
    }
    ddpm_linear_free(network->linear);
    network->linear = linear;
    return DDPM_OK;
}

void ddpm_linear_free(ddpm_linear *linear)
{
    if (!linear) return;
    ddpm_release(linear->variance);
    ddpm_dense_release(&linear->onto);
    ddpm_dense_release(&linear->back);
    ddpm_release(linear);
}

int64_t ddpm_linear_bytes(const ddpm_linear *linear)
{
    if (!linear) return 0;
    const int64_t K = linear->spec.count, panel = linear->kernels->panel;
    const int64_t onto = ddpm_round_up(K, panel), back = ddpm_round_up(linear->columns, panel);
    return ((linear->columns + 1) * onto + (K + 1) * back) * (int64_t)sizeof(float) +
           (K + 1) * (int64_t)sizeof *linear->variance;
}

static double slope(const ddpm_linear_spec *spec, int32_t t, double variance)
{
    const double s = (double)spec->signal[t], n = (double)spec->noise[t];
    return ((double)spec->target_data[t] * s * variance + (double)spec->target_noise[t] * n) /
           (s * s * variance + n * n);
}

void ddpm_linear_add(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_matrix y)
{
    const ddpm_linear *linear = pass->net->linear;
    if (!linear) return;
    const int64_t K = linear->spec.count;
    const ddpm_matrix part = ddpm_pass_rows(pass, pass->w->component), back = ddpm_pass_rows(pass, pass->w->linear);
    const ddpm_matrix z = {part.data, part.rows, K, part.stride, 0};
    linear->kernels->forward(&linear->onto, x, DDPM_ACTIVATION_IDENTITY, z, NULL, NULL);
    for (int64_t i = 0; i < x.rows; i++) {
        const double across = slope(&linear->spec, pass->t[i], linear->variance[K]);
        for (int64_t k = 0; k < K; k++)
            z.data[i * z.stride + k] *= (float)(slope(&linear->spec, pass->t[i], linear->variance[k]) - across);
    }
    linear->kernels->forward(&linear->back, ddpm_matrix_read(z), DDPM_ACTIVATION_IDENTITY, back, NULL, NULL);
    for (int64_t i = 0; i < x.rows; i++) {
        const float across = (float)slope(&linear->spec, pass->t[i], linear->variance[K]);
        for (int64_t j = 0; j < x.columns; j++)
            y.data[i * y.stride + j] += back.data[i * back.stride + j] + across * x.data[i * x.stride + j];
    }
}
