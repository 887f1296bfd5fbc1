/** Reverse sampling: from noise to data, a block of rows at a time.
 *
 *  A sample is a pure function of the model, the settings, the seed and its index: it does not depend on the block, the
 * thread or the rank that computes it. All functions are Local; a sampler is not changed once it is made, and threads
 * may share it.
 */
#ifndef DDPM_MODEL_SAMPLER_H
#define DDPM_MODEL_SAMPLER_H

#include "model/method.h"

/** What a sampler is made from. */
typedef struct ddpm_sampler_spec {
    ddpm_sampling sampling; /* steps 1..T; guidance, weights and clip are left to the caller */
    int64_t columns;
    const double *minimum, *maximum; /* [columns], the range to which x0 is clipped; NULL: it is not */
} ddpm_sampler_spec;

/** What stands for the network: a function that gives its output for rows that are all at step t. */
typedef struct ddpm_denoiser {
    /** @param first, rows  the rows have the numbers first .. first+rows-1, on which their condition may depend.
     *  @param xt           [rows][D], without padding.
     *  @return  [rows][heads x D], valid until the next call: the prediction, then the variance head where there is
     * one.
     */
    ddpm_const_matrix (*predict)(void *self, int64_t first, int64_t rows, const float *xt, int32_t t);
    void *self;
} ddpm_denoiser;

/** Rows first .. first+rows-1 of a seed, and what is needed to denoise them. Their random numbers are functions of the
 * seed and of a row's number. */
typedef struct ddpm_denoising {
    const ddpm_denoiser *denoiser;
    const ddpm_kernels *kernels; /* for the random numbers */
    uint64_t seed;
    int64_t first, rows;
} ddpm_denoising;

typedef struct ddpm_sampler {
    const ddpm_diffusion *diffusion; /* borrowed */
    int64_t columns, step_count, corrections;
    ddpm_sampler_step *steps; /* from t = T down to s = 0 */
    int learned;              /* whether the second head gives the variance of a step's noise */
    float *minimum, *maximum; /* [columns]; NULL: x0 is not clipped */
} ddpm_sampler;

/** DDPM_ERR_USAGE when sampling.steps is not in 1..T; DDPM_ERR_MEMORY.
 *  @param diffusion  borrowed.
 *  @param[out] out   release with ddpm_sampler_release. */
DDPM_MUST_CHECK ddpm_status ddpm_sampler_create(const ddpm_diffusion *diffusion, const ddpm_sampler_spec *spec,
                                                ddpm_sampler *out);
void ddpm_sampler_release(ddpm_sampler *sampler);

/** The t of snapshot i of `snapshots`: they are spread evenly over the grid, from T to 0; a single one is at 0. */
int64_t ddpm_sampler_snapshot_step(const ddpm_sampler *sampler, int64_t snapshots, int64_t i);

/** How many numbers of scratch memory ddpm_sampler_run and ddpm_sampler_complete need for up to `rows` rows. */
int64_t ddpm_sampler_scratch(const ddpm_sampler *sampler, int64_t rows);

/** Where copies of x on its way from noise to data are put. */
typedef struct ddpm_snapshots {
    int64_t count;
    float *data;    /* snapshot i is [rows][D] at data + i * stride; NULL where count is 0 */
    int64_t stride; /* at least rows x D */
} ddpm_snapshots;

/** Make samples in standardised units.
 *  @param scratch       [ddpm_sampler_scratch].
 *  @param[out] x        [rows][D], the samples.
 *  @param snapshots     where to put x of the steps of ddpm_sampler_snapshot_step. */
void ddpm_sampler_run(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, float *x,
                      ddpm_snapshots snapshots);

enum { DDPM_SAMPLER_PASSES_MAX = 1024 };

/** Complete rows of which some entries are known: RePaint (Lugmayr et al. 2022, algorithm 1).
 *
 *  After each step to s, and after each Langevin step there, the known entries are replaced by a draw of
 *  q(x_s | x_0 = known). Each step that does not end at the data is taken `passes` times, with a draw of q(x_t | x_s)
 * in between, so that the entries that are made come to agree with those that are known. With one pass, a row of which
 *  nothing is known becomes the sample of its number. Not for methods that extrapolate from the step before.
 *  @param scratch  [ddpm_sampler_scratch].
 *  @param known    [rows][D] in standardised units; NaN stands for unknown.
 *  @param passes   1..DDPM_SAMPLER_PASSES_MAX.
 *  @param[out] x   [rows][D]; its known entries are those of `known`. */
void ddpm_sampler_complete(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, const float *known,
                           int64_t passes, float *x);

#endif
