/** Where the models of generators come from. Local, any thread. Two files have these functions, and a library has one
 * of them: library/opening.c reads checkpoints, sampler/opening.c exported weights, for which it needs neither HDF5 nor
 * MPI. */
#ifndef DDPM_LIBRARY_OPENING_H
#define DDPM_LIBRARY_OPENING_H

#include "assembly/loaded.h"

/** Read a model from a path, or from the bytes of a file. DDPM_ERR_MISSING, DDPM_ERR_DATA, DDPM_ERR_CONFIG,
 * DDPM_ERR_IO.
 *  @param[out] out  release with ddpm_loaded_release; empty after a failure. */
DDPM_MUST_CHECK ddpm_status ddpm_opening_file(const char *path, ddpm_loaded *out);
DDPM_MUST_CHECK ddpm_status ddpm_opening_bytes(const void *bytes, size_t count, ddpm_loaded *out);

/** What bytes are called in messages. */
extern const char ddpm_opening_bytes_name[];

#endif
