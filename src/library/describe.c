/* What a generator's model is: names, values, schedule and transform. */
#include "library/generator.h"

#include "sample/condition_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t ddpm_generator_columns(const ddpm_generator *generator)
{
    return generator ? generator->transform.columns : 0;
}

int64_t ddpm_generator_conditions(const ddpm_generator *generator)
{
    return generator ? generator->loaded->checkpoint.condition.count : 0;
}

const char *ddpm_generator_column_name(const ddpm_generator *generator, int64_t i)
{
    if (!generator) return "";
    char **names = generator->loaded->checkpoint.column_names;
    return names && i >= 0 && i < generator->transform.columns ? names[i] : "";
}

const char *ddpm_generator_condition_name(const ddpm_generator *generator, int64_t i)
{
    if (!generator) return "";
    const ddpm_condition *condition = &generator->loaded->checkpoint.condition;
    return i >= 0 && i < condition->count ? condition->names[i] : "";
}

static ddpm_status check_place(const char *what, int64_t i, int64_t count)
{
    if (i >= 0 && i < count) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "%s %lld: expected 0 to %lld", what, (long long)i, (long long)count - 1);
}

ddpm_status ddpm_generator_condition_value(const ddpm_generator *generator, int64_t i, const char *text, double *out)
{
    DDPM_TRY(ddpm_generator_check(generator));
    const ddpm_condition *condition = &generator->loaded->checkpoint.condition;
    float standardised;
    DDPM_TRY(ddpm_generator_check_given(text, "text"));
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    DDPM_TRY(check_place("condition", i, condition->count));
    DDPM_TRY(ddpm_condition_read_value(condition, i, text, text, &standardised));
    *out = (double)ddpm_condition_original(condition, i, standardised);
    return DDPM_OK;
}

ddpm_status ddpm_generator_column_value(const ddpm_generator *generator, int64_t i, const char *text, double *out)
{
    DDPM_TRY(ddpm_generator_check(generator));
    const ddpm_vocabulary *vocabulary = generator->transform.vocabulary;
    DDPM_TRY(ddpm_generator_check_given(text, "text"));
    DDPM_TRY(ddpm_generator_check_given(out, "out"));
    DDPM_TRY(check_place("column", i, generator->transform.columns));
    if (!vocabulary)
        return ddpm_fail(DDPM_ERR_USAGE, "column %lld: its values are numbers, of which none has a name", (long long)i);
    return ddpm_fixed_read_value(&vocabulary->column[i], text, text, out);
}

const char *ddpm_generator_category(const ddpm_generator *generator, int64_t i, double value)
{
    const ddpm_vocabulary *vocabulary = generator ? generator->transform.vocabulary : NULL;
    if (!vocabulary || i < 0 || i >= vocabulary->columns) return "";
    const ddpm_column_layout *layout = &vocabulary->column[i].layout;
    return layout->names && value >= 0.0 && value < (double)layout->count ? layout->names[(int64_t)value] : "";
}

int64_t ddpm_generator_steps(const ddpm_generator *generator)
{
    return generator ? generator->loaded->model.diffusion.schedule.steps : 0;
}

void ddpm_generator_schedule(const ddpm_generator *generator, double *beta, double *alpha_bar)
{
    if (!generator) return;
    const ddpm_schedule *schedule = &generator->loaded->model.diffusion.schedule;
    const size_t count = (size_t)(schedule->steps + 1);
    if (beta) memcpy(beta, schedule->beta, count * sizeof *beta);
    if (alpha_bar) memcpy(alpha_bar, schedule->alpha_bar, count * sizeof *alpha_bar);
}

void ddpm_generator_transform(const ddpm_generator *generator, double *mean, double *scale)
{
    if (!generator) return;
    const ddpm_transform *transform = &generator->transform;
    const size_t count = (size_t)transform->columns;
    if (mean) memcpy(mean, transform->mean, count * sizeof *mean);
    if (scale) memcpy(scale, transform->scale, count * sizeof *scale);
}
