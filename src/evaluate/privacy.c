/* What samples tell of the training rows. */
#include "evaluate/privacy.h"

#include "base/memory.h"
#include "evaluate/closest.h"
#include "evaluate/membership.h"

#include <math.h>

static const double ERRORS = 3.0;             /* standard errors */
static const double MEMBERSHIP_MARGIN = 0.05; /* above one half; any model is a little above */
static const double COPIES_MARGIN = 0.02;     /* of the rows */

void ddpm_privacy_release(ddpm_privacy *privacy)
{
    ddpm_release(privacy->copy);
    *privacy = (ddpm_privacy){0};
}

/* A part of points that exist already. */
static ddpm_points_part some(const ddpm_points *of, int64_t first, int64_t rows)
{
    return (ddpm_points_part){of, first, rows};
}

static ddpm_status measure(ddpm_comm *comm, int threads, const ddpm_points *training, const ddpm_points *samples,
                           const ddpm_points *held_out, ddpm_privacy *p)
{
    const int64_t half = held_out->rows / 2;
    const ddpm_points_part made = some(samples, 0, samples->rows), seen = some(training, 0, training->rows);
    const ddpm_points_part unseen = some(held_out, 0, held_out->rows);
    const ddpm_points_part first = some(held_out, 0, half), second = some(held_out, half, held_out->rows - half);
    const int64_t pairs = ddpm_smaller(training->rows, held_out->rows);
    const int64_t pairs_real = ddpm_smaller(training->rows, second.rows);
    const ddpm_points_part equal[2] = {some(training, 0, pairs), some(held_out, 0, pairs)};
    const ddpm_points_part equal_real[2] = {some(training, 0, pairs_real), some(held_out, half, pairs_real)};
    p->closest_rows = pairs;
    DDPM_TRY(ddpm_membership(comm, threads, &made, &seen, &unseen, &p->membership[DDPM_SIDE_SAMPLES],
                             &p->membership_error[DDPM_SIDE_SAMPLES]));
    DDPM_TRY(ddpm_membership(comm, threads, &first, &seen, &second, &p->membership[DDPM_SIDE_REAL],
                             &p->membership_error[DDPM_SIDE_REAL]));
    DDPM_TRY(ddpm_closest(comm, threads, &made, &equal[0], &equal[1], &p->closest[DDPM_SIDE_SAMPLES]));
    return ddpm_closest(comm, threads, &first, &equal_real[0], &equal_real[1], &p->closest[DDPM_SIDE_REAL]);
}

ddpm_status ddpm_privacy_measure(ddpm_comm *comm, int threads, const ddpm_columns *training,
                                 const ddpm_columns *samples, const ddpm_columns *held_out, int64_t near_rows,
                                 ddpm_privacy *privacy)
{
    const ddpm_columns *const sets[] = {training, samples, held_out};
    const ddpm_columns_part all = ddpm_columns_some(training, 0, training->rows);
    ddpm_point_space space = {0};
    ddpm_points points[3] = {{0}};
    ddpm_status status = ddpm_point_space_create(&all, &space);
    for (int i = 0; status == DDPM_OK && i < 3; i++) {
        const ddpm_columns_part part = ddpm_columns_some(sets[i], 0, ddpm_smaller(near_rows, sets[i]->rows));
        status = ddpm_points_create(&space, &part, &points[i]);
    }
    status = ddpm_agree(comm, status);
    privacy->near_training = points[0].rows;
    privacy->near_samples = points[1].rows;
    privacy->near_held_out = points[2].rows;
    if (status == DDPM_OK) status = measure(comm, threads, &points[0], &points[1], &points[2], privacy);
    for (int i = 0; i < 3; i++) ddpm_points_release(&points[i]);
    ddpm_point_space_release(&space);
    return status;
}

int ddpm_privacy_judge(const ddpm_privacy *p)
{
    const double above = p->membership[DDPM_SIDE_SAMPLES] - 0.5;
    const double n = (double)p->samples, m = (double)p->held_out;
    const double copies = (double)p->copies[DDPM_SIDE_SAMPLES], real = (double)p->copies[DDPM_SIDE_REAL];
    const double share = (copies + real) / (n + m), error = sqrt(share * (1.0 - share) * (1.0 / n + 1.0 / m));
    return above > fmax(MEMBERSHIP_MARGIN, ERRORS * p->membership_error[DDPM_SIDE_SAMPLES]) ||
           copies / n - real / m > fmax(COPIES_MARGIN, ERRORS * error);
}
