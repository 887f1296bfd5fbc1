/** A file that all ranks write together: rank 0 declares its datasets, every rank writes its part of them, and the file
 * gets its final name when it is complete.
 */
#ifndef DDPM_STORE_JOINT_FILE_H
#define DDPM_STORE_JOINT_FILE_H

#include "file/h5.h"
#include "world/comm.h"

typedef struct ddpm_joint_file {
    const char *path;
    const void *context;
    /** Local: rank 0. Declare the datasets; write small ones, and attributes. */
    ddpm_status (*declare)(const void *context, ddpm_h5 *file);
    /** Collective. Write the datasets that were declared. */
    ddpm_status (*fill)(const void *context, ddpm_comm *comm, ddpm_h5 *file);
} ddpm_joint_file;

/** Collective. What may be replaced is decided by ddpm_output_prepare. On failure nothing is left behind but what
 * ddpm_output_commit leaves. */
DDPM_MUST_CHECK ddpm_status ddpm_joint_file_write(ddpm_comm *comm, const ddpm_joint_file *what);

#endif
