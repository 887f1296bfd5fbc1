/* Conditions as the columns that a network reads. */
#include "model/condition.h"

#include "base/memory.h"
#include "base/text_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

ddpm_status ddpm_condition_create(int64_t count, const char *const *names, ddpm_condition *out)
{
    *out = (ddpm_condition){.count = count};
    DDPM_TRY(DDPM_NEW(&out->classes, count, "condition"));
    DDPM_TRY(DDPM_NEW(&out->mean, count, "condition"));
    DDPM_TRY(DDPM_NEW(&out->scale, count, "condition"));
    for (int64_t v = 0; v < count; v++) out->scale[v] = 1.0;
    return ddpm_texts_copy(count, names, "condition", &out->names);
}

/* Copy count numbers of 8 bytes, unless there are none. */
static ddpm_status copy_numbers(const void *from, int64_t count, void *out)
{
    void *numbers = NULL;
    if (!from) return DDPM_OK;
    DDPM_TRY(ddpm_allocate(&numbers, count, 8, "condition"));
    if (count > 0) memcpy(numbers, from, (size_t)count * 8);
    memcpy(out, &numbers, sizeof numbers);
    return DDPM_OK;
}

ddpm_status ddpm_condition_copy(const ddpm_condition *from, ddpm_condition *out)
{
    const int64_t V = from->count, classes = from->class_total;
    *out = (ddpm_condition){.count = V, .class_total = classes};
    DDPM_TRY(copy_numbers(from->classes, V, &out->classes));
    DDPM_TRY(copy_numbers(from->mean, V, &out->mean));
    DDPM_TRY(copy_numbers(from->scale, V, &out->scale));
    DDPM_TRY(copy_numbers(from->remainder, V, &out->remainder));
    DDPM_TRY(copy_numbers(from->minimum, V, &out->minimum));
    DDPM_TRY(copy_numbers(from->maximum, V, &out->maximum));
    DDPM_TRY(copy_numbers(from->class_rows, classes, &out->class_rows));
    DDPM_TRY(copy_numbers(from->class_codes, classes, &out->class_codes));
    if (from->names) DDPM_TRY(ddpm_texts_copy(V, (const char *const *)from->names, "condition", &out->names));
    if (!from->class_names) return DDPM_OK;
    return ddpm_texts_copy(classes, (const char *const *)from->class_names, "condition", &out->class_names);
}

void ddpm_condition_release(ddpm_condition *condition)
{
    ddpm_release(condition->classes);
    ddpm_release(condition->mean);
    ddpm_release(condition->scale);
    ddpm_release(condition->names);
    ddpm_release(condition->remainder);
    ddpm_release(condition->minimum);
    ddpm_release(condition->maximum);
    ddpm_release(condition->class_rows);
    ddpm_release(condition->class_codes);
    ddpm_release(condition->class_names);
    *condition = (ddpm_condition){0};
}

int64_t ddpm_condition_width(const ddpm_condition *condition)
{
    int64_t width = condition->count > 0 ? 1 : 0;
    for (int64_t v = 0; v < condition->count; v++) width += condition->classes[v] > 0 ? condition->classes[v] : 1;
    return width;
}

void ddpm_condition_expand(const ddpm_condition *condition, int64_t rows, const float *values, const uint8_t *present,
                           float *out)
{
    const int64_t width = ddpm_condition_width(condition);
    if (width == 0) return; /* without a condition there is no last column either */
    memset(out, 0, (size_t)(rows * width) * sizeof *out);
    for (int64_t row = 0; row < rows; row++) {
        float *to = out + row * width;
        if (present && !present[row]) continue;
        for (int64_t v = 0; v < condition->count; v++) {
            const float value = values[row * condition->count + v];
            if (condition->classes[v] > 0)
                to[(int64_t)value] = 1.0f;
            else
                *to = value;
            to += condition->classes[v] > 0 ? condition->classes[v] : 1;
        }
        *to = 1.0f;
    }
}

/* Where the classes of value number `index` begin, in the arrays of all classes. */
static int64_t first_of(const ddpm_condition *condition, int64_t index)
{
    int64_t first = 0;
    for (int64_t v = 0; v < index; v++) first += condition->classes[v];
    return first;
}

int64_t ddpm_condition_rows(const ddpm_condition *condition, int64_t index, int64_t of_class)
{
    return condition->class_rows ? condition->class_rows[first_of(condition, index) + of_class] : -1;
}

int64_t ddpm_condition_code(const ddpm_condition *condition, int64_t index, int64_t of_class)
{
    return condition->class_codes ? condition->class_codes[first_of(condition, index) + of_class] : of_class;
}

const char *ddpm_condition_class_name(const ddpm_condition *condition, int64_t index, int64_t of_class)
{
    return condition->class_names ? condition->class_names[first_of(condition, index) + of_class] : "";
}

int64_t ddpm_condition_find_name(const ddpm_condition *condition, int64_t index, const char *name)
{
    if (!*name) return -1;
    for (int64_t k = 0; k < condition->classes[index]; k++)
        if (strcmp(ddpm_condition_class_name(condition, index, k), name) == 0) return k;
    return -1;
}

int ddpm_condition_same_classes(const ddpm_condition *one, int64_t index, const ddpm_condition *other,
                                int64_t other_index)
{
    if (one->classes[index] != other->classes[other_index]) return 0;
    for (int64_t k = 0; k < one->classes[index]; k++)
        if (ddpm_condition_code(one, index, k) != ddpm_condition_code(other, other_index, k)) return 0;
    return 1;
}

/* The class whose code is a whole number; -1: there is none. */
static int64_t find_code(const ddpm_condition *condition, int64_t index, long double code)
{
    int64_t low = 0, high = condition->classes[index];
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if ((long double)ddpm_condition_code(condition, index, middle) < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < condition->classes[index] && (long double)ddpm_condition_code(condition, index, low) == code ? low
                                                                                                              : -1;
}

int ddpm_condition_list_classes(const ddpm_condition *condition, int64_t index, long double near, char *out,
                                size_t bytes)
{
    enum { LISTED = 8, ROOM = 96 };
    int64_t below = 0, all = 0, at = 0;
    size_t used = 0;
    for (int64_t k = 0; k < condition->classes[index]; k++) {
        if (ddpm_condition_rows(condition, index, k) == 0) continue;
        below += (long double)ddpm_condition_code(condition, index, k) < near;
        all++;
    }
    const int64_t last = below + LISTED / 2 > LISTED ? below + LISTED / 2 : LISTED, end = last < all ? last : all;
    *out = '\0';
    for (int64_t k = 0; k < condition->classes[index] && used + ROOM < bytes; k++) {
        const char *name = ddpm_condition_class_name(condition, index, k);
        const long long code = (long long)ddpm_condition_code(condition, index, k);
        if (ddpm_condition_rows(condition, index, k) == 0) continue;
        if (at >= end - LISTED && at < end)
            used += (size_t)snprintf(out + used, bytes - used, *name ? "%s%.40s (%lld)" : "%s%.0s%lld",
                                     used ? ", " : "", name, code);
        at++;
    }
    return all <= LISTED;
}

static ddpm_status refuse_class(const ddpm_condition *condition, int64_t index, long double code)
{
    char list[800];
    const int64_t found = find_code(condition, index, code);
    const char *name = found >= 0 ? ddpm_condition_class_name(condition, index, found) : "";
    const int are_all = ddpm_condition_list_classes(condition, index, code, list, sizeof list);
    return ddpm_fail(DDPM_ERR_DATA,
                     "condition '%s': no row of the training data has class %s%s%.0Lf%s; the %s that rows have are %s",
                     condition->names[index], name, *name ? " (" : "", code, *name ? ")" : "",
                     are_all ? "classes" : "nearest", list);
}

static ddpm_status standardise_class(const ddpm_condition *condition, int64_t index, long double value, float *out)
{
    const int is_whole = value == floorl(value);
    const int64_t found = is_whole ? find_code(condition, index, value) : -1;
    if (found >= 0 && ddpm_condition_rows(condition, index, found) != 0) {
        *out = (float)found; /* it becomes an index, which no statistic of a file may move */
        return DDPM_OK;
    }
    if (is_whole && condition->class_rows) return refuse_class(condition, index, value);
    if (condition->class_codes)
        return ddpm_fail(DDPM_ERR_DATA, "condition '%s': expected a class, a whole number, found %Lg",
                         condition->names[index], value);
    return ddpm_fail(DDPM_ERR_DATA, "condition '%s': expected a class from 0 to %lld, found %Lg",
                     condition->names[index], (long long)condition->classes[index] - 1, value);
}

ddpm_status ddpm_condition_standardise(const ddpm_condition *condition, int64_t index, long double value, float *out)
{
    const double remainder = condition->remainder ? condition->remainder[index] : 0.0;
    if (!isfinite(value))
        return ddpm_fail(DDPM_ERR_DATA, "condition '%s' is not a finite number", condition->names[index]);
    if (condition->classes[index] > 0) return standardise_class(condition, index, value, out);
    *out = (float)(((double)(value - (long double)condition->mean[index]) - remainder) / condition->scale[index]);
    return DDPM_OK;
}

long double ddpm_condition_original(const ddpm_condition *condition, int64_t index, float value)
{
    const double remainder = condition->remainder ? condition->remainder[index] : 0.0;
    if (condition->classes[index] > 0) return (long double)ddpm_condition_code(condition, index, (int64_t)value);
    return (long double)((double)value * condition->scale[index] + remainder) + (long double)condition->mean[index];
}
