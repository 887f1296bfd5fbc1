/* Reads attributes that say which numbers are values. */
#include "data/conventions.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* What a number is in the dataset's type, which may hold fewer digits than the attribute. */
static double in_type(double x, ddpm_number type)
{
    return type == DDPM_NUMBER_FLOAT32 ? (double)(float)x : x;
}

static ddpm_status read_numbers(const ddpm_h5 *file, const char *path, const char *dataset, const char *name, int most,
                                double *numbers, int *count)
{
    *count = 0;
    if (!ddpm_h5_has_attribute(file, dataset, name)) return DDPM_OK;
    if (ddpm_h5_get_reals(file, dataset, name, most, numbers, count) == DDPM_OK) return DDPM_OK;
    return ddpm_fail(
        DDPM_ERR_DATA,
        "%s: dataset '%s': expected at most %d numbers as its attribute '%s', by which other programs read "
        "it; correct or remove the attribute",
        path, dataset, most, name);
}

static ddpm_status read_fills(const ddpm_h5 *file, const char *path, const char *dataset, ddpm_number type,
                              ddpm_conventions *out)
{
    static const char *const names[] = {"_FillValue", "missing_value"};
    double own;
    for (int i = 0; i < 2; i++) {
        double found[DDPM_CONVENTIONS_FILLS / 2];
        int count;
        DDPM_TRY(read_numbers(file, path, dataset, names[i], DDPM_CONVENTIONS_FILLS / 2, found, &count));
        for (int k = 0; k < count; k++) /* NaN is no value in any case */
            if (!isnan(found[k])) out->fills[out->count++] = in_type(found[k], type);
    }
    if (out->count == 0 && ddpm_number_bytes(type) > 1 && ddpm_h5_fill_value(file, dataset, &own) && isfinite(own) &&
        own != 0.0)
        out->fills[out->count++] = own;
    return DDPM_OK;
}

static ddpm_status read_bounds(const ddpm_h5 *file, const char *path, const char *dataset, ddpm_number type,
                               ddpm_conventions *out)
{
    static const char *const names[] = {"valid_min", "valid_max"};
    double range[2], bounds[2] = {-INFINITY, INFINITY};
    int count;
    DDPM_TRY(read_numbers(file, path, dataset, "valid_range", 2, range, &count));
    if (count == 2) memcpy(bounds, range, sizeof bounds);
    out->is_bounded = count == 2;
    for (int i = 0; i < 2; i++) {
        DDPM_TRY(read_numbers(file, path, dataset, names[i], 1, &range[i], &count));
        if (count == 1) bounds[i] = range[i];
        out->is_bounded |= count == 1;
    }
    out->low = in_type(bounds[0], type);
    out->high = in_type(bounds[1], type);
    return DDPM_OK;
}

/* Refuse numbers that mean others. */
static ddpm_status check_meaning(const ddpm_h5 *file, const char *path, const char *dataset)
{
    static const struct {
        const char *name;
        double idle;
    } scales[] = {{"scale_factor", 1.0}, {"add_offset", 0.0}};
    const char *found = NULL;
    char *text = NULL;
    for (int i = 0; i < 2; i++) {
        double number = scales[i].idle;
        int count;
        DDPM_TRY(read_numbers(file, path, dataset, scales[i].name, 1, &number, &count));
        if (count == 1 && number != scales[i].idle) found = scales[i].name;
    }
    if (ddpm_h5_has_attribute(file, dataset, "_Unsigned") &&
        ddpm_h5_get_text(file, dataset, "_Unsigned", &text) == DDPM_OK && strcmp(text, "true") == 0)
        found = "_Unsigned";
    ddpm_release(text);
    if (!found) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA,
                     "%s: dataset '%s' has the attribute '%s', by which its numbers mean others; "
                     "'analysis/import_table.py %s' writes those",
                     path, dataset, found, path);
}

ddpm_status ddpm_conventions_read(const ddpm_h5 *file, const char *path, const char *dataset, ddpm_conventions *out)
{
    ddpm_h5_shape shape;
    *out = (ddpm_conventions){0};
    DDPM_TRY(ddpm_h5_shape_of(file, dataset, &shape));
    if (!shape.is_number) return DDPM_OK;
    DDPM_TRY(check_meaning(file, path, dataset));
    DDPM_TRY(read_fills(file, path, dataset, shape.type, out));
    DDPM_TRY(read_bounds(file, path, dataset, shape.type, out));
    out->applies = out->count > 0 || out->is_bounded;
    return DDPM_OK;
}

const char *ddpm_conventions_refuse(const ddpm_conventions *conventions, double x)
{
    for (int i = 0; i < conventions->count; i++)
        if (x == conventions->fills[i]) return "stands for no value (a fill value of the dataset)";
    if (conventions->is_bounded && (x < conventions->low || x > conventions->high))
        return "is beyond the dataset's valid range (its attributes valid_min, valid_max or valid_range)";
    return NULL;
}
