/** `ddpm sample`: a file of samples, or of completed rows, made by all ranks. */
#ifndef DDPM_SAMPLE_SAMPLE_H
#define DDPM_SAMPLE_SAMPLE_H

#include "sample/sampling.h"
#include "world/comm.h"

enum { DDPM_CONDITIONS_MAX = 64, DDPM_PASSES = 10 /* the default, as in RePaint */ };

typedef struct ddpm_sample_options {
    const char *checkpoint, *output;
    int64_t count;       /* 0: as many as the file of --given or conditions_file has rows */
    const char *given;   /* "FILE.h5[:dataset]": complete these rows; NULL: make rows of noise */
    int64_t draws;       /* completions of each row, 1 or more */
    int64_t passes;      /* of each step of a completion: see ddpm_sampler_complete */
    int condition_count; /* "name=value", the same for all samples */
    const char *conditions[DDPM_CONDITIONS_MAX];
    const char *conditions_file; /* "FILE.h5[:dataset]", a row for each sample; NULL: none */
    const char *classifier;      /* checkpoint or run folder of a classifier that steers; NULL: none */
    int has_scale;               /* 0: scale is 1 */
    double scale;                /* of the classifier's gradient */
    int64_t snapshots;           /* of the trajectory, 0: none */
    int has_seed;                /* 0: take the seed of the checkpoint's configuration */
    uint64_t seed;
    ddpm_sampling_settings settings; /* over those of the checkpoint's configuration */
} ddpm_sample_options;

/** Collective. Write samples, or the rows of options->given completed, in their order: /samples [N][D], or with more
 * than one draw /draws [M][N][D]. Each draw has a seed of its own; draw 0 has options->seed.
 *  @return DDPM_ERR_USAGE: the model is a classifier, its conditions or steps do not fit, or the classifier is of other
 *  data; DDPM_ERR_NUMERIC: a sample is not finite. On failure no file is left. */
DDPM_MUST_CHECK ddpm_status ddpm_sample(ddpm_comm *comm, const ddpm_sample_options *options);

#endif
