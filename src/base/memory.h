/** Aligned, zeroed, overflow-checked memory. Local, callable from any thread. */
#ifndef DDPM_BASE_MEMORY_H
#define DDPM_BASE_MEMORY_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { DDPM_ALIGNMENT = 64 }; /* bytes: a cache line, and the widest vector */

/** Allocate count elements of size bytes, zeroed, aligned to DDPM_ALIGNMENT; count may be 0.
 *  @param[out] out   the address of a pointer; free it with ddpm_release.
 *  @param what       names the memory in the message of DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_allocate(void *out, int64_t count, size_t size, const char *what);

/** ddpm_allocate for a typed pointer: DDPM_NEW(&rows, n, "rows"). */
#define DDPM_NEW(pointer, count, what) ddpm_allocate((pointer), (count), sizeof **(pointer), (what))

/** Free memory of ddpm_allocate; NULL is allowed. */
void ddpm_release(void *memory);

/** How many allocations are not yet released. */
int64_t ddpm_memory_balance(void);

#endif
