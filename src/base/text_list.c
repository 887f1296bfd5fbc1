/* A list of texts in one block of memory, which can be copied from place to place and linked again. */
#include "base/text_list.h"

#include "base/memory.h"

#include <string.h>

int64_t ddpm_texts_bytes(int64_t count, const char *const *texts)
{
    int64_t bytes = count * (int64_t)sizeof *texts;
    for (int64_t i = 0; i < count; i++) bytes += (int64_t)strlen(texts[i]) + 1;
    return bytes;
}

void ddpm_texts_link(int64_t count, char **block)
{
    char *next = (char *)(block + count);
    for (int64_t i = 0; i < count; i++, next += strlen(next) + 1) block[i] = next;
}

ddpm_status ddpm_texts_copy(int64_t count, const char *const *texts, const char *what, char ***out)
{
    DDPM_TRY(ddpm_allocate(out, ddpm_texts_bytes(count, texts), 1, what));
    char *next = (char *)(*out + count);
    for (int64_t i = 0; i < count; i++) next = stpcpy(next, texts[i]) + 1;
    ddpm_texts_link(count, *out);
    return DDPM_OK;
}
