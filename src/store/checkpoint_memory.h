/** The memory that a checkpoint points to: the arrays and the names of the tables, and its configuration. Local. */
#ifndef DDPM_STORE_CHECKPOINT_MEMORY_H
#define DDPM_STORE_CHECKPOINT_MEMORY_H

#include "store/checkpoint_table.h"

enum { DDPM_CHECKPOINT_ALLOCATIONS = DDPM_CHECKPOINT_FIELDS + DDPM_CHECKPOINT_ARRAYS + DDPM_CHECKPOINT_LISTS + 1 };

/** Allocation i, from 0; NULL where the checkpoint has none. */
void *ddpm_checkpoint_allocation(const ddpm_checkpoint *c, int i);

/** The bytes of each; 0: there is none. */
void ddpm_checkpoint_sizes(const ddpm_checkpoint *c, int64_t bytes[DDPM_CHECKPOINT_ALLOCATIONS]);

/** Give a checkpoint memory of these sizes, and no vocabulary. What it points to is forgotten, since it belongs to the
 * checkpoint of which this one is a copy. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_checkpoint_make_room(const int64_t bytes[DDPM_CHECKPOINT_ALLOCATIONS],
                                                      ddpm_checkpoint *c);

/** Let the lists of names that were copied point to their own texts. */
void ddpm_checkpoint_link_names(ddpm_checkpoint *c);

#endif
