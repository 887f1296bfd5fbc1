/** `ddpm sample` and `ddpm forward`: files of rows made by all ranks. */
#ifndef DDPM_SAMPLE_SAMPLE_H
#define DDPM_SAMPLE_SAMPLE_H

#include "sample/generator.h"

enum { DDPM_CONDITIONS_MAX = 64 };

typedef struct ddpm_sample_options {
    const char *checkpoint, *output;
    int64_t count;       /* 0: as many as given or conditions_file has rows */
    const char *given;   /* "FILE.h5[:dataset]": complete these rows; NULL: make rows of noise */
    int64_t draws;       /* completions of each row, 1 or more */
    int64_t passes;      /* of each step of a completion: see ddpm_sampler_complete */
    int condition_count; /* "name=value", the same for all samples */
    const char *conditions[DDPM_CONDITIONS_MAX];
    const char *conditions_file; /* "FILE.h5[:dataset]", a row each, or NULL */
    const char *classifier;      /* checkpoint or run folder of a classifier that steers; NULL: none */
    double scale;                /* of its gradient */
    int64_t snapshots;           /* of the trajectory, 0: none */
    int has_seed, has_scale;     /* else the seed of the checkpoint's configuration; a scale of 1 */
    uint64_t seed;
    ddpm_sampling_given sampling;
} ddpm_sample_options;

enum { DDPM_PASSES = 10 }; /* default; the authors' choice too */

/** Collective. Samples, or the rows of options->given completed, in their order: /samples [N][D], or with more than one
 *  draw /draws [M][N][D]. Draw d is made with a seed of its own; draw 0 with options->seed. */
DDPM_MUST_CHECK ddpm_status ddpm_sample(ddpm_comm *comm, const ddpm_sample_options *options);

typedef struct ddpm_forward_options {
    const char *output;
    int64_t count, snapshots;
} ddpm_forward_options;

/** Collective. The chain q(x_t | x_{t-1}) on rows of the data, step by step, with snapshots from t = 0 to T.
 *  @param config  checked. */
DDPM_MUST_CHECK ddpm_status ddpm_forward(ddpm_comm *comm, const ddpm_config *config,
                                         const ddpm_forward_options *options);

#endif
