/** Rows of a data set that is larger than the memory that it may take, read during training. Used by dataset.c
 * alone.
 *
 *  A page is some neighbouring rows (data.piece), and is held out or trained on as a whole. An epoch visits the
 * training pages in a permuted order. A window is the pages that follow each other in that order, a thousand or so; it
 * is read as a whole, and its rows are visited in a permuted order. So a window looks like the whole file, even if that
 * is sorted. Windows are held in memory that the ranks of a node share.
 */
#ifndef DDPM_DATA_STREAM_H
#define DDPM_DATA_STREAM_H

#include "data/source.h"
#include "model/transform.h"

typedef struct ddpm_stream ddpm_stream;

/** Collective. Takes over the source, also on failure. DDPM_ERR_CONFIG: data.memory holds fewer than three windows of a
 * batch; DDPM_ERR_IO, DDPM_ERR_DATA.
 *  @param condition  of the rows, borrowed; its count is 0 if they have none.
 *  @param[out] out   free with ddpm_stream_free. */
DDPM_MUST_CHECK ddpm_status ddpm_stream_create(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                                               const ddpm_condition *condition, ddpm_stream **out);

/** Collective. NULL (on all ranks) is allowed. */
void ddpm_stream_free(ddpm_stream *stream);

/* Local. */
int64_t ddpm_stream_rows(const ddpm_stream *stream);     /* training rows */
int64_t ddpm_stream_held_out(const ddpm_stream *stream); /* held-out rows that are kept in memory */
const ddpm_transform *ddpm_stream_transform(const ddpm_stream *stream);
int64_t ddpm_stream_bytes(const ddpm_stream *stream); /* on a node */

/** As the functions of dataset.h: the first is Collective, and the rules of its call are those of ddpm_dataset_prepare;
 * the others are Local, any thread. */
DDPM_MUST_CHECK ddpm_status ddpm_stream_prepare(ddpm_stream *stream, int64_t first, int64_t count);
int64_t ddpm_stream_row(const ddpm_stream *stream, int64_t position);
void ddpm_stream_fill(const ddpm_stream *stream, int64_t first, int64_t count, float *x, float *values);
void ddpm_stream_fill_held_out(const ddpm_stream *stream, int64_t first, int64_t count, float *x, float *values);

#endif
