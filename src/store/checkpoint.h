/** Checkpoints: everything that is needed to resume a run or to sample, in one HDF5 file.
 *
 *  Layout: /parameters/<tensor>, /ema/<tensor>, /moment1/<tensor>, /moment2/<tensor> float32 in the shapes of the
 * tensor table, [rows][cols]; /schedule/beta [T + 1] float64; /transform/mean and scale [D] float64 (data =
 * standardised * scale + mean), /transform/minimum and maximum [D] float64 (range of the standardised training data);
 * /reduction/exponent [tensors + 1] int32; with importance sampling of t, /timesteps/history [T][10] float32 and
 * /timesteps/seen [T] int32; with conditions, /condition/classes [V] int64, /condition/mean and scale [V] float64,
 * /condition/minimum and maximum [V] float64 (range of the standardised values) and /condition/rows int64 (of each
 * class of the first value, then of the next; all three optional), and their names in the root's attribute
 * condition_names; /condition/codes int64, in the order of the rows, says what each class is in the data where it is
 * not 0, 1 and so on, and the attribute class_names what it is called; where the network adds a linear prediction,
 * /components/variance [K + 1] float64 and /components/direction [K][D] float32, or that of a mixture, /mixture/weight
 * [C], mean [C][D] and variance [C D] float64 and /mixture/direction [C D][D] float32; with training.keep_best
 * /best/<tensor>; with training.local_steps /velocity/<tensor>, of the outer optimiser;
 * attributes of the root: format, program, iteration, interval_loss, interval_count, recoveries (0 if it is missing),
 * returned (-1 if it is missing), horizon (of a run that was shortened, its iterations; 0 if it is missing),
 * fingerprint (of the training rows; 0 if it is missing), baseline (NaN if it is missing), best_loss and best_iteration
 * (of /best), number (the type of the training data, as numpy names it; float32 if it is missing), config (the resolved
 * YAML), columns (their names, if they have any). /transform/remainder [D] and /condition/remainder [V] float64 are
 * there where a mean needs more digits than a float64 number has, /transform/quantiles [D][DDPM_QUANTILES] float64,
 * decimals [D] int32 and steps [D] int64 (0 or missing: none) where a column is mapped by its quantiles (all of a row
 * are equal where it is not; its scores are the standardised numbers), /vocabulary where the columns are tokens
 * (store/vocabulary_file.h). Chunks and metadata have HDF5's checksums; the user block holds a digest of all that
 * follows it (file/digest.h), which is checked before HDF5 opens the file.
 *
 *  Local: rank 0 reads and writes; only ddpm_checkpoint_share is Collective. Main thread.
 */
#ifndef DDPM_STORE_CHECKPOINT_H
#define DDPM_STORE_CHECKPOINT_H

#include "base/number.h"
#include "base/status.h"
#include "file/h5.h"
#include "model/components.h"
#include "model/condition.h"
#include "model/mixture.h"
#include "model/quantiles.h"
#include "model/timesteps.h"
#include "model/vocabulary.h"
#include "network/network.h"
#include "world/comm.h"

#include <stddef.h>
#include <stdint.h>

enum { DDPM_CHECKPOINT_FORMAT = 1 };

/* Limits of a checkpoint that is read; beyond them it is damaged. */
enum {
    DDPM_CHECKPOINT_COLUMNS_MAX = 10000000,
    DDPM_CHECKPOINT_STEPS_MAX = 1000000,
    DDPM_CHECKPOINT_EXPONENTS_MAX = 100000,
    DDPM_CHECKPOINT_RECOVERIES_MAX = 100
};
#define DDPM_CHECKPOINT_ITERATIONS_MAX 1e12 /* below the 2^40 steps of a stream of random numbers */

/** What training has added up since it wrote the last row of metrics.csv. */
typedef struct ddpm_interval {
    double loss; /* sum */
    int64_t count;
} ddpm_interval;

/** A checkpoint in memory. When it is written, everything in it is borrowed. */
typedef struct ddpm_checkpoint {
    int64_t iteration; /* iterations that are finished */
    ddpm_interval interval;
    int64_t recoveries;         /* times that the learning rate was halved */
    int64_t horizon;            /* the iterations of a run that was shortened; 0: it was not */
    int64_t returned_to;        /* the iteration that the last of them went back to; -1: there was none */
    char *config;               /* resolved YAML */
    int64_t columns;            /* D */
    char **column_names;        /* [D], or NULL */
    int has_number;             /* 0: number is float32, as that of all checkpoints that do not say it */
    ddpm_number number;         /* the type of the columns in the training data */
    double *mean, *scale;       /* [D] */
    double *remainder;          /* [D], or NULL: see model/transform.h */
    double *minimum, *maximum;  /* [D] of the standardised training rows */
    double *quantiles;          /* [D][DDPM_QUANTILES], or NULL: see model/quantiles.h */
    int32_t *decimals;          /* [D], with quantiles */
    int64_t *quantile_steps;    /* [D], likewise; NULL: files of before lack them */
    ddpm_vocabulary vocabulary; /* of a table with columns of several kinds; columns 0: none */
    ddpm_condition condition;   /* count 0: none */
    ddpm_components components; /* count 0: none */
    ddpm_mixture mixture;       /* count 0: none */
    int64_t fingerprint;        /* of the training rows: see data/fingerprint.h; 0: it is not known */
    double baseline;            /* the loss of the best linear prediction; NaN: it is not known */
    double best_loss;           /* the least validation loss, that of `best`; NaN: there is none */
    int64_t best_iteration;     /* where it was; -1: there is none */
    int64_t steps;              /* T */
    double *beta;               /* [T + 1] */
    int64_t exponent_count;
    int32_t *exponent;       /* the fixed-point scales, per tensor, then of the loss */
    float *history;          /* [T][DDPM_TIMESTEPS_HISTORY] losses by t, or NULL: see model/timesteps.h */
    int32_t *seen;           /* [T], or NULL */
    int64_t parameter_count; /* elements of the flat arrays, with the padding behind each tensor */
    float *parameters, *ema, *moment1, *moment2; /* [parameter_count] each */
    float *best;                                 /* [parameter_count], or NULL: see training.keep_best */
    float *velocity;                             /* [parameter_count], or NULL: see training.local_steps */
} ddpm_checkpoint;

/** Write durably: under a temporary name, with its digest, synced, then renamed. Equal checkpoints are equal files. On
 * failure nothing is left behind but what ddpm_output_commit leaves.
 *  @param tensors   [count] names, shapes and offsets of the tensors in the flat arrays. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_write(const char *path, const ddpm_checkpoint *checkpoint, int64_t count,
                                                  const ddpm_tensor *tensors);

/** Check a checkpoint that is to be written by the rules by which it will be read. DDPM_ERR_DATA names the number that
 * is out of its range. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_check(const ddpm_checkpoint *checkpoint, int64_t count,
                                                  const ddpm_tensor *tensors);

/** Open a checkpoint whose digest is right and whose format this program reads. While it is open it can be read to the
 * end, also when its run removes it. DDPM_ERR_MISSING, DDPM_ERR_DATA (not a checkpoint, damaged, of a newer format),
 * DDPM_ERR_IO.
 *  @param[out] file  close with ddpm_h5_finish. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_open(const char *path, ddpm_h5 **file);

/** The same for the bytes of a checkpoint file, which are copied. @param name  for messages. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_open_bytes(const char *name, const void *bytes, size_t count,
                                                       ddpm_h5 **file);

/** Read everything but the flat arrays, which stay NULL. DDPM_ERR_DATA (sizes that do not fit each other, a number out
 * of its range), DDPM_ERR_IO; *out then holds nothing.
 *  @param path  for messages.
 *  @param[out] out   release with ddpm_checkpoint_release. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_read_header(const ddpm_h5 *file, const char *path, ddpm_checkpoint *out);

/** Allocate and read the flat arrays of a checkpoint whose header was read, by the tensors of the network that its
 * config describes. On failure the arrays stay NULL.
 *  @param with_moments   0: moment1, moment2 and velocity, which only training needs, stay NULL. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_read_arrays(const ddpm_h5 *file, const char *path,
                                                        ddpm_checkpoint *checkpoint, int64_t count,
                                                        const ddpm_tensor *tensors, int64_t parameter_count,
                                                        int with_moments);

/** Collective. Give rank 0's checkpoint, with moments or without, to every rank. After a failure, release it.
 *  @param[in,out] checkpoint  in on rank 0, out on the others. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_share(ddpm_comm *comm, ddpm_checkpoint *checkpoint);

/** Copy all that a checkpoint holds, but its moments and velocity. DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_checkpoint_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_copy(const ddpm_checkpoint *from, ddpm_checkpoint *out);

void ddpm_checkpoint_release(ddpm_checkpoint *checkpoint);

/* ---- the checkpoints of a run folder ---- */

/** The file that a CHECKPOINT argument stands for: the file itself, or of a run folder the file that
 * checkpoints/latest.h5 links to (the newest step-*.h5 when the link leads nowhere). DDPM_ERR_MISSING says what was
 * looked for. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_locate(const char *path, char *out, size_t bytes);

/** Iterations of the step-*.h5 files of run_folder/checkpoints, newest first; none when there is no such folder.
 *  @param[out] iterations  [count], release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_list(const char *run_folder, int64_t *count, int64_t **iterations);

/** run_folder/checkpoints/step-<iteration, nine digits>.h5 */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_path(const char *run_folder, int64_t iteration, char *out, size_t bytes);

#define DDPM_KEEP_NO_OTHER (-1)

/** Point latest.h5 at this iteration's file, then remove all but the newest `keep` files (0: keep all) and the files
 * that a killed run left half written. This iteration's file stays in any case, with DDPM_KEEP_NO_OTHER it alone. A
 * file that cannot be removed leads to a warning. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_publish(const char *run_folder, int64_t iteration, int64_t keep);

/** Remove the checkpoints of iterations beyond this one, and point latest.h5 at this one's file; at iteration 0, which
 * has none, remove the link too. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_go_back(const char *run_folder, int64_t iteration);

/** Remove the files that a killed run left half written. */
void ddpm_checkpoint_remove_partials(const char *run_folder);

#endif
