/** `ddpm sample` and `ddpm forward`: files of rows made by all ranks. */
#ifndef DDPM_RUN_SAMPLE_H
#define DDPM_RUN_SAMPLE_H

#include "ddpm/run/generator.h"

enum { DDPM_CONDITIONS_MAX = 64 };

typedef struct ddpm_sample_options {
    const char *checkpoint, *output;
    int64_t count;       /* 0: as many as conditions_file has rows */
    int condition_count; /* "name=value", the same for all samples */
    const char *conditions[DDPM_CONDITIONS_MAX];
    const char *conditions_file; /* "FILE.h5[:dataset]", a row each, or NULL */
    int64_t snapshots;           /* of the trajectory, 0: none */
    int has_seed, has_method, has_steps, has_eta, has_corrections, has_guidance, has_weights,
        has_clip; /* else the checkpoint's configuration decides */
    uint64_t seed;
    ddpm_sampling sampling;
} ddpm_sample_options;

/** Collective. */
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
