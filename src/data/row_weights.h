/** The training rows drawn in proportion to weights: the row at a position of the run is a pure function of the seed
 * and the position. Used by dataset.c alone.
 *
 *  Weights become whole numbers, in units of 2^-38 of the largest or less, so that sums are exact; a weight that is
 * less than half a unit is none. With N training rows of the total weight W, an epoch visits N places of 0 .. W-1 that
 * are equally far apart, from a random one on and in a permuted order; the row that has a place is the one visited. So
 * an epoch visits a row of weight w either floor(N w / W) or ceil(N w / W) times, on average N w / W times.
 */
#ifndef DDPM_DATA_ROW_WEIGHTS_H
#define DDPM_DATA_ROW_WEIGHTS_H

#include "base/permutation.h"
#include "data/condition_source.h"
#include "world/shared.h"

typedef struct ddpm_row_weights {
    uint64_t seed;
    int64_t rows, all_rows; /* to train on; of the file */
    int64_t total;
    int64_t positive;  /* training rows that can be drawn */
    double equal;      /* as many rows of equal weight are worth as much (Kish 1965) */
    ddpm_shared *sums; /* int64_t [all_rows]: the weights of the rows up to each, 0 for those that are held out */
} ddpm_row_weights;

/** Which rows are trained on: all but the first `held_out` of `split`. */
typedef struct ddpm_weighed_rows {
    int64_t rows, held_out;
    const ddpm_permutation *split;
} ddpm_weighed_rows;

/** Collective. DDPM_ERR_DATA: a weight is negative or not finite (with its row), or no training row has one above zero;
 * or what reading says.
 *  @param source    of one value.
 *  @param place     for messages: the file and the name of the weights.
 *  @param[out] out  release with ddpm_row_weights_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_row_weights_create(ddpm_comm *comm, uint64_t seed, ddpm_condition_source *source,
                                                    const char *place, const ddpm_weighed_rows *rows,
                                                    ddpm_row_weights *out);

/** Local. */
void ddpm_row_weights_release(ddpm_row_weights *weights);

/** Local, any thread. The rows of the file that positions first .. first+count-1 of the run visit.
 *  @param[out] places  [count]. */
void ddpm_row_weights_places(const ddpm_row_weights *weights, int64_t first, int64_t count, int64_t *places);

#endif
