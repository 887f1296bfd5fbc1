/** `ddpm forward`: a file of rows that are diffused step by step, made by all ranks. */
#ifndef DDPM_SAMPLE_FORWARD_H
#define DDPM_SAMPLE_FORWARD_H

#include "config/config.h"
#include "world/comm.h"

typedef struct ddpm_forward_options {
    const char *output;
    int64_t count, snapshots;
} ddpm_forward_options;

/** Collective. Run the chain q(x_t | x_{t-1}) on rows of the data and write snapshots of it, from t = 0 to T.
 *  @param config  checked. */
DDPM_MUST_CHECK ddpm_status ddpm_forward(ddpm_comm *comm, const ddpm_config *config,
                                         const ddpm_forward_options *options);

#endif
