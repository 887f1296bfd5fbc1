/** Training inside a program that has started MPI: a simulation gives rows as it makes them, and the model learns on
 * the ranks and threads that are there.
 *
 *      ddpm_training *t;
 *      ddpm_training_create(MPI_COMM_WORLD, "training: {iterations: 2000}", 3, NULL, NULL, &t);
 *      ddpm_training_push(t, first, count, rows);                      each rank its own rows
 *      ddpm_training_step(t, 100, &loss);                              all ranks
 *      ddpm_training_save(t, "model.h5");                              for `ddpm sample`
 *      ddpm_training_free(t);
 *
 *  Rows have numbers, whichever rank gives them: what is kept, in which order rows are visited and so every bit of the
 * model follow from the numbers, the rows and the seed, at any number of ranks and threads. A training on rows that are
 * all given before the first step, and all kept, is the training of `ddpm train` on a file of these rows with
 * data.transform: standard, since later rows may lie beyond the quantiles of the first ones.
 *
 *  In place of a trainer, a text, an array or a result, NULL is refused as DDPM_ERR_USAGE where nothing else is said;
 * of a collective function on all ranks, since a rank without a trainer has no others to tell.
 *
 *  The communicator is duplicated; its own error handler, and MPI, are left as they are. An error of MPI in these
 * functions ends the program. Nothing is printed, and no signal is handled. Functions that return a status leave a
 * message for ddpm_error_message; after a failure of a collective function but DDPM_ERR_USAGE only
 * ddpm_training_free may follow. Link ddpm::train (pkg-config: ddpm-train), which has the functions of ddpm/ddpm.h,
 * too.
 */
#ifndef DDPM_TRAINER_H
#define DDPM_TRAINER_H

#include "ddpm/ddpm.h"

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ddpm_training ddpm_training;

/** Which rows are kept. */
typedef struct ddpm_training_rows {
    int64_t most;  /* on all ranks together; 0: all */
    int is_window; /* nonzero: those with the largest numbers; 0: a random sample of all that were given */
} ddpm_training_rows;

/** Collective. DDPM_ERR_CONFIG: the configuration; DDPM_ERR_USAGE: MPI does not run, a size is wrong, or
 * ranks give different arguments.
 *  @param config   the text of a configuration, as `ddpm train` reads it; what it says of the data's source is not
 * used. data.columns and data.condition name columns of the rows.
 *  @param columns  of a row, with its conditions.
 *  @param names    [columns], copied; NULL: columns have numbers, from 0.
 *  @param rows     NULL: all are kept.
 *  @param[out] out  free with ddpm_training_free. */
DDPM_MUST_CHECK ddpm_status ddpm_training_create(MPI_Comm comm, const char *config, int64_t columns,
                                                 const char *const *names, const ddpm_training_rows *rows,
                                                 ddpm_training **out);

/** Local. Give rows number first .. first+count-1, [count][columns]; they are copied. No row's number may be
 * given twice, by any ranks, which the next step finds. DDPM_ERR_USAGE: a value is not finite, or a row's number is not
 * in 0 .. 2^47. */
DDPM_MUST_CHECK ddpm_status ddpm_training_push(ddpm_training *training, int64_t first, int64_t count,
                                               const float *rows);

/** Collective. Train for some iterations, on the rows that are kept now. Between nodes each call gathers the average of
 * the parameters, so take several iterations a call. With the first one the map of the data, the linear part or the
 * mixture, and the classes of conditions are settled, from the rows of that moment.
 *  @param[out] loss  the mean over these iterations; NULL: not wanted.
 *  @return DDPM_ERR_USAGE: more than training.iterations in all, not the same on all ranks, no row was given, or one
 *  twice; DDPM_ERR_NUMERIC: the loss or the gradient is not finite; the state is that before. */
DDPM_MUST_CHECK ddpm_status ddpm_training_step(ddpm_training *training, int64_t iterations, double *loss);

/** Local. Iterations so far. */
int64_t ddpm_training_iteration(const ddpm_training *training);

/** Collective. The loss on the rows that are held out; NaN where there are none. DDPM_ERR_USAGE: before the first step.
 */
DDPM_MUST_CHECK ddpm_status ddpm_training_validate(ddpm_training *training, double *loss);

/** Collective. Write a checkpoint, which rank 0 does. DDPM_ERR_USAGE: before the first step; DDPM_ERR_IO. */
DDPM_MUST_CHECK ddpm_status ddpm_training_save(ddpm_training *training, const char *path);

/** Local. A generator of the model as it is now, which does not change when training goes on. DDPM_ERR_USAGE: before
 * the first step. @param[out] out  close with ddpm_generator_close. */
DDPM_MUST_CHECK ddpm_status ddpm_training_generator(const ddpm_training *training, ddpm_generator **out);

/** Collective. NULL, on all ranks, is allowed. */
void ddpm_training_free(ddpm_training *training);

/** Collective. ddpm_training_create for a communicator as Fortran has it; the module ddpm_train calls it. */
DDPM_MUST_CHECK ddpm_status ddpm_training_create_f(MPI_Fint comm, const char *config, int64_t columns,
                                                   const char *const *names, const ddpm_training_rows *rows,
                                                   ddpm_training **out);

/** Local. ddpm_training_push for an array that knows its shape. DDPM_ERR_USAGE: other columns than those of the
 * trainer, too. */
DDPM_MUST_CHECK ddpm_status ddpm_training_push_f(ddpm_training *training, int64_t first, int64_t count, int64_t columns,
                                                 const float *rows);

#ifdef __cplusplus
}
#endif

#endif
