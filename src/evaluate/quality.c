/* Distances between two sets of rows, computed piece by piece. */
#include "evaluate/quality.h"

#include "base/memory.h"
#include "base/order.h"
#include "base/split.h"
#include "kernel/normal.h"

#include <math.h>

enum { DIRECTIONS = DDPM_QUALITY_DIRECTIONS, NUMBERS = DDPM_QUALITY_NUMBERS, TOGETHER = 64 /* rows of y at a time */ };

ddpm_status ddpm_quality_set_create(int64_t count, int64_t columns, const float *rows, ddpm_quality_set *out)
{
    *out = (ddpm_quality_set){.rows = count, .columns = columns};
    DDPM_TRY(DDPM_NEW(&out->values, count * columns, "rows to compare"));
    DDPM_TRY(DDPM_NEW(&out->mean, columns, "rows to compare"));
    for (int64_t j = 0; j < columns; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < count; i++) {
            out->values[j * count + i] = rows[i * columns + j];
            sum += (double)rows[i * columns + j];
        }
        out->mean[j] = sum / (double)count;
    }
    return DDPM_OK;
}

void ddpm_quality_set_release(ddpm_quality_set *set)
{
    ddpm_release(set->values);
    ddpm_release(set->mean);
    *set = (ddpm_quality_set){0};
}

ddpm_quality_plan ddpm_quality_plan_of(int64_t rows, int64_t columns)
{
    return (ddpm_quality_plan){.pieces = DIRECTIONS + columns + rows, .scratch = 2 * rows};
}

void ddpm_quality_directions(const ddpm_kernels *kernels, uint64_t seed, int64_t columns, float *directions)
{
    const ddpm_normal_stream stream = {seed, DDPM_RANDOM_DIRECTION, 0};
    ddpm_normal_rows(kernels, stream, 0, ddpm_matrix_dense(directions, DIRECTIONS, columns));
    for (int64_t d = 0; d < DIRECTIONS; d++) {
        float *u = directions + d * columns;
        double squares = 0.0;
        for (int64_t j = 0; j < columns; j++) squares += (double)u[j] * (double)u[j];
        for (int64_t j = 0; j < columns; j++) u[j] = (float)((double)u[j] / sqrt(squares));
    }
}

static void sort(int64_t count, double *values)
{
    ddpm_sort_doubles(count, values);
}

double ddpm_quality_median_distance(const ddpm_quality_set *set, double *scratch)
{
    const int64_t rows = ddpm_smaller(set->rows, DDPM_QUALITY_WIDTH_ROWS);
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < i; k++) {
            double squares = 0.0;
            for (int64_t j = 0; j < set->columns; j++) {
                const double gap = (double)set->values[j * set->rows + i] - (double)set->values[j * set->rows + k];
                squares += gap * gap;
            }
            scratch[count++] = squares;
        }
    if (count == 0) return 1.0;
    sort(count, scratch);
    return scratch[count / 2] > 0.0 ? sqrt(scratch[count / 2]) : 1.0;
}

static void project(const ddpm_quality_set *set, const float *direction, double *out)
{
    for (int64_t i = 0; i < set->rows; i++) out[i] = 0.0;
    for (int64_t j = 0; j < set->columns; j++)
        for (int64_t i = 0; i < set->rows; i++) out[i] += (double)direction[j] * (double)set->values[j * set->rows + i];
    sort(set->rows, out);
}

/* W1 and W2^2 along a direction. In one dimension the optimal transport pairs the values in sorted order. */
static void measure_direction(const ddpm_quality_set *x, const ddpm_quality_set *y, const float *direction,
                              double *scratch, double *numbers)
{
    double *a = scratch, *b = scratch + x->rows, first = 0.0, second = 0.0;
    project(x, direction, a);
    project(y, direction, b);
    for (int64_t i = 0; i < x->rows; i++) {
        first += fabs(a[i] - b[i]);
        second += (a[i] - b[i]) * (a[i] - b[i]);
    }
    numbers[0] = first / (double)x->rows;
    numbers[1] = second / (double)x->rows;
}

/* The largest distance between the distribution functions of two sorted columns [rows]. */
static double kolmogorov_smirnov(int64_t rows, const double *a, const double *b)
{
    int64_t i = 0, k = 0, largest = 0;
    while (i < rows && k < rows) {
        const double at = fmin(a[i], b[k]); /* both functions step past it before they are compared */
        while (i < rows && a[i] <= at) i++;
        while (k < rows && b[k] <= at) k++;
        largest = ddpm_larger(largest, llabs(i - k));
    }
    return (double)largest / (double)rows;
}

static double covariance(const ddpm_quality_set *set, int64_t j, int64_t l)
{
    const float *a = set->values + j * set->rows, *b = set->values + l * set->rows;
    double sum = 0.0;
    for (int64_t i = 0; i < set->rows; i++) sum += ((double)a[i] - set->mean[j]) * ((double)b[i] - set->mean[l]);
    return sum / (double)set->rows;
}

/* The Kolmogorov-Smirnov distance, the squared difference of the means, and the sum of squared differences of the
 * covariances with the columns up to this one. Covariances off the diagonal count twice, for both of their places. */
static void measure_column(const ddpm_quality_set *x, const ddpm_quality_set *y, int64_t j, double *scratch,
                           double *numbers)
{
    double *a = scratch, *b = scratch + x->rows, squares = 0.0;
    for (int64_t i = 0; i < x->rows; i++) {
        a[i] = (double)x->values[j * x->rows + i];
        b[i] = (double)y->values[j * x->rows + i];
    }
    sort(x->rows, a);
    sort(x->rows, b);
    for (int64_t l = 0; l <= j; l++) {
        const double gap = covariance(x, j, l) - covariance(y, j, l);
        squares += gap * gap * (l < j ? 2.0 : 1.0);
    }
    numbers[0] = kolmogorov_smirnov(x->rows, a, b);
    numbers[1] = (x->mean[j] - y->mean[j]) * (x->mean[j] - y->mean[j]);
    numbers[2] = squares;
}

/* Sums over the rows of y: of the distance to row i of x, and of MMD's kernel. */
static void measure_pairs(const ddpm_quality_set *x, int64_t i, const ddpm_quality_set *y, double scale,
                          double *distances, double *kernels)
{
    *distances = *kernels = 0.0;
    for (int64_t k0 = 0; k0 < y->rows; k0 += TOGETHER) {
        const int64_t count = ddpm_smaller(y->rows - k0, TOGETHER);
        double squares[TOGETHER] = {0.0};
        for (int64_t j = 0; j < x->columns; j++) {
            const double at = (double)x->values[j * x->rows + i];
            const float *other = y->values + j * y->rows + k0;
            for (int64_t k = 0; k < count; k++) squares[k] += (at - (double)other[k]) * (at - (double)other[k]);
        }
        for (int64_t k = 0; k < count; k++) {
            *distances += sqrt(squares[k]);
            *kernels += exp(scale * squares[k]);
        }
    }
}

void ddpm_quality_piece(const ddpm_quality_set *x, const ddpm_quality_set *y, const float *directions, double width,
                        int64_t piece, double *scratch, double *numbers)
{
    const double scale = -0.5 / (width * width);
    const int64_t column = piece - DIRECTIONS, row = column - x->columns;
    if (piece < DIRECTIONS) {
        measure_direction(x, y, directions + piece * x->columns, scratch, numbers);
    } else if (row < 0) {
        measure_column(x, y, column, scratch, numbers);
    } else {
        measure_pairs(x, row, y, scale, &numbers[0], &numbers[1]);
        measure_pairs(x, row, x, scale, &numbers[2], &numbers[3]);
        measure_pairs(y, row, y, scale, &numbers[4], &numbers[5]);
    }
}

ddpm_quality_measures ddpm_quality_combine(int64_t rows, int64_t columns, const double *numbers, double *ks)
{
    const double pairs = (double)rows * (double)rows, wide = (double)columns;
    double direction[2] = {0.0}, column[3] = {0.0}, row[NUMBERS] = {0.0}, ks_max = 0.0;
    for (int64_t d = 0; d < DIRECTIONS; d++, numbers += NUMBERS)
        for (int n = 0; n < 2; n++) direction[n] += numbers[n] / DIRECTIONS;
    for (int64_t j = 0; j < columns; j++, numbers += NUMBERS) {
        for (int n = 0; n < 3; n++) column[n] += numbers[n];
        ks_max = fmax(ks_max, numbers[0]);
        if (ks) ks[j] = numbers[0];
    }
    for (int64_t i = 0; i < rows; i++, numbers += NUMBERS)
        for (int n = 0; n < NUMBERS; n++) row[n] += numbers[n];
    return (ddpm_quality_measures){
        .sliced_w1 = direction[0],
        .sliced_w2 = sqrt(direction[1]),
        .energy = fmax(0.0, (2.0 * row[0] - row[2] - row[4]) / pairs),
        .mmd2 = fmax(0.0, (row[3] + row[5] - 2.0 * row[1]) / pairs),
        .ks_mean = column[0] / wide,
        .ks_max = ks_max,
        .mean_error = sqrt(column[1] / wide),
        .covariance_error = sqrt(column[2]) / wide,
    };
}
