/* The measures of tables, of the rows of an evaluation. */
#include "evaluate/evaluation.h"

#include "base/memory.h"
#include "base/split.h"
#include "evaluate/copies.h"

#include <math.h>

enum { NEAR_ROWS = 5000, NEAR_ROWS_LEAST = 500 };
static const double NEAR_COST = 1e9; /* pairs of rows times columns, at most, of a search for near rows */

static int64_t near_rows(int64_t columns)
{
    const double most = sqrt(NEAR_COST / (double)columns);
    return ddpm_larger(NEAR_ROWS_LEAST, ddpm_smaller(NEAR_ROWS, (int64_t)most));
}

/* Local. Count copies among samples and among held-out rows, and name those among samples. */
static ddpm_status find_copies(ddpm_evaluation *e, const ddpm_columns *training, const ddpm_columns *samples,
                               const ddpm_columns *held_out)
{
    ddpm_privacy *p = &e->privacy;
    int64_t *equal = NULL, at = 0;
    ddpm_status status = DDPM_NEW(&equal, ddpm_larger(samples->rows, held_out->rows), "copies");
    if (status == DDPM_OK) status = ddpm_copies(training, held_out, equal, &p->copies[DDPM_SIDE_REAL]);
    if (status == DDPM_OK) status = ddpm_copies(training, samples, equal, &p->copies[DDPM_SIDE_SAMPLES]);
    if (status == DDPM_OK) status = DDPM_NEW(&p->copy, 2 * p->copies[DDPM_SIDE_SAMPLES], "copies");
    for (int64_t i = 0; status == DDPM_OK && i < samples->rows; i++) {
        if (equal[i] < 0) continue;
        p->copy[at++] = e->samples.numbers ? e->samples.numbers[i] : i;
        p->copy[at++] = e->others.numbers[equal[i]];
    }
    ddpm_release(equal);
    return status;
}

static ddpm_status measure_privacy(ddpm_evaluation *e, const ddpm_columns *training, const ddpm_columns *samples,
                                   const ddpm_columns *held_out)
{
    ddpm_privacy *p = &e->privacy;
    *p = (ddpm_privacy){.training = training->rows, .samples = samples->rows, .held_out = held_out->rows};
    if (!e->has_training_rows)
        p->left_out = e->options.data ? "it needs the training rows, which --data takes the place of"
                                      : "no rows of a toy problem are anybody's";
    else if (held_out->rows < DDPM_PRIVACY_HELD_OUT_LEAST)
        p->left_out = "too few rows are held out; see data.validation";
    if (p->left_out) return DDPM_OK;
    DDPM_TRY(ddpm_agree(e->comm, find_copies(e, training, samples, held_out)));
    DDPM_TRY(ddpm_privacy_measure(e->comm, e->threads, training, samples, held_out, near_rows(e->columns), p));
    p->has_memorised = ddpm_privacy_judge(p);
    return DDPM_OK;
}

static ddpm_status take_columns(const ddpm_evaluation *e, const ddpm_row_table *table, ddpm_columns *out)
{
    const ddpm_transform transform = ddpm_loaded_transform(e->loaded);
    return ddpm_columns_create(&transform, table->count, table->rows, table->own, out);
}

ddpm_status ddpm_evaluation_compare(ddpm_evaluation *e)
{
    ddpm_columns training = {0}, held_out = {0}, samples = {0};
    const ddpm_columns *const sides[DDPM_SIDES] = {&samples, &held_out};
    e->privacy.left_out = "samples are not finite";
    if (e->two_sample.not_finite > 0) return DDPM_OK;
    ddpm_status status = take_columns(e, &e->others, &training);
    if (status == DDPM_OK) status = take_columns(e, &e->references, &held_out);
    if (status == DDPM_OK) status = take_columns(e, &e->samples, &samples);
    status = ddpm_agree(e->comm, status);
    if (status == DDPM_OK)
        status = ddpm_likeness_measure(e->comm, e->threads, &training, sides, near_rows(e->columns), &e->likeness);
    if (status == DDPM_OK) status = measure_privacy(e, &training, &samples, &held_out);
    ddpm_columns_release(&training);
    ddpm_columns_release(&held_out);
    ddpm_columns_release(&samples);
    return status;
}
