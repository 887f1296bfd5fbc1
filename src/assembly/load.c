/* Reads a checkpoint and its model, on one rank or on all. */
#include "assembly/load.h"

#include "base/text_list.h"
#include "file/file.h"

#include <string.h>
#include <unistd.h>

enum { LOCATE_TRIES = 100 };

static const char IN_MEMORY[] = "a checkpoint in memory"; /* for messages, in the place of a path */

static ddpm_status read_arrays(const ddpm_h5 *file, const char *path, int with_moments, ddpm_loaded *out)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(out->model.network, &tensors);
    return ddpm_checkpoint_read_arrays(file, path, &out->checkpoint, count, tensors,
                                       ddpm_network_array_length(out->model.network), with_moments);
}

/* Checkpoints may have columns of the same name, which data have no longer (data/source.c). */
static ddpm_status number_columns(ddpm_checkpoint *c)
{
    int64_t repeated;
    return c->column_names ? ddpm_texts_number(c->columns, &c->column_names, &repeated) : DDPM_OK;
}

static ddpm_status read_all(const ddpm_h5 *file, const char *path, int with_moments, ddpm_loaded *out)
{
    DDPM_TRY(ddpm_checkpoint_read_header(file, path, &out->checkpoint));
    DDPM_TRY(number_columns(&out->checkpoint));
    DDPM_TRY(ddpm_loaded_build(out));
    return read_arrays(file, path, with_moments, out);
}

/* Open the checkpoint that `path` stands for. A run that is at work may remove the file that was the newest a moment
 * ago: then there is a newer one. */
static ddpm_status open_located(const char *path, char found[DDPM_PATH_BYTES], ddpm_h5 **file)
{
    for (int tries = 1;; tries++) {
        DDPM_TRY(ddpm_checkpoint_locate(path, found, DDPM_PATH_BYTES));
        const ddpm_status status = ddpm_checkpoint_open(found, file);
        const int is_gone = status != DDPM_OK && access(found, F_OK) != 0 && strcmp(found, path) != 0;
        if (!is_gone || tries == LOCATE_TRIES) return status;
    }
}

static ddpm_status load(const char *path, int with_moments, ddpm_loaded *out)
{
    char found[DDPM_PATH_BYTES];
    ddpm_h5 *file = NULL;
    DDPM_TRY(open_located(path, found, &file));
    return ddpm_h5_finish(&file, read_all(file, found, with_moments, out));
}

ddpm_status ddpm_load(const char *path, int with_moments, ddpm_loaded *out)
{
    *out = (ddpm_loaded){0};
    const ddpm_status status = load(path, with_moments, out);
    if (status != DDPM_OK) ddpm_loaded_release(out);
    return status;
}

static ddpm_status load_bytes(const void *bytes, size_t count, ddpm_loaded *out)
{
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_checkpoint_open_bytes(IN_MEMORY, bytes, count, &file));
    return ddpm_h5_finish(&file, read_all(file, IN_MEMORY, 0, out));
}

ddpm_status ddpm_load_bytes(const void *bytes, size_t count, ddpm_loaded *out)
{
    *out = (ddpm_loaded){0};
    const ddpm_status status = load_bytes(bytes, count, out);
    if (status != DDPM_OK) ddpm_loaded_release(out);
    return status;
}

ddpm_status ddpm_load_everywhere(ddpm_comm *comm, const char *path, int with_moments, ddpm_loaded *out)
{
    *out = (ddpm_loaded){0};
    ddpm_status status = DDPM_ON_RANK_0(comm, load(path, with_moments, out));
    if (status == DDPM_OK) status = ddpm_checkpoint_share(comm, &out->checkpoint);
    if (status == DDPM_OK) status = ddpm_agree(comm, ddpm_comm_rank(comm) == 0 ? DDPM_OK : ddpm_loaded_build(out));
    if (status != DDPM_OK) ddpm_loaded_release(out);
    return status;
}
