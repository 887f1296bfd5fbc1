/* Decides byte by byte what a terminal may be given. */
#include "base/printable.h"

#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

enum { TEXTS = 8, TEXT_BYTES = 1024 };

/* The character at text. @return its bytes in UTF-8, or 0 if it is none. */
static size_t decode(const unsigned char *text, uint32_t *out)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t bytes = *text < 0x80             ? 1
                         : (*text & 0xe0) == 0xc0 ? 2
                         : (*text & 0xf0) == 0xe0 ? 3
                         : (*text & 0xf8) == 0xf0 ? 4
                                                  : 0;
    if (bytes <= 1) {
        *out = *text;
        return bytes;
    }
    *out = *text & (0xffU >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        *out = *out << 6 | (text[i] & 0x3f);
    }
    return *out >= least[bytes] && *out <= 0x10ffff && (*out < 0xd800 || *out > 0xdfff) ? bytes : 0;
}

/* Control characters, separators of lines, and what reverses the order of the text that follows. */
static int acts(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
           (character >= 0x2028 && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
}

char *ddpm_printable_into(char *out, size_t bytes, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    char *to = out;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t character;
        char escape[4] = {'\\', 'n'};
        const size_t length = decode(at, &character);
        const int plain = length > 0 && !acts(character);
        const size_t taken = plain ? length : 1, shown = plain ? length : *at == '\n' ? 2 : 4;
        if ((size_t)(to - out) + shown >= bytes) break;
        if (shown == 4 && !plain) {
            escape[1] = 'x';
            escape[2] = hex[*at >> 4];
            escape[3] = hex[*at & 15];
        }
        memcpy(to, plain ? (const char *)at : escape, shown);
        to += shown;
        at += taken;
    }
    *to = '\0';
    return out;
}

static char *printed(const char *text)
{
    static _Thread_local char texts[TEXTS][TEXT_BYTES];
    static _Thread_local int next;
    return ddpm_printable_into(texts[next++ % TEXTS], TEXT_BYTES, text);
}

const char *ddpm_printable(const char *text)
{
    return printed(text);
}

/* Of a printable text. Where the system has no such locale, every character is taken for a cell. */
static int cells_of(const char *text)
{
    const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    int cells = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t character;
        at += decode(at, &character);
        const int width = utf8 ? wcwidth((wchar_t)character) : 1;
        cells += width < 0 ? 1 : width;
    }
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return cells;
}

const char *ddpm_padded(const char *text, int cells)
{
    char *out = printed(text);
    size_t bytes = strlen(out);
    for (int at = cells_of(out); at < cells && bytes + 1 < TEXT_BYTES; at++) out[bytes++] = ' ';
    out[bytes] = '\0';
    return out;
}
