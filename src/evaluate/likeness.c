/* Shape, Trend, precision and recall of samples, and of real rows in their place. */
#include "evaluate/likeness.h"

#include "base/memory.h"
#include "evaluate/precision.h"
#include "evaluate/shape.h"
#include "evaluate/trend.h"

#include <math.h>

enum { REAL_ROWS_LEAST = 1000 };
static const double PAIRS_COST = 4e9; /* pairs of columns times rows, at most */

static ddpm_status allocate(int64_t count, ddpm_marginals *out)
{
    out->count = count;
    for (int side = 0; side < DDPM_SIDES; side++) DDPM_TRY(DDPM_NEW(&out->of[side], count, "columns to compare"));
    return DDPM_OK;
}

static void release(ddpm_marginals *marginals)
{
    for (int side = 0; side < DDPM_SIDES; side++) ddpm_release(marginals->of[side]);
}

void ddpm_likeness_release(ddpm_likeness *likeness)
{
    release(&likeness->shape);
    release(&likeness->gaps);
    release(&likeness->trend);
    release(&likeness->trend_deciles);
    *likeness = (ddpm_likeness){0};
}

static void find_means(ddpm_marginals *marginals)
{
    for (int side = 0; side < DDPM_SIDES; side++) {
        double sum = 0.0, count = 0.0;
        for (int64_t i = 0; i < marginals->count; i++) {
            if (isnan(marginals->of[side][i])) continue;
            sum += marginals->of[side][i];
            count += 1.0;
        }
        marginals->mean[side] = count > 0.0 ? sum / count : NAN;
    }
}

/* Whether any set has a gap: then the shares of gaps are worth a line. */
static int has_gaps(const ddpm_columns *columns)
{
    for (int64_t j = 0; j < columns->count; j++)
        for (int64_t i = 0; i < columns->rows; i++)
            if (ddpm_columns_is_gap(columns, j, i)) return 1;
    return 0;
}

static ddpm_status measure_precision(ddpm_comm *comm, int threads, const ddpm_columns *real,
                                     const ddpm_columns *const sides[DDPM_SIDES], ddpm_likeness *out)
{
    const int64_t rows = out->near_rows;
    const ddpm_columns_part all = ddpm_columns_some(real, 0, real->rows), some = ddpm_columns_some(real, 0, rows);
    ddpm_point_space space = {0};
    ddpm_points points[1 + DDPM_SIDES] = {{0}};
    double *to_itself = NULL;
    ddpm_status status = ddpm_point_space_create(&all, &space);
    if (status == DDPM_OK) status = ddpm_points_create(&space, &some, &points[DDPM_SIDES]);
    for (int side = 0; status == DDPM_OK && side < DDPM_SIDES; side++) {
        const ddpm_columns_part part = ddpm_columns_some(sides[side], 0, rows);
        status = ddpm_points_create(&space, &part, &points[side]);
    }
    if (status == DDPM_OK) status = DDPM_NEW(&to_itself, rows, "distances between real rows");
    status = ddpm_agree(comm, status);
    const ddpm_points_part reals = {&points[DDPM_SIDES], 0, rows};
    if (status == DDPM_OK) ddpm_nearest(comm, threads, DDPM_METRIC_L2_SQUARED, &reals, &reals, 1, to_itself, NULL);
    for (int side = 0; status == DDPM_OK && side < DDPM_SIDES; side++) {
        const ddpm_points_part other = {&points[side], 0, rows};
        status = ddpm_precision(comm, threads, &reals, to_itself, &other, &out->precision[side], &out->recall[side]);
    }
    for (int i = 0; i <= DDPM_SIDES; i++) ddpm_points_release(&points[i]);
    ddpm_point_space_release(&space);
    ddpm_release(to_itself);
    return status;
}

static ddpm_status build(ddpm_likeness *out)
{
    DDPM_TRY(allocate(out->columns, &out->shape));
    DDPM_TRY(allocate(out->columns, &out->gaps));
    DDPM_TRY(allocate(ddpm_trend_pairs(out->columns), &out->trend));
    return allocate(ddpm_trend_pairs(out->columns), &out->trend_deciles);
}

ddpm_status ddpm_likeness_measure(ddpm_comm *comm, int threads, const ddpm_columns *real,
                                  const ddpm_columns *const sides[DDPM_SIDES], int64_t near_rows, ddpm_likeness *out)
{
    const int64_t pairs = ddpm_larger(1, ddpm_trend_pairs(real->count));
    const int64_t most = ddpm_larger(REAL_ROWS_LEAST, (int64_t)(PAIRS_COST / (double)pairs));
    *out = (ddpm_likeness){.columns = real->count};
    out->real_rows = ddpm_smaller(most, real->rows);
    out->rows = ddpm_smaller(most, ddpm_smaller(sides[0]->rows, sides[1]->rows));
    out->near_rows = ddpm_smaller(near_rows, ddpm_smaller(out->rows, out->real_rows));
    out->has_gaps = has_gaps(real) || has_gaps(sides[DDPM_SIDE_SAMPLES]);
    DDPM_TRY(ddpm_agree(comm, build(out)));
    const ddpm_columns_part reals = ddpm_columns_some(real, 0, out->real_rows);
    for (int side = 0; side < DDPM_SIDES; side++) {
        const ddpm_columns_part other = ddpm_columns_some(sides[side], 0, out->rows);
        DDPM_TRY(ddpm_shape(comm, threads, &reals, &other, out->shape.of[side], out->gaps.of[side]));
        DDPM_TRY(ddpm_trend(comm, threads, DDPM_TREND_WIDTHS, &reals, &other, out->trend.of[side]));
        DDPM_TRY(ddpm_trend(comm, threads, DDPM_TREND_DECILES, &reals, &other, out->trend_deciles.of[side]));
    }
    find_means(&out->shape);
    find_means(&out->gaps);
    find_means(&out->trend);
    find_means(&out->trend_deciles);
    return measure_precision(comm, threads, real, sides, out);
}

int64_t ddpm_marginals_worst(const ddpm_marginals *marginals, int64_t most, int64_t *worst)
{
    const double *values = marginals->of[DDPM_SIDE_SAMPLES];
    int64_t found = 0;
    for (int64_t i = 0; i < marginals->count; i++) {
        int64_t at = found;
        if (isnan(values[i])) continue;
        while (at > 0 && values[worst[at - 1]] > values[i]) at--;
        if (at == most) continue;
        if (found < most) found++;
        for (int64_t k = found - 1; k > at; k--) worst[k] = worst[k - 1];
        worst[at] = i;
    }
    return found;
}

void ddpm_pair_columns(int64_t columns, int64_t pair, int64_t both[2])
{
    both[0] = 0;
    while (pair >= columns - 1 - both[0]) pair -= columns - 1 - both[0]++;
    both[1] = both[0] + 1 + pair;
}
