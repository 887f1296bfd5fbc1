/** A trained model in programs of your own: samples, completions, likelihoods, and single evaluations of the network.
 *
 *      ddpm_generator *g;
 *      if (ddpm_generator_open("runs/roll", &g) != DDPM_OK) { fputs(ddpm_error_message(), stderr); exit(1); }
 *      const int64_t columns = ddpm_generator_columns(g);
 *      float *rows = malloc(1000 * columns * sizeof *rows);
 *      const ddpm_view view = {rows, DDPM_VIEW_FLOAT, 1000, columns, columns, 1};
 *      if (ddpm_generator_sample(g, 7, 0, NULL, &view) != DDPM_OK) { fputs(ddpm_error_message(), stderr); exit(1); }
 *      ddpm_generator_close(g);
 *
 *  Nothing here communicates, prints, makes a thread, or handles a signal; your program need not start MPI. A generator
 * belongs to one thread at a time, and different generators to different threads: ddpm_generator_share makes them with
 * one copy of the weights. Checkpoints are read in turn, since HDF5 is not built for threads; a program that calls HDF5
 * itself does so while no thread opens a generator.
 *
 *  Row i of a seed has the same values in every program and in any call, and those are the values that the verbs of
 * `ddpm` write for this seed and row: `ddpm sample`, with --condition, --conditions or --given, and `ddpm evaluate`.
 *
 *  libddpm_sampler.a has these functions without HDF5 and MPI: where a checkpoint is opened below, it opens a file that
 * `ddpm export` wrote as safetensors.
 *
 *  Functions that return a status leave a message for ddpm_error_message. DDPM_ERR_USAGE is for what has no meaning for
 * the model; any may also return DDPM_ERR_MEMORY.
 */
#ifndef DDPM_DDPM_H
#define DDPM_DDPM_H

#include "ddpm/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A trained model as one thread uses it. */
typedef struct ddpm_generator ddpm_generator;

typedef enum ddpm_view_type { DDPM_VIEW_FLOAT, DDPM_VIEW_DOUBLE } ddpm_view_type;

/** Rows in your memory: the number of row i and column j is element i * row_stride + j * column_stride of data. In the
 * order of C the strides are columns and 1; in that of Fortran, for an array (rows, columns), 1 and rows. */
typedef struct ddpm_view {
    void *data;
    ddpm_view_type type;
    int64_t rows, columns;
    int64_t row_stride, column_stride; /* in elements */
} ddpm_view;

/* ---- opening ---- */

/* In place of a generator, a text, an array or a result, NULL is refused as DDPM_ERR_USAGE, where nothing else is
 * said; what returns numbers or names returns 0 or "", and what fills arrays leaves them as they are. */

/** Local. Read a checkpoint file, or the latest checkpoint of a run folder. DDPM_ERR_MISSING; DDPM_ERR_DATA: the file
 * is damaged, or no checkpoint; DDPM_ERR_IO; DDPM_ERR_USAGE: the model is a classifier, which makes no rows.
 *  @param[out] out  close with ddpm_generator_close; NULL after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_open(const char *checkpoint, ddpm_generator **out);

/** Local. The same for the bytes of a checkpoint file, which are not needed afterwards. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_open_bytes(const void *bytes, size_t count, ddpm_generator **out);

/** Local. Another generator, perhaps for another thread, with the weights of the first one in common, which may be
 * closed before it. It begins with the model's own settings and without conditions. Not while another thread uses the
 * first one. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_share(const ddpm_generator *generator, ddpm_generator **out);

/** Local. Free a generator, and the weights with the last one that has them; NULL is allowed. */
void ddpm_generator_close(ddpm_generator *generator);

/* ---- settings and conditions ---- */

/** Local. Set a key of the section `sampling` of the configuration, as `ddpm sample --set` does: "sampling.steps" and
 * "20"; `ddpm config` lists them. DDPM_ERR_USAGE: no such key, or not a value of it. Settings that contradict each
 * other are refused by the next function that uses them. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_set(ddpm_generator *generator, const char *key, const char *value);

/** Local. Give all rows a condition by name, as `ddpm sample --condition` does: "label=3", "label=cat" or "mass=1.5";
 * of a table that is learned by hiding columns, any column, where nothing behind '=' is a gap. A name that has a value
 * gets the new one. NULL takes all of them away. DDPM_ERR_USAGE and DDPM_ERR_DATA: no such name or value. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_condition(ddpm_generator *generator, const char *text);

/* ---- what the model is ---- */

/** Local. The number of columns of a row, D, and of its conditions, V. */
int64_t ddpm_generator_columns(const ddpm_generator *generator);
int64_t ddpm_generator_conditions(const ddpm_generator *generator);

/** Local. The name of column or condition i, from 0; "" where it has none. It is valid until the generator is closed.
 */
const char *ddpm_generator_column_name(const ddpm_generator *generator, int64_t i);
const char *ddpm_generator_condition_name(const ddpm_generator *generator, int64_t i);

/** Local. The number that stands in rows for a class of condition i, or for a category of column i of a table, by name;
 * a number's own text is itself. DDPM_ERR_USAGE and DDPM_ERR_DATA: no training row has it. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_condition_value(const ddpm_generator *generator, int64_t i, const char *text,
                                                           double *out);
DDPM_MUST_CHECK ddpm_status ddpm_generator_column_value(const ddpm_generator *generator, int64_t i, const char *text,
                                                        double *out);

/** Local. The category that a number in column i of a table stands for; "" where the column has none. */
const char *ddpm_generator_category(const ddpm_generator *generator, int64_t i, double value);

/** Local. The number of steps of the model's schedule, T. */
int64_t ddpm_generator_steps(const ddpm_generator *generator);

/** Local. The schedule.
 *  @param[out] beta,alpha_bar  [T + 1], of steps 0 to T; alpha_bar of step 0 is 1. NULL: not wanted. */
void ddpm_generator_schedule(const ddpm_generator *generator, double *beta, double *alpha_bar);

/** Local. How the network sees a value: (value - mean) / scale. Of a table of categories and gaps, 0 and 1: its values
 * become tokens.
 *  @param[out] mean,scale  [D]. NULL: not wanted. */
void ddpm_generator_transform(const ddpm_generator *generator, double *mean, double *scale);

/* ---- rows ---- */

/* In all of these, conditions has a row of V numbers in their own units for each row, or one row for all of them: a
 * number, or of a class what the data have for it (ddpm_generator_condition_value). NULL stands for those that
 * ddpm_generator_condition gave, or for none. The first row's number is `first`. */

/** Local. Make rows first, first + 1, ... of a seed.
 *  @param[out] out  [rows][D], in the units of the training data; of a category, the place of its name, from 0, and NaN
 *  for a gap. Values are those of the file that `ddpm sample` would write, converted to the type of the view.
 *  @return DDPM_ERR_NUMERIC: a value is not finite, since the reverse process diverges; the rows are there. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_sample(ddpm_generator *generator, uint64_t seed, int64_t first,
                                                  const ddpm_view *conditions, const ddpm_view *out);

/** Local. Complete rows, as `ddpm sample --given` does: what is NaN is drawn given the rest, which stays as it is.
 *  @param passes  times that each reverse step is taken (RePaint), 1 to 1024; `ddpm sample --resample` takes 10 by
 *  default.
 *  @param[in,out] rows  [rows][D].
 *  @return DDPM_ERR_DATA: a value that the model's data cannot have; rows before it may be complete. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_complete(ddpm_generator *generator, uint64_t seed, int64_t first,
                                                    int64_t passes, const ddpm_view *conditions, const ddpm_view *rows);

/** Local. The log-likelihood of rows in nats, in the units of the data, as `ddpm evaluate --likelihood` has it in
 * /log_likelihood. Of a column that is mapped by quantiles (data.transform), a value that many rows share has no
 * density, so that the likelihood of its row is INFINITY (and the bound -INFINITY); one outside the range of the
 * training rows has that of the range's end, however far it is, or -INFINITY beyond an end that many rows share.
 *  @param probes    random probes of the divergence, at most 100000; 0: it is exact; -1: exact up to 16 columns, else
 *                   1. Only probes depend on the seed.
 *  @param rows      [rows][D].
 *  @param[out] out  [rows]. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_likelihood(ddpm_generator *generator, uint64_t seed, int64_t first,
                                                      int64_t probes, const ddpm_view *conditions,
                                                      const ddpm_view *rows, double *out);

/** Local. The variational bound of the negative log-likelihood of rows in nats, from one draw of noise at each step, as
 * `ddpm evaluate` has it in /bound/row. A table that is learned by hiding columns has this in place of the likelihood.
 *  @param rows      [rows][D].
 *  @param[out] out  [rows]. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_bound(ddpm_generator *generator, uint64_t seed, int64_t first,
                                                 const ddpm_view *conditions, const ddpm_view *rows, double *out);

/** Local. Evaluate the network once, without guidance. DDPM_ERR_USAGE: rows of the model are tokens.
 *  @param xt        [rows][D], standardised (ddpm_generator_transform).
 *  @param t         [rows], 1 to T.
 *  @param[out] out  [rows][D], the prediction that the model was trained for (diffusion.predict), or [rows][2 D] with
 *                   the output for the variance behind it, where that is learned. */
DDPM_MUST_CHECK ddpm_status ddpm_generator_predict(ddpm_generator *generator, const ddpm_view *xt, const int64_t *t,
                                                   const ddpm_view *conditions, const ddpm_view *out);

#ifdef __cplusplus
}
#endif

#endif
