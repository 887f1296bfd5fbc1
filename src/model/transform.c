/* The map of columns, and its inverse. */
#include "model/transform.h"

#include "base/memory.h"
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
    if (type == DDPM_NUMBER_FLOAT32) {
        apply_narrow(t, count, numbers, rows);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < t->columns; j++) {
            const int64_t at = i * t->columns + j;
            const double distance = (double)(ddpm_number_get(type, numbers, at) - (long double)t->mean[j]);
            rows[at] = (float)((distance - remainder_of(t, j)) / t->scale[j]);
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
            if (type == DDPM_NUMBER_FLOAT32)
                ((float *)numbers)[at] = (float)(x * t->scale[j] + t->mean[j]);
            else
                ddpm_number_set(type, (long double)(x * t->scale[j] + remainder_of(t, j)) + (long double)t->mean[j],
                                numbers, at);
        }
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
    return transform->vocabulary || ddpm_number_is_integer(own) ? own : ddpm_transform_noisy_type(transform, own);
}
