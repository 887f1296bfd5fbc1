/** A vocabulary in a file, as a checkpoint keeps it, and on its way from rank to rank.
 *
 *  The group /vocabulary holds for each of the D columns, int64 [D]: kind (0 a number, 1 a category, 2 a category whose
 * names ascend), number (the place of its type in base/number.h), text (1: its values are texts), categories (how many
 * names it has), codes (how many codes: of its names, or 1 of a whole number that stands for a gap), gap (the place of
 * the name that stands for one, or -1), spikes and bins (how many of each), decimals, repeats (0 or 1), and twin (1 +
 * the column that this one is near in many rows, or 0), with near_spikes, near_bins and near_repeats of the differences
 * from it, scores (1: the logits of its tokens have a Gaussian), step (of how many of the last decimals the
 * distances of its values are multiples, or 0), and rare (1: names that few rows have share functions). What follows
 * holds the values of all columns, one column after the other: spike, knot, rows, near_spike, near_knot and near_rows
 * float64, code int64, and name, units and format uint8: texts in UTF-8, each ended by a zero byte, as many names as
 * `categories` says and one text of units and of a format a column. The group's attribute `array` is 1 where the
 * columns are those of an array of numbers. Files of before lack twin, what begins with near, scores, step, rare, and
 * format.
 *
 *  Local: rank 0 writes and reads; only ddpm_vocabulary_share is Collective. Main thread. */
#ifndef DDPM_STORE_VOCABULARY_FILE_H
#define DDPM_STORE_VOCABULARY_FILE_H

#include "file/h5.h"
#include "model/vocabulary.h"
#include "world/comm.h"

/** Write /vocabulary, if there are columns. DDPM_ERR_IO, DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_write(ddpm_h5 *file, const ddpm_vocabulary *vocabulary);

/** Read /vocabulary and check it; no columns where the file has none. DDPM_ERR_DATA, DDPM_ERR_MEMORY.
 *  @param path      for messages.
 *  @param columns   that there must be, unless there are none.
 *  @param[out] out  release with ddpm_vocabulary_release; empty after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_read(const ddpm_h5 *file, const char *path, int64_t columns,
                                                 ddpm_vocabulary *out);

/** Collective. Give rank 0's vocabulary to every rank.
 *  @param[in,out] vocabulary  in on rank 0, out on the others; release it, also after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_share(ddpm_comm *comm, ddpm_vocabulary *vocabulary);

#endif
