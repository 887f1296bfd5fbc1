/* Fourier features of x_t (Tancik et al. 2020): the cosine and the sine of 2 pi B x_t, where the entries of B [D][F]
 * are drawn once from N(0, 1) and are not trained. A network of few layers learns what varies slowly in its inputs
 * first, and with these inputs a fine structure of the data varies slowly, too. */
#include "network/features.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernel/normal.h"

#include <math.h>

enum { SEED = 0 }; /* B is the same in every model, so that it need not be kept in one */

ddpm_status ddpm_features_create(ddpm_network *net)
{
    const int64_t columns = net->spec.columns, features = net->spec.features;
    if (features == 0) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&net->frequencies, columns * features, "Fourier features"));
    ddpm_normal_rows(net->kernels, (ddpm_normal_stream){SEED, DDPM_RANDOM_FEATURES, 0}, 0,
                     ddpm_matrix_dense(net->frequencies, columns, features));
    return DDPM_OK;
}

/* cos(2 pi turns) and sin(2 pi turns), from the Taylor series of half the angle, which is at most pi / 2; their errors
 * are below 1e-7. Where a float holds no fraction of a turn any more, the angle is 0. */
static void turn(float turns, float *cosine, float *sine)
{
    const float whole = 0x1.8p23f; /* adding it rounds to an integer */
    const float nearest = fabsf(turns) < 0x1p22f ? (turns + whole) - whole : turns;
    const float a = 3.14159265f * (turns - nearest), q = a * a;
    const float s =
        a *
        (1.0f + q * (-1.0f / 6 + q * (1.0f / 120 + q * (-1.0f / 5040 + q * (1.0f / 362880 + q * (-1.0f / 39916800))))));
    const float c =
        1.0f +
        q * (-0.5f +
             q * (1.0f / 24 + q * (-1.0f / 720 + q * (1.0f / 40320 + q * (-1.0f / 3628800 + q * (1.0f / 479001600))))));
    *sine = 2.0f * s * c;
    *cosine = 1.0f - 2.0f * s * s;
}

void ddpm_features_fill(const ddpm_network *net, ddpm_matrix input)
{
    const int64_t columns = net->spec.columns, features = net->spec.features;
    for (int64_t row = 0; features > 0 && row < input.rows; row++) {
        float *x = input.data + row * input.stride, *cosine = x + columns, *sine = cosine + features;
        for (int64_t f = 0; f < features; f++) cosine[f] = 0.0f;
        for (int64_t j = 0; j < columns; j++)
            for (int64_t f = 0; f < features; f++) cosine[f] += x[j] * net->frequencies[j * features + f];
        for (int64_t f = 0; f < features; f++) turn(cosine[f], &cosine[f], &sine[f]);
    }
}

void ddpm_features_backward(const ddpm_network *net, ddpm_const_matrix input, ddpm_matrix dinput)
{
    const float two_pi = 6.28318531f;
    const int64_t columns = net->spec.columns, features = net->spec.features;
    for (int64_t row = 0; row < input.rows; row++) {
        const float *cosine = input.data + row * input.stride + columns, *sine = cosine + features;
        float *dx = dinput.data + row * dinput.stride, *dcosine = dx + columns, *dsine = dcosine + features;
        for (int64_t f = 0; f < features; f++)
            dcosine[f] = two_pi * (cosine[f] * dsine[f] - sine[f] * dcosine[f]); /* the gradient by B x_t */
        for (int64_t j = 0; j < columns; j++)
            for (int64_t f = 0; f < features; f++) dx[j] += net->frequencies[j * features + f] * dcosine[f];
    }
}
