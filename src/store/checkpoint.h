/** Checkpoints: everything needed to go on or to sample, in one HDF5 file that executes nothing.
 *
 *  Layout: /parameters/<tensor>, /ema/<tensor>, /moment1/<tensor>, /moment2/<tensor> float32 in the shapes of the
 * tensor table, [rows][cols]; /schedule/beta [T + 1] float64; /transform/mean and scale [D] float64 (data =
 * standardised * scale + mean), /transform/minimum and maximum [D] float64 (range of the standardised training data);
 * /reduction/exponent [tensors + 1] int32; with importance sampling of t, /timesteps/history [T][10] float32 and
 * /timesteps/seen [T] int32; with conditions, /condition/classes [V] int64, /condition/mean and scale [V] float64, and
 * their names in the root's attribute condition_names; attributes of the root: format, program, iteration,
 * interval_loss, interval_count, recoveries (0 where it is missing), returned (-1 where it is missing), config (the
 * resolved YAML), columns (their names, when they have any). Chunks and metadata carry HDF5's checksums; the user block
 * holds a digest of all that follows it (store/digest.h), checked before HDF5 sees the file.
 *
 *  Local, but for ddpm_checkpoint_share: rank 0 reads and writes. Main thread.
 */
#ifndef DDPM_STORE_CHECKPOINT_H
#define DDPM_STORE_CHECKPOINT_H

#include "base/status.h"
#include "model/condition.h"
#include "model/timesteps.h"
#include "network/network.h"
#include "world/comm.h"

#include <stddef.h>
#include <stdint.h>

enum { DDPM_CHECKPOINT_FORMAT = 1 };

/* Of a checkpoint that is read; what it claims beyond is taken for damage. */
enum {
    DDPM_CHECKPOINT_COLUMNS_MAX = 10000000,
    DDPM_CHECKPOINT_STEPS_MAX = 1000000,
    DDPM_CHECKPOINT_EXPONENTS_MAX = 100000
};

/** What training has added up since the last row of metrics.csv. */
typedef struct ddpm_interval {
    double loss; /* sum */
    int64_t count;
} ddpm_interval;

/** A checkpoint in memory. On writing, all is borrowed. */
typedef struct ddpm_checkpoint {
    int64_t iteration; /* finished ones */
    ddpm_interval interval;
    int64_t recoveries;        /* times that the learning rate was halved */
    int64_t returned;          /* the iteration that the last of them went back to; -1: there was none */
    char *config;              /* resolved YAML */
    int64_t columns;           /* D */
    char **column_names;       /* [D], or NULL */
    double *mean, *scale;      /* [D] */
    double *minimum, *maximum; /* [D] of the standardised training rows */
    ddpm_condition condition;  /* count 0: none */
    int64_t steps;             /* T */
    double *beta;              /* [T + 1] */
    int64_t exponent_count;
    int32_t *exponent; /* the fixed-point scales, per tensor, then of the loss */
    float *history;    /* [T][DDPM_TIMESTEPS_HISTORY] losses by t, or NULL: see model/timesteps.h */
    int32_t *seen;     /* [T], or NULL */
    int64_t parameter_count;
    float *parameters, *ema, *moment1, *moment2; /* [parameter_count] each */
} ddpm_checkpoint;

/** Write durably: temporary name, digest, sync, rename. Equal checkpoints are equal files. On failure nothing is left
 * behind, and path is as it was.
 *  @param tensors   [count] names, shapes and offsets of what is in the flat arrays. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_write(const char *path, const ddpm_checkpoint *checkpoint, int64_t count,
                                                  const ddpm_tensor *tensors);

/** Read all but the flat arrays (they stay NULL): config, transform, schedule, exponents. The digest is checked first.
 *  DDPM_ERR_MISSING, DDPM_ERR_DATA (not a checkpoint, damaged, newer format, sizes that do not fit each other, a number
 * that is not finite), DDPM_ERR_IO; *out then holds nothing.
 *  @param[out] out   release with ddpm_checkpoint_release. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_read_header(const char *path, ddpm_checkpoint *out);

/** Read the flat arrays of a checkpoint whose header was read, by the table of the network that its config describes;
 * allocates them. The digest is checked again: the file may have been replaced. On failure the arrays stay NULL.
 *  @param with_moments   0 leaves moment1 and moment2 NULL (sampling). */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_read_arrays(const char *path, ddpm_checkpoint *checkpoint, int64_t count,
                                                        const ddpm_tensor *tensors, int64_t parameter_count,
                                                        int with_moments);

/** Collective. Rank 0's checkpoint, whole or without moments, on every rank. On failure nothing but
 * ddpm_checkpoint_release is left to do with it.
 *  @param[in,out] checkpoint  on the other ranks: out, zeros before. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_share(ddpm_comm *comm, ddpm_checkpoint *checkpoint);

void ddpm_checkpoint_release(ddpm_checkpoint *checkpoint);

/* ---- the checkpoints of a run folder ---- */

/** The file a CHECKPOINT argument means: itself, or the file that checkpoints/latest.h5 of a run folder links to (the
 * newest step-*.h5 when the link leads nowhere). DDPM_ERR_MISSING says what was looked for. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_locate(const char *path, char *out, size_t bytes);

/** Iterations of the step-*.h5 files of run_folder/checkpoints, newest first; none when there is no such folder.
 *  @param[out] iterations  [count], release with ddpm_release. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_list(const char *run_folder, int64_t *count, int64_t **iterations);

/** run_folder/checkpoints/step-<iteration, nine digits>.h5 */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_path(const char *run_folder, int64_t iteration, char *out, size_t bytes);

/** Point latest.h5 at this iteration's file, then remove all but the newest `keep` files (0: keep all) and what a
 * killed run left half written. This iteration's file stays in any case; what cannot be removed is worth a warning
 * only. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_publish(const char *run_folder, int64_t iteration, int64_t keep);

/** Remove the checkpoints of iterations beyond this one, and point latest.h5 at this one's file; at iteration 0, which
 * has none, remove the link too. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_go_back(const char *run_folder, int64_t iteration);

/** Remove what a killed run left half written. */
void ddpm_checkpoint_remove_partials(const char *run_folder);

#endif
