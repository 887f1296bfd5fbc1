/* Rank 0 creates the file and closes it; all open it, write, and close it; rank 0 renames it. */
#include "store/joint_file.h"

#include "file/output.h"

#include <unistd.h>

/* Rank 0. */
static ddpm_status create(const ddpm_joint_file *what, const char *partial)
{
    ddpm_h5 *file = NULL;
    DDPM_TRY(ddpm_h5_create(partial, 0, &file));
    return ddpm_h5_finish(&file, what->declare(what->context, file));
}

/* Rank 0. */
static ddpm_status begin(const ddpm_joint_file *what, char partial[DDPM_PATH_BYTES])
{
    DDPM_TRY(ddpm_output_prepare(what->path, NULL));
    return ddpm_output_begin(what->path, partial);
}

ddpm_status ddpm_joint_file_write(ddpm_comm *comm, const ddpm_joint_file *what)
{
    char partial[DDPM_PATH_BYTES] = "";
    ddpm_h5 *file = NULL;
    ddpm_status status = DDPM_ON_RANK_0(comm, begin(what, partial));
    ddpm_comm_broadcast(comm, partial, sizeof partial);
    if (status == DDPM_OK) status = DDPM_ON_RANK_0(comm, create(what, partial));
    if (status == DDPM_OK) status = ddpm_h5_open_parallel(comm, partial, &file);
    if (status == DDPM_OK) status = ddpm_h5_finish(&file, what->fill(what->context, comm, file));
    if (status == DDPM_OK) return DDPM_ON_RANK_0(comm, ddpm_output_commit(partial, what->path));
    if (ddpm_comm_rank(comm) == 0 && *partial) unlink(partial);
    return status;
}
