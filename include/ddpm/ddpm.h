/** The sampler of a trained model, for programs of your own.
 *
 *      ddpm_generator *g;
 *      if (ddpm_generator_open("runs/roll", NULL, &g) != DDPM_OK) { fputs(ddpm_error_message(), stderr); exit(1); }
 *      float *rows = malloc(1000 * ddpm_generator_columns(g) * sizeof *rows);
 *      ddpm_generator_sample(g, 7, 0, 1000, rows);
 *      ddpm_generator_close(g);
 *
 *  Nothing here needs MPI to be started, and nothing communicates. A generator belongs to one thread at a time; open
 * one for each thread. Sample i of a seed is the same bits in any program, and those that `ddpm sample --seed` writes.
 */
#ifndef DDPM_DDPM_H
#define DDPM_DDPM_H

#include "ddpm/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ddpm_generator ddpm_generator;

/** Zero leaves a setting to the configuration that the model was trained with. */
typedef struct ddpm_generator_options {
    int64_t steps;   /* reverse steps, 1..T; 0: as configured, else all T */
    int raw_weights; /* nonzero: the raw weights, not their average */
    int clip;        /* nonzero: clip predicted data to the training data's range */
} ddpm_generator_options;

/** Local. Read a checkpoint file, or the latest of a run folder.
 *  @param options   NULL: the default.
 *  @param[out] out  close with ddpm_generator_close.
 *  @return DDPM_ERR_MISSING, DDPM_ERR_DATA (damaged, or no checkpoint), DDPM_ERR_IO, DDPM_ERR_MEMORY, DDPM_ERR_USAGE
 *  (steps; or a model with conditions that never saw a row without, as samples are made here). */
DDPM_MUST_CHECK ddpm_status ddpm_generator_open(const char *checkpoint, const ddpm_generator_options *options,
                                                ddpm_generator **out);

/** Local. D, the columns of a sample. */
int64_t ddpm_generator_columns(const ddpm_generator *generator);

/** Local. Samples first .. first+count-1 of a seed.
 *  @param[out] out  [count][D], row-major, in the units of the training data. */
void ddpm_generator_sample(ddpm_generator *generator, uint64_t seed, int64_t first, int64_t count, float *out);

/** Local. NULL is allowed. */
void ddpm_generator_close(ddpm_generator *generator);

#ifdef __cplusplus
}
#endif

#endif
