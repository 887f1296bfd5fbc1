/** A network with all it needs to run, for tests. */
#ifndef DDPM_TESTS_SMALL_NETWORK_H
#define DDPM_TESTS_SMALL_NETWORK_H

#include "expect.h"

#include "base/memory.h"
#include "network/network.h"

/** The networks that are told apart: each test of networks runs on every one. */
enum { FORM_PERCEPTRON, FORM_GAINS, FORM_RESIDUAL, FORM_FEATURES, FORM_RESIDUAL_FEATURES, FORMS };

enum { FORM_FEATURE_COUNT = 5 };

static inline int form_is_residual(int form)
{
    return form == FORM_RESIDUAL || form == FORM_RESIDUAL_FEATURES;
}

/** Columns of x_t and its features, of which a row has D and so many more. */
static inline int64_t form_features(int form)
{
    return form == FORM_FEATURES || form == FORM_RESIDUAL_FEATURES ? 2 * FORM_FEATURE_COUNT : 0;
}

static inline void set_form(ddpm_network_spec *spec, int form)
{
    spec->kind = form_is_residual(form) ? DDPM_NETWORK_RESIDUAL : DDPM_NETWORK_MLP;
    spec->time = form == FORM_GAINS ? DDPM_TIME_GAIN_TABLE : DDPM_TIME_SINUSOIDAL;
    spec->features = form_features(form) / 2;
    spec->initial = spec->features > 0 ? DDPM_INITIAL_VARIANCE : DDPM_INITIAL_PYTORCH;
}

typedef struct small_network {
    ddpm_network *network;
    int64_t count; /* parameters */
    float *parameters;
    ddpm_packed *packed;
    ddpm_workspace *workspace;
} small_network;

/** Tensors that start at zero hide what they multiply: give them numbers. */
static inline void fill_zeros(const ddpm_network *network, float *parameters)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(network, &tensors);
    for (int64_t i = 0; i < count; i++)
        if (tensors[i].initial_low == 0.0 && tensors[i].initial_high == 0.0)
            fill_any(parameters + tensors[i].offset, tensors[i].rows * tensors[i].cols, 70 + i);
}

static inline small_network small_network_make(const ddpm_network_spec *spec, int64_t rows)
{
    small_network s = {0};
    expect_ok(ddpm_network_create(spec, &s.network));
    s.count = ddpm_network_array_length(s.network);
    expect_ok(DDPM_NEW(&s.parameters, s.count, "parameters"));
    ddpm_network_initialise(s.network, 3, s.parameters);
    fill_zeros(s.network, s.parameters);
    expect_ok(ddpm_packed_create(s.network, DDPM_PACK_INPUT_GRADIENT, NULL, &s.packed));
    ddpm_packed_borrow(s.packed, s.parameters, 1);
    for (int part = 2; part >= 0; part--) ddpm_packed_fill_part(s.packed, s.network, part, 3);
    expect_ok(ddpm_workspace_create(s.network, rows, rows, 1, &s.workspace));
    return s;
}

static inline void small_network_free(small_network *s)
{
    ddpm_workspace_free(s->workspace);
    ddpm_packed_free(s->packed);
    ddpm_release(s->parameters);
    ddpm_network_free(s->network);
}

/** Rows of (x_t, t) for a network of these columns and steps. */
static inline void fill_rows(const ddpm_network_spec *spec, int64_t rows, float *xt, int32_t *t)
{
    fill_any(xt, rows * spec->columns, 50);
    for (int64_t i = 0; i < rows; i++)
        t[i] = (int32_t)(1 + ddpm_random_below(ddpm_random_words(1, DDPM_RANDOM_TIMESTEP, 0, i, 0).v[0], spec->steps));
}

#endif
