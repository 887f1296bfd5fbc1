/** Nearest rows between sets of rows of different kinds of columns, by exhaustive search.
 *
 *  Rows become points as in the papers: a number is scaled by the range of the training rows to 0 .. 1, a category is
 * one-hot. A gap of a number is the mean of the training rows, and a category of its own beside it. One-hot columns are
 * not made: two different categories are 2 apart, in L1 and in the square of L2.
 *  A search costs queries x references x parts. Ties go to the first reference.
 */
#ifndef DDPM_EVALUATE_NEIGHBOURS_H
#define DDPM_EVALUATE_NEIGHBOURS_H

#include "evaluate/columns.h"
#include "world/comm.h"

typedef struct ddpm_points {
    int64_t rows, parts;
    double *values;             /* [parts][rows] */
    const uint8_t *is_category; /* [parts], of the space */
} ddpm_points;

/** How columns become parts of a point. */
typedef struct ddpm_point_space {
    int64_t columns, parts;       /* a column is a part; one of numbers with gaps has another: whether it is a gap */
    double *least, *range, *mean; /* [columns], of the training rows' numbers; the mean is scaled */
    uint8_t *has_gaps;            /* [columns]: whether training rows have gaps there */
    uint8_t *is_category;         /* [parts] */
} ddpm_point_space;

/** Local. Choose the scales by training rows. DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_point_space_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_point_space_create(const ddpm_columns_part *training, ddpm_point_space *out);
void ddpm_point_space_release(ddpm_point_space *space);

/** Local. The points of rows. DDPM_ERR_MEMORY.
 *  @param[out] out  uses the space; release with ddpm_points_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_points_create(const ddpm_point_space *space, const ddpm_columns_part *rows,
                                               ddpm_points *out);
void ddpm_points_release(ddpm_points *points);

/** Points first .. first+rows-1 of others, whose memory they use. */
typedef struct ddpm_points_part {
    const ddpm_points *of;
    int64_t first, rows;
} ddpm_points_part;

typedef enum ddpm_metric { DDPM_METRIC_L1, DDPM_METRIC_L2_SQUARED } ddpm_metric;

/** Collective. The distance of each query to its nearest reference.
 *  @param is_self   whether both are the same points: then a point is not its own neighbour.
 *  @param[out] distance  [queries].
 *  @param[out] nearest   [queries], numbers of references, or NULL. */
void ddpm_nearest(ddpm_comm *comm, int threads, ddpm_metric metric, const ddpm_points_part *queries,
                  const ddpm_points_part *references, int is_self, double *distance, int64_t *nearest);

#endif
