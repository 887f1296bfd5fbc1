/* Prints lines on standard error; a live line on a terminal is overwritten by the line after it. Lines are kept in
 * memory until there is a file for them: most of what a run says at its start it says before it has a folder. */
#include "base/log.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EARLY_BYTES = 16384, LINE_BYTES = DDPM_MESSAGE_BYTES + 256 };

static int enabled;
static int live; /* whether the last line on the terminal is a live one */
static int kept = -1;
static char early[EARLY_BYTES]; /* what is to go into the file when it is opened; lines that do not fit are not kept */
static size_t early_bytes;

static void keep(const char *line, size_t bytes)
{
    if (kept >= 0) {
        (void)!write(kept, line, bytes); /* a run that a full disk stops says so itself */
    } else if (bytes <= sizeof early - early_bytes) {
        memcpy(early + early_bytes, line, bytes);
        early_bytes += bytes;
    }
}

static void print(const char *lead, int keeps, const char *format, va_list arguments)
{
    char text[LINE_BYTES], line[LINE_BYTES];
    if (!enabled) return;
    size_t bytes = (size_t)snprintf(line, sizeof line, "%s", lead);
    vsnprintf(text, sizeof text, format, arguments);
    ddpm_printable_into(line + bytes, sizeof line - bytes - 1, text); /* a line is one line, whatever is in a name */
    bytes = strlen(line);
    line[bytes++] = '\n';
    if (live) fputs("\r\033[K", stderr);
    live = 0;
    fwrite(line, 1, bytes, stderr);
    fflush(stderr);
    if (keeps) keep(line, bytes);
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
    print("", 1, format, arguments);
    va_end(arguments);
}

void ddpm_log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("warning: ", 1, format, arguments);
    va_end(arguments);
}

void ddpm_log_passing(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("", 0, format, arguments);
    va_end(arguments);
}

void ddpm_log_keep(int fd)
{
    char heading[80], last = '\n';
    const time_t now = time(NULL);
    struct tm utc;
    if (!enabled || kept >= 0) {
        close(fd);
        return;
    }
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end > 0 && pread(fd, &last, 1, end - 1) != 1) last = '\n';
    kept = fd;
    if (last != '\n') keep("\n", 1); /* a line that was cut short by a full disk */
    keep(heading,
         strftime(heading, sizeof heading, "# ddpm " DDPM_VERSION ", %Y-%m-%d %H:%M:%S UTC\n", gmtime_r(&now, &utc)));
    keep(early, early_bytes);
    early_bytes = 0;
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
