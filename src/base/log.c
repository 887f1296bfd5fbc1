/* Prints lines on standard error; a live line on a terminal is overwritten by the line after it. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int enabled = 1;
static int live; /* whether the last line on the terminal is a live one */

static void print(const char *lead, const char *format, va_list arguments)
{
    if (!enabled) return;
    if (live) fputs("\r\033[K", stderr);
    live = 0;
    fputs(lead, stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    fflush(stderr);
}

void ddpm_log_enable(int prints)
{
    enabled = prints;
}

int ddpm_log_is_terminal(void)
{
    return isatty(STDERR_FILENO);
}

void ddpm_log_info(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("", format, arguments);
    va_end(arguments);
}

void ddpm_log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("warning: ", format, arguments);
    va_end(arguments);
}

void ddpm_log_live(const char *format, ...)
{
    va_list arguments;
    if (!enabled || !ddpm_log_is_terminal()) return;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fflush(stderr);
    live = 1;
}
