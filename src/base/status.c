/* The table of statuses and the message buffer of each thread. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[DDPM_MESSAGE_BYTES];

static const struct {
    int exit_code;
    const char *text;
} statuses[DDPM_STATUS_COUNT] = {
#define X(name, code, text) {code, text},
    DDPM_STATUS_LIST(X)
#undef X
};

int ddpm_status_exit_code(ddpm_status status)
{
    return statuses[status].exit_code;
}

const char *ddpm_status_text(ddpm_status status)
{
    return statuses[status].text;
}

ddpm_status ddpm_fail(ddpm_status status, const char *format, ...)
{
    char text[DDPM_MESSAGE_BYTES]; /* the arguments may point into the message itself */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(message, sizeof message, "%s", text);
    return status;
}

const char *ddpm_error_message(void)
{
    return message;
}
