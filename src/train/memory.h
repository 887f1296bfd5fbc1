/** The memory of training on a rank, beside the data and the libraries. Local. */
#ifndef DDPM_TRAIN_MEMORY_H
#define DDPM_TRAIN_MEMORY_H

#include "train/round.h"

/** In bytes. Of what the ranks of a node share, each has its part. */
typedef struct ddpm_memory {
    int64_t parameters;  /* with their average, the best one where it is kept, two moments, and those of workers */
    int64_t packed;      /* two copies of the weights, padded to whole panels */
    int64_t sums;        /* the gradient, and sums of gradients for each thread */
    int64_t activations; /* for each thread, of the blocks that it computes at a time */
    int64_t tables;      /* by t; and for importance sampling, by the rows of a batch */
    int64_t checkpoint; /* at most this more on rank 0 while it writes a checkpoint: the file is put together in memory,
                          and HDF5 holds parts of it */
} ddpm_memory;

/** What a stepper and the state and the rounds beside it take: the same before the first step and at any time after it.
 *  @param round       NULL: there are no rounds.
 *  @param keeps_best  whether the state keeps the best average. */
ddpm_memory ddpm_memory_count(const ddpm_stepper *stepper, const ddpm_round *round, int keeps_best);

/** All of it but the checkpoint. */
int64_t ddpm_memory_total(const ddpm_memory *memory);

#endif
