/** How a function fails: it returns a status (ddpm/status.h) and leaves its message in a buffer of the calling thread,
 * as errno does. Nothing here prints: only main does.
 */
#ifndef DDPM_BASE_STATUS_H
#define DDPM_BASE_STATUS_H

#include "ddpm/status.h"

enum { DDPM_MESSAGE_BYTES = 2048 };

#define DDPM_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/** Local. Store a message for this thread and return status, so that `return ddpm_fail(...)` reads well.
 *  A message says where (file, key, line), what was expected, what was found, and what to do. */
ddpm_status ddpm_fail(ddpm_status status, const char *format, ...) DDPM_PRINTF(2, 3);

/** Return early from a local function. A collective one first agrees (world/comm.h). */
#define DDPM_TRY(call)                                  \
    do {                                                \
        ddpm_status try_status_ = (call);               \
        if (try_status_ != DDPM_OK) return try_status_; \
    } while (0)

#endif
