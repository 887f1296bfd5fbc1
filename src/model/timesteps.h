/** The t at which each row of a batch is trained, and the weight that keeps the loss unbiased. A draw depends on the
 * place of a row in the global batch, and not on the number of ranks. All functions are Local.
 */
#ifndef DDPM_MODEL_TIMESTEPS_H
#define DDPM_MODEL_TIMESTEPS_H

#include "base/status.h"

#include <stdint.h>

typedef enum ddpm_timesteps_kind {
    DDPM_TIMESTEPS_UNIFORM,    /* a draw for each row */
    DDPM_TIMESTEPS_ANTITHETIC, /* a draw for each pair of rows: t and T + 1 - t */
    DDPM_TIMESTEPS_STRATIFIED, /* one draw u for all: t = 1 + floor(T frac(u + i / batch)) (Kingma et al. 2021) */
    DDPM_TIMESTEPS_IMPORTANCE, /* with a probability in proportion to the root mean square of the last losses at t
                                  (Nichol and Dhariwal 2021, section 3.3) */
    DDPM_TIMESTEPS_COUNT
} ddpm_timesteps_kind;

enum {
    DDPM_TIMESTEPS_HISTORY = 10, /* losses that are kept of each t */
    DDPM_TIMESTEPS_SEEN =
        1000 * DDPM_TIMESTEPS_HISTORY /* where the count of losses goes back to DDPM_TIMESTEPS_HISTORY */
};

typedef struct ddpm_timesteps {
    ddpm_timesteps_kind kind;
    int64_t steps, batch;
    float *history; /* importance: [T][DDPM_TIMESTEPS_HISTORY], the last losses in a ring; part of a run's state */
    int32_t *seen;  /* importance: [T], how many losses the ring has taken, counted up to DDPM_TIMESTEPS_SEEN and then
                       from DDPM_TIMESTEPS_HISTORY again; part of a run's state */
    double *cumulative; /* importance: [T + 1], the probability of all t up to each */
    int warm;           /* importance: whether the history of every t is full; until then draws are uniform */
} ddpm_timesteps;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_timesteps_release. */
DDPM_MUST_CHECK ddpm_status ddpm_timesteps_create(ddpm_timesteps_kind kind, int64_t steps, int64_t batch,
                                                  ddpm_timesteps *out);
void ddpm_timesteps_release(ddpm_timesteps *timesteps);

/** Bytes of the history and of the probabilities; 0 without importance sampling. */
int64_t ddpm_timesteps_bytes(const ddpm_timesteps *timesteps);

/** Draw t [rows], 1..T, of rows first .. first+rows-1 of an iteration's batch, and set their weights [rows]; weight is
 * NULL where these are not wanted. */
void ddpm_timesteps_draw(const ddpm_timesteps *timesteps, uint64_t seed, int64_t iteration, int64_t first, int64_t rows,
                         int32_t *t, float *weight);

/** Importance: add the losses of a whole batch to the history, in the order of its rows. t and loss are [batch]. */
void ddpm_timesteps_learn(ddpm_timesteps *timesteps, const int32_t *t, const float *loss);

/** Importance: compute the probabilities from the history; to be called after history and seen were set from a
 * checkpoint.
 */
void ddpm_timesteps_refresh(ddpm_timesteps *timesteps);

#endif
