/* Membership inference by the distance to the nearest sample. */
#include "evaluate/membership.h"

#include "base/memory.h"
#include "base/order.h"

#include <math.h>

/* Of pairs of one value of each set, both ascending: twice those in which the first is below, and those of equals. */
static int64_t count_below(int64_t n, const double *a, int64_t m, const double *b)
{
    int64_t halves = 0, below = 0, up_to = 0;
    for (int64_t i = 0; i < n; i++) {
        while (below < m && b[below] < a[i]) below++;
        while (up_to < m && b[up_to] <= a[i]) up_to++;
        halves += 2 * (m - up_to) + up_to - below;
    }
    return halves;
}

static double error_of(double auc, double n, double m)
{
    const double first = auc / (2.0 - auc), second = 2.0 * auc * auc / (1.0 + auc), squared = auc * auc;
    return sqrt((auc * (1.0 - auc) + (n - 1.0) * (first - squared) + (m - 1.0) * (second - squared)) / (n * m));
}

ddpm_status ddpm_membership(ddpm_comm *comm, int threads, const ddpm_points_part *samples,
                            const ddpm_points_part *training, const ddpm_points_part *held_out, double *auc,
                            double *error)
{
    const int64_t n = training->rows, m = held_out->rows;
    double *distances = NULL;
    DDPM_TRY(ddpm_agree(comm, DDPM_NEW(&distances, n + m, "distances to samples")));
    ddpm_nearest(comm, threads, DDPM_METRIC_L1, training, samples, 0, distances, NULL);
    ddpm_nearest(comm, threads, DDPM_METRIC_L1, held_out, samples, 0, distances + n, NULL);
    ddpm_sort_doubles(n, distances);
    ddpm_sort_doubles(m, distances + n);
    *auc = (double)count_below(n, distances, m, distances + n) / (2.0 * (double)n * (double)m);
    *error = error_of(*auc, (double)n, (double)m);
    ddpm_release(distances);
    return DDPM_OK;
}
