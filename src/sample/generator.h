/** A trained model ready to make samples, on one rank: what the public ddpm.h wraps and `ddpm sample` spreads over
 * ranks. */
#ifndef DDPM_SAMPLE_GENERATOR_H
#define DDPM_SAMPLE_GENERATOR_H

#include "file/h5.h"
#include "model/sampler.h"
#include "sample/guide.h"

/** What a command line says of it; what it leaves open is the configuration's. */
typedef struct ddpm_sampling_given {
    int has_method, has_steps, has_eta, has_corrections, has_guidance, has_weights, has_clip;
    ddpm_sampling values; /* those that it has */
} ddpm_sampling_given;

/** What is given, and the configuration where nothing is. Local. */
ddpm_sampling ddpm_sampling_resolve(const ddpm_sampling_given *given, const ddpm_config *config);

/** Whether the model can be sampled so: samples without its conditions, and guidance, are of a network that was told in
 * training that there may be none (diffusion.condition_dropout above 0). Local.
 *  @param conditioned  the samples are given conditions.
 *  @return DDPM_OK, or DDPM_ERR_USAGE. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_check(const ddpm_sampling *sampling, const ddpm_loaded *loaded,
                                                int conditioned);

/** As configurations and command lines have them. Local. */
const char *ddpm_weights_name(ddpm_weights weights);
const char *ddpm_clip_name(ddpm_clip clip);

/** Write it as attributes of an object: sampler, steps, eta, corrections, guidance, weights, clip. Local. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_put(const ddpm_sampling *sampling, ddpm_h5 *file, const char *object);

enum { DDPM_GENERATOR_BLOCK = 128 }; /* rows of a call, at most */

typedef struct ddpm_generator_core ddpm_generator_core;

/** Local. @param loaded  borrowed until ddpm_generator_core_free.  @param threads  calls of different threads may run
 * at once. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_core_create(const ddpm_loaded *loaded, const ddpm_sampling *sampling,
                                                       int threads, ddpm_generator_core **out);
void ddpm_generator_core_free(ddpm_generator_core *generator);

/** Local. Give the samples conditions, standardised: values [rows][V], where rows is 1 (the same for all samples) or
 * the number of samples. Borrowed. Without this call samples are unconditional. */
void ddpm_generator_core_set_conditions(ddpm_generator_core *generator, int64_t rows, const float *values);

/** Local. Let a classifier steer the samples. Borrowed; NULL: none. */
void ddpm_generator_core_set_guide(ddpm_generator_core *generator, ddpm_guide *guide);

const ddpm_sampler *ddpm_generator_core_sampler(const ddpm_generator_core *generator);

/** Local. Samples first .. first+rows-1 of a seed, in standardised units; rows at most DDPM_GENERATOR_BLOCK. Arguments
 * as of ddpm_sampler_run. */
void ddpm_generator_core_run(ddpm_generator_core *generator, int thread, uint64_t seed, int64_t first, int64_t rows,
                             float *x, int64_t snapshots, float *trajectory, int64_t stride);

/** Local. Complete rows first .. first+rows-1 of a seed; arguments as of ddpm_sampler_complete. */
void ddpm_generator_core_complete(ddpm_generator_core *generator, int thread, uint64_t seed, int64_t first,
                                  int64_t rows, const float *known, int64_t passes, float *x);

#endif
