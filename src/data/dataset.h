/** The training rows: standardised, held once a node, and visited in an order that is a pure function of the seed.
 *
 *  Position p of a run is row (p mod rows) of epoch (p div rows). An epoch visits every training row once, in the order
 * of a keyed permutation; the held-out rows are the first ones of another permutation. Data that are larger than
 * data.memory are streamed (data/stream.h): then pages are permuted, and rows within a window of pages.
 */
#ifndef DDPM_DATA_DATASET_H
#define DDPM_DATA_DATASET_H

#include "data/row_weights.h"
#include "data/spec.h"
#include "kernel/normal.h"
#include "model/condition.h"
#include "model/transform.h"
#include "world/comm.h"

typedef struct ddpm_dataset ddpm_dataset;

/** Collective. Read (or generate), measure, standardise. spec must outlive the data set. DDPM_ERR_CONFIG:
 * data.memory too small to stream, or for training.balance, which takes rows that are held; the errors of
 * ddpm_balance_create and ddpm_row_weights_create; the errors of ddpm_source_open and ddpm_source_read.
 *  @param[out] out   free with ddpm_dataset_free. */
DDPM_MUST_CHECK ddpm_status ddpm_dataset_create(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_dataset **out);

/** Collective. NULL (on all ranks) is allowed. */
void ddpm_dataset_free(ddpm_dataset *dataset);

/** Local. Training rows, held-out rows, columns, the type of their numbers, column names (NULL: none), the map to the
 * data's units. */
int64_t ddpm_dataset_rows(const ddpm_dataset *dataset);
int64_t ddpm_dataset_held_out(const ddpm_dataset *dataset);
int64_t ddpm_dataset_columns(const ddpm_dataset *dataset);
ddpm_number ddpm_dataset_type(const ddpm_dataset *dataset);
const char *const *ddpm_dataset_names(const ddpm_dataset *dataset);
const ddpm_transform *ddpm_dataset_transform(const ddpm_dataset *dataset);

/** Local. What tells the rows, and their conditions, from others (data/fingerprint.h). Of streamed rows it is that of a
 * selection, without conditions. */
int64_t ddpm_dataset_fingerprint(const ddpm_dataset *dataset);

/** Local. The conditions of the rows; their count is 0 without data.condition. */
const ddpm_condition *ddpm_dataset_condition(const ddpm_dataset *dataset);

/** Local. Whether the rows are streamed, since memory does not hold them. */
int ddpm_dataset_is_streamed(const ddpm_dataset *dataset);

/** Local. A text for people: how many rows there are, where they are held, and how much memory that takes. */
void ddpm_dataset_describe(const ddpm_dataset *dataset, char *out, size_t bytes);

/** Collective. Make positions first .. first+count-1 ready for ddpm_dataset_fill. Call it only after all ranks have met
 * since their last fill (in training, they meet in the reduction), since it may overwrite what they copy from.
 * DDPM_ERR_CONFIG: the data are streamed, and a window has fewer than count rows; DDPM_ERR_IO, DDPM_ERR_DATA. */
DDPM_MUST_CHECK ddpm_status ddpm_dataset_prepare(ddpm_dataset *dataset, int64_t first, int64_t count);

/** Local, any thread. Copy the standardised rows at positions first .. first+count-1 to x [count][columns], and their
 * standardised conditions to values [count][V], unless that is NULL. */
void ddpm_dataset_fill(const ddpm_dataset *dataset, int64_t first, int64_t count, float *x, float *values);

/** Local, any thread. The number, in the data's file, of the row at a position; and of held-out row i, -1 where rows
 * are streamed. */
int64_t ddpm_dataset_row(const ddpm_dataset *dataset, int64_t position);
int64_t ddpm_dataset_row_held_out(const ddpm_dataset *dataset, int64_t i);

/** Local, any thread. The same as ddpm_dataset_fill for the rows that training visits at these positions: the same
 * ones, unless classes are balanced (data/balance.h) or rows have weights (data/row_weights.h). */
void ddpm_dataset_draw(const ddpm_dataset *dataset, int64_t first, int64_t count, float *x, float *values);

/** Local. The classes that are balanced: how many combinations of them training rows have, and the fewest rows of one.
 * 0: none are. */
int64_t ddpm_dataset_balanced(const ddpm_dataset *dataset, int64_t *least);

/** Local. The weights by which ddpm_dataset_draw draws; NULL: none. */
const ddpm_row_weights *ddpm_dataset_weights(const ddpm_dataset *dataset);

/** Local, any thread. The same as ddpm_dataset_fill for held-out rows first .. first+count-1, whose order never
 * changes. */
void ddpm_dataset_fill_held_out(const ddpm_dataset *dataset, int64_t first, int64_t count, float *x, float *values);

/** Local. Whether each row has noise of its own (data.pairs). */
int ddpm_dataset_is_paired(const ddpm_dataset *dataset);

/** Local, any thread. Where rows have noise of their own: that of the rows at positions first .. first+count-1, and of
 * held-out rows first .. first+count-1, [count][columns]. */
void ddpm_dataset_fill_noise(const ddpm_dataset *dataset, const ddpm_kernels *kernels, int64_t first, int64_t count,
                             float *noise);
void ddpm_dataset_fill_noise_held_out(const ddpm_dataset *dataset, const ddpm_kernels *kernels, int64_t first,
                                      int64_t count, float *noise);

#endif
