/** The folder of a run: config.yaml, metrics.csv, run.log, checkpoints/. Local: rank 0 alone writes it. */
#ifndef DDPM_TRAIN_RUN_FOLDER_H
#define DDPM_TRAIN_RUN_FOLDER_H

#include "file/file.h"
#include "store/checkpoint.h"
#include "store/metrics.h"

typedef struct ddpm_run_folder ddpm_run_folder;

/** Make the folder, write config.yaml, keep the log in run.log, open metrics.csv without the rows beyond `iteration`.
 *  @param config    the text of config.yaml.
 *  @param[out] out  close with ddpm_run_folder_close. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_open(const char *path, const char *config, int64_t iteration,
                                                 ddpm_run_folder **out);

/** The seconds of training that metrics.csv had on opening. */
double ddpm_run_folder_seconds(const ddpm_run_folder *folder);

DDPM_MUST_CHECK ddpm_status ddpm_run_folder_report(ddpm_run_folder *folder, const ddpm_metrics_row *row);

/** Write a checkpoint, let latest.h5 point at it, remove old ones.
 *  @param tensors  [count], as of ddpm_checkpoint_write.  @param keep  as of ddpm_checkpoint_publish. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_save(ddpm_run_folder *folder, const ddpm_checkpoint *checkpoint,
                                                 int64_t count, const ddpm_tensor *tensors, int64_t keep);

/** Write RUN/failed.h5, a checkpoint of the state before an iteration that failed. A run goes on from it only when it
 * is named (--resume).
 *  @param[out] path  of the file. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_save_failed(ddpm_run_folder *folder, const ddpm_checkpoint *checkpoint,
                                                        int64_t count, const ddpm_tensor *tensors,
                                                        char path[DDPM_PATH_BYTES]);

/** *folder is NULL afterwards; NULL is allowed. */
DDPM_MUST_CHECK ddpm_status ddpm_run_folder_close(ddpm_run_folder **folder);

#endif
