/** Orthogonal directions, and what a step multiplies data and noise by, for tests of predictions. */
#ifndef DDPM_TESTS_DIRECTIONS_H
#define DDPM_TESTS_DIRECTIONS_H

#include "expect.h"

enum { T = 6, DIRECTIONS_MOST = 70 };

static const float signal[T + 1] = {1.0f, 0.99f, 0.9f, 0.7f, 0.4f, 0.1f, 0.0f},
                              noise[T + 1] = {0.0f, 0.14f, 0.43f, 0.71f, 0.92f, 0.995f, 1.0f},
                              data_of[T + 1] = {0.0f, -0.14f, 1.0f, 0.0f, -1.0f, 0.3f, -1.0f},
                              noise_of[T + 1] = {0.0f, 0.99f, 0.0f, 1.0f, 1.0f, -0.7f, 0.0f};

/** The first `count` of a random basis, out [count][columns], by Gram and Schmidt's procedure in double precision. */
static inline void fill_directions(int64_t columns, int64_t count, int64_t series, float *out)
{
    static double basis[DIRECTIONS_MOST][DIRECTIONS_MOST];
    for (int64_t k = 0; k < count; k++) {
        double square = 0.0;
        for (int64_t j = 0; j < columns; j++) basis[k][j] = any_number(series * 1000000 + k * columns + j);
        for (int twice = 0; twice < 2; twice++)
            for (int64_t l = 0; l < k; l++) {
                double along = 0.0;
                for (int64_t j = 0; j < columns; j++) along += basis[k][j] * basis[l][j];
                for (int64_t j = 0; j < columns; j++) basis[k][j] -= along * basis[l][j];
            }
        for (int64_t j = 0; j < columns; j++) square += basis[k][j] * basis[k][j];
        for (int64_t j = 0; j < columns; j++) out[k * columns + j] = (float)(basis[k][j] /= sqrt(square));
    }
}

#endif
