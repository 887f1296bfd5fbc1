/** The folder of a run: config.yaml, metrics.csv, checkpoints/. Local: rank 0 alone keeps it. */
#ifndef DDPM_TRAIN_RUN_FOLDER_H
#define DDPM_TRAIN_RUN_FOLDER_H

#include "config/config.h"
#include "file/file.h"
#include "store/checkpoint.h"
#include "store/metrics.h"

typedef struct ddpm_run_folder ddpm_run_folder;

/** run.output, or runs/<run.name>. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_name(const ddpm_config *config, char out[DDPM_PATH_BYTES]);

/** Make the folder, write config.yaml, open metrics.csv without the rows beyond `iteration`. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_open(const char *path, const ddpm_config *config, int64_t iteration,
                                                 ddpm_run_folder **out);

/** Training seconds that metrics.csv had on opening. */
double ddpm_run_folder_seconds(const ddpm_run_folder *folder);

DDPM_MUST_CHECK ddpm_status ddpm_run_folder_report(ddpm_run_folder *folder, const ddpm_metrics_row *row);

/** Write a checkpoint (its config text is made here), point latest.h5 at it, remove old ones. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_save(ddpm_run_folder *folder, const ddpm_config *config,
                                                 ddpm_checkpoint *checkpoint, int64_t count,
                                                 const ddpm_tensor *tensors);

/** Write RUN/failed.h5, a checkpoint of the state before an iteration that failed; it is not gone on from by itself.
 *  @param[out] path  of the file. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_save_failed(ddpm_run_folder *folder, const ddpm_config *config,
                                                        ddpm_checkpoint *checkpoint, int64_t count,
                                                        const ddpm_tensor *tensors, char path[DDPM_PATH_BYTES]);

/** *folder is NULL afterwards; NULL is allowed. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_close(ddpm_run_folder **folder);

#endif
