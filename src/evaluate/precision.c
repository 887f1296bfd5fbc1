/* alpha-precision and beta-recall. */
#include "evaluate/precision.h"

#include "base/memory.h"
#include "base/order.h"

#include <math.h>
#include <string.h>

enum { RADII = 30 };

typedef struct precision {
    int64_t rows;
    double *to_center, *sorted, *to_other, *radius; /* [rows] each */
    double *shares;                                 /* [codes], of the codes of a part */
    int64_t *nearest;                               /* [rows] */
} precision;

/* One more than the largest code of a set. */
static int64_t codes_of(const ddpm_points_part *set)
{
    double most = 0.0;
    for (int64_t part = 0; part < set->of->parts; part++)
        for (int64_t i = 0; set->of->is_category[part] && i < set->rows; i++)
            most = fmax(most, set->of->values[part * set->of->rows + set->first + i]);
    return (int64_t)most + 1;
}

/* The distance of each of `rows` to the mean of `around`. A one-hot vector with its 1 at c is 1 - 2 p_c + sum p^2,
 * squared, from the vector of shares p. */
static void to_mean(const ddpm_points_part *around, const ddpm_points_part *rows, double *shares, double *out)
{
    memset(out, 0, (size_t)rows->rows * sizeof *out);
    for (int64_t part = 0; part < rows->of->parts; part++) {
        const double *from = around->of->values + part * around->of->rows + around->first;
        const double *at = rows->of->values + part * rows->of->rows + rows->first;
        double mean = 0.0, squares = 0.0;
        if (!rows->of->is_category[part]) {
            for (int64_t i = 0; i < around->rows; i++) mean += from[i];
            mean /= (double)around->rows;
            for (int64_t i = 0; i < rows->rows; i++) out[i] += (at[i] - mean) * (at[i] - mean);
            continue;
        }
        for (int64_t i = 0; i < rows->rows; i++) shares[(int64_t)at[i]] = 0.0;
        for (int64_t i = 0; i < around->rows; i++) shares[(int64_t)from[i]] = 0.0;
        for (int64_t i = 0; i < around->rows; i++) shares[(int64_t)from[i]] += 1.0;
        /* the sum over rows of p of their code is the sum over codes of p^2, times the rows */
        for (int64_t i = 0; i < around->rows; i++) squares += shares[(int64_t)from[i]];
        squares /= (double)around->rows * (double)around->rows;
        for (int64_t i = 0; i < rows->rows; i++)
            out[i] += 1.0 - 2.0 * shares[(int64_t)at[i]] / (double)around->rows + squares;
    }
    for (int64_t i = 0; i < rows->rows; i++) out[i] = sqrt(fmax(0.0, out[i]));
}

static void sort_into(int64_t rows, const double *from, double *to)
{
    memcpy(to, from, (size_t)rows * sizeof *to);
    ddpm_sort_doubles(rows, to);
}

/* 1 - mean |share - alpha| / mean alpha, where the share is of rows that count and have a radius of at most the
 * quantile alpha of `sorted`. */
static double integral(int64_t rows, const double *sorted, const double *radius, const uint8_t *counts)
{
    double apart = 0.0, alphas = 0.0;
    for (int k = 0; k < RADII; k++) {
        const double alpha = (double)k / (RADII - 1), most = ddpm_quantile(rows, sorted, alpha);
        int64_t inside = 0;
        for (int64_t i = 0; i < rows; i++) inside += radius[i] <= most && (!counts || counts[i]);
        apart += fabs((double)inside / (double)rows - alpha);
        alphas += alpha;
    }
    return 1.0 - apart / alphas;
}

static ddpm_status build(precision *p, int64_t codes)
{
    DDPM_TRY(DDPM_NEW(&p->to_center, p->rows, "distances to a mean"));
    DDPM_TRY(DDPM_NEW(&p->sorted, p->rows, "distances to a mean"));
    DDPM_TRY(DDPM_NEW(&p->to_other, p->rows, "distances to a mean"));
    DDPM_TRY(DDPM_NEW(&p->radius, p->rows, "distances to a mean"));
    DDPM_TRY(DDPM_NEW(&p->nearest, p->rows, "distances to a mean"));
    return DDPM_NEW(&p->shares, codes, "distances to a mean");
}

static double recall_of(precision *p, const double *to_itself, const ddpm_points_part *other, uint8_t *counts)
{
    to_mean(other, other, p->shares, p->to_center);
    for (int64_t i = 0; i < p->rows; i++) {
        p->radius[i] = p->to_center[p->nearest[i]];
        counts[i] = p->to_other[i] <= to_itself[i];
    }
    sort_into(p->rows, p->radius, p->sorted);
    return integral(p->rows, p->sorted, p->radius, counts);
}

ddpm_status ddpm_precision(ddpm_comm *comm, int threads, const ddpm_points_part *real, const double *to_itself,
                           const ddpm_points_part *other, double *alpha, double *beta)
{
    precision p = {.rows = real->rows};
    uint8_t *counts = NULL;
    ddpm_status status = build(&p, ddpm_larger(codes_of(real), codes_of(other)));
    if (status == DDPM_OK) status = DDPM_NEW(&counts, p.rows, "distances to a mean");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        ddpm_nearest(comm, threads, DDPM_METRIC_L2_SQUARED, real, other, 0, p.to_other, p.nearest);
        to_mean(real, real, p.shares, p.to_center);
        sort_into(p.rows, p.to_center, p.sorted);
        to_mean(real, other, p.shares, p.radius);
        *alpha = integral(p.rows, p.sorted, p.radius, NULL);
        *beta = recall_of(&p, to_itself, other, counts);
    }
    ddpm_release(p.to_center);
    ddpm_release(p.sorted);
    ddpm_release(p.to_other);
    ddpm_release(p.radius);
    ddpm_release(p.nearest);
    ddpm_release(p.shares);
    ddpm_release(counts);
    return status;
}
