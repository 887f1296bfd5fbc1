/** What can go wrong, and the one message that says so.
 *
 *  A function that can fail returns a ddpm_status and leaves its message in a buffer of the calling thread,
 *  as errno does. Nothing here prints: only main does.
 */
#ifndef DDPM_BASE_STATUS_H
#define DDPM_BASE_STATUS_H

/* name, exit code of the program, what it means */
#define DDPM_STATUS_LIST(X)                                     \
    X(OK, 0, "finished")                                        \
    X(ERR_USAGE, 64, "usage")                                   \
    X(ERR_DATA, 65, "bad data")                                 \
    X(ERR_NUMERIC, 65, "a number is not finite")                \
    X(ERR_MISSING, 66, "missing input")                         \
    X(ERR_INTERNAL, 70, "internal error")                       \
    X(ERR_MEMORY, 70, "out of memory")                          \
    X(ERR_IO, 74, "input or output failed")                     \
    X(STOPPED, 75, "stopped on request; submit again to go on") \
    X(ERR_CONFIG, 78, "bad configuration")

typedef enum ddpm_status {
#define X(name, code, text) DDPM_##name,
    DDPM_STATUS_LIST(X)
#undef X
        DDPM_STATUS_COUNT
} ddpm_status;

enum { DDPM_MESSAGE_BYTES = 2048 };

#define DDPM_MUST_CHECK __attribute__((warn_unused_result))
#define DDPM_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/** Local. The exit code of the program for a status. */
int ddpm_status_exit_code(ddpm_status status);

/** Local. A few words for a status. */
const char *ddpm_status_text(ddpm_status status);

/** Local. Store a message for this thread and return status, so that `return ddpm_fail(...)` reads well.
 *  A message says where (file, key, line), what was expected, what was found, and what to do. */
ddpm_status ddpm_fail(ddpm_status status, const char *format, ...) DDPM_PRINTF(2, 3);

/** Local. The message of this thread's last failure; valid until its next one. */
const char *ddpm_error_message(void);

/** Return early from a local function. A collective one first agrees (world/comm.h). */
#define DDPM_TRY(call)                                  \
    do {                                                \
        ddpm_status try_status_ = (call);               \
        if (try_status_ != DDPM_OK) return try_status_; \
    } while (0)

#endif
