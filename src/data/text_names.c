/* Finds the different texts of a column with a hash table of the C library. */
#define _GNU_SOURCE 1 /* hsearch_r */
#include "data/text_names.h"

#include "base/memory.h"
#include "base/text_list.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct finder {
    const char *what;
    struct hsearch_data table;
    int64_t count;
    char **texts; /* [DDPM_TEXT_NAMES_MAX] of malloc */
} finder;

static ddpm_status visit(void *context, int64_t row, const char *text)
{
    finder *f = context;
    ENTRY *found, entry = {.key = (char *)(uintptr_t)text};
    if (!*text || hsearch_r(entry, FIND, &found, &f->table)) return DDPM_OK;
    if (f->count == DDPM_TEXT_NAMES_MAX)
        return ddpm_fail(
            DDPM_ERR_DATA,
            "%s has more than %d different texts (by row %lld), too many for a category; leave it out with "
            "data.columns, or make numbers or fewer names of it",
            f->what, DDPM_TEXT_NAMES_MAX, (long long)row);
    entry.key = f->texts[f->count] = strdup(text);
    if (!entry.key || !hsearch_r(entry, ENTER, &found, &f->table))
        return ddpm_fail(DDPM_ERR_MEMORY, "%s: no memory for its texts", f->what);
    f->count++;
    return DDPM_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static ddpm_status find(finder *f, const ddpm_h5_column *column, int64_t rows, char ***names)
{
    DDPM_TRY(DDPM_NEW(&f->texts, DDPM_TEXT_NAMES_MAX + 1, "texts"));
    if (!hcreate_r(2 * DDPM_TEXT_NAMES_MAX, &f->table))
        return ddpm_fail(DDPM_ERR_MEMORY, "%s: no memory for its texts", f->what);
    DDPM_TRY(ddpm_h5_column_read_texts(column, 0, rows, visit, f));
    qsort((void *)f->texts, (size_t)f->count, sizeof *f->texts, by_bytes);
    return f->count > 0 ? ddpm_texts_copy(f->count, (const char *const *)f->texts, "names", names) : DDPM_OK;
}

ddpm_status ddpm_text_names_find(const ddpm_h5_column *column, int64_t rows, const char *what, int64_t *count,
                                 char ***names)
{
    finder f = {.what = what};
    *names = NULL;
    const ddpm_status status = find(&f, column, rows, names);
    *count = f.count;
    for (int64_t i = 0; f.texts && i <= DDPM_TEXT_NAMES_MAX; i++) free(f.texts[i]);
    ddpm_release(f.texts);
    if (f.table.table) hdestroy_r(&f.table);
    return status;
}

int64_t ddpm_text_names_place(int64_t count, char *const *names, const char *text)
{
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(names[middle], text);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
