/** The network once more, written plainly in double: what the fast one is checked against. */
#ifndef DDPM_TESTS_REFERENCE_NETWORK_H
#define DDPM_TESTS_REFERENCE_NETWORK_H

#include "expect.h"

#include "ddpm/model/network.h"

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

/** out [heads x D] for one row. */
static inline void reference_forward(const ddpm_network *network, const double *parameters, const float *xt,
                                     const float *condition, int32_t t, double *out)
{
    const ddpm_network_spec *spec = ddpm_network_get_spec(network);
    double x[REFERENCE_WIDEST], z[REFERENCE_WIDEST];
    for (int64_t j = 0; j < spec->columns; j++) x[j] = (double)xt[j];
    const int64_t told = spec->columns + spec->condition;
    for (int64_t j = spec->columns; j < told; j++) x[j] = condition ? (double)condition[j - spec->columns] : 0.0;
    const int64_t half = spec->time == DDPM_TIME_SINUSOIDAL ? spec->time_width / 2 : 0;
    for (int64_t j = 0; j < half; j++) {
        const double angle = 1000.0 * t / (double)spec->steps / pow(10000.0, (double)j / (double)half);
        x[told + j] = sin(angle);
        x[told + half + j] = cos(angle);
    }
    for (int64_t l = 0; l < spec->depth; l++) {
        char layer[32];
        snprintf(layer, sizeof layer, "hidden%d", (int)l);
        reference_layer(network, layer, parameters, t, x, z);
        for (int64_t j = 0; j < spec->width; j++) x[j] = reference_activation(spec->activation, z[j]);
    }
    reference_layer(network, "output", parameters, t, x, out);
}

#endif
