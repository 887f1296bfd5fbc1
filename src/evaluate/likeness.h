/** How alike samples and training rows are, by the measures of the papers on tables: Shape, Trend, alpha-precision and
 * beta-recall. Beside each stands that of real rows in the samples' place, equally many. */
#ifndef DDPM_EVALUATE_LIKENESS_H
#define DDPM_EVALUATE_LIKENESS_H

#include "evaluate/neighbours.h"

enum { DDPM_SIDE_SAMPLES, DDPM_SIDE_REAL, DDPM_SIDES }; /* what a measure is of */

/** Of columns, or of pairs of them. */
typedef struct ddpm_marginals {
    int64_t count;
    double *of[DDPM_SIDES];  /* [count]; NaN: not defined */
    double mean[DDPM_SIDES]; /* of those that are defined; NaN: none is */
} ddpm_marginals;

typedef struct ddpm_likeness {
    int64_t columns;
    int64_t rows;      /* of the samples, and of the real rows in their place; 0: nothing below is computed */
    int64_t real_rows; /* that both are compared with */
    int64_t near_rows; /* of each set, for the precision and the recall */
    ddpm_marginals shape, gaps, trend, trend_deciles;
    int has_gaps;
    double precision[DDPM_SIDES], recall[DDPM_SIDES];
} ddpm_likeness;

/** Local. Free what it holds. */
void ddpm_likeness_release(ddpm_likeness *likeness);

/** Collective. Measure.
 *  @param columns    of training rows (or other real rows), of samples, and of real rows in their place.
 *  @param near_rows  the most rows of a set for the precision.
 *  @param[out] out   release with ddpm_likeness_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_likeness_measure(ddpm_comm *comm, int threads, const ddpm_columns *real,
                                                  const ddpm_columns *const sides[DDPM_SIDES], int64_t near_rows,
                                                  ddpm_likeness *out);

/** Local. The numbers of the columns or pairs with the least values for samples, the least first.
 *  @param most   how many.
 *  @return  how many there are. */
int64_t ddpm_marginals_worst(const ddpm_marginals *marginals, int64_t most, int64_t *worst);

/** Local. The columns of a pair by its number. */
void ddpm_pair_columns(int64_t columns, int64_t pair, int64_t both[2]);

#endif
