/** The network once more, written plainly in double: what the fast one is checked against. */
#ifndef DDPM_TESTS_REFERENCE_NETWORK_H
#define DDPM_TESTS_REFERENCE_NETWORK_H

#include "expect.h"

#include "network/layers.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFERENCE_WIDEST = 160 };

static inline double reference_activation(ddpm_activation activation, double z)
{
    switch (activation) {
    case DDPM_ACTIVATION_RELU:
        return fmax(z, 0.0);
    case DDPM_ACTIVATION_LEAKY_RELU:
        return z > 0.0 ? z : 0.01 * z;
    case DDPM_ACTIVATION_SILU:
        return z / (1.0 + exp(-z));
    case DDPM_ACTIVATION_GELU:
        return z * 0.5 * erfc(-z / sqrt(2.0));
    case DDPM_ACTIVATION_TANH:
        return tanh(z);
    case DDPM_ACTIVATION_SOFTPLUS:
        return fmax(z, 0.0) + log1p(exp(-fabs(z)));
    case DDPM_ACTIVATION_IDENTITY:
    case DDPM_ACTIVATION_COUNT:
        break;
    }
    return z;
}

/** A tensor by its name; NULL when there is none. */
static inline const ddpm_tensor *find_tensor(const ddpm_network *network, const char *layer, const char *what)
{
    const ddpm_tensor *tensors;
    char name[DDPM_TENSOR_NAME];
    const int64_t count = ddpm_network_tensors(network, &tensors);
    snprintf(name, sizeof name, "%s/%s", layer, what);
    for (int64_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
    return NULL;
}

/** z = gain (x W + b) of one layer for one row. */
static inline void reference_layer(const ddpm_network *network, const char *layer, const double *parameters, int32_t t,
                                   const double *x, double *z)
{
    const ddpm_tensor *w = find_tensor(network, layer, "weight"), *b = find_tensor(network, layer, "bias"),
                      *gain = find_tensor(network, layer, "gain");
    for (int64_t j = 0; j < w->cols; j++) {
        double sum = parameters[b->offset + j];
        for (int64_t i = 0; i < w->rows; i++) sum += x[i] * parameters[w->offset + i * w->cols + j];
        z[j] = gain ? sum * parameters[gain->offset + (t - 1) * gain->cols + j] : sum;
    }
}

/** sin and cos of t; the columns written. */
static inline int64_t reference_embedding(const ddpm_network_spec *spec, int32_t t, double *x)
{
    const int64_t half = spec->time == DDPM_TIME_SINUSOIDAL ? spec->time_width / 2 : 0;
    for (int64_t j = 0; j < half; j++) {
        const double angle = 1000.0 * t / (double)spec->steps / pow(10000.0, (double)j / (double)half);
        x[j] = sin(angle);
        x[half + j] = cos(angle);
    }
    return 2 * half;
}

/** x_t, then the cosine and the sine of its random projections; the columns written. */
static inline int64_t reference_points(const ddpm_network *network, const float *xt, double *x)
{
    const int64_t columns = network->spec.columns, features = network->spec.features;
    for (int64_t j = 0; j < columns; j++) x[j] = (double)xt[j];
    for (int64_t f = 0; f < features; f++) {
        double turns = 0.0;
        for (int64_t j = 0; j < columns; j++) turns += x[j] * (double)network->frequencies[j * features + f];
        x[columns + f] = cos(2.0 * 3.14159265358979323846 * turns);
        x[columns + features + f] = sin(2.0 * 3.14159265358979323846 * turns);
    }
    return columns + 2 * features;
}

static inline void reference_activate(const ddpm_network_spec *spec, int64_t n, const double *z, double *h)
{
    for (int64_t j = 0; j < n; j++) h[j] = reference_activation(spec->activation, z[j]);
}

/** y = normal (1 + scale) + shift of a row h [n]. */
static inline void reference_norm(int64_t n, const double *h, const double *scale, const double *shift, double *y)
{
    double mean = 0.0, variance = 0.0;
    for (int64_t j = 0; j < n; j++) mean += h[j] / (double)n;
    for (int64_t j = 0; j < n; j++) variance += pow(h[j] - mean, 2.0) / (double)n;
    for (int64_t j = 0; j < n; j++) y[j] = (h[j] - mean) / sqrt(variance + 1e-5) * (1.0 + scale[j]) + shift[j];
}

/** The residual network, as the first lines of src/network/residual.c define it. */
static inline void reference_residual(const ddpm_network *network, const double *parameters, const float *xt,
                                      const float *condition, int32_t t, double *out)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(network);
    const int64_t n = spec->width;
    double x[REFERENCE_WIDEST], h[REFERENCE_WIDEST], y[REFERENCE_WIDEST], z[REFERENCE_WIDEST];
    static double m[REFERENCE_WIDEST * 32];
    const int64_t told = reference_embedding(spec, t, x);
    for (int64_t j = 0; j < spec->condition; j++) x[told + j] = condition ? (double)condition[j] : 0.0;
    reference_layer(network, "embedding", parameters, t, x, z);
    reference_activate(spec, spec->time_width, z, z);
    reference_layer(network, "modulation", parameters, t, z, m);
    reference_points(network, xt, x);
    reference_layer(network, "input", parameters, t, x, h);
    for (int64_t l = 0; l < spec->depth; l++) {
        char layer[32];
        const double *part = m + 3 * l * n;
        reference_norm(n, h, part, part + n, y);
        snprintf(layer, sizeof layer, "block%d/first", (int)l);
        reference_layer(network, layer, parameters, t, y, z);
        reference_activate(spec, n, z, z);
        snprintf(layer, sizeof layer, "block%d/second", (int)l);
        reference_layer(network, layer, parameters, t, z, y);
        for (int64_t j = 0; j < n; j++) h[j] += part[2 * n + j] * y[j];
    }
    const double *part = m + 3 * spec->depth * n;
    reference_norm(n, h, part, part + n, y);
    reference_layer(network, "output", parameters, t, y, out);
}

static inline void reference_mlp(const ddpm_network *network, const double *parameters, const float *xt,
                                 const float *condition, int32_t t, double *out)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(network);
    double x[REFERENCE_WIDEST], z[REFERENCE_WIDEST];
    const int64_t points = reference_points(network, xt, x), told = points + spec->condition;
    for (int64_t j = points; j < told; j++) x[j] = condition ? (double)condition[j - points] : 0.0;
    reference_embedding(spec, t, x + told);
    for (int64_t l = 0; l < spec->depth; l++) {
        char layer[32];
        snprintf(layer, sizeof layer, "hidden%d", (int)l);
        reference_layer(network, layer, parameters, t, x, z);
        reference_activate(spec, spec->width, z, x);
    }
    reference_layer(network, "output", parameters, t, x, out);
}

/** out [heads x D] for one row. */
static inline void reference_forward(const ddpm_network *network, const double *parameters, const float *xt,
                                     const float *condition, int32_t t, double *out)
{
    if (ddpm_network_get_spec(network)->kind == DDPM_NETWORK_RESIDUAL)
        reference_residual(network, parameters, xt, condition, t, out);
    else
        reference_mlp(network, parameters, xt, condition, t, out);
}

#endif
