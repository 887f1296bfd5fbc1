/** The rows of a program that are kept for training: a sample of all, or a window of the last ones. Which these are
 * follows from their numbers and the seed, not from the ranks that gave them: of a sample, those whose random keys are
 * the smallest (a bottom-k sample); of a window, those with the largest numbers. */
#ifndef DDPM_INSITU_KEPT_H
#define DDPM_INSITU_KEPT_H

#include "data/spec.h"
#include "world/comm.h"

typedef struct ddpm_kept_spec {
    uint64_t seed;
    int64_t columns;
    int64_t most; /* on all ranks together; 0: all */
    int is_window;
} ddpm_kept_spec;

typedef struct ddpm_kept_row {
    uint64_t key;
    int64_t number, place; /* place: in this rank's memory, or -1: another rank has it */
} ddpm_kept_row;

/** This rank's rows that may be kept. */
typedef struct ddpm_kept {
    ddpm_kept_spec spec;
    int64_t count, room;
    ddpm_kept_row *row; /* [room] */
    float *numbers;     /* [room][columns], by their places */
} ddpm_kept;

/** Local. Add rows first .. first+count-1. DDPM_ERR_USAGE: a number is negative or too large, or a value is not finite;
 * DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_kept_push(ddpm_kept *kept, int64_t first, int64_t count, const float *rows);

/** Collective. The rows that are kept of those of all ranks, in the order of their numbers. DDPM_ERR_USAGE: none was
 * given, or a number twice; DDPM_ERR_MEMORY.
 *  @param[out] numbers  [count][columns], to be released. */
DDPM_MUST_CHECK ddpm_status ddpm_kept_gather(ddpm_comm *comm, ddpm_kept *kept, int64_t *count, float **numbers);

/** Local. */
void ddpm_kept_release(ddpm_kept *kept);

#endif
