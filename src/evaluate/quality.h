/** How far two sets of rows of equal size are from each other. Every measure is computed from independent pieces (a
 * direction, a column or a row each), which any rank or thread may compute; the caller combines them in their order.
 * All functions are Local, any thread.
 *
 *  - sliced Wasserstein: over random directions, the mean of the exact one-dimensional W1, and the root of the mean
 *    W2^2.
 *  - energy distance: 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013), at least 0.
 *  - MMD^2: E k(X, X') + E k(Y, Y') - 2 E k(X, Y), k = exp(-|x - y|^2 / (2 width^2)) (Gretton et al. 2012). The
 *    means of this and of the energy distance include the pairs of a row with itself, so that both are at least 0, and
 *    are 0 for equal sets.
 *  - Kolmogorov-Smirnov: the largest distance between two columns' distribution functions.
 *  - mean and covariance: root mean square over columns (pairs of columns) of the difference.
 */
#ifndef DDPM_EVALUATE_QUALITY_H
#define DDPM_EVALUATE_QUALITY_H

#include "base/status.h"
#include "kernel/simd.h"

#include <stdint.h>

enum { DDPM_QUALITY_DIRECTIONS = 128, DDPM_QUALITY_WIDTH_ROWS = 1000 };

/** A set of rows, stored column by column. */
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

/** The number of pieces: the directions, then the columns, then the rows; and how many numbers of scratch memory a
 * thread needs. Each piece results in DDPM_QUALITY_NUMBERS numbers, of which some stay unused: a direction gives W1 and
 * W2^2; a column gives its Kolmogorov-Smirnov distance, the squared difference of the means and that of the
 * covariances; row i gives sums of distances and of kernels over the pairs (x_i, y), (x_i, x) and (y_i, y). */
typedef struct ddpm_quality_plan {
    int64_t pieces, scratch;
} ddpm_quality_plan;
enum { DDPM_QUALITY_NUMBERS = 6 };

ddpm_quality_plan ddpm_quality_plan_of(int64_t rows, int64_t columns);

/** Draw unit vectors [DDPM_QUALITY_DIRECTIONS][columns], uniform on the sphere, from a seed. */
void ddpm_quality_directions(const ddpm_kernels *kernels, uint64_t seed, int64_t columns, float *directions);

/** The median distance between two rows, of the first DDPM_QUALITY_WIDTH_ROWS rows.
 *  @param scratch  [DDPM_QUALITY_WIDTH_ROWS^2 / 2]. */
double ddpm_quality_median_distance(const ddpm_quality_set *set, double *scratch);

/** Compute one piece of the comparison of x with y.
 *  @param width   of MMD's kernel.
 *  @param[out] numbers  [DDPM_QUALITY_NUMBERS]. */
void ddpm_quality_piece(const ddpm_quality_set *x, const ddpm_quality_set *y, const float *directions, double width,
                        int64_t piece, double *scratch, double *numbers);

/** Compute the measures from the numbers of all pieces, [pieces][DDPM_QUALITY_NUMBERS].
 *  @param[out] ks  [columns], the Kolmogorov-Smirnov distances, or NULL. */
ddpm_quality_measures ddpm_quality_combine(int64_t rows, int64_t columns, const double *numbers, double *ks);

#endif
