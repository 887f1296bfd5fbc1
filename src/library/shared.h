/** A loaded model that generators share, with its weights as the kernels read them. Local, any thread. */
#ifndef DDPM_LIBRARY_SHARED_H
#define DDPM_LIBRARY_SHARED_H

#include "sample/engine.h"

typedef struct ddpm_shared ddpm_shared;

/** Read a checkpoint or a run folder, or the bytes of a checkpoint. DDPM_ERR_USAGE: it is a classifier.
 *  @param[out] out  drop with ddpm_shared_drop. */
DDPM_MUST_CHECK ddpm_status ddpm_shared_open(const char *checkpoint, ddpm_shared **out);
DDPM_MUST_CHECK ddpm_status ddpm_shared_open_bytes(const void *bytes, size_t count, ddpm_shared **out);

/** Take over a model that was not read from a file; on failure it is released. */
DDPM_MUST_CHECK ddpm_status ddpm_shared_take(ddpm_checkpoint *checkpoint, ddpm_shared **out);

/** One more user, who drops it as well. */
ddpm_shared *ddpm_shared_keep(ddpm_shared *shared);

/** One user less; the last one frees it. NULL is allowed. */
void ddpm_shared_drop(ddpm_shared *shared);

const ddpm_loaded *ddpm_shared_loaded(const ddpm_shared *shared);

/** Weights for engines, and weights for the gradient by x_t, which are made when they are first asked for. Borrowed.
 * DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_shared_weights(ddpm_shared *shared, ddpm_weights which,
                                                const ddpm_engine_weights **out);
DDPM_MUST_CHECK ddpm_status ddpm_shared_gradient(ddpm_shared *shared, ddpm_weights which, const ddpm_packed **out);

#endif
