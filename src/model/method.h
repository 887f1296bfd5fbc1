/** Methods of sampling: what is set of them, and the coefficients of their steps.
 *
 *  A step of every method has the same linear form, x <- a x0 + b x0' + c x + d z, where x0 is the data that the
 * network predicts from x, x0' what it predicted one step before, and z is noise. The methods differ in the
 * coefficients. Local, any thread.
 */
#ifndef DDPM_MODEL_METHOD_H
#define DDPM_MODEL_METHOD_H

#include "model/diffusion.h"
#include "model/grid.h"

typedef enum ddpm_method {
    DDPM_METHOD_ANCESTRAL,  /* Ho et al. 2020, algorithm 2, for any subset of the steps */
    DDPM_METHOD_DDIM,       /* Song, Meng and Ermon 2021, equation 12 */
    DDPM_METHOD_DPM_SOLVER, /* DPM-Solver++(2M): Lu et al. 2022, algorithm 2 */
    DDPM_METHOD_HEUN,  /* Heun, for the flow in the angle of cosine sqrt(alpha_bar): two evaluations for each step but
                          the last */
    DDPM_METHOD_ADAMS, /* Adams-Bashforth of second order for the same flow: one evaluation a step */
    DDPM_METHOD_COUNT
} ddpm_method;

typedef enum ddpm_weights { DDPM_WEIGHTS_EMA, DDPM_WEIGHTS_RAW, DDPM_WEIGHTS_BEST, DDPM_WEIGHTS_COUNT } ddpm_weights;
typedef enum ddpm_clip { DDPM_CLIP_NONE, DDPM_CLIP_DATA } ddpm_clip;

/** How samples are made from a trained model: the section `sampling` of a configuration. */
typedef struct ddpm_sampling {
    ddpm_method method;
    int64_t steps; /* K; 0: all T; DDPM_AUTO: see ddpm_sampling_steps */
    ddpm_spacing spacing;
    double eta;              /* ddim: 0: steps have no noise; 1: they have that of the posterior */
    int64_t corrections;     /* Langevin steps after each step that does not end at the data */
    double correction_ratio; /* r: their size is 2 r^2 (1 - alpha_bar) */
    int64_t redraws;         /* of a masked model: see ddpm_unmask_create */
    double guidance;         /* w of classifier-free guidance (Ho and Salimans 2022); 0: no guidance */
    ddpm_weights weights;
    ddpm_clip clip;
    ddpm_precision precision; /* of the operands of the network's products */
} ddpm_sampling;

/** The steps that DDPM_AUTO stands for with the methods of second order, where T is not less. */
#define DDPM_SAMPLING_STEPS_AUTO 50

/** K of these settings for a schedule of T steps. DDPM_AUTO stands for all T with ancestral and ddim, and for at most
 * as many as the methods of second order need. */
int64_t ddpm_sampling_steps(const ddpm_sampling *sampling, int64_t T);

/** Whether a method's steps extrapolate from the step before, so that it cannot complete rows. */
int ddpm_method_extrapolates(ddpm_method method);

/** The spacing of these settings. DDPM_SPACING_AUTO stands for DDPM_SPACING_ANGLE with adams, and for
 * DDPM_SPACING_LOG_SNR with the others. */
ddpm_spacing ddpm_sampling_spacing(const ddpm_sampling *sampling);

/** One step of the grid, from t to s, with its coefficients. */
typedef struct ddpm_sampler_step {
    int64_t t, s;
    float data_xt, data_output;           /* x0 = data_xt x + data_output prediction */
    float of_x0, of_last, of_x, of_noise; /* a, b, c and d of the form above */
    float first_x0, first_x,
        of_second;              /* heun: the first half of the step is first_x0 x0 + first_x x, and of_second x0
                                 * is added for the x0 that is predicted there, at s; 0: a step of one evaluation */
    float slope_x0, slope_x;    /* adams: slope_x0 x0 + slope_x x stands for x0 in the form above; 0: x0 itself */
    ddpm_transition transition; /* for a learned variance, from which d then follows: exp(ln variance / 2) */
    float drift_xt, drift_x0, correction_noise; /* a Langevin step at s is x + drift_xt x + drift_x0 x0 +
                                                 * correction_noise z */
    float s_data_xt, s_data_output;             /* as data_xt and data_output, at s */
} ddpm_sampler_step;

/** Set the coefficients of a step.
 *  @param sampling  `steps` is not looked at.
 *  @param before    the step before; NULL: there is none. */
void ddpm_method_step(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, int64_t t, int64_t s,
                      const ddpm_sampler_step *before, ddpm_sampler_step *step);

#endif
