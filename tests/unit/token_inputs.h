/** The inputs of a network for a row of tokens, written out: what a lookup stands for. */
#ifndef DDPM_TESTS_TOKEN_INPUTS_H
#define DDPM_TESTS_TOKEN_INPUTS_H

#include "model/masked.h"

#include <string.h>

/** @param[out] inputs  [R + D]: the coefficients of the tokens that are shown, then for each column whether it is
 *                      hidden. */
static inline void token_inputs(const ddpm_masked *masked, const float *row, const uint8_t *hidden, float *inputs)
{
    memset(inputs, 0, (size_t)masked->inputs * sizeof *inputs);
    for (int64_t j = 0; j < masked->columns; j++) {
        const ddpm_masked_column *c = &masked->column[j];
        float *to = inputs + c->first;
        if (hidden[j]) {
            inputs[masked->coefficients + j] = masked->input_scale;
            continue;
        }
        const int64_t token = (int64_t)ddpm_twins_own(masked->vocabulary, row, j),
                      link = ddpm_masked_shown_link(masked, j, row, hidden);
        if (token < c->exact) to[token] = c->scale * masked->input_scale;
        for (int64_t f = 0; f < c->smooth; f++)
            to[c->exact + f] = c->of_token.data[token * c->of_token.stride + f] * masked->input_scale;
        for (int64_t f = 0; link >= 0 && f < c->smooth; f++)
            to[c->exact + f] += c->of_token.data[link * c->of_token.stride + f] * masked->input_scale;
    }
}

#endif
