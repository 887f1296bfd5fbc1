/** Rows of a data set that is larger than the memory that it may take, read during training. For data/dataset.c.
 *
 *  A page is about 1 MiB of neighbouring rows, and is held out or trained on as a whole. An epoch visits the training
 * pages in a permuted order. A window is some pages that follow each other in that order; it is read as a whole, and
 * its rows are visited in a permuted order. Windows are held in memory that the ranks of a node share.
 */
#ifndef DDPM_DATA_STREAM_H
#define DDPM_DATA_STREAM_H

#include "data/source.h"
#include "model/transform.h"

typedef struct ddpm_stream ddpm_stream;

/** Collective. @param source  closed with the stream, or on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_stream_create(ddpm_comm *comm, const ddpm_data_spec *spec, ddpm_source *source,
                                               ddpm_stream **out);
void ddpm_stream_free(ddpm_stream *stream);

/* Local. */
int64_t ddpm_stream_rows(const ddpm_stream *stream);     /* training rows */
int64_t ddpm_stream_held_out(const ddpm_stream *stream); /* held-out rows that are kept in memory */
const ddpm_transform *ddpm_stream_transform(const ddpm_stream *stream);
int64_t ddpm_stream_bytes(const ddpm_stream *stream); /* on a node */

/** As the functions of dataset.h: the first is Collective, to be called before the Local ones. */
DDPM_MUST_CHECK ddpm_status ddpm_stream_prepare(ddpm_stream *stream, int64_t first, int64_t count);
void ddpm_stream_fill(const ddpm_stream *stream, int64_t first, int64_t count, float *out);
void ddpm_stream_fill_held_out(const ddpm_stream *stream, int64_t first, int64_t count, float *out);

#endif
