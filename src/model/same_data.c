/* The statistics of two sets of rows are compared for equality. */
#include "model/same_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The rounding to float32 changes a number, and so a mean and a deviation, by less than this share of it. */
static const double ROUNDING = 0x1p-23;

static ddpm_status compare(const char *what, const double found[2], const double expected[2], int narrowed)
{
    const double allowed = narrowed ? ROUNDING * (fabs(expected[0]) + 4.0 * expected[1]) : 0.0;
    if (fabs(found[0] - expected[0]) <= allowed && fabs(found[1] - expected[1]) <= allowed) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s has mean %.17g and deviation %.17g, not %.17g and %.17g", what, found[0],
                     found[1], expected[0], expected[1]);
}

/* Whether two arrays are the same. */
static int same(int64_t count, const double *a, const double *b)
{
    return count == 0 || memcmp(a, b, (size_t)count * sizeof *a) == 0;
}

static int same_names(const ddpm_column_layout *a, const ddpm_column_layout *b)
{
    if (a->count != b->count || a->gap != b->gap) return 0;
    for (int64_t k = 0; k < a->count; k++)
        if (strcmp(a->names[k], b->names[k]) != 0) return 0;
    return 1;
}

static const char *units_of(const ddpm_column_layout *layout)
{
    return layout->units ? layout->units : "";
}

/* Categories are the same by their names and the rows of each; numbers by their tokens too. */
static ddpm_status compare_tokens(const char *what, const ddpm_column_vocabulary *found, // NOLINT(misc-no-recursion)
                                  const ddpm_column_vocabulary *expected)
{
    static const char *const kinds[] = {"numbers", "categories"};
    const ddpm_column_vocabulary *a = found, *b = expected;
    if (a->layout.kind != b->layout.kind)
        return ddpm_fail(DDPM_ERR_DATA, "%s holds %s, not %s", what, kinds[a->layout.kind], kinds[b->layout.kind]);
    if (!same_names(&a->layout, &b->layout))
        return ddpm_fail(DDPM_ERR_DATA, "%s has other names (%lld, not %lld)", what, (long long)a->layout.count,
                         (long long)b->layout.count);
    if (strcmp(units_of(&a->layout), units_of(&b->layout)) != 0)
        return ddpm_fail(DDPM_ERR_DATA, "%s has the units '%s', not '%s'", what, units_of(&a->layout),
                         units_of(&b->layout));
    if (a->has_rare != b->has_rare)
        return ddpm_fail(DDPM_ERR_DATA, "%s is learned in another way, as another version of the program does", what);
    const int64_t knots = a->bins > 0 ? a->bins * DDPM_VOCABULARY_KNOTS + 1 : 0;
    if (a->spikes != b->spikes || a->bins != b->bins || !same(a->spikes, a->spike, b->spike) ||
        !same(knots, a->knot, b->knot))
        return ddpm_fail(DDPM_ERR_DATA, "%s has other values", what);
    if (a->twin != b->twin) return ddpm_fail(DDPM_ERR_DATA, "%s is near another column in many rows", what);
    if (a->near) DDPM_TRY(compare_tokens(what, a->near, b->near));
    if (!same(ddpm_column_tokens(a), a->rows, b->rows))
        return ddpm_fail(DDPM_ERR_DATA, "%s has other numbers of rows with each value", what);
    return DDPM_OK;
}

static ddpm_status compare_quantiles(const char *what, const ddpm_transform *found, const ddpm_transform *expected,
                                     int64_t column)
{
    const int is_mapped = ddpm_transform_has_quantiles(found, column);
    const int64_t at = column * DDPM_QUANTILES;
    if (is_mapped != ddpm_transform_has_quantiles(expected, column))
        return ddpm_fail(DDPM_ERR_DATA, "%s is mapped %s (data.transform)", what,
                         is_mapped ? "by its quantiles, not by mean and deviation"
                                   : "by mean and deviation, not by its quantiles");
    if (is_mapped && (!same(DDPM_QUANTILES, found->quantiles + at, expected->quantiles + at) ||
                      found->decimals[column] != expected->decimals[column]))
        return ddpm_fail(DDPM_ERR_DATA, "%s has other quantiles", what);
    return DDPM_OK;
}

ddpm_status ddpm_same_transform(const ddpm_transform *found, const ddpm_transform *expected, const char *const *names,
                                int narrowed)
{
    char what[160];
    if (found->columns != expected->columns)
        return ddpm_fail(DDPM_ERR_DATA, "there are %lld columns, not %lld", (long long)found->columns,
                         (long long)expected->columns);
    if (!found->vocabulary != !expected->vocabulary)
        return ddpm_fail(DDPM_ERR_DATA, "they are %s",
                         found->vocabulary ? "tokens, not numbers" : "numbers, not tokens");
    for (int64_t j = 0; j < found->columns; j++) {
        snprintf(what, sizeof what, "column %lld (from 0)%s%.80s%s", (long long)j, names ? " '" : "",
                 names ? names[j] : "", names ? "'" : "");
        if (found->vocabulary)
            DDPM_TRY(compare_tokens(what, &found->vocabulary->column[j], &expected->vocabulary->column[j]));
        DDPM_TRY(compare_quantiles(what, found, expected, j));
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
