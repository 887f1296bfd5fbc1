/* The map of columns, and its inverse. */
#include "model/transform.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/twins.h"

#include <math.h>

/* Beyond so many deviations from 0, float32 has fewer than four digits of a deviation. */
static const double FAR = 1e4;

/* Numbers of these sizes, and all that are within many deviations, are far inside float32's range. */
static const double SMALL = 1e-30, LARGE = 1e30;

ddpm_status ddpm_transform_allocate(int64_t columns, ddpm_transform *out)
{
    *out = (ddpm_transform){.columns = columns};
    DDPM_TRY(DDPM_NEW(&out->mean, columns, "column means"));
    DDPM_TRY(DDPM_NEW(&out->scale, columns, "column scales"));
    DDPM_TRY(DDPM_NEW(&out->minimum, columns, "column ranges"));
    return DDPM_NEW(&out->maximum, columns, "column ranges");
}

void ddpm_transform_release(ddpm_transform *transform)
{
    ddpm_release(transform->mean);
    ddpm_release(transform->remainder);
    ddpm_release(transform->scale);
    ddpm_release(transform->minimum);
    ddpm_release(transform->maximum);
    ddpm_transform_release_quantiles(transform);
    if (transform->vocabulary) ddpm_vocabulary_release(transform->vocabulary);
    ddpm_release(transform->vocabulary);
    *transform = (ddpm_transform){0};
}

ddpm_status ddpm_transform_of_vocabulary(ddpm_vocabulary *vocabulary, ddpm_transform *out)
{
    DDPM_TRY(ddpm_transform_allocate(vocabulary->columns, out));
    DDPM_TRY(DDPM_NEW(&out->vocabulary, 1, "a vocabulary"));
    for (int64_t j = 0; j < vocabulary->columns; j++) {
        out->scale[j] = 1.0;
        out->maximum[j] = (double)(ddpm_column_all_tokens(&vocabulary->column[j]) - 1);
    }
    *out->vocabulary = *vocabulary;
    *vocabulary = (ddpm_vocabulary){0};
    return DDPM_OK;
}

ddpm_status ddpm_transform_allocate_quantiles(ddpm_transform *transform)
{
    DDPM_TRY(DDPM_NEW(&transform->quantiles, transform->columns * DDPM_QUANTILES, "quantiles of columns"));
    DDPM_TRY(DDPM_NEW(&transform->decimals, transform->columns, "quantiles of columns"));
    return DDPM_NEW(&transform->steps, transform->columns, "quantiles of columns");
}

void ddpm_transform_release_quantiles(ddpm_transform *transform)
{
    ddpm_release(transform->quantiles);
    ddpm_release(transform->decimals);
    ddpm_release(transform->steps);
    transform->quantiles = NULL;
    transform->decimals = NULL;
    transform->steps = NULL;
}

static ddpm_quantiles quantiles_of(const ddpm_transform *t, int64_t column)
{
    return (ddpm_quantiles){t->quantiles + column * DDPM_QUANTILES, t->decimals[column],
                            t->steps ? t->steps[column] : 0};
}

int ddpm_transform_has_quantiles(const ddpm_transform *transform, int64_t column)
{
    return transform->quantiles && ddpm_quantiles_map(transform->quantiles + column * DDPM_QUANTILES);
}

/* Whether all rows have one token, and all values of it are the same. */
static int has_one_value(const ddpm_column_vocabulary *column)
{
    int64_t tokens = 0;
    for (int64_t k = 0; k < ddpm_column_tokens(column); k++) tokens += column->rows[k] > 0.0;
    return tokens <= 1 && column->bins == 0;
}

int ddpm_transform_is_constant(const ddpm_transform *transform, int64_t column)
{
    if (transform->vocabulary) return has_one_value(&transform->vocabulary->column[column]);
    return transform->minimum[column] == transform->maximum[column];
}

static double remainder_of(const ddpm_transform *t, int64_t column)
{
    return t->remainder ? t->remainder[column] : 0.0;
}

static void apply_narrow(const ddpm_transform *t, int64_t count, const float *numbers, float *rows)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < t->columns; j++) {
            const int64_t at = i * t->columns + j;
            rows[at] = (float)(((double)numbers[at] - t->mean[j]) / t->scale[j]);
        }
}

static double standardised(const ddpm_transform *t, int64_t j, long double value)
{
    return ((double)(value - (long double)t->mean[j]) - remainder_of(t, j)) / t->scale[j];
}

static void apply_quantiles(const ddpm_transform *t, ddpm_number type, int64_t count, const void *numbers, float *rows)
{
    for (int64_t i = 0; i < count * t->columns; i++) {
        const int64_t j = i % t->columns;
        const long double value = ddpm_number_get(type, numbers, i);
        const ddpm_quantiles q = quantiles_of(t, j);
        rows[i] =
            (float)(ddpm_quantiles_map(q.value) ? ddpm_quantiles_score(&q, (double)value) : standardised(t, j, value));
    }
}

static void apply_vocabulary(const ddpm_transform *t, ddpm_number type, int64_t count, const void *numbers, float *rows)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = t->columns; j-- > 0;) { /* a column comes before its twin, with which it is compared */
            const ddpm_column_vocabulary *column = &t->vocabulary->column[j];
            const long double value = ddpm_number_get(type, numbers, i * t->columns + j);
            const float own = ddpm_vocabulary_encode(column, (double)value);
            const int64_t twin = i * t->columns + column->twin - 1;
            rows[i * t->columns + j] =
                column->twin > 0
                    ? ddpm_twins_encode(column, own, (double)value, (double)ddpm_number_get(type, numbers, twin))
                    : own;
        }
}

static void invert_vocabulary(const ddpm_transform *t, ddpm_number type, int64_t count, const float *rows,
                              void *numbers)
{
    const ddpm_column_vocabulary *columns = t->vocabulary->column;
    for (int64_t i = 0; i < count * t->columns; i++)
        ddpm_number_set(type, (long double)ddpm_vocabulary_decode(&columns[i % t->columns], rows[i]), numbers, i);
    ddpm_twins_complete(t->vocabulary, count, rows, type, numbers);
}

void ddpm_transform_apply(const ddpm_transform *transform, ddpm_number type, int64_t count, const void *numbers,
                          float *rows)
{
    const ddpm_transform *t = transform;
    if (t->vocabulary) {
        apply_vocabulary(t, type, count, numbers, rows);
        return;
    }
    if (t->quantiles) {
        apply_quantiles(t, type, count, numbers, rows);
        return;
    }
    if (type == DDPM_NUMBER_FLOAT32) {
        apply_narrow(t, count, numbers, rows);
        return;
    }
    for (int64_t i = 0; i < count * t->columns; i++)
        rows[i] = (float)standardised(t, i % t->columns, ddpm_number_get(type, numbers, i));
}

void ddpm_transform_spread(const ddpm_transform *transform, int64_t first, int64_t count, float *rows)
{
    const ddpm_transform *t = transform;
    double share[DDPM_QUANTILES];
    if (!t->quantiles) return;
    ddpm_quantiles_shares(share);
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < t->columns; j++) {
            if (!ddpm_transform_has_quantiles(t, j)) continue;
            const ddpm_random4 words = ddpm_random_words(0, DDPM_RANDOM_PLACES, 0, first + i, (uint32_t)j);
            float *x = &rows[i * t->columns + j];
            *x = (float)ddpm_quantiles_spread(t->quantiles + j * DDPM_QUANTILES, share, (double)*x,
                                              ddpm_random_uniform(words.v[0]));
        }
}

void ddpm_transform_invert(const ddpm_transform *transform, ddpm_number type, int64_t count, const float *rows,
                           void *numbers)
{
    const ddpm_transform *t = transform;
    if (t->vocabulary) {
        invert_vocabulary(t, type, count, rows, numbers);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < t->columns; j++) {
            const int64_t at = i * t->columns + j;
            const double x = ddpm_transform_is_constant(t, j) ? t->minimum[j] : (double)rows[at];
            if (ddpm_transform_has_quantiles(t, j))
                ddpm_number_set(type, (long double)ddpm_transform_value(t, j, x), numbers, at);
            else if (type == DDPM_NUMBER_FLOAT32)
                ((float *)numbers)[at] = (float)(x * t->scale[j] + t->mean[j]);
            else
                ddpm_number_set(type, (long double)(x * t->scale[j] + remainder_of(t, j)) + (long double)t->mean[j],
                                numbers, at);
        }
}

double ddpm_transform_value(const ddpm_transform *transform, int64_t column, double x)
{
    const ddpm_transform *t = transform;
    if (t->vocabulary) return ddpm_vocabulary_decode(&t->vocabulary->column[column], (float)x);
    if (!ddpm_transform_has_quantiles(t, column))
        return x * t->scale[column] + remainder_of(t, column) + t->mean[column];
    const ddpm_quantiles q = quantiles_of(t, column);
    return ddpm_quantiles_value(&q, x);
}

double ddpm_transform_log_volume(const ddpm_transform *transform, const float *row)
{
    double sum = 0.0;
    for (int64_t j = 0; j < transform->columns; j++) {
        if (ddpm_transform_is_constant(transform, j)) continue;
        if (!ddpm_transform_has_quantiles(transform, j)) {
            sum += log(transform->scale[j]);
            continue;
        }
        const ddpm_quantiles q = quantiles_of(transform, j);
        const double slope = ddpm_quantiles_log_slope(&q, (double)row[j]);
        if (slope == INFINITY) return slope; /* whatever the others are, no such row can be */
        sum += slope;
    }
    return sum;
}

/* Whether float32 has enough digits and range for a column. */
static int is_near(const ddpm_transform *t, int64_t j)
{
    const double mean = fabs(t->mean[j]), scale = t->scale[j], value = t->minimum[j] * scale + t->mean[j];
    if (ddpm_transform_is_constant(t, j)) return (double)(float)value == value;
    return mean <= FAR * scale && mean < LARGE && scale > SMALL && scale < LARGE;
}

ddpm_number ddpm_transform_noisy_type(const ddpm_transform *transform, ddpm_number own)
{
    if (ddpm_number_holder(own) == DDPM_NUMBER_FLOAT32) return DDPM_NUMBER_FLOAT32;
    for (int64_t j = 0; j < transform->columns; j++)
        if (!is_near(transform, j)) return DDPM_NUMBER_FLOAT64;
    return DDPM_NUMBER_FLOAT32;
}

ddpm_number ddpm_transform_type(const ddpm_transform *transform, ddpm_number own)
{
    return transform->vocabulary || transform->quantiles || ddpm_number_is_integer(own)
               ? own
               : ddpm_transform_noisy_type(transform, own);
}
