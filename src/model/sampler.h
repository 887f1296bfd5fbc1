/** Reverse sampling: from noise to data, a block of rows at a time.
 *
 *  Every method is one linear step of a kind, x <- a x0 + b x0' + c x + d z, where x0 is what the network says of the
 * data now, x0' what it said one step before, and z is noise; the methods differ in the coefficients. A sample is a
 * pure function of the model, the settings, the seed and its index: not of the block, thread or rank that makes it. All
 * functions are Local; a sampler is read-only once made.
 */
#ifndef DDPM_MODEL_SAMPLER_H
#define DDPM_MODEL_SAMPLER_H

#include "model/diffusion.h"

typedef enum ddpm_method {
    DDPM_METHOD_ANCESTRAL,  /* Ho et al. 2020, algorithm 2, on any subset of the steps */
    DDPM_METHOD_DDIM,       /* Song, Meng and Ermon 2021, equation 12 */
    DDPM_METHOD_DPM_SOLVER, /* DPM-Solver++(2M): Lu et al. 2022, algorithm 2 */
    DDPM_METHOD_COUNT
} ddpm_method;

typedef enum ddpm_weights { DDPM_WEIGHTS_EMA, DDPM_WEIGHTS_RAW } ddpm_weights;
typedef enum ddpm_clip { DDPM_CLIP_NONE, DDPM_CLIP_DATA } ddpm_clip;

/** How samples are made from a trained model: the section `sampling` of a configuration. */
typedef struct ddpm_sampling {
    ddpm_method method;
    int64_t steps;           /* K, spread evenly and always from T to 0; 0: all T */
    double eta;              /* ddim: 0 without noise, 1 with the posterior's */
    int64_t corrections;     /* Langevin steps after each step that does not end at the data */
    double correction_ratio; /* r: their size is 2 r^2 (1 - alpha_bar) */
    double guidance;         /* w of classifier-free guidance (Ho and Salimans 2022); 0: none */
    ddpm_weights weights;
    ddpm_clip clip;
} ddpm_sampling;

/** What a sampler is made of. */
typedef struct ddpm_sampler_spec {
    ddpm_sampling sampling; /* its steps are 1..T; its guidance, weights and clip are the caller's concern */
    int64_t columns;
    const double *minimum, *maximum; /* [columns], the range to clip x0 to; NULL: no clipping */
} ddpm_sampler_spec;

/** What stands for the network: a function that gives its output for rows that are all at step t. */
typedef struct ddpm_denoiser {
    /** @param first, rows  the numbers of the rows are first .. first+rows-1: what a row is conditioned on may depend
     * on its number.  @param xt  [rows][D] without padding.
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

/** One step of the grid, from t to s. */
typedef struct ddpm_sampler_step {
    int64_t t, s;
    float data_xt, data_output;           /* x0 = data_xt x + data_output prediction */
    float of_x0, of_last, of_x, of_noise; /* a, b, c, d */
    ddpm_transition transition;           /* where the variance is learned, d is exp(ln variance / 2) */
    float drift_xt, drift_x0, kick;       /* a Langevin step at s: x + drift_xt x + drift_x0 x0 + kick z */
    float s_data_xt, s_data_output;       /* x0 from x and the prediction at s */
} ddpm_sampler_step;

typedef struct ddpm_sampler {
    const ddpm_diffusion *diffusion; /* borrowed */
    int64_t columns, step_count, corrections;
    ddpm_sampler_step *steps; /* from t = T down to s = 0 */
    int learned;              /* the noise of a step has its variance from the second head */
    float *minimum, *maximum; /* [columns]; NULL: no clipping */
} ddpm_sampler;

/** @param diffusion  borrowed.  @param[out] out  release with ddpm_sampler_release. */
DDPM_MUST_CHECK ddpm_status ddpm_sampler_create(const ddpm_diffusion *diffusion, const ddpm_sampler_spec *spec,
                                                ddpm_sampler *out);
void ddpm_sampler_release(ddpm_sampler *sampler);

/** Which t snapshot i of `snapshots` shows: evenly over the grid, T first and 0 last. */
int64_t ddpm_sampler_snapshot_step(const ddpm_sampler *sampler, int64_t snapshots, int64_t i);

/** Numbers of scratch memory that ddpm_sampler_run and ddpm_sampler_complete need for blocks of up to `rows` rows. */
int64_t ddpm_sampler_scratch(const ddpm_sampler *sampler, int64_t rows);

/** Where x is copied on its way from noise to data. */
typedef struct ddpm_snapshots {
    int64_t count;
    float *data;    /* snapshot i is [rows][D] at data + i * stride; NULL where count is 0 */
    int64_t stride; /* at least rows x D */
} ddpm_snapshots;

/** Make samples in standardised units.
 *  @param scratch       [ddpm_sampler_scratch].
 *  @param[out] x        [rows][D], the samples.
 *  @param     snapshots  what they were at the steps of ddpm_sampler_snapshot_step is copied there. */
void ddpm_sampler_run(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, float *x,
                      ddpm_snapshots snapshots);

enum { DDPM_SAMPLER_PASSES_MAX = 1024 };

/** Complete rows first .. first+rows-1: RePaint (Lugmayr et al. 2022, algorithm 1). After each step to s the known
 *  entries are replaced by a draw of q(x_s | x_0 = known), and Langevin steps hold them; each step that does not end at
 *  the data is taken `passes` times, with a draw of q(x_t | x_s) in between, so that what is made and what is known
 *  come to agree. A row of which nothing is known is sample `row` of the seed where passes is 1. Not for
 *  DDPM_METHOD_DPM_SOLVER, which extrapolates from the step before.
 *  @param known   [rows][columns] in standardised units, NaN: unknown.  @param passes  1..DDPM_SAMPLER_PASSES_MAX.
 *  @param[out] x  [rows][columns]; its known entries are those of `known`. */
void ddpm_sampler_complete(const ddpm_sampler *sampler, const ddpm_denoising *rows, float *scratch, const float *known,
                           int64_t passes, float *x);

#endif
