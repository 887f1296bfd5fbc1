/* A list of texts in one block of memory, which can be copied from place to place and linked again. */
#include "base/text_list.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
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

ddpm_status ddpm_text_copy(const char *text, const char *what, char **out)
{
    const size_t bytes = strlen(text) + 1;
    DDPM_TRY(ddpm_allocate(out, (int64_t)bytes, 1, what));
    memcpy(*out, text, bytes);
    return DDPM_OK;
}

ddpm_status ddpm_texts_copy(int64_t count, const char *const *texts, const char *what, char ***out)
{
    DDPM_TRY(ddpm_allocate(out, ddpm_texts_bytes(count, texts), 1, what));
    char *next = (char *)(*out + count);
    for (int64_t i = 0; i < count; i++) next = stpcpy(next, texts[i]) + 1;
    ddpm_texts_link(count, *out);
    return DDPM_OK;
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = *(const char *const *const *)a, *const *y = *(const char *const *const *)b;
    const int order = strcmp(*x, *y);
    return order ? order : (x > y) - (x < y);
}

/* Mark the texts that occurred before. @return the first of them; -1: none. */
static int64_t mark_repeated(int64_t count, char **texts, char ***sorted, char *is_repeated)
{
    for (int64_t i = 0; i < count; i++) sorted[i] = &texts[i];
    qsort(sorted, (size_t)count, sizeof *sorted, by_text);
    for (int64_t i = 1; i < count; i++)
        if (strcmp(*sorted[i - 1], *sorted[i]) == 0) is_repeated[sorted[i] - texts] = 1;
    for (int64_t i = 0; i < count; i++)
        if (is_repeated[i]) return i;
    return -1;
}

static int is_taken(int64_t count, char *const *texts, const char *text)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(texts[i], text) == 0) return 1;
    return 0;
}

/* Write "text.1" or the like, which no text is, to `out`, which becomes a text. */
static void number(int64_t count, char **texts, int64_t i, char *out, size_t bytes)
{
    const char *text = texts[i];
    int64_t n = 0;
    do snprintf(out, bytes, "%s.%lld", text, (long long)++n);
    while (is_taken(count, texts, out));
    texts[i] = out;
}

/* @param changed  [count], where the new texts are, each with `bytes` of room. */
static ddpm_status rename_repeated(int64_t count, const char *is_repeated, char *changed, size_t bytes, char ***block)
{
    char **texts = NULL, **result = NULL;
    DDPM_TRY(DDPM_NEW(&texts, count, "texts"));
    memcpy(texts, *block, (size_t)count * sizeof *texts);
    for (int64_t i = 0; i < count; i++)
        if (is_repeated[i]) {
            number(count, texts, i, changed, bytes);
            changed += bytes;
        }
    const ddpm_status status = ddpm_texts_copy(count, (const char *const *)texts, "texts", &result);
    ddpm_release(texts);
    if (status != DDPM_OK) return status;
    ddpm_release(*block);
    *block = result;
    return DDPM_OK;
}

ddpm_status ddpm_texts_number(int64_t count, char ***block, int64_t *repeated)
{
    enum { NUMBER_BYTES = 24 };
    char ***sorted = NULL, *is_repeated = NULL, *changed = NULL;
    size_t longest = 0, many = 0;
    *repeated = -1;
    ddpm_status status = DDPM_NEW(&sorted, count, "texts");
    if (status == DDPM_OK) status = DDPM_NEW(&is_repeated, count, "texts");
    if (status == DDPM_OK) *repeated = mark_repeated(count, *block, sorted, is_repeated);
    for (int64_t i = 0; *repeated >= 0 && i < count; i++) {
        if (strlen((*block)[i]) > longest) longest = strlen((*block)[i]);
        many += (size_t)is_repeated[i];
    }
    if (many > 0) {
        const size_t bytes = longest + NUMBER_BYTES;
        status = ddpm_allocate(&changed, (int64_t)many, bytes, "texts");
        if (status == DDPM_OK) status = rename_repeated(count, is_repeated, changed, bytes, block);
    }
    ddpm_release((void *)sorted);
    ddpm_release(is_repeated);
    ddpm_release(changed);
    return status;
}
