/** What samples tell of the training rows: membership inference, the distance to the closest record, and copies. Beside
 * each stands that of held-out rows in the samples' place: half of them stand there, and the other half is held out. */
#ifndef DDPM_EVALUATE_PRIVACY_H
#define DDPM_EVALUATE_PRIVACY_H

#include "evaluate/likeness.h"

enum { DDPM_PRIVACY_HELD_OUT_LEAST = 8 /* held-out rows: with fewer, nothing can be said */ };

typedef struct ddpm_privacy {
    const char *left_out;                               /* why nothing below is computed; NULL: it is */
    int64_t samples, training, held_out;                /* rows of the search for copies and of membership inference */
    int64_t near_samples, near_training, near_held_out; /* of these, those of searches for near rows */
    int64_t closest_rows;                               /* training rows, and as many held-out rows */
    double membership[DDPM_SIDES], membership_error[DDPM_SIDES];
    double closest[DDPM_SIDES];
    int64_t copies[DDPM_SIDES]; /* rows that equal a training row: of the samples, and of the held-out rows */
    int64_t *copy;              /* [2 copies of samples]: the number of a sample, and that of its training row */
    int has_memorised;
} ddpm_privacy;

/** Local. Free what it holds. */
void ddpm_privacy_release(ddpm_privacy *privacy);

/** Collective. Measure membership and the closest record. DDPM_ERR_MEMORY.
 *  @param near_rows  the most rows of a set. */
DDPM_MUST_CHECK ddpm_status ddpm_privacy_measure(ddpm_comm *comm, int threads, const ddpm_columns *training,
                                                 const ddpm_columns *samples, const ddpm_columns *held_out,
                                                 int64_t near_rows, ddpm_privacy *privacy);

/** Local, after that and once copies are counted. Whether the model has memorised training rows, for sure: the AUC of
 * membership inference is above one half, or samples are copies more often than real rows are, by more than three
 * standard errors, and by a margin that matters. */
int ddpm_privacy_judge(const ddpm_privacy *privacy);

#endif
