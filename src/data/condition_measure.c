/* Measures conditions: which classes there are, means and deviations. */
#include "base/memory.h"
#include "base/text_list.h"
#include "data/condition_handle.h"
#include "data/measure.h"

#include <math.h>
#include <stdio.h>

static int is_valid(const ddpm_condition_value *what, long double x)
{
    return what->is_class ? x >= -9223372036854775808.0L && x < 9223372036854775808.0L && x == floorl(x) : isfinite(x);
}

static ddpm_status refuse(const ddpm_condition_source *s, int64_t v, int64_t row, long double x)
{
    const int is_class = s->values[v].is_class;
    return ddpm_fail(DDPM_ERR_DATA, "%s: %s '%s', row %lld (from 0): expected %s, found %Lg%s",
                     ddpm_condition_source_place(s), s->list.noun, s->values[v].name, (long long)row,
                     is_class ? "a class, a whole number of 64 bits" : "a finite number", x,
                     is_class ? "; number:NAME takes numbers" : "");
}

/* A failure of the codes: name the condition. */
static ddpm_status name_codes(const ddpm_condition_source *s, int64_t v, ddpm_status status)
{
    if (status == DDPM_OK) return DDPM_OK;
    return ddpm_fail(status, "%s: %s '%s': %s; number:NAME takes numbers", ddpm_condition_source_place(s), s->list.noun,
                     s->values[v].name, ddpm_error_message());
}

static ddpm_status read_measured(void *context, const double *reference, int64_t first, int64_t count, double *rows)
{
    ddpm_condition_source *s = context;
    for (int64_t v = 0; v < s->count; v++) {
        const void *numbers;
        int64_t stride;
        DDPM_TRY(ddpm_condition_source_numbers(s, v, first, count, &numbers, &stride));
        for (int64_t i = 0; i < count; i++) {
            const long double x = ddpm_number_get(s->values[v].holder, numbers, i * stride);
            if (!is_valid(&s->values[v], x)) return refuse(s, v, first + i, x);
            if (s->values[v].conventions.applies) DDPM_TRY(ddpm_condition_source_check(s, v, first + i, (double)x));
            rows[i * s->count + v] = (double)(x - (reference ? (long double)reference[v] : 0.0L));
            if (reference && s->values[v].is_class)
                DDPM_TRY(name_codes(s, v, ddpm_class_codes_add(&s->codes[v], (int64_t)x)));
        }
    }
    return DDPM_OK;
}

static int is_wide(const void *context, int64_t v)
{
    const ddpm_condition_value *what = &((const ddpm_condition_source *)context)->values[v];
    return !what->is_class && what->holder != DDPM_NUMBER_FLOAT32;
}

/* Conditions of held-out rows count too, so that every class that occurs in the data is known. */
static int is_any_row(void *context, int64_t row)
{
    (void)context;
    (void)row;
    return 1;
}

static ddpm_status describe(const ddpm_condition_source *s, ddpm_condition *out)
{
    const char **names = NULL;
    DDPM_TRY(DDPM_NEW(&names, s->count, "names of conditions"));
    for (int64_t v = 0; v < s->count; v++) names[v] = s->values[v].name;
    const ddpm_status status = ddpm_condition_create(s->count, names, out);
    ddpm_release((void *)names);
    return status;
}

/* Set the names of classes, if any has one. */
static ddpm_status set_names(const ddpm_condition_source *s, ddpm_condition *out)
{
    const char **names = NULL;
    int64_t named = 0;
    DDPM_TRY(DDPM_NEW(&names, out->class_total, "names of classes"));
    for (int64_t v = 0, at = 0; v < s->count; v++)
        for (int64_t k = 0; k < out->classes[v]; k++, at++) {
            names[at] = ddpm_class_names_find(&s->values[v].class_names, out->class_codes[at]);
            named += *names[at] != '\0';
        }
    const ddpm_status status =
        named > 0 ? ddpm_texts_copy(out->class_total, names, "names of classes", &out->class_names) : DDPM_OK;
    ddpm_release((void *)names);
    return status;
}

/* Set what is known of the classes. Codes that are the indices of their classes are not kept. */
static ddpm_status set_classes(const ddpm_condition_source *s, ddpm_condition *out)
{
    int is_index = 1;
    for (int64_t v = 0; v < s->count; v++) out->class_total += out->classes[v];
    DDPM_TRY(DDPM_NEW(&out->class_rows, out->class_total, "classes"));
    DDPM_TRY(DDPM_NEW(&out->class_codes, out->class_total, "classes"));
    for (int64_t v = 0, at = 0; v < s->count; at += out->classes[v++]) {
        if (!s->values[v].is_class) continue;
        ddpm_class_codes_list(&s->codes[v], out->class_codes + at, out->class_rows + at);
        for (int64_t k = 0; k < out->classes[v]; k++) is_index &= out->class_codes[at + k] == k;
        int64_t least = 0;
        while (out->class_rows[at + least] == 0) least++; /* the last class has rows */
        out->minimum[v] = (double)least;
    }
    DDPM_TRY(set_names(s, out));
    if (!is_index) return DDPM_OK;
    ddpm_release(out->class_codes);
    out->class_codes = NULL;
    return DDPM_OK;
}

/* The condition takes the arrays over. */
static void set_statistics(const ddpm_condition_source *s, ddpm_transform *measured, ddpm_condition *out)
{
    for (int64_t v = 0; v < s->count; v++) {
        if (s->values[v].is_class) { /* not standardised */
            out->classes[v] = ddpm_class_codes_classes(&s->codes[v]);
            measured->maximum[v] = (double)(out->classes[v] - 1);
        } else {
            out->mean[v] = measured->mean[v];
            out->scale[v] = measured->scale[v];
        }
    }
    out->remainder = measured->remainder;
    out->minimum = measured->minimum;
    out->maximum = measured->maximum;
    measured->remainder = measured->minimum = measured->maximum = NULL;
}

static void name_condition(const void *context, int64_t v, char *out, size_t bytes)
{
    const ddpm_condition_source *s = context;
    snprintf(out, bytes, "%s: %s '%s'", s->spec->path, s->list.noun, s->values[v].name);
}

/* Collective. */
static ddpm_status join_codes(ddpm_comm *comm, ddpm_condition_source *s)
{
    for (int64_t v = 0; v < s->count; v++)
        if (s->values[v].is_class) DDPM_TRY(name_codes(s, v, ddpm_class_codes_join(comm, &s->codes[v])));
    return DDPM_OK;
}

ddpm_status ddpm_condition_source_measure(ddpm_comm *comm, ddpm_condition_source *source, int64_t rows,
                                          ddpm_condition *out)
{
    const ddpm_row_reader reader = {.count = rows,
                                    .columns = source->count,
                                    .most = ddpm_condition_source_room(source),
                                    .context = source,
                                    .read = read_measured,
                                    .takes_part = is_any_row,
                                    .is_wide = is_wide,
                                    .name = name_condition};
    ddpm_transform measured = {0};
    *out = (ddpm_condition){0};
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&source->codes, source->count, "classes"));
    if (status == DDPM_OK) status = ddpm_transform_measure(comm, DDPM_STANDARDIZE_COLUMN, &reader, &measured);
    if (status == DDPM_OK) status = join_codes(comm, source);
    if (status == DDPM_OK) {
        status = describe(source, out);
        if (status == DDPM_OK) {
            set_statistics(source, &measured, out);
            status = set_classes(source, out);
        }
        status = ddpm_agree(comm, status);
    }
    ddpm_transform_release(&measured);
    for (int64_t v = 0; source->codes && v < source->count; v++) ddpm_class_codes_release(&source->codes[v]);
    ddpm_release(source->codes);
    source->codes = NULL;
    return status;
}
