/* Fourier features of x_t (Tancik et al. 2020): the cosine and the sine of 2 pi B x_t, where the entries of B [D][F]
 * are drawn once from N(0, 1) and are not trained. A network of few layers learns what varies slowly in its inputs
 * first, and with these inputs a fine structure of the data varies slowly, too. */
#include "network/features.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernel/normal.h"

#include <math.h>
#include <string.h>

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

enum { TOGETHER = 16 }; /* features whose angles are computed by the same instructions */

/* cos(2 pi turns) and sin(2 pi turns), from the Taylor series of half the angle, which is at most pi / 2; their errors
 * are below 1e-7. Where a float holds no fraction of a turn any more, the angle is 0. */
static void turn(const float turns[TOGETHER], float cosine[TOGETHER], float sine[TOGETHER])
{
    const float whole = 0x1.8p23f; /* adding it rounds to an integer */
    for (int i = 0; i < TOGETHER; i++) {
        const float rounded = (turns[i] + whole) - whole;
        const float nearest = fabsf(turns[i]) < 0x1p22f ? rounded : turns[i];
        const float a = 3.14159265f * (turns[i] - nearest), q = a * a;
        const float s =
            a * (1.0f + q * (-1.0f / 6 +
                             q * (1.0f / 120 + q * (-1.0f / 5040 + q * (1.0f / 362880 + q * (-1.0f / 39916800))))));
        const float c =
            1.0f +
            q * (-0.5f + q * (1.0f / 24 +
                              q * (-1.0f / 720 + q * (1.0f / 40320 + q * (-1.0f / 3628800 + q * (1.0f / 479001600))))));
        sine[i] = 2.0f * s * c;
        cosine[i] = 1.0f - 2.0f * s * s;
    }
}

/* Features first .. first+count-1 of a row; `count` is a constant where it can be, so that loops become vectors. */
static inline __attribute__((always_inline)) void fill_some(const ddpm_network *net, int64_t first, size_t count,
                                                            float *x)
{
    const int64_t columns = net->spec.columns, features = net->spec.features;
    float turns[TOGETHER] = {0}, cosine[TOGETHER], sine[TOGETHER];
    for (int64_t j = 0; j < columns; j++)
        for (size_t i = 0; i < count; i++) turns[i] += x[j] * net->frequencies[j * features + first + (int64_t)i];
    turn(turns, cosine, sine);
    memcpy(x + columns + first, cosine, count * sizeof *x);
    memcpy(x + columns + features + first, sine, count * sizeof *x);
}

void ddpm_features_fill(const ddpm_network *net, ddpm_matrix input)
{
    const int64_t features = net->spec.features, whole = features - features % TOGETHER;
    for (int64_t row = 0; row < input.rows; row++) {
        float *x = input.data + row * input.stride;
        for (int64_t first = 0; first < whole; first += TOGETHER) fill_some(net, first, TOGETHER, x);
        if (whole < features) fill_some(net, whole, (size_t)(features - whole), x);
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
