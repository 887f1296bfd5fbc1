/* The likeness of pairs of columns. Pairs go to the ranks in turn, by their first column. */
#include "evaluate/trend.h"

#include "base/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 10, GAP = 0, TOGETHER = 8 };

typedef struct trend {
    const ddpm_columns_part *real, *other;
    ddpm_trend_bins bins;
    int64_t columns, rows; /* of both sets */
    int64_t codes;         /* the most of a column */
    int32_t *code;         /* [columns][rows], those of the real rows first */
    uint8_t *has_gaps;     /* [columns] */
    double *scaled;        /* [columns][rows]: of numbers, each set centred and of norm 1; zeros if it is constant */
    double *edges;         /* [threads][rows] */
    int32_t *order;        /* [threads][rows]: by the code of a column */
    int32_t *first;        /* [threads][codes + 1]: where each code begins in the order */
    int32_t *counts;       /* [threads][2 codes], zero between pairs */
} trend;

/* ---- columns ---- */

/* The inner edges of the bins of numbers that are sorted, rounded as numpy rounds them. Their number is returned. */
static int64_t find_edges(ddpm_trend_bins bins, int64_t count, const double *sorted, double edges[BINS])
{
    if (count == 0) return 0;
    const double least = sorted[0], most = sorted[count - 1];
    const double from = least < most ? least : least - 0.5, to = least < most ? most : most + 0.5;
    int64_t found = 0;
    for (int k = 1; k < BINS; k++) {
        const volatile double share = 0.1 * (k - 1), step = (to - from) / BINS * k; /* not fused with what follows */
        const double edge = bins == DDPM_TREND_WIDTHS ? step + from : ddpm_quantile(count, sorted, share + 0.1);
        if (found == 0 || edge > edges[found - 1]) edges[found++] = edge;
    }
    return found;
}

/* A value on an edge is above it where bins are equally wide, as numpy.digitize has it, and below a decile. */
static int32_t bin_of(ddpm_trend_bins bins, int64_t count, const double *edges, double value)
{
    int32_t bin = GAP + 1;
    if (isnan(value)) return GAP;
    for (int64_t k = 0; k < count; k++) bin += bins == DDPM_TREND_WIDTHS ? edges[k] <= value : edges[k] < value;
    return bin;
}

static void code_column(trend *t, int64_t column, double *sorted)
{
    const ddpm_columns_part *const sets[] = {t->real, t->other};
    int32_t *code = t->code + column * t->rows;
    double edges[BINS];
    const int is_category = t->real->of->is_category[column];
    const int64_t count =
        is_category ? 0 : find_edges(t->bins, ddpm_columns_sorted(t->real, column, sorted), sorted, edges);
    for (int s = 0; s < 2; s++) {
        const double *values = ddpm_columns_at(sets[s], column);
        for (int64_t i = 0; i < sets[s]->rows; i++) {
            *code = is_category ? (int32_t)values[i] : bin_of(t->bins, count, edges, values[i]);
            t->has_gaps[column] |= !is_category && *code == GAP;
            code++;
        }
    }
}

/* Whether the values of a set are all the same: rounding of their mean could hide it. */
static int is_constant(int64_t rows, const double *values)
{
    for (int64_t i = 1; i < rows; i++)
        if (values[i] != values[0]) return 0;
    return 1;
}

static void scale_column(trend *t, int64_t column)
{
    const ddpm_columns_part *const sets[] = {t->real, t->other};
    double *to = t->scaled + column * t->rows;
    for (int s = 0; s < 2; to += sets[s]->rows, s++) {
        const double *values = ddpm_columns_at(sets[s], column);
        const int64_t rows = sets[s]->rows;
        double mean = 0.0, squares = 0.0;
        if (is_constant(rows, values)) continue;
        for (int64_t i = 0; i < rows; i++) mean += values[i];
        mean /= (double)rows;
        for (int64_t i = 0; i < rows; i++) squares += (values[i] - mean) * (values[i] - mean);
        for (int64_t i = 0; i < rows; i++) to[i] = (values[i] - mean) / sqrt(squares);
    }
}

/* ---- pairs ---- */

/* The sum of products, in a fixed order that a vector unit can follow. */
static double product(int64_t rows, const double *a, const double *b)
{
    double sums[TOGETHER] = {0.0}, sum = 0.0;
    int64_t i = 0;
    for (; i + TOGETHER <= rows; i += TOGETHER)
        for (int k = 0; k < TOGETHER; k++) sums[k] += a[i + k] * b[i + k];
    for (; i < rows; i++) sum += a[i] * b[i];
    for (int k = 0; k < TOGETHER; k++) sum += sums[k];
    return sum;
}

/* Of the rows where neither is a gap; NaN where a column is constant there. */
static double correlation_with_gaps(int64_t rows, const double *a, const double *b)
{
    double means[2] = {0.0, 0.0}, squares[2] = {0.0, 0.0}, products = 0.0, first[2] = {NAN, NAN};
    int64_t count = 0;
    int differs[2] = {0, 0};
    for (int64_t i = 0; i < rows; i++) {
        if (isnan(a[i]) || isnan(b[i])) continue;
        if (count++ == 0) first[0] = a[i], first[1] = b[i];
        differs[0] |= a[i] != first[0];
        differs[1] |= b[i] != first[1];
        means[0] += a[i];
        means[1] += b[i];
    }
    if (!differs[0] || !differs[1]) return NAN;
    for (int k = 0; k < 2; k++) means[k] /= (double)count;
    for (int64_t i = 0; i < rows; i++) {
        if (isnan(a[i]) || isnan(b[i])) continue;
        squares[0] += (a[i] - means[0]) * (a[i] - means[0]);
        squares[1] += (b[i] - means[1]) * (b[i] - means[1]);
        products += (a[i] - means[0]) * (b[i] - means[1]);
    }
    return products / (sqrt(squares[0]) * sqrt(squares[1]));
}

static double correlation(const trend *t, int set, int64_t i, int64_t j)
{
    const ddpm_columns_part *part = set == 0 ? t->real : t->other;
    const double *a = ddpm_columns_at(part, i), *b = ddpm_columns_at(part, j);
    if (t->has_gaps[i] || t->has_gaps[j]) return correlation_with_gaps(part->rows, a, b);
    if (is_constant(part->rows, a) || is_constant(part->rows, b)) return NAN;
    const int64_t before = set == 0 ? 0 : t->real->rows;
    return product(part->rows, t->scaled + i * t->rows + before, t->scaled + j * t->rows + before);
}

static double alike_numbers(const trend *t, int64_t i, int64_t j)
{
    const double real = correlation(t, 0, i, j), other = correlation(t, 1, i, j);
    return 1.0 - fabs(real - (isnan(other) ? 0.0 : other)) / 2.0;
}

/* Put all rows in the order of a column's codes. */
static void sort_by(const trend *t, int64_t column, int32_t *order, int32_t *first)
{
    const int32_t *code = t->code + column * t->rows;
    memset(first, 0, (size_t)(t->codes + 1) * sizeof *first);
    for (int64_t i = 0; i < t->rows; i++) first[code[i] + 1]++;
    for (int64_t k = 0; k < t->codes; k++) first[k + 1] += first[k];
    for (int64_t i = 0; i < t->rows; i++) order[first[code[i]]++] = (int32_t)i;
    for (int64_t k = t->codes; k > 0; k--) first[k] = first[k - 1];
    first[0] = 0;
}

/* One row of the contingency table at a time: the rows that share a code of the first column. The sum of |p - q| is
 * counted in parts of 1 / (n m), which is exact. */
static double alike_tables(const trend *t, int64_t j, const int32_t *order, const int32_t *first, int32_t *counts)
{
    const int32_t *code = t->code + j * t->rows;
    const int64_t n = t->real->rows, m = t->other->rows;
    int64_t apart = 0;
    for (int64_t k = 0; k < t->codes; k++) {
        for (int32_t at = first[k]; at < first[k + 1]; at++) counts[2 * code[order[at]] + (order[at] >= n)]++;
        for (int32_t at = first[k]; at < first[k + 1]; at++) {
            int32_t *both = counts + 2 * code[order[at]];
            apart += llabs(both[0] * m - both[1] * n);
            both[0] = both[1] = 0;
        }
    }
    return 1.0 - (double)apart / (2.0 * (double)n * (double)m);
}

static void compare_pairs_of(const trend *t, int64_t i, double *out)
{
    const int thread = omp_get_thread_num();
    int32_t *order = t->order + thread * t->rows, *first = t->first + thread * (t->codes + 1);
    const uint8_t *is_category = t->real->of->is_category;
    sort_by(t, i, order, first);
    for (int64_t j = i + 1; j < t->columns; j++)
        out[ddpm_trend_pair(t->columns, i, j)] =
            is_category[i] || is_category[j] ? alike_tables(t, j, order, first, t->counts + thread * 2 * t->codes)
                                             : alike_numbers(t, i, j);
}

static ddpm_status build(trend *t, int threads)
{
    t->codes = GAP + 1 + BINS;
    for (int64_t j = 0; j < t->columns; j++) t->codes = ddpm_larger(t->codes, t->real->of->codes[j]);
    DDPM_TRY(DDPM_NEW(&t->code, t->columns * t->rows, "pairs of columns"));
    DDPM_TRY(DDPM_NEW(&t->has_gaps, t->columns, "pairs of columns"));
    DDPM_TRY(DDPM_NEW(&t->scaled, t->columns * t->rows, "pairs of columns"));
    DDPM_TRY(DDPM_NEW(&t->edges, threads * t->rows, "pairs of columns"));
    DDPM_TRY(DDPM_NEW(&t->order, threads * t->rows, "pairs of columns"));
    DDPM_TRY(DDPM_NEW(&t->first, threads * (t->codes + 1), "pairs of columns"));
    DDPM_TRY(DDPM_NEW(&t->counts, threads * 2 * t->codes, "pairs of columns"));
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t j = 0; j < t->columns; j++) {
        code_column(t, j, t->edges + omp_get_thread_num() * t->rows);
        if (!t->real->of->is_category[j] && !t->has_gaps[j]) scale_column(t, j);
    }
    return DDPM_OK;
}

ddpm_status ddpm_trend(ddpm_comm *comm, int threads, ddpm_trend_bins bins, const ddpm_columns_part *real,
                       const ddpm_columns_part *other, double *out)
{
    trend t = {real, other, bins, .columns = real->of->count, .rows = real->rows + other->rows};
    const int64_t rank = ddpm_comm_rank(comm), size = ddpm_comm_size(comm);
    const ddpm_status status = ddpm_agree(comm, build(&t, threads));
    if (status == DDPM_OK) {
        memset(out, 0, (size_t)ddpm_trend_pairs(t.columns) * sizeof *out);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int64_t i = rank; i < t.columns; i += size) compare_pairs_of(&t, i, out);
        ddpm_comm_sum_double(comm, out, ddpm_trend_pairs(t.columns));
    }
    ddpm_release(t.code);
    ddpm_release(t.has_gaps);
    ddpm_release(t.scaled);
    ddpm_release(t.edges);
    ddpm_release(t.order);
    ddpm_release(t.first);
    ddpm_release(t.counts);
    return status;
}
