/** The reverse of the masked process: rows whose columns are drawn one after another, each given those that are shown.
 *
 *  Rows that show the same are alike to the network, and it is evaluated once for all of them. Of its last layer, only
 * the outputs of the columns that are drawn are computed. A row's bits do not depend on the rows beside it.
 * Local; a ddpm_unmask belongs to one thread. */
#ifndef DDPM_SAMPLE_UNMASK_H
#define DDPM_SAMPLE_UNMASK_H

#include "assembly/model.h"
#include "model/lookup.h"

/** Rows that have the same order of their columns, which a call best makes together: most of them then show the same in
 * the first steps. */
enum { DDPM_UNMASK_ROWS = 1024 };

/** The first rows have an order each, so that few rows do not share few orders. */
enum { DDPM_UNMASK_OWN = 8192 };

typedef struct ddpm_unmask {
    const ddpm_model *model;        /* borrowed */
    const ddpm_packed *packed;      /* borrowed */
    const ddpm_lookup *lookup;      /* borrowed */
    int64_t steps;                  /* evaluations of the network, at most D */
    int64_t redraws;                /* how often columns are drawn again afterwards */
    int64_t entries;                /* of a row: D, and those of links to twins */
    int32_t *shown;                 /* [rows][entries]: entries of the lookup */
    int32_t *list;                  /* [entries], of a row */
    int32_t *order;                 /* [rows][D]: the columns in the order in which they are drawn */
    int64_t *unknown;               /* [rows]: how many were not given */
    struct ddpm_unmask_row *sorted; /* [rows]: those of a step, so that rows that show the same follow each other */

    /* what goes through the network together, at most some rows */
    ddpm_workspace *workspace;
    ddpm_matrix entry;  /* what they add to the first layer */
    ddpm_matrix drawn;  /* what the last layer reads of those that draw a column */
    ddpm_matrix output; /* what it gives of them */
    float *condition;   /* [..][C] */
    float *p, *scratch; /* of a column's tokens */
    int32_t *tokens;    /* [D], of a row */
    uint8_t *hidden;    /* [D], of a row */
    int32_t *t;         /* how many columns are hidden */
} ddpm_unmask;

/** @param rows      that are made at a time, at most.
 *  @param steps     0, or more than D: a column a step, which is exact. With fewer, several columns are drawn from one
 *                   evaluation of the network, as if they were independent given those that are shown.
 *  @param redraws   how often, after that, each number of many tokens is hidden again and drawn given all other
 *                   columns: a Gibbs sampler, which moves what a draw left far from the columns that came after it.
 *                   DDPM_AUTO: once where more than three quarters of the columns are such numbers, and
 *                   else never. Columns with links keep their values.
 *  @param[out] out  release with ddpm_unmask_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_unmask_create(const ddpm_model *model, const ddpm_packed *packed,
                                               const ddpm_lookup *lookup, int64_t rows, int64_t steps, int64_t redraws,
                                               ddpm_unmask *out);
void ddpm_unmask_release(ddpm_unmask *unmask);

/** Make rows first .. first+rows-1 of a seed. What is drawn depends on the seed and on the row's number alone, as
 * does the order of the row's columns, which is random, but that a column comes after its twin (model/twins.h); beyond
 * row DDPM_UNMASK_OWN it is the same for DDPM_UNMASK_ROWS rows.
 *  @param condition  [rows][C] as the network reads it, or NULL.
 *  @param known      [rows][D] of tokens, NaN where a column is to be drawn; NULL: all are.
 *  @param stride     from one row of `known` to the next; 0: all rows have the first.
 *  @param[out] x     [rows][D] of tokens and places. */
void ddpm_unmask_rows(ddpm_unmask *unmask, uint64_t seed, int64_t first, int64_t rows, const float *condition,
                      const float *known, int64_t stride, float *x);

#endif
