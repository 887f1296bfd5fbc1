/* The conditions of samples: those of the command line, or rows of a file. */
#include "sample/conditions.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/file.h"
#include "file/h5.h"
#include "sample/condition_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ddpm_status read_options(const ddpm_condition *condition, const ddpm_sample_options *options, float *values)
{
    int *named = NULL; /* [V], nonzero: the command line has a value */
    DDPM_TRY(DDPM_NEW(&named, condition->count, "conditions"));
    ddpm_status status = DDPM_OK;
    for (int i = 0; status == DDPM_OK && i < options->condition_count; i++) {
        int64_t v = 0;
        status = ddpm_condition_read(condition, options->conditions[i], values, &v);
        if (status == DDPM_OK && named[v]++) status = ddpm_condition_given_twice(options->conditions[i]);
    }
    if (status == DDPM_OK) status = ddpm_condition_all_given(condition, named);
    ddpm_release(named);
    return status;
}

/* Read numbers in a type that holds them, and standardise them. */
static ddpm_status read_values(const ddpm_condition *condition, const ddpm_sample_options *options, ddpm_h5 *file,
                               const char *dataset, ddpm_number holder, ddpm_sample_conditions *out)
{
    const int64_t V = condition->count;
    void *numbers = NULL;
    DDPM_TRY(DDPM_NEW(&out->values, out->rows * V, "conditions"));
    ddpm_status status = ddpm_allocate(&numbers, out->rows * V, (size_t)ddpm_number_bytes(holder), "conditions");
    if (status == DDPM_OK) status = ddpm_h5_read_rows_as(file, dataset, holder, 0, out->rows, numbers);
    for (int64_t i = 0; status == DDPM_OK && i < out->rows * V; i++)
        if (ddpm_condition_standardise(condition, i % V, ddpm_number_get(holder, numbers, i), &out->values[i]) !=
            DDPM_OK)
            status = ddpm_fail(DDPM_ERR_DATA, "%s, row %lld (from 0): %s", options->conditions_file, (long long)(i / V),
                               ddpm_error_message());
    ddpm_release(numbers);
    return status;
}

static ddpm_status read_rows(const ddpm_condition *condition, ddpm_sample_options *options, ddpm_h5 *file,
                             const char *dataset, ddpm_sample_conditions *out)
{
    const int64_t V = condition->count;
    ddpm_h5_shape shape;
    DDPM_TRY(ddpm_h5_shape_of(file, dataset, &shape));
    const int64_t width = shape.dims == 2 ? shape.size[1] : 1;
    if (!shape.is_number || shape.dims < 1 || shape.dims > 2 || width != V || shape.size[0] < 1)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: expected rows of %lld numbers, which are the model's conditions in their order",
                         options->conditions_file, (long long)V);
    if (options->count == 0) options->count = shape.size[0];
    if (options->count != shape.size[0])
        return ddpm_fail(DDPM_ERR_USAGE, "%s has %lld rows, but --count asks for %lld samples; leave --count out",
                         options->conditions_file, (long long)shape.size[0], (long long)options->count);
    out->rows = shape.size[0];
    return read_values(condition, options, file, dataset, ddpm_number_holder(shape.type), out);
}

static ddpm_status read_file(const ddpm_condition *condition, ddpm_sample_options *options, ddpm_sample_conditions *out)
{
    char path[DDPM_PATH_BYTES], dataset[DDPM_PATH_BYTES];
    ddpm_h5 *file;
    if (condition->count == 0) return ddpm_condition_list_names(condition, "--conditions");
    DDPM_TRY(ddpm_file_split_dataset(options->conditions_file, "data", DDPM_PATH_BYTES, path, dataset));
    DDPM_TRY(ddpm_h5_open(path, &file));
    const ddpm_status status = read_rows(condition, options, file, dataset, out);
    return ddpm_h5_finish(&file, status);
}

/* By how many standard deviations a number is beyond those of the training rows; 0: it is not. Where their range is not
 * known, all that are within six deviations of the mean count as seen. */
static double beyond(const ddpm_condition *condition, int64_t v, double value)
{
    const double rounding = 1e-6 * (1.0 + fabs(value)), far = 6.0;
    const double least = condition->minimum ? condition->minimum[v] : -far;
    const double largest = condition->maximum ? condition->maximum[v] : far;
    const double distance = fmax(least - value, value - largest);
    return distance > rounding ? distance : 0.0;
}

enum { SHOWN_BYTES = 40 };

/* A number with the digits that matter beside its deviation, and six more. */
static const char *show(double x, double scale, char out[SHOWN_BYTES])
{
    const double before = x == 0.0 ? 0.0 : ceil(log10(fabs(x) / scale));
    snprintf(out, SHOWN_BYTES, "%.*g", 6 + (int)fmin(fmax(before, 0.0), 11.0), x);
    return out;
}

static void warn_of(const ddpm_condition *c, int64_t v, double value, double distance)
{
    const double scale = c->scale[v], mean = c->mean[v] + (c->remainder ? c->remainder[v] : 0.0);
    char seen[2 * SHOWN_BYTES + 64], shown[3][SHOWN_BYTES];
    if (c->minimum && c->maximum)
        snprintf(seen, sizeof seen, "of which all have %s to %s", show(c->minimum[v] * scale + mean, scale, shown[0]),
                 show(c->maximum[v] * scale + mean, scale, shown[1]));
    else
        snprintf(seen, sizeof seen, "whose mean is %s, with a deviation of %.6g", show(mean, scale, shown[0]), scale);
    ddpm_log_warning(
        "condition %s = %s is %.3g standard deviations beyond the training rows, %s: the model has seen no "
        "such row, and what it makes of it is a guess",
        c->names[v], show(value * scale + mean, scale, shown[2]), distance, seen);
}

/* Warn of each condition that has a number beyond those of the training rows, of the one that is farthest. */
static void warn_of_far(const ddpm_condition *condition, const ddpm_sample_conditions *given)
{
    const int64_t V = condition->count;
    for (int64_t v = 0; v < V && given->rows > 0; v++) {
        double worst = 0.0, most = 0.0;
        if (condition->classes[v] > 0) continue;
        for (int64_t i = 0; i < given->rows; i++) {
            const double value = (double)given->values[i * V + v], distance = beyond(condition, v, value);
            if (distance > most) worst = value;
            most = fmax(most, distance);
        }
        if (most > 0.0) warn_of(condition, v, worst, most);
    }
}

ddpm_status ddpm_conditions_read(const ddpm_condition *condition, ddpm_sample_options *options,
                                 ddpm_sample_conditions *out)
{
    *out = (ddpm_sample_conditions){0};
    if (options->conditions_file) {
        DDPM_TRY(read_file(condition, options, out));
    } else if (options->condition_count > 0) {
        DDPM_TRY(DDPM_NEW(&out->values, condition->count, "conditions"));
        out->rows = 1;
        DDPM_TRY(read_options(condition, options, out->values));
    }
    warn_of_far(condition, out);
    return DDPM_OK;
}
