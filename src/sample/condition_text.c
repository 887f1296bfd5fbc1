/* Conditions as texts NAME=VALUE. */
#include "sample/condition_text.h"

#include "base/plain_locale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ddpm_status ddpm_condition_list_names(const ddpm_condition *condition, const char *problem)
{
    char names[512] = "";
    for (int64_t v = 0; v < condition->count; v++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", v ? ", " : "", condition->names[v]);
    }
    if (condition->count == 0)
        return ddpm_fail(DDPM_ERR_USAGE, "%s: this model was trained without data.condition", problem);
    return ddpm_fail(DDPM_ERR_USAGE, "%s: the model's conditions are %s; give NAME=VALUE for each", problem, names);
}

ddpm_status ddpm_condition_read_value(const ddpm_condition *condition, int64_t v, const char *text, const char *problem,
                                      float *out)
{
    char *end, list[400];
    const int64_t of_class = ddpm_condition_find_name(condition, v, text);
    const long double value =
        of_class >= 0 ? (long double)ddpm_condition_code(condition, v, of_class)
                      : strtold_l(text, &end, ddpm_plain_locale()); /* which holds all integers of 64 bits */
    if (of_class >= 0 || (*text && !*end)) return ddpm_condition_standardise(condition, v, value, out);
    if (!condition->class_names || condition->classes[v] == 0)
        return ddpm_fail(DDPM_ERR_USAGE, "%s: expected a number after '='", problem);
    const int are_all = ddpm_condition_list_classes(condition, v, 0.0L, list, sizeof list);
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected a class or its name after '='; rows have %s%s", problem, list,
                     are_all ? "" : ", ...");
}

ddpm_status ddpm_condition_given_twice(const char *text)
{
    return ddpm_fail(DDPM_ERR_USAGE, "condition %s: this name has a value already; give it once", text);
}

ddpm_status ddpm_condition_read(const ddpm_condition *condition, const char *text, float *values, int64_t *index)
{
    const char *equals = strchr(text, '=');
    char problem[256];
    snprintf(problem, sizeof problem, "condition %s", text);
    if (!equals) return ddpm_condition_list_names(condition, problem);
    for (int64_t v = 0; v < condition->count; v++) {
        if (strlen(condition->names[v]) != (size_t)(equals - text) ||
            strncmp(condition->names[v], text, (size_t)(equals - text)) != 0)
            continue;
        *index = v;
        return ddpm_condition_read_value(condition, v, equals + 1, problem, &values[v]);
    }
    return ddpm_condition_list_names(condition, problem);
}

ddpm_status ddpm_condition_all_given(const ddpm_condition *condition, const int *named)
{
    for (int64_t v = 0; v < condition->count; v++)
        if (!named[v]) return ddpm_condition_list_names(condition, "conditions");
    return DDPM_OK;
}
