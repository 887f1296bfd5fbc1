/** A trained model ready to make samples on one rank: its weights as the kernels read them, its sampler, and memory for
 * each thread. The verbs and the library use it. Local.
 */
#ifndef DDPM_SAMPLE_ENGINE_H
#define DDPM_SAMPLE_ENGINE_H

#include "model/lookup.h"
#include "model/sampler.h"
#include "sample/guide.h"

enum { DDPM_ENGINE_BLOCK = 128 }; /* most rows of a call, of a Gaussian model */

typedef struct ddpm_engine ddpm_engine;

/** Weights as engines use them, which may share them: they are not changed once made. */
typedef struct ddpm_engine_weights {
    ddpm_packed *packed;
    ddpm_lookup lookup; /* of a masked model */
} ddpm_engine_weights;

/** DDPM_ERR_MEMORY.
 *  @param loaded    borrowed until ddpm_engine_weights_release.
 *  @param[out] out  release with ddpm_engine_weights_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_engine_weights_make(const ddpm_loaded *loaded, ddpm_weights which,
                                                     ddpm_engine_weights *out);
void ddpm_engine_weights_release(ddpm_engine_weights *weights);

/** Whether a model can be sampled with these settings. Samples without conditions, and guidance, need a model that was
 * trained with diffusion.condition_dropout above 0, so that it knows rows without conditions.
 *  @param condition    of the model.
 *  @param dropout      the model's diffusion.condition_dropout.
 *  @param conditioned  nonzero: each sample has conditions.
 *  @return DDPM_OK, or DDPM_ERR_USAGE. */
DDPM_MUST_CHECK ddpm_status ddpm_engine_check(const ddpm_sampling *sampling, const ddpm_condition *condition,
                                              double dropout, int conditioned);

/** Whether a model completes rows with these settings. @param what  names the completion, for messages.
 *  @return DDPM_OK, or DDPM_ERR_USAGE. */
DDPM_MUST_CHECK ddpm_status ddpm_engine_check_completion(const ddpm_loaded *loaded, const ddpm_sampling *sampling,
                                                         const char *what);

/** @param loaded    borrowed until ddpm_engine_close.
 *  @param weights   those that sampling->weights names, borrowed as well; NULL: the engine makes its own.
 *  @param threads   calls of different threads may run at once.
 *  @param[out] out  close with ddpm_engine_close. */
DDPM_MUST_CHECK ddpm_status ddpm_engine_create(const ddpm_loaded *loaded, const ddpm_sampling *sampling,
                                               const ddpm_engine_weights *weights, int threads, ddpm_engine **out);
void ddpm_engine_close(ddpm_engine *engine); /* NULL is allowed */

/** Give the samples conditions, standardised: values [rows][V], where rows is 1 (the same for all samples) or the
 * number of samples, of which `first` has the first row. Borrowed. Without this call, and with no rows, samples are
 * unconditional. */
void ddpm_engine_set_conditions(ddpm_engine *engine, int64_t first, int64_t rows, const float *values);

/** Give columns of all samples of a masked model: known [D] of tokens, NaN where a column is to be drawn. Borrowed;
 * NULL: none is given. */
void ddpm_engine_set_known(ddpm_engine *engine, const float *known);

/** Let a classifier steer the samples. Borrowed; NULL: none. */
void ddpm_engine_set_guide(ddpm_engine *engine, ddpm_guide *guide);

/** The sampler of a Gaussian model. */
const ddpm_sampler *ddpm_engine_sampler(const ddpm_engine *engine);

/** Most rows of a call, and how many are best made together. */
int64_t ddpm_engine_block(const ddpm_engine *engine);

/** Reverse steps. */
int64_t ddpm_engine_steps(const ddpm_engine *engine);

/** How often a masked model's columns are drawn again; 0 of others. */
int64_t ddpm_engine_redraws(const ddpm_engine *engine);

/** Make samples first .. first+rows-1 of a seed, in standardised units, or as tokens; rows at most
 * ddpm_engine_block. Arguments as of ddpm_sampler_run; a masked model has no snapshots. */
void ddpm_engine_run(ddpm_engine *engine, int thread, uint64_t seed, int64_t first, int64_t rows, float *x,
                     int64_t snapshots, float *trajectory, int64_t stride);

/** Complete rows first .. first+rows-1 of a seed; arguments as of ddpm_sampler_complete. A masked model draws what is
 * not known from its distribution given the rest, in one pass. */
void ddpm_engine_complete(ddpm_engine *engine, int thread, uint64_t seed, int64_t first, int64_t rows,
                          const float *known, int64_t passes, float *x);

/** Evaluate the network of a Gaussian model once, for rows [rows][D] at t [rows], standardised; at most
 * DDPM_ENGINE_BLOCK. The samples' conditions are those of rows first, first + 1, ...; there is no guidance.
 *  @return  its outputs, which lie in the thread's memory until its next use. */
ddpm_const_matrix ddpm_engine_forward(ddpm_engine *engine, int thread, int64_t first, int64_t rows, const float *xt,
                                      const int32_t *t);

#endif
