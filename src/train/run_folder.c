/* What rank 0 writes while a run goes on. */
#include "train/run_folder.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double LEFT_SECONDS = 86400; /* after which nobody is thought to be writing */

struct ddpm_run_folder {
    char path[DDPM_PATH_BYTES];
    ddpm_metrics *metrics;
    double seconds;
};

ddpm_status ddpm_run_folder_name(const ddpm_config *config, char out[DDPM_PATH_BYTES])
{
    if (!config->run.output[0]) return ddpm_file_join("runs", config->run.name, out);
    snprintf(out, DDPM_PATH_BYTES, "%s", config->run.output);
    return DDPM_OK;
}

/* The resolved configuration as text, from malloc. */
static ddpm_status config_text(const ddpm_config *config, char **text, size_t *bytes)
{
    FILE *memory = open_memstream(text, bytes);
    if (!memory) return ddpm_fail(DDPM_ERR_MEMORY, "the configuration's text could not be made");
    const ddpm_status status = ddpm_config_dump(config, memory);
    if (fclose(memory) != 0 && status == DDPM_OK)
        return ddpm_fail(DDPM_ERR_MEMORY, "the configuration's text could not be made");
    return status;
}

/* What dead runs left half written. A sample file may be in the making beside ours: it must have been left for long. */
static ddpm_status clean(const char *folder)
{
    static const char *const names[] = {"config.yaml", "metrics.csv", "failed.h5"};
    char path[DDPM_PATH_BYTES], partial[DDPM_PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        DDPM_TRY(ddpm_file_join(folder, names[i], path));
        DDPM_TRY(ddpm_file_partial_name(path, partial));
        unlink(partial);
    }
    ddpm_file_remove_partials(folder, LEFT_SECONDS);
    ddpm_checkpoint_remove_partials(folder);
    return DDPM_OK;
}

static ddpm_status fill(ddpm_run_folder *folder, const ddpm_config *config, int64_t iteration)
{
    char path[DDPM_PATH_BYTES], *text = NULL;
    size_t bytes = 0;
    DDPM_TRY(clean(folder->path));
    DDPM_TRY(ddpm_file_join(folder->path, "checkpoints", path));
    DDPM_TRY(ddpm_file_make_folder(path));
    DDPM_TRY(ddpm_file_join(folder->path, "config.yaml", path));
    ddpm_status status = config_text(config, &text, &bytes);
    if (status == DDPM_OK) status = ddpm_file_replace(path, text, bytes);
    free(text);
    DDPM_TRY(status);
    DDPM_TRY(ddpm_file_join(folder->path, "metrics.csv", path));
    return ddpm_metrics_open(path, iteration, &folder->metrics, &folder->seconds);
}

ddpm_status ddpm_run_folder_open(const char *path, const ddpm_config *config, int64_t iteration, ddpm_run_folder **out)
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

/* The checkpoint with its configuration, which is made here. */
static ddpm_status write_checkpoint(const char *path, const ddpm_config *config, ddpm_checkpoint *checkpoint,
                                    int64_t count, const ddpm_tensor *tensors)
{
    size_t bytes = 0;
    checkpoint->config = NULL;
    ddpm_status status = config_text(config, &checkpoint->config, &bytes);
    if (status == DDPM_OK) status = ddpm_checkpoint_write(path, checkpoint, count, tensors);
    free(checkpoint->config);
    checkpoint->config = NULL;
    return status;
}

ddpm_status ddpm_run_folder_save(ddpm_run_folder *folder, const ddpm_config *config, ddpm_checkpoint *checkpoint,
                                 int64_t count, const ddpm_tensor *tensors)
{
    char path[DDPM_PATH_BYTES];
    DDPM_TRY(ddpm_checkpoint_path(folder->path, checkpoint->iteration, path, sizeof path));
    DDPM_TRY(write_checkpoint(path, config, checkpoint, count, tensors));
    return ddpm_checkpoint_publish(folder->path, checkpoint->iteration, config->checkpoint.keep);
}

ddpm_status ddpm_run_folder_save_failed(ddpm_run_folder *folder, const ddpm_config *config, ddpm_checkpoint *checkpoint,
                                        int64_t count, const ddpm_tensor *tensors, char path[DDPM_PATH_BYTES])
{
    DDPM_TRY(ddpm_file_join(folder->path, "failed.h5", path));
    return write_checkpoint(path, config, checkpoint, count, tensors);
}

ddpm_status ddpm_run_folder_close(ddpm_run_folder **folder)
{
    if (!*folder) return DDPM_OK;
    const ddpm_status status = ddpm_metrics_close(&(*folder)->metrics);
    ddpm_release(*folder);
    *folder = NULL;
    return status;
}
