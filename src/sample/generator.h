/** A trained model ready to make samples on one rank: the ddpm_generator of ddpm/ddpm.h, with what the verbs need
 * beyond that header: any sampling settings, threads, conditions and guidance. Local.
 */
#ifndef DDPM_SAMPLE_GENERATOR_H
#define DDPM_SAMPLE_GENERATOR_H

#include "ddpm/ddpm.h"
#include "model/sampler.h"
#include "sample/guide.h"

enum { DDPM_GENERATOR_BLOCK = 128 }; /* most rows of a call, of a Gaussian model */

/** Whether a model can be sampled with these settings. Samples without conditions, and guidance, need a model that was
 * trained with diffusion.condition_dropout above 0, so that it knows rows without conditions.
 *  @param condition    of the model.
 *  @param dropout      the model's diffusion.condition_dropout.
 *  @param conditioned  nonzero: each sample has conditions.
 *  @return DDPM_OK, or DDPM_ERR_USAGE. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_check(const ddpm_sampling *sampling, const ddpm_condition *condition,
                                                 double dropout, int conditioned);

/** @param loaded    borrowed until ddpm_generator_close.
 *  @param threads   calls of different threads may run at once.
 *  @param[out] out  close with ddpm_generator_close. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_create(const ddpm_loaded *loaded, const ddpm_sampling *sampling, int threads,
                                                  ddpm_generator **out);

/** Give the samples conditions, standardised: values [rows][V], where rows is 1 (the same for all samples) or the
 * number of samples. Borrowed. Without this call samples are unconditional. */
void ddpm_generator_set_conditions(ddpm_generator *generator, int64_t rows, const float *values);

/** Give columns of all samples of a masked model: known [D] of tokens, NaN where a column is to be drawn. Borrowed;
 * NULL: none is given. */
void ddpm_generator_set_known(ddpm_generator *generator, const float *known);

/** Let a classifier steer the samples. Borrowed; NULL: none. */
void ddpm_generator_set_guide(ddpm_generator *generator, ddpm_guide *guide);

/** The sampler of a Gaussian model. */
const ddpm_sampler *ddpm_generator_sampler(const ddpm_generator *generator);

/** Most rows of a call, and how many are best made together. */
int64_t ddpm_generator_block(const ddpm_generator *generator);

/** Reverse steps. */
int64_t ddpm_generator_steps(const ddpm_generator *generator);

/** Make samples first .. first+rows-1 of a seed, in standardised units, or as tokens; rows at most
 * ddpm_generator_block. Arguments as of ddpm_sampler_run; a masked model has no snapshots. */
void ddpm_generator_run(ddpm_generator *generator, int thread, uint64_t seed, int64_t first, int64_t rows, float *x,
                        int64_t snapshots, float *trajectory, int64_t stride);

/** Complete rows first .. first+rows-1 of a seed; arguments as of ddpm_sampler_complete. A masked model draws what is
 * not known from its distribution given the rest, in one pass. */
void ddpm_generator_complete(ddpm_generator *generator, int thread, uint64_t seed, int64_t first, int64_t rows,
                             const float *known, int64_t passes, float *x);

#endif
