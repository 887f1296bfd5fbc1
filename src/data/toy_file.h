/** `ddpm data`: a toy problem as an HDF5 file. */
#ifndef DDPM_DATA_TOY_FILE_H
#define DDPM_DATA_TOY_FILE_H

#include "model/toy.h"
#include "world/comm.h"

typedef struct ddpm_generate_options {
    ddpm_toy kind;
    int64_t count;
    int dimensions; /* 2, or 3 */
    double noise;   /* NaN: the kind's own */
    uint64_t seed;
    const char *output;
} ddpm_generate_options;

/** Collective. /data [N][D] float32 with column names, /label [N] float32. */
DDPM_MUST_CHECK ddpm_status ddpm_generate(ddpm_comm *comm, const ddpm_generate_options *options);

#endif
