/* Conditions as columns. */
#include "model/condition.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

ddpm_status ddpm_condition_allocate(int64_t count, int64_t text, ddpm_condition *out)
{
    *out = (ddpm_condition){.count = count};
    DDPM_TRY(DDPM_NEW(&out->classes, count, "condition"));
    DDPM_TRY(DDPM_NEW(&out->mean, count, "condition"));
    DDPM_TRY(DDPM_NEW(&out->scale, count, "condition"));
    return ddpm_allocate(&out->names, count * (int64_t)sizeof(char *) + text, 1, "condition");
}

ddpm_status ddpm_condition_copy(const ddpm_condition *from, ddpm_condition *out)
{
    int64_t text = 0;
    for (int64_t v = 0; v < from->count; v++) text += (int64_t)strlen(from->names[v]) + 1;
    DDPM_TRY(ddpm_condition_allocate(from->count, text, out));
    char *next = (char *)(out->names + out->count);
    for (int64_t v = 0; v < from->count; v++) {
        out->classes[v] = from->classes[v];
        out->mean[v] = from->mean[v];
        out->scale[v] = from->scale[v];
        out->names[v] = next;
        next = stpcpy(next, from->names[v]) + 1;
    }
    return DDPM_OK;
}

void ddpm_condition_release(ddpm_condition *condition)
{
    ddpm_release(condition->classes);
    ddpm_release(condition->mean);
    ddpm_release(condition->scale);
    ddpm_release(condition->names);
    *condition = (ddpm_condition){0};
}

int ddpm_condition_same(const ddpm_condition *a, const ddpm_condition *b)
{
    const size_t n = (size_t)a->count;
    return a->count == b->count && (n == 0 || (memcmp(a->classes, b->classes, n * sizeof *a->classes) == 0 &&
                                               memcmp(a->mean, b->mean, n * sizeof *a->mean) == 0 &&
                                               memcmp(a->scale, b->scale, n * sizeof *a->scale) == 0));
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
    if (width == 0) return; /* nor is there room for the last column */
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

ddpm_status ddpm_condition_standardise(const ddpm_condition *condition, int64_t index, double value, float *out)
{
    const int64_t classes = condition->classes[index];
    if (!isfinite(value))
        return ddpm_fail(DDPM_ERR_DATA, "condition '%s' is not a finite number", condition->names[index]);
    if (classes > 0 && !(value >= 0.0 && value < (double)classes && value == floor(value)))
        return ddpm_fail(DDPM_ERR_DATA, "condition '%s': the model knows the classes 0 to %lld, found %g",
                         condition->names[index], (long long)classes - 1, value);
    *out = (float)((value - condition->mean[index]) / condition->scale[index]);
    return DDPM_OK;
}
