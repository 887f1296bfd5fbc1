/** How far two sets of rows of equal size are from each other. Every measure is cut into independent pieces (a
 * direction, a column, a row) whose results do not depend on who computes them; the caller adds them up in order. All
 * functions are Local, any thread.
 *
 *  - sliced Wasserstein: over random directions, the exact one-dimensional W1, and the root of the mean W2^2.
 *  - energy distance: 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013), at least 0.
 *  - MMD^2: E k(X, X') + E k(Y, Y') - 2 E k(X, Y), k = exp(-|x - y|^2 / (2 width^2)) (Gretton et al. 2012). Like the
 *    energy distance over all pairs, a row with itself included, so that it is at least 0 and 0 for equal sets.
 *  - Kolmogorov-Smirnov: the largest distance between two columns' distribution functions.
 *  - mean and covariance: root mean square over columns (pairs of columns) of the difference.
 */
#ifndef DDPM_EVALUATE_QUALITY_H
#define DDPM_EVALUATE_QUALITY_H

#include "base/status.h"
#include "kernel/simd.h"

#include <stdint.h>

enum { DDPM_QUALITY_DIRECTIONS = 128, DDPM_QUALITY_WIDTH_ROWS = 1000 };

/** A set of rows, by columns. */
typedef struct ddpm_quality_set {
    int64_t rows, columns;
    float *values; /* [columns][rows] */
    double *mean;  /* [columns] */
} ddpm_quality_set;

/** @param rows  [count][columns].  @param[out] out  release with ddpm_quality_set_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_quality_set_create(int64_t count, int64_t columns, const float *rows,
                                                    ddpm_quality_set *out);
void ddpm_quality_set_release(ddpm_quality_set *set);

typedef struct ddpm_quality_measures {
    double sliced_w1, sliced_w2, energy, mmd2, ks_mean, ks_max, mean_error, covariance_error;
} ddpm_quality_measures;

/** Number of pieces, numbers of each, and scratch numbers that a thread needs. Pieces are the directions, then the
 * columns, then the rows. */
typedef struct ddpm_quality_plan {
    int64_t pieces, scratch;
} ddpm_quality_plan;
enum { DDPM_QUALITY_NUMBERS = 6 };

ddpm_quality_plan ddpm_quality_plan_of(int64_t rows, int64_t columns);

/** Unit vectors uniform on the sphere, [DDPM_QUALITY_DIRECTIONS][columns], a function of the seed. */
void ddpm_quality_directions(const ddpm_kernels *kernels, uint64_t seed, int64_t columns, float *directions);

/** Median distance of pairs of rows, of the first DDPM_QUALITY_WIDTH_ROWS.
 *  @param scratch  [DDPM_QUALITY_WIDTH_ROWS^2 / 2]. */
double ddpm_quality_median_distance(const ddpm_quality_set *set, double *scratch);

/** One piece of the comparison of x with y.
 *  @param width   of MMD's kernel.
 *  @param[out] numbers  [DDPM_QUALITY_NUMBERS]. */
void ddpm_quality_piece(const ddpm_quality_set *x, const ddpm_quality_set *y, const float *directions, double width,
                        int64_t piece, double *scratch, double *numbers);

/** The measures from all pieces' numbers, [pieces][DDPM_QUALITY_NUMBERS].
 *  @param[out] ks  [columns], or NULL. */
ddpm_quality_measures ddpm_quality_combine(int64_t rows, int64_t columns, const double *numbers, double *ks);

#endif
