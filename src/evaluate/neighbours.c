/* Exhaustive search. Blocks of queries go to the ranks in turn; a block meets one block of references after another,
 * so that both stay in the cache. */
#include "evaluate/neighbours.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { QUERIES = 32, REFERENCES = 256 };

static const double APART = 2.0; /* two different categories */

ddpm_status ddpm_point_space_create(const ddpm_columns_part *training, ddpm_point_space *out)
{
    const ddpm_columns *of = training->of;
    *out = (ddpm_point_space){.columns = of->count};
    DDPM_TRY(DDPM_NEW(&out->least, of->count, "rows to search"));
    DDPM_TRY(DDPM_NEW(&out->range, of->count, "rows to search"));
    DDPM_TRY(DDPM_NEW(&out->mean, of->count, "rows to search"));
    DDPM_TRY(DDPM_NEW(&out->has_gaps, of->count, "rows to search"));
    DDPM_TRY(DDPM_NEW(&out->is_category, 2 * of->count, "rows to search"));
    for (int64_t j = 0; j < of->count; j++) {
        const double *values = ddpm_columns_at(training, j);
        double least = INFINITY, most = -INFINITY, sum = 0.0;
        int64_t count = 0;
        out->is_category[out->parts++] = of->is_category[j];
        if (of->is_category[j]) continue;
        for (int64_t i = 0; i < training->rows; i++) {
            if (isnan(values[i])) continue;
            least = fmin(least, values[i]);
            most = fmax(most, values[i]);
            sum += values[i];
            count++;
        }
        out->has_gaps[j] = count < training->rows;
        if (out->has_gaps[j]) out->is_category[out->parts++] = 1;
        out->least[j] = count > 0 ? least : 0.0;
        out->range[j] = count > 0 && most > least ? most - least : 1.0;
        out->mean[j] = count > 0 ? (sum / (double)count - out->least[j]) / out->range[j] : 0.0;
    }
    return DDPM_OK;
}

void ddpm_point_space_release(ddpm_point_space *space)
{
    ddpm_release(space->least);
    ddpm_release(space->range);
    ddpm_release(space->mean);
    ddpm_release(space->has_gaps);
    ddpm_release(space->is_category);
    *space = (ddpm_point_space){0};
}

ddpm_status ddpm_points_create(const ddpm_point_space *space, const ddpm_columns_part *rows, ddpm_points *out)
{
    *out = (ddpm_points){.rows = rows->rows, .parts = space->parts, .is_category = space->is_category};
    DDPM_TRY(DDPM_NEW(&out->values, space->parts * rows->rows, "rows to search"));
    double *to = out->values;
    for (int64_t j = 0; j < space->columns; j++) {
        const double *values = ddpm_columns_at(rows, j);
        if (rows->of->is_category[j]) {
            memcpy(to, values, (size_t)rows->rows * sizeof *to);
            to += rows->rows;
            continue;
        }
        for (int64_t i = 0; i < rows->rows; i++) {
            const int is_gap = isnan(values[i]);
            to[i] = is_gap ? space->mean[j] : (values[i] - space->least[j]) / space->range[j];
            if (space->has_gaps[j]) to[rows->rows + i] = is_gap;
        }
        to += (1 + space->has_gaps[j]) * rows->rows;
    }
    return DDPM_OK;
}

void ddpm_points_release(ddpm_points *points)
{
    ddpm_release(points->values);
    *points = (ddpm_points){0};
}

/* The distances of a point, given by one value for each part, to `count` references from number `first` on. */
static void measure(ddpm_metric metric, const ddpm_points *query, int64_t row, const ddpm_points *references,
                    int64_t first, int64_t count, double *sums)
{
    memset(sums, 0, (size_t)count * sizeof *sums);
    for (int64_t part = 0; part < query->parts; part++) {
        const double at = query->values[part * query->rows + row];
        const double *other = references->values + part * references->rows + first;
        if (query->is_category[part])
            for (int64_t k = 0; k < count; k++) sums[k] += other[k] != at ? APART : 0.0;
        else if (metric == DDPM_METRIC_L1)
            for (int64_t k = 0; k < count; k++) sums[k] += fabs(other[k] - at);
        else
            for (int64_t k = 0; k < count; k++) sums[k] += (other[k] - at) * (other[k] - at);
    }
}

/* Queries first .. end-1 of the part. */
static void search(ddpm_metric metric, const ddpm_points_part *queries, const ddpm_points_part *references, int is_self,
                   ddpm_range block, double *distance, int64_t *nearest)
{
    double sums[REFERENCES];
    for (int64_t i = block.first; i < block.end; i++) distance[i] = INFINITY;
    for (int64_t k0 = 0; k0 < references->rows; k0 += REFERENCES) {
        const int64_t count = ddpm_smaller(references->rows - k0, REFERENCES);
        for (int64_t i = block.first; i < block.end; i++) {
            measure(metric, queries->of, queries->first + i, references->of, references->first + k0, count, sums);
            if (is_self && i >= k0 && i < k0 + count) sums[i - k0] = INFINITY;
            for (int64_t k = 0; k < count; k++) {
                if (!(sums[k] < distance[i])) continue;
                distance[i] = sums[k];
                if (nearest) nearest[i] = k0 + k;
            }
        }
    }
}

void ddpm_nearest(ddpm_comm *comm, int threads, ddpm_metric metric, const ddpm_points_part *queries,
                  const ddpm_points_part *references, int is_self, double *distance, int64_t *nearest)
{
    const int64_t rank = ddpm_comm_rank(comm), size = ddpm_comm_size(comm);
    const int64_t blocks = ddpm_pieces(queries->rows, QUERIES);
    memset(distance, 0, (size_t)queries->rows * sizeof *distance);
    if (nearest) memset(nearest, 0, (size_t)queries->rows * sizeof *nearest);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t block = rank; block < blocks; block += size) {
        const int64_t first = block * QUERIES;
        search(metric, queries, references, is_self, (ddpm_range){first, ddpm_smaller(first + QUERIES, queries->rows)},
               distance, nearest);
    }
    ddpm_comm_sum_double(comm, distance, queries->rows);
    if (nearest) ddpm_comm_sum_int64(comm, nearest, queries->rows);
}
