/* The prediction of a mixture of Gaussians. Of part c, with weight w, mean m, directions U and variances v along them,
 * x_t has the mean s m and the variances q = s^2 v + n^2 along U. So with z = U (x_t - s m) its logarithm of w p(x_t)
 * is l_c = ln w - sum over k of (z_k^2 / q_k + ln q_k) / 2, up to a constant, and its prediction of a x0 + b noise is
 *     f_c = a m + U' (g z),  g = (a s v + b n) / q.
 * With r = softmax(l), that of the mixture is y = sum over c of r_c f_c. Its Jacobian, applied to d, is
 *     J d = sum over c of r_c U' (g e - (f_c - y) . d  z / q),  e = U d,
 * since the gradient of l_c is -U' (z / q), and that of r_c is r_c times this less its mean over the parts. It is
 * symmetric: y is a multiple of x_t plus a multiple of the gradient of ln p(x_t). */
#include "network/mixture.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

struct ddpm_mixture_part {
    int64_t count, columns; /* C, D */
    ddpm_mixture_spec spec; /* its tables of coefficients are borrowed; what belongs to the parts is not used */
    ddpm_dense onto, back;  /* x U' [D -> C D], and z U + r m [C (D + 1) -> D] */
    const ddpm_kernels *kernels;
    float *variance;  /* [C][D] */
    float *center;    /* [C][D]: U m */
    double *constant; /* [T + 1][C]: what l_c has beside its quadratic form */
};

/* ---- how it is made ---- */

/* The matrices of both products, in the order in which kernels read them. */
static ddpm_status pack(const ddpm_mixture_spec *spec, ddpm_mixture_part *out)
{
    const int64_t C = out->count, D = out->columns;
    float *onto = NULL, *back = NULL;
    ddpm_status status = DDPM_NEW(&onto, D * C * D, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&back, C * (D + 1) * D, "mixture");
    if (status == DDPM_OK) {
        for (int64_t i = 0; i < C * D; i++)
            for (int64_t j = 0; j < D; j++) onto[j * C * D + i] = spec->direction[i * D + j];
        memcpy(back, spec->direction, (size_t)(C * D * D) * sizeof *back);
        for (int64_t i = 0; i < C * D; i++) back[C * D * D + i] = (float)spec->mean[i];
        status = ddpm_dense_make(out->kernels, (ddpm_const_matrix){onto, D, C * D, C * D, 0}, &out->onto);
    }
    if (status == DDPM_OK)
        status = ddpm_dense_make(out->kernels, (ddpm_const_matrix){back, C * (D + 1), D, D, 0}, &out->back);
    ddpm_release(onto);
    ddpm_release(back);
    return status;
}

static void fill_tables(const ddpm_mixture_spec *spec, int64_t steps, ddpm_mixture_part *out)
{
    const int64_t C = out->count, D = out->columns;
    for (int64_t i = 0; i < C * D; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < D; j++) sum += (double)spec->direction[i * D + j] * spec->mean[i / D * D + j];
        out->center[i] = (float)sum;
        out->variance[i] = (float)spec->variance[i];
    }
    for (int64_t t = 0; t <= steps; t++)
        for (int64_t c = 0; c < C; c++) {
            const double s = (double)spec->signal[t], n = (double)spec->noise[t];
            double sum = 0.0;
            for (int64_t k = 0; k < D; k++) sum += log(s * s * spec->variance[c * D + k] + n * n);
            out->constant[t * C + c] = log(spec->weight[c]) - 0.5 * sum;
        }
}

static ddpm_status build(const ddpm_mixture_spec *spec, int64_t columns, int64_t steps, ddpm_mixture_part *out)
{
    const int64_t C = spec->count, D = columns;
    out->spec = *spec;
    out->count = C;
    out->columns = D;
    out->kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    DDPM_TRY(DDPM_NEW(&out->variance, C * D, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->center, C * D, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->constant, (steps + 1) * C, "mixture"));
    fill_tables(spec, steps, out);
    return pack(spec, out);
}

ddpm_status ddpm_network_set_mixture(ddpm_network *network, const ddpm_mixture_spec *spec)
{
    ddpm_mixture_part *mixture = NULL;
    DDPM_TRY(DDPM_NEW(&mixture, 1, "mixture"));
    const ddpm_status status = build(spec, network->spec.columns, network->spec.steps, mixture);
    if (status != DDPM_OK) {
        ddpm_mixture_part_free(mixture);
        return status;
    }
    ddpm_mixture_part_free(network->mixture);
    network->mixture = mixture;
    return DDPM_OK;
}

void ddpm_mixture_part_free(ddpm_mixture_part *mixture)
{
    if (!mixture) return;
    ddpm_release(mixture->variance);
    ddpm_release(mixture->center);
    ddpm_release(mixture->constant);
    ddpm_dense_release(&mixture->onto);
    ddpm_dense_release(&mixture->back);
    ddpm_release(mixture);
}

int64_t ddpm_mixture_part_bytes(const ddpm_mixture_part *mixture)
{
    if (!mixture) return 0;
    const int64_t C = mixture->count, D = mixture->columns, panel = mixture->kernels->panel;
    const int64_t onto = (D + 1) * ddpm_round_up(C * D, panel), back = (C * (D + 1) + 1) * ddpm_round_up(D, panel);
    return (onto + back + 2 * C * D) * (int64_t)sizeof(float);
}

/* ---- a row ---- */

/* z [C D], U x, becomes U (x - s m). r [C] becomes the shares of the parts in p(x_t). */
static void place(const ddpm_mixture_part *mixture, int32_t t, float *z, double *r)
{
    const int64_t C = mixture->count, D = mixture->columns;
    const float s = mixture->spec.signal[t], n = mixture->spec.noise[t];
    double largest = -INFINITY, sum = 0.0;
    for (int64_t c = 0; c < C; c++) {
        const float *v = mixture->variance + c * D, *center = mixture->center + c * D;
        double form = 0.0;
        for (int64_t k = 0; k < D; k++) {
            z[c * D + k] -= s * center[k];
            form += (double)(z[c * D + k] * z[c * D + k] / (s * s * v[k] + n * n));
        }
        r[c] = mixture->constant[(int64_t)t * C + c] - 0.5 * form;
        largest = fmax(largest, r[c]);
    }
    for (int64_t c = 0; c < C; c++) sum += r[c] = exp(r[c] - largest);
    for (int64_t c = 0; c < C; c++) r[c] /= sum;
}

/* z [C (D + 1)] becomes what the product with `back` makes the prediction of. */
static void predict(const ddpm_mixture_part *mixture, int32_t t, const double *r, float *z)
{
    const int64_t C = mixture->count, D = mixture->columns;
    const ddpm_mixture_spec *spec = &mixture->spec;
    const float s = spec->signal[t], n = spec->noise[t], a = spec->target_data[t], b = spec->target_noise[t];
    for (int64_t c = 0; c < C; c++) {
        const float *v = mixture->variance + c * D, share = (float)r[c];
        for (int64_t k = 0; k < D; k++) z[c * D + k] *= share * (a * s * v[k] + b * n) / (s * s * v[k] + n * n);
        z[C * D + c] = share * a;
    }
}

/* e [C (D + 1)], U d, becomes what the product with `back` makes the Jacobian of, applied to d. */
static void differentiate(const ddpm_mixture_part *mixture, int32_t t, const double *r, const float *z, double *along,
                          float *e)
{
    const int64_t C = mixture->count, D = mixture->columns;
    const ddpm_mixture_spec *spec = &mixture->spec;
    const float s = spec->signal[t], n = spec->noise[t], a = spec->target_data[t], b = spec->target_noise[t];
    double mean = 0.0;
    for (int64_t c = 0; c < C; c++) {
        const float *v = mixture->variance + c * D, *center = mixture->center + c * D;
        along[c] = 0.0;
        for (int64_t k = c * D; k < (c + 1) * D; k++) {
            const float g = (a * s * v[k - c * D] + b * n) / (s * s * v[k - c * D] + n * n);
            along[c] += (double)((a * center[k - c * D] + g * z[k]) * e[k]);
        }
        mean += r[c] * along[c];
    }
    for (int64_t c = 0; c < C; c++) {
        const float *v = mixture->variance + c * D, share = (float)r[c], beyond = (float)(along[c] - mean);
        for (int64_t k = 0; k < D; k++)
            e[c * D + k] =
                share * ((a * s * v[k] + b * n) * e[c * D + k] - beyond * z[c * D + k]) / (s * s * v[k] + n * n);
        e[C * D + c] = 0.0f;
    }
}

/* ---- blocks ---- */

/* x U' in the first C D columns of rows of C (D + 1). */
static ddpm_matrix project(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_matrix to)
{
    const ddpm_mixture_part *mixture = pass->net->mixture;
    const int64_t projected = mixture->count * mixture->columns;
    mixture->kernels->forward(&mixture->onto, x, DDPM_ACTIVATION_IDENTITY,
                              (ddpm_matrix){to.data, x.rows, projected, to.stride, 0}, NULL, NULL);
    return (ddpm_matrix){to.data, x.rows, projected + mixture->count, to.stride, 0};
}

static void add_back(const ddpm_pass *pass, ddpm_matrix z, ddpm_matrix y)
{
    const ddpm_mixture_part *mixture = pass->net->mixture;
    const ddpm_matrix back = ddpm_pass_rows(pass, pass->w->linear);
    mixture->kernels->forward(&mixture->back, ddpm_matrix_read(z), DDPM_ACTIVATION_IDENTITY, back, NULL, NULL);
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.columns; j++) y.data[i * y.stride + j] += back.data[i * back.stride + j];
}

void ddpm_mixture_part_add(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_matrix y)
{
    const ddpm_mixture_part *mixture = pass->net->mixture;
    const ddpm_matrix z = project(pass, x, pass->w->component);
    double r[DDPM_MIXTURE_MAX];
    for (int64_t i = 0; i < x.rows; i++) {
        place(mixture, pass->t[i], z.data + i * z.stride, r);
        predict(mixture, pass->t[i], r, z.data + i * z.stride);
    }
    add_back(pass, z, y);
}

void ddpm_mixture_part_backward(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_const_matrix dy, ddpm_matrix dx)
{
    const ddpm_mixture_part *mixture = pass->net->mixture;
    const ddpm_matrix z = project(pass, x, pass->w->component), e = project(pass, dy, pass->w->dcomponent);
    double r[DDPM_MIXTURE_MAX], along[DDPM_MIXTURE_MAX];
    for (int64_t i = 0; i < x.rows; i++) {
        place(mixture, pass->t[i], z.data + i * z.stride, r);
        differentiate(mixture, pass->t[i], r, z.data + i * z.stride, along, e.data + i * e.stride);
    }
    add_back(pass, e, dx);
}
