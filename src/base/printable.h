/** Texts from files and command lines as one line for people: line breaks, escapes of terminals and bytes that are no
 * UTF-8 are shown as \n and \xHH. Local; safe in handlers of signals and on any thread.
 */
#ifndef DDPM_BASE_PRINTABLE_H
#define DDPM_BASE_PRINTABLE_H

#include <stddef.h>

/** Write the text to out, [bytes], with a zero byte behind it; what does not fit is left out.
 *  @return out. */
char *ddpm_printable_into(char *out, size_t bytes, const char *text);

/** The same into memory of this thread, at most 1023 bytes; valid until eight calls later. */
const char *ddpm_printable(const char *text);

#endif
