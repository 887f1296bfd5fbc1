/* Reads the columns that all samples share. */
#include "sample/fixed.h"

#include "base/edit_distance.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/plain_locale.h"
#include "base/printable.h"
#include "sample/condition_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 24 };

static const char *name_of(char *const *names, int64_t column, char number[NUMBER_BYTES])
{
    if (names) return names[column];
    snprintf(number, NUMBER_BYTES, "%lld", (long long)column);
    return number;
}

/* The name that a mistyped one is nearest to. @return its number. */
static int64_t nearest(int64_t count, char *const *names, const char *wanted)
{
    int64_t best = 0;
    for (int64_t k = 1; k < count; k++)
        if (ddpm_edit_distance(wanted, names[k]) < ddpm_edit_distance(wanted, names[best])) best = k;
    return best;
}

static ddpm_status find_column(const ddpm_vocabulary *v, char *const *names, const char *text, size_t length,
                               int64_t *out)
{
    char number[NUMBER_BYTES], wanted[256];
    for (*out = 0; *out < v->columns; (*out)++) {
        const char *name = name_of(names, *out, number);
        if (strlen(name) == length && strncmp(name, text, length) == 0) return DDPM_OK;
    }
    snprintf(wanted, sizeof wanted, "%.*s", (int)length, text);
    return ddpm_fail(DDPM_ERR_USAGE, "condition %s: the model has no column '%s'%s%s%s; `ddpm info` lists its columns",
                     text, wanted, names ? "; did you mean '" : "",
                     names ? names[nearest(v->columns, names, wanted)] : "", names ? "'?" : "");
}

ddpm_status ddpm_fixed_read_value(const ddpm_column_vocabulary *c, const char *text, const char *value, double *out)
{
    char *end;
    if (!*value) {
        *out = NAN;
        return DDPM_OK;
    }
    if (c->layout.kind == DDPM_COLUMN_NUMBER) {
        *out = strtod_l(value, &end, ddpm_plain_locale());
        if (!*end && isfinite(*out)) return DDPM_OK;
        const char *units = c->layout.units;
        return ddpm_fail(DDPM_ERR_USAGE, "condition %s: expected a number%s%s after '=', or nothing for a gap", text,
                         units ? " of " : "", units ? units : "");
    }
    for (int64_t k = 0; k < c->layout.count; k++) {
        *out = k == c->layout.gap ? NAN : (double)k;
        if (strcmp(c->layout.names[k], value) == 0) return DDPM_OK;
    }
    return ddpm_fail(DDPM_ERR_USAGE, "condition %s: the column has no such name%s%s%s; `ddpm info` lists its names",
                     text, c->layout.count ? "; did you mean '" : "",
                     c->layout.count ? c->layout.names[nearest(c->layout.count, c->layout.names, value)] : "",
                     c->layout.count ? "'?" : "");
}

/* The least and the largest number of the training rows. */
static void range_of(const ddpm_column_vocabulary *c, double *least, double *largest)
{
    *least = INFINITY;
    *largest = -INFINITY;
    if (c->spikes > 0) {
        *least = c->spike[0];
        *largest = c->spike[c->spikes - 1];
    }
    if (c->bins == 0) return;
    *least = fmin(*least, c->knot[0]);
    *largest = fmax(*largest, c->knot[c->bins * DDPM_VOCABULARY_KNOTS]);
}

static void warn_of_far(const ddpm_column_vocabulary *c, const char *text, double value)
{
    double least, largest;
    if (c->layout.kind != DDPM_COLUMN_NUMBER || isnan(value)) return;
    range_of(c, &least, &largest);
    if (value < least || value > largest)
        ddpm_log_warning("condition %s is beyond the training rows, all of which have %.10g to %.10g: the model has "
                         "seen no such row, and takes it as the nearest of them",
                         ddpm_printable(text), least, largest);
}

ddpm_status ddpm_fixed_set(const ddpm_vocabulary *vocabulary, char *const *names, const char *text, ddpm_fixed *out)
{
    const char *equals = strchr(text, '=');
    int64_t column;
    double value;
    if (!equals) return ddpm_fail(DDPM_ERR_USAGE, "condition %s: expected NAME=VALUE", text);
    DDPM_TRY(find_column(vocabulary, names, text, (size_t)(equals - text), &column));
    const ddpm_column_vocabulary *c = &vocabulary->column[column];
    DDPM_TRY(ddpm_fixed_read_value(c, text, equals + 1, &value));
    const float token = ddpm_vocabulary_encode(c, value);
    if (token < 0.0f)
        return ddpm_fail(DDPM_ERR_USAGE, "condition %s: no training row has this %s", text,
                         equals[1] ? "value" : "gap");
    warn_of_far(c, text, value);
    out->count += isnan(out->token[column]);
    out->token[column] = token;
    out->value[column] = value;
    return DDPM_OK;
}

ddpm_status ddpm_fixed_create(int64_t columns, ddpm_fixed *out)
{
    *out = (ddpm_fixed){.columns = columns};
    DDPM_TRY(DDPM_NEW(&out->token, columns, "conditions"));
    DDPM_TRY(DDPM_NEW(&out->value, columns, "conditions"));
    for (int64_t j = 0; j < columns; j++) out->token[j] = NAN;
    return DDPM_OK;
}

ddpm_status ddpm_fixed_read(const ddpm_vocabulary *vocabulary, char *const *names, int count, const char *const *texts,
                            ddpm_fixed *out)
{
    DDPM_TRY(ddpm_fixed_create(vocabulary->columns, out));
    for (int i = 0; i < count; i++) {
        const int64_t before = out->count;
        DDPM_TRY(ddpm_fixed_set(vocabulary, names, texts[i], out));
        if (out->count == before) return ddpm_condition_given_twice(texts[i]);
    }
    return DDPM_OK;
}

void ddpm_fixed_release(ddpm_fixed *fixed)
{
    ddpm_release(fixed->token);
    ddpm_release(fixed->value);
    *fixed = (ddpm_fixed){0};
}

void ddpm_fixed_restore(const ddpm_fixed *fixed, int64_t count, ddpm_number type, void *numbers)
{
    for (int64_t i = 0; i < count * fixed->columns; i++)
        if (!isnan(fixed->token[i % fixed->columns]))
            ddpm_number_set(type, (long double)fixed->value[i % fixed->columns], numbers, i);
}
