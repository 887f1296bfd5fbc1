/** Which t each row of a batch is trained at, and the weight that keeps the loss unbiased. All functions are Local; a
 * draw depends on the position in the global batch, never on ranks.
 */
#ifndef DDPM_MODEL_TIMESTEPS_H
#define DDPM_MODEL_TIMESTEPS_H

#include "base/status.h"

#include <stdint.h>

typedef enum ddpm_timesteps_kind {
    DDPM_TIMESTEPS_UNIFORM,    /* each row by itself */
    DDPM_TIMESTEPS_ANTITHETIC, /* rows in pairs (t, T + 1 - t) */
    DDPM_TIMESTEPS_STRATIFIED, /* one shift u: t = ceil(T frac(u + i / batch)) (Kingma et al. 2021) */
    DDPM_TIMESTEPS_IMPORTANCE, /* by the root mean square of the last losses at each t (Nichol and Dhariwal 2021,
                                  section 3.3) */
    DDPM_TIMESTEPS_COUNT
} ddpm_timesteps_kind;

enum {
    DDPM_TIMESTEPS_HISTORY = 10,                        /* losses kept of each t */
    DDPM_TIMESTEPS_SEEN = 1000 * DDPM_TIMESTEPS_HISTORY /* where the count of losses wraps: the ring stays full */
};

typedef struct ddpm_timesteps {
    ddpm_timesteps_kind kind;
    int64_t steps, batch;
    float *history; /* importance: [T][DDPM_TIMESTEPS_HISTORY], a ring; part of a run's state */
    int32_t *seen;  /* importance: [T] losses met so far, below DDPM_TIMESTEPS_SEEN and then from 10 again; likewise */
    double *cumulative; /* importance: [T + 1] */
    int warm;           /* every t has a full history; before, draws are uniform */
} ddpm_timesteps;

/** @param[out] out  release with ddpm_timesteps_release. */
DDPM_MUST_CHECK ddpm_status ddpm_timesteps_create(ddpm_timesteps_kind kind, int64_t steps, int64_t batch,
                                                  ddpm_timesteps *out);
void ddpm_timesteps_release(ddpm_timesteps *timesteps);

/** Bytes of the history and what is made of it; 0 without importance sampling. */
int64_t ddpm_timesteps_bytes(const ddpm_timesteps *timesteps);

/** t, 1..T, and weight [rows] of rows first .. first+rows-1 of an iteration's batch. weight: NULL where it is not
 * wanted. */
void ddpm_timesteps_draw(const ddpm_timesteps *timesteps, uint64_t seed, int64_t iteration, int64_t first, int64_t rows,
                         int32_t *t, float *weight);

/** Importance: take in the losses of a whole batch, in its order. t and loss [batch]. */
void ddpm_timesteps_learn(ddpm_timesteps *timesteps, const int32_t *t, const float *loss);

/** Importance: after history and seen were set from a checkpoint. */
void ddpm_timesteps_refresh(ddpm_timesteps *timesteps);

#endif
