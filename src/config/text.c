/* A text as a message shows it, and as YAML reads it again. */
#include "config/table.h"

#include <string.h>

static int is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

void ddpm_config_quote(const char *text, char out[DDPM_QUOTE_BYTES])
{
    enum { SHOWN = 80 };
    size_t n = strlen(text), cut = n;
    if (n > SHOWN)
        for (cut = SHOWN; cut > 0 && is_continuation((unsigned char)text[cut]);) cut--; /* whole characters */
    snprintf(out, DDPM_QUOTE_BYTES, "'%.*s%s'", (int)cut, text, cut < n ? "..." : "");
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
}

/* The code point at c if YAML needs it escaped, since libyaml's reader refuses it or takes it for a line break; else 0.
 * All of these are below U+10000. */
static unsigned escaped(const unsigned char *c, int *bytes)
{
    unsigned code = c[0];
    *bytes = 1;
    if (code >= 0xc0 && code < 0xe0 && is_continuation(c[1])) {
        *bytes = 2;
        code = (code & 0x1fu) << 6 | (c[1] & 0x3fu);
    } else if (code >= 0xe0 && code < 0xf0 && is_continuation(c[1]) && is_continuation(c[2])) {
        *bytes = 3;
        code = (code & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
    }
    if (code < ' ' || (code >= 0x7f && code < 0xa0 && (code == 0x7f || *bytes == 2))) return code;
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code == 0xfffe || code == 0xffff ? code : 0;
}

void ddpm_config_write_text(const char *text, FILE *to)
{
    const unsigned char *c = (const unsigned char *)text;
    fputc('"', to);
    while (*c) {
        int bytes = 0;
        const unsigned code = escaped(c, &bytes);
        if (code)
            fprintf(to, "\\u%04X", code);
        else if (*c == '"' || *c == '\\')
            fprintf(to, "\\%c", *c);
        else
            fwrite(c, 1, (size_t)bytes, to);
        c += bytes;
    }
    fputc('"', to);
}
