/** The statuses that functions return, and the message of a failure. Local, any thread. */
#ifndef DDPM_STATUS_H
#define DDPM_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

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

#define DDPM_MUST_CHECK __attribute__((warn_unused_result))

/** Local. The exit code of the program `ddpm` for a status. */
int ddpm_status_exit_code(ddpm_status status);

/** Local. What a status means, in a few words. */
const char *ddpm_status_text(ddpm_status status);

/** Local. The message of this thread's last failure, which is valid until the next failure. */
const char *ddpm_error_message(void);

#ifdef __cplusplus
}
#endif

#endif
