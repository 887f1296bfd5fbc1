/* Reads the names of columns, which may be another program's. */
#include "data/column_names.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text_list.h"

#include <stdio.h>

static void warn_of_others(const char *path, const char *dataset, const char *why)
{
    ddpm_log_warning("%s: dataset '%s': its attribute 'columns' is not used (%s), and columns have numbers from 0; "
                     "expected a list of texts, one for each column",
                     path, dataset, why);
}

static ddpm_status number_repeated(const char *path, const char *dataset, int64_t width, char ***names)
{
    int64_t repeated = -1;
    DDPM_TRY(ddpm_texts_number(width, names, &repeated));
    if (repeated >= 0)
        ddpm_log_warning(
            "%s: dataset '%s' has columns of the same name; they are numbered in their order, so that column "
            "%lld (from 0) is '%s'",
            path, dataset, (long long)repeated, (*names)[repeated]);
    return DDPM_OK;
}

ddpm_status ddpm_column_names_read(const ddpm_h5 *file, const char *path, const char *dataset, int64_t width,
                                   char ***names)
{
    int64_t count = 0;
    char why[80];
    *names = NULL;
    if (!ddpm_h5_has_attribute(file, dataset, "columns")) return DDPM_OK;
    const ddpm_status status = ddpm_h5_get_names(file, dataset, "columns", &count, names);
    if (status == DDPM_ERR_DATA) {
        warn_of_others(path, dataset, "it is no list of texts");
        return DDPM_OK;
    }
    DDPM_TRY(status);
    if (count == width) return number_repeated(path, dataset, width, names);
    ddpm_release(*names);
    *names = NULL;
    snprintf(why, sizeof why, "it has %lld names for %lld columns", (long long)count, (long long)width);
    warn_of_others(path, dataset, why);
    return DDPM_OK;
}
