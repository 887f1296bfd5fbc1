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

int64_t ddpm_condition_rows(const ddpm_condition *condition, int64_t index, int64_t of_class)
{
    int64_t first = 0;
    if (!condition->class_rows) return -1;
    for (int64_t v = 0; v < index; v++) first += condition->classes[v];
    return condition->class_rows[first + of_class];
}

static ddpm_status refuse_class(const ddpm_condition *condition, int64_t index, int64_t of_class)
{
    char list[200] = "";
    size_t used = 0;
    for (int64_t k = 0; k < condition->classes[index] && used < sizeof list - 32; k++)
        if (ddpm_condition_rows(condition, index, k) > 0)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%lld", used ? ", " : "", (long long)k);
    return ddpm_fail(DDPM_ERR_DATA,
                     "condition '%s': no row of the training data has class %lld; the classes that rows have are %s%s",
                     condition->names[index], (long long)of_class, list, used < sizeof list - 32 ? "" : ", ...");
}

ddpm_status ddpm_condition_standardise(const ddpm_condition *condition, int64_t index, long double value, float *out)
{
    const int64_t classes = condition->classes[index];
    const double remainder = condition->remainder ? condition->remainder[index] : 0.0;
    if (!isfinite(value))
        return ddpm_fail(DDPM_ERR_DATA, "condition '%s' is not a finite number", condition->names[index]);
    if (classes > 0 && !(value >= 0.0L && value < (long double)classes && value == floorl(value)))
        return ddpm_fail(DDPM_ERR_DATA, "condition '%s': expected a class from 0 to %lld, found %Lg",
                         condition->names[index], (long long)classes - 1, value);
    if (classes > 0 && ddpm_condition_rows(condition, index, (int64_t)value) == 0)
        return refuse_class(condition, index, (int64_t)value);
    if (classes > 0)
        *out = (float)value; /* it becomes an index, which no statistic of a file may move */
    else
        *out = (float)(((double)(value - (long double)condition->mean[index]) - remainder) / condition->scale[index]);
    return DDPM_OK;
}

long double ddpm_condition_original(const ddpm_condition *condition, int64_t index, float value)
{
    const double remainder = condition->remainder ? condition->remainder[index] : 0.0;
    return (long double)((double)value * condition->scale[index] + remainder) + (long double)condition->mean[index];
}
