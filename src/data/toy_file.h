/** `ddpm data`: a file of rows of a toy problem, written by all ranks. */
#ifndef DDPM_DATA_TOY_FILE_H
#define DDPM_DATA_TOY_FILE_H

#include "model/toy.h"
#include "world/comm.h"

typedef struct ddpm_toy_file {
    ddpm_toy kind;
    int64_t count;
    int dimensions; /* 2, or 3 */
    double noise;   /* NaN: the kind's own */
    uint64_t seed;
    const char *path;
} ddpm_toy_file;

/** Collective. Write /data [N][D] float32 with column names, and /label [N] float32. */
DDPM_MUST_CHECK ddpm_status ddpm_toy_file_write(ddpm_comm *comm, const ddpm_toy_file *file);

#endif
