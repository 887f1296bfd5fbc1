/* What rank 0 writes while a run goes on. */
#include "train/run_folder.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/output.h"

#include <stdio.h>
#include <string.h>

struct ddpm_run_folder {
    char path[DDPM_PATH_BYTES];
    ddpm_metrics *metrics;
    double seconds;
};

/* Remove the partial files that killed runs left. Another program may be writing a sample file into this folder, so any
 * other partial file goes only when it has not changed for a day. */
static void clean(const char *folder)
{
    static const char *const names[] = {"config.yaml", "metrics.csv", "failed.h5", "timings.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) ddpm_output_remove_partials(folder, names[i], 0.0);
    ddpm_output_remove_partials(folder, NULL, DDPM_PARTIAL_LEFT_SECONDS);
    ddpm_checkpoint_remove_partials(folder);
}

static ddpm_status fill(ddpm_run_folder *folder, const char *config, int64_t iteration)
{
    char path[DDPM_PATH_BYTES];
    clean(folder->path);
    DDPM_TRY(ddpm_file_join(folder->path, "checkpoints", path));
    DDPM_TRY(ddpm_file_make_folder(path));
    DDPM_TRY(ddpm_file_join(folder->path, "config.yaml", path));
    DDPM_TRY(ddpm_output_replace(path, config, strlen(config)));
    DDPM_TRY(ddpm_file_join(folder->path, "run.log", path));
    int log;
    DDPM_TRY(ddpm_output_append(path, &log));
    ddpm_log_keep(log);
    DDPM_TRY(ddpm_file_join(folder->path, "metrics.csv", path));
    return ddpm_metrics_open(path, iteration, &folder->metrics, &folder->seconds);
}

ddpm_status ddpm_run_folder_open(const char *path, const char *config, int64_t iteration, ddpm_run_folder **out)
{
    ddpm_run_folder *folder = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&folder, 1, "run folder"));
    snprintf(folder->path, sizeof folder->path, "%s", path);
    const ddpm_status status = fill(folder, config, iteration);
    if (status != DDPM_OK) {
        ddpm_release(folder);
        return status;
    }
    *out = folder;
    return DDPM_OK;
}

double ddpm_run_folder_seconds(const ddpm_run_folder *folder)
{
    return folder->seconds;
}

ddpm_status ddpm_run_folder_report(ddpm_run_folder *folder, const ddpm_metrics_row *row)
{
    return ddpm_metrics_append(folder->metrics, row);
}

ddpm_status ddpm_run_folder_save(ddpm_run_folder *folder, const ddpm_checkpoint *checkpoint, int64_t count,
                                 const ddpm_tensor *tensors, int64_t keep)
{
    char path[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_checkpoint_path(folder->path, checkpoint->iteration, path, sizeof path));
    DDPM_TRY(ddpm_checkpoint_write(path, checkpoint, count, tensors));
    return ddpm_checkpoint_publish(folder->path, checkpoint->iteration, keep);
}

ddpm_status ddpm_run_folder_save_failed(ddpm_run_folder *folder, const ddpm_checkpoint *checkpoint, int64_t count,
                                        const ddpm_tensor *tensors, char path[DDPM_PATH_BYTES])
{
    DDPM_TRY(ddpm_file_join(folder->path, "failed.h5", path));
    return ddpm_checkpoint_write(path, checkpoint, count, tensors);
}

ddpm_status ddpm_run_folder_close(ddpm_run_folder **folder)
{
    if (!*folder) return DDPM_OK;
    const ddpm_status status = ddpm_metrics_close(&(*folder)->metrics);
    ddpm_release(*folder);
    *folder = NULL;
    return status;
}
