/** Reading checkpoints. */
#ifndef DDPM_ASSEMBLY_LOAD_H
#define DDPM_ASSEMBLY_LOAD_H

#include "assembly/loaded.h"
#include "world/comm.h"

/** Local. Read a checkpoint and build its model. DDPM_ERR_MISSING, DDPM_ERR_DATA (not a checkpoint, damaged, or a
 * configuration that does not fit it), DDPM_ERR_CONFIG (a configuration that this program refuses), DDPM_ERR_IO.
 *  @param path          a file or a run folder.
 *  @param with_moments  nonzero: also read the optimiser's moments, which only training needs.
 *  @param[out] out      release with ddpm_loaded_release; empty after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_load(const char *path, int with_moments, ddpm_loaded *out);

/** Local. The same for the bytes of a checkpoint file, without the moments. */
DDPM_MUST_CHECK ddpm_status ddpm_load_bytes(const void *bytes, size_t count, ddpm_loaded *out);

/** Collective. The same for all ranks; only rank 0 reads the file. */
DDPM_MUST_CHECK ddpm_status ddpm_load_everywhere(ddpm_comm *comm, const char *path, int with_moments, ddpm_loaded *out);

#endif
