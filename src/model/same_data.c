/* The statistics of two sets of rows are compared for equality. */
#include "model/same_data.h"

#include <math.h>
#include <stdio.h>

/* The rounding to float32 changes a number, and so a mean and a deviation, by less than this share of it. */
static const double ROUNDING = 0x1p-23;

static ddpm_status compare(const char *what, const double found[2], const double expected[2], int narrowed)
{
    const double allowed = narrowed ? ROUNDING * (fabs(expected[0]) + 4.0 * expected[1]) : 0.0;
    if (fabs(found[0] - expected[0]) <= allowed && fabs(found[1] - expected[1]) <= allowed) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s has mean %.17g and deviation %.17g, not %.17g and %.17g", what, found[0],
                     found[1], expected[0], expected[1]);
}

ddpm_status ddpm_same_transform(const ddpm_transform *found, const ddpm_transform *expected, const char *const *names,
                                int narrowed)
{
    char what[160];
    if (found->columns != expected->columns)
        return ddpm_fail(DDPM_ERR_DATA, "there are %lld columns, not %lld", (long long)found->columns,
                         (long long)expected->columns);
    for (int64_t j = 0; j < found->columns; j++) {
        snprintf(what, sizeof what, "column %lld (from 0)%s%.80s%s", (long long)j, names ? " '" : "",
                 names ? names[j] : "", names ? "'" : "");
        DDPM_TRY(compare(what, (const double[]){found->mean[j], found->scale[j]},
                         (const double[]){expected->mean[j], expected->scale[j]}, narrowed));
    }
    return DDPM_OK;
}

ddpm_status ddpm_same_condition(const ddpm_condition *found, const ddpm_condition *expected)
{
    char what[160];
    if (found->count != expected->count)
        return ddpm_fail(DDPM_ERR_DATA, "there are %lld conditions, not %lld", (long long)found->count,
                         (long long)expected->count);
    for (int64_t v = 0; v < found->count; v++) {
        snprintf(what, sizeof what, "condition '%.80s'", found->names[v]);
        if (found->classes[v] != expected->classes[v])
            return ddpm_fail(DDPM_ERR_DATA, "%s has %lld classes, not %lld", what, (long long)found->classes[v],
                             (long long)expected->classes[v]);
        if (!ddpm_condition_same_classes(found, v, expected, v))
            return ddpm_fail(DDPM_ERR_DATA, "%s has other classes", what);
        DDPM_TRY(compare(what, (const double[]){found->mean[v], found->scale[v]},
                         (const double[]){expected->mean[v], expected->scale[v]}, !expected->minimum));
    }
    return DDPM_OK;
}
