/** The memory of training on a rank, beside the data and the libraries. Local. */
#ifndef DDPM_TRAIN_MEMORY_H
#define DDPM_TRAIN_MEMORY_H

#include "train/stepper.h"

/** In bytes; P parameters, R rows of a block, T steps of the diffusion. */
typedef struct ddpm_memory {
    int64_t parameters;  /* 20 P: parameters, average, two moments, gradient */
    int64_t packed;      /* about 8 P: two copies of the weights, padded to whole panels */
    int64_t sums;        /* 8 P a thread (float32 reduction: 4 P) */
    int64_t activations; /* about 8 R x width x (depth + 1) a thread, for each block that is computed at a time */
    int64_t tables;      /* by t: 4 (time_width + 24) T; importance sampling adds 52 T, and 12 a row of the batch */
    int64_t checkpoint; /* at most 32 P more on rank 0 while it writes a checkpoint: the file is put together in memory,
                           and HDF5 holds parts of it */
} ddpm_memory;

/** What a stepper and the state beside it take: the same before the first step and at any time after it. */
ddpm_memory ddpm_memory_count(const ddpm_stepper *stepper);

/** All of it but the checkpoint. */
int64_t ddpm_memory_total(const ddpm_memory *memory);

#endif
