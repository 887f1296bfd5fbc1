/* Distance to the closest record. */
#include "evaluate/closest.h"

#include "base/memory.h"

ddpm_status ddpm_closest(ddpm_comm *comm, int threads, const ddpm_points_part *rows, const ddpm_points_part *training,
                         const ddpm_points_part *held_out, double *share)
{
    double *distances = NULL;
    int64_t halves = 0;
    DDPM_TRY(ddpm_agree(comm, DDPM_NEW(&distances, 2 * rows->rows, "distances to real rows")));
    double *other = distances + rows->rows;
    ddpm_nearest(comm, threads, DDPM_METRIC_L1, rows, training, 0, distances, NULL);
    ddpm_nearest(comm, threads, DDPM_METRIC_L1, rows, held_out, 0, other, NULL);
    for (int64_t i = 0; i < rows->rows; i++) halves += (distances[i] < other[i]) + (distances[i] <= other[i]);
    *share = (double)halves / (2.0 * (double)rows->rows);
    ddpm_release(distances);
    return DDPM_OK;
}
