/** The sampler of a trained model, for programs of your own.
 *
 *      ddpm_generator *g;
 *      if (ddpm_generator_open("runs/roll", NULL, &g) != DDPM_OK) { fputs(ddpm_error_message(), stderr); exit(1); }
 *      float *rows = malloc(1000 * ddpm_generator_columns(g) * sizeof *rows);
 *      ddpm_generator_sample(g, 7, 0, 1000, rows);
 *      ddpm_generator_close(g);
 *
 *  Your program need not start MPI: nothing here communicates. Only one thread at a time may use a generator; open one
 *  for each thread, at the same time if you like: checkpoints are read in turn, since HDF5 is not built for threads (a
 *  program that calls HDF5 itself does so while no thread opens a generator). Sample i of a seed has the same bits in
 * every program, which are those that `ddpm sample --seed` writes as float32. Where that file has another type, for
 * whole numbers or for more digits, these are not rounded to it.
 */
#ifndef DDPM_DDPM_H
#define DDPM_DDPM_H

#include "ddpm/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A trained model that is ready to make samples. */
typedef struct ddpm_generator ddpm_generator;

/** How samples are made. A member that is 0 leaves its setting as the model's configuration has it. */
typedef struct ddpm_generator_options {
    int64_t steps;   /* reverse steps, 1..T */
    int raw_weights; /* nonzero: take the last parameters, not their running mean */
    int clip;        /* nonzero: clip predicted rows to the range of the training data */
} ddpm_generator_options;

/** Local. Read a checkpoint file, or the latest checkpoint of a run folder.
 *  @param options   NULL: all as the model's configuration has it.
 *  @param[out] out  close with ddpm_generator_close.
 *  @return DDPM_OK; DDPM_ERR_MISSING; DDPM_ERR_DATA: the file is damaged, or no checkpoint; DDPM_ERR_IO;
 *  DDPM_ERR_MEMORY; DDPM_ERR_USAGE: the model has fewer steps, or it cannot make rows (it is a classifier, or it was
 *  trained with diffusion.condition_dropout: 0 and needs conditions, which samples have none of here). */
DDPM_MUST_CHECK ddpm_status ddpm_generator_open(const char *checkpoint, const ddpm_generator_options *options,
                                                ddpm_generator **out);

/** Local. The number of columns of a sample, D. */
int64_t ddpm_generator_columns(const ddpm_generator *generator);

/** Local. Make samples first .. first+count-1 of a seed.
 *  @param[out] out  [count][D], row by row, in the units of the training data; of a category of a table, the place of
 *  its name, from 0, and NaN for a gap. Else a value is infinite or NaN where the
 *  reverse process diverges; check for it. */
void ddpm_generator_sample(ddpm_generator *generator, uint64_t seed, int64_t first, int64_t count, float *out);

/** Local. Free a generator; NULL is allowed. */
void ddpm_generator_close(ddpm_generator *generator);

#ifdef __cplusplus
}
#endif

#endif
