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

/** The same with spaces behind it, so that it takes so many cells of a terminal, of which a Chinese letter takes two
 * and an accent that stands by itself none. Not for handlers of signals: it asks the C library, which may allocate. */
const char *ddpm_padded(const char *text, int cells);

#endif
