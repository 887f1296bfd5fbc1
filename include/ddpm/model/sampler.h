/** Reverse sampling: from noise to data, a block of rows at a time (Ho et al. 2020, algorithm 2).
 *
 *  A sample is a pure function of the model, the settings, the seed and its index: not of the block, thread or rank
 * that makes it. All functions are Local; a sampler is read-only once made.
 */
#ifndef DDPM_MODEL_SAMPLER_H
#define DDPM_MODEL_SAMPLER_H

#include "ddpm/model/diffusion.h"

/** What stands for the network: the prediction for rows that are all at step t. */
typedef struct ddpm_denoiser {
    /** @param xt [rows][columns];  @return [rows][*stride], valid until the next call. */
    const float *(*predict)(void *self, int64_t rows, const float *xt, int32_t t, int64_t *stride);
    void *self;
} ddpm_denoiser;

/** One step of the grid, from t to s: x0 = data_xt x + data_output out (clipped), x = mean_x0 x0 + mean_xt x +
 * deviation z. */
typedef struct ddpm_sampler_step {
    int64_t t, s;
    float data_xt, data_output;
    float mean_x0, mean_xt, deviation;
    float x_xt, x_output; /* the mean without clipping, from x and the output at once */
} ddpm_sampler_step;

typedef struct ddpm_sampler {
    int64_t columns, step_count;
    ddpm_sampler_step *steps; /* from t = T down to s = 0 */
    float *minimum, *maximum; /* [columns] to clip x0 to; NULL: no clipping */
} ddpm_sampler;

/** Ancestral sampling on `steps` of the T steps, spread evenly and always from T to 0.
 *  @param steps            1..T.
 *  @param minimum,maximum  [columns] range to clip x0 to, or both NULL. Copied.
 *  @param[out] out         release with ddpm_sampler_release. */
DDPM_MUST_CHECK ddpm_status ddpm_sampler_create(const ddpm_diffusion *diffusion, int64_t columns, int64_t steps,
                                                const double *minimum, const double *maximum, ddpm_sampler *out);
void ddpm_sampler_release(ddpm_sampler *sampler);

/** Which t snapshot i of `snapshots` shows: evenly over the grid, T first and 0 last. */
int64_t ddpm_sampler_snapshot_step(const ddpm_sampler *sampler, int64_t snapshots, int64_t i);

/** Make samples first .. first+rows-1 of a seed, in standardised units.
 *  @param scratch         [rows][columns].
 *  @param[out] x          [rows][columns].
 *  @param[out] trajectory [snapshots][snapshot_stride / columns][columns], this block's rows at its start; NULL with 0
 * snapshots. */
void ddpm_sampler_run(const ddpm_sampler *sampler, const ddpm_kernels *kernels, const ddpm_denoiser *denoiser,
                      uint64_t seed, int64_t first, int64_t rows, float *scratch, float *x, int64_t snapshots,
                      float *trajectory, int64_t snapshot_stride);

#endif
