/** The reverse of the masked process: rows whose columns are drawn one after another, each given those that are shown.
 * Local; a ddpm_unmask belongs to one thread. */
#ifndef DDPM_SAMPLE_UNMASK_H
#define DDPM_SAMPLE_UNMASK_H

#include "assembly/model.h"

typedef struct ddpm_unmask {
    const ddpm_model *model;   /* borrowed */
    const ddpm_packed *packed; /* borrowed */
    int64_t steps;             /* evaluations of the network, at most D */
    ddpm_workspace *workspace;
    float *inputs;    /* [rows][columns of the network's input] */
    float *logits;    /* of a column, twice */
    uint8_t *hidden;  /* [rows][D] */
    int32_t *order;   /* [rows][D]: the columns in the order in which they are drawn */
    int32_t *t;       /* [rows]: how many are hidden */
    int64_t *unknown; /* [rows]: how many were not given */
} ddpm_unmask;

/** @param rows      that are made at a time, at most.
 *  @param steps     0, or more than D: a column a step, which is exact. With fewer, several columns are drawn from one
 *                   evaluation of the network, as if they were independent given those that are shown.
 *  @param[out] out  release with ddpm_unmask_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_unmask_create(const ddpm_model *model, const ddpm_packed *packed, int64_t rows,
                                               int64_t steps, ddpm_unmask *out);
void ddpm_unmask_release(ddpm_unmask *unmask);

/** Make rows first .. first+rows-1 of a seed. The order of a row's columns, and what is drawn, depend on the seed and
 * on the row's number.
 *  @param condition  [rows][C] as the network reads it, or NULL.
 *  @param known      [rows][D] of tokens, NaN where a column is to be drawn; NULL: all are.
 *  @param stride     from one row of `known` to the next; 0: all rows have the first.
 *  @param[out] x     [rows][D] of tokens and places. */
void ddpm_unmask_rows(ddpm_unmask *unmask, uint64_t seed, int64_t first, int64_t rows, const float *condition,
                      const float *known, int64_t stride, float *x);

#endif
