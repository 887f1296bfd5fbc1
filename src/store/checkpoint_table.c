/* The tables of what a checkpoint holds, and access to it by their rows. */
#include "store/checkpoint_table.h"

#include "base/split.h"
#include "world/reduce.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(ddpm_checkpoint, member)
#define FINITE .least = -DBL_MAX, .largest = DBL_MAX
#define FINITE_FLOAT .least = -(double)FLT_MAX, .largest = (double)FLT_MAX
#define ABOVE_0 .least = DBL_TRUE_MIN, .largest = DBL_MAX
#define COUNT(most) .least = 0, .largest = (most)
#define NUMBERS(name_, type_, member, rows_) .name = (name_), .type = (type_), .numbers = AT(member), .rows = AT(rows_)
#define WITH_GROUP DDPM_CHECKPOINT_WITH_GROUP
#define ALONE DDPM_CHECKPOINT_ALONE

/* clang-format off */
const ddpm_checkpoint_attribute ddpm_checkpoint_attributes[DDPM_CHECKPOINT_ATTRIBUTES] = {
    {"iteration", AT(iteration), COUNT(DDPM_CHECKPOINT_ITERATIONS_MAX)},
    {"interval_loss", AT(interval.loss), .is_real = 1, FINITE},
    {"interval_count", AT(interval.count), COUNT(DDPM_CHECKPOINT_ITERATIONS_MAX)},
    {"recoveries", AT(recoveries), .is_optional = 1, COUNT(DDPM_CHECKPOINT_RECOVERIES_MAX)},
    {"returned", AT(returned_to), .is_optional = 1, .missing = -1, .least = -1, .largest = DDPM_CHECKPOINT_ITERATIONS_MAX},
    {"horizon", AT(horizon), .is_optional = 1, COUNT(DDPM_CHECKPOINT_ITERATIONS_MAX)},
    {"fingerprint", AT(fingerprint), .is_optional = 1, COUNT(0x1p62)},
    {"baseline", AT(baseline), .is_real = 1, .is_optional = 1, .missing = NAN, FINITE},
    {"best_loss", AT(best_loss), .is_real = 1, .is_optional = 1, .missing = NAN, FINITE},
    {"best_iteration", AT(best_iteration), .is_optional = 1, .missing = -1, .least = -1, .largest = DDPM_CHECKPOINT_ITERATIONS_MAX},
};

const ddpm_checkpoint_field ddpm_checkpoint_fields[DDPM_CHECKPOINT_FIELDS] = {
    {NUMBERS("transform/mean", DDPM_H5_FLOAT64, mean, columns), .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, FINITE},
    {NUMBERS("transform/scale", DDPM_H5_FLOAT64, scale, columns), ABOVE_0},
    {NUMBERS("transform/minimum", DDPM_H5_FLOAT64, minimum, columns), FINITE},
    {NUMBERS("transform/maximum", DDPM_H5_FLOAT64, maximum, columns), FINITE},
    {NUMBERS("transform/remainder", DDPM_H5_FLOAT64, remainder, columns), .is_optional = ALONE, FINITE},
    {NUMBERS("transform/quantiles", DDPM_H5_FLOAT64, quantiles, columns),
     .columns = DDPM_QUANTILES, .is_optional = ALONE, FINITE},
    {NUMBERS("transform/decimals", DDPM_H5_INT32, decimals, columns), .is_optional = ALONE, .least = -1, .largest = DDPM_DECIMALS_MOST},
    {NUMBERS("transform/steps", DDPM_H5_INT64, quantile_steps, columns), .is_optional = ALONE, COUNT(0x1p53)},
    {NUMBERS("schedule/beta", DDPM_H5_FLOAT64, beta, steps),
     .more_rows = 1, .most_rows = DDPM_CHECKPOINT_STEPS_MAX, .least = 0, .largest = 1},
    {NUMBERS("reduction/exponent", DDPM_H5_INT32, exponent, exponent_count),
     .most_rows = DDPM_CHECKPOINT_EXPONENTS_MAX, .least = DDPM_EXPONENT_LEAST, .largest = DDPM_EXPONENT_LARGEST},
    {NUMBERS("condition/classes", DDPM_H5_INT64, condition.classes, condition.count),
     .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = WITH_GROUP, .least = 0, .largest = DDPM_CLASSES_MAX},
    {NUMBERS("condition/mean", DDPM_H5_FLOAT64, condition.mean, condition.count), .is_optional = WITH_GROUP, FINITE},
    {NUMBERS("condition/scale", DDPM_H5_FLOAT64, condition.scale, condition.count), .is_optional = WITH_GROUP, ABOVE_0},
    {NUMBERS("condition/remainder", DDPM_H5_FLOAT64, condition.remainder, condition.count),
     .is_optional = ALONE, FINITE},
    {NUMBERS("condition/minimum", DDPM_H5_FLOAT64, condition.minimum, condition.count), .is_optional = ALONE, FINITE},
    {NUMBERS("condition/maximum", DDPM_H5_FLOAT64, condition.maximum, condition.count), .is_optional = ALONE, FINITE},
    {NUMBERS("condition/rows", DDPM_H5_INT64, condition.class_rows, condition.class_total),
     .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = ALONE, COUNT(0x1p62)},
    {NUMBERS("condition/codes", DDPM_H5_INT64, condition.class_codes, condition.class_total),
     .is_optional = ALONE, .least = -0x1p63, .largest = 0x1p63},
    {NUMBERS("components/variance", DDPM_H5_FLOAT64, components.variance, components.count),
     .more_rows = 1, .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = WITH_GROUP, .least = 0, .largest = DBL_MAX},
    {NUMBERS("components/direction", DDPM_H5_FLOAT32, components.direction, components.count),
     .columns_at = AT(columns), .is_optional = WITH_GROUP, .least = -2, .largest = 2},
    {NUMBERS("mixture/weight", DDPM_H5_FLOAT64, mixture.weight, mixture.count),
     .most_rows = DDPM_MIXTURE_MAX, .is_optional = WITH_GROUP, .least = DBL_MIN, .largest = 1},
    {NUMBERS("mixture/mean", DDPM_H5_FLOAT64, mixture.mean, mixture.count),
     .columns_at = AT(columns), .is_optional = WITH_GROUP, FINITE_FLOAT},
    {NUMBERS("mixture/variance", DDPM_H5_FLOAT64, mixture.variance, mixture.directions),
     .most_rows = DDPM_CHECKPOINT_COLUMNS_MAX, .is_optional = WITH_GROUP, .least = (double)FLT_MIN, .largest = (double)FLT_MAX},
    {NUMBERS("mixture/direction", DDPM_H5_FLOAT32, mixture.direction, mixture.directions),
     .columns_at = AT(columns), .is_optional = WITH_GROUP, .least = -2, .largest = 2},
    {NUMBERS("timesteps/history", DDPM_H5_FLOAT32, history, steps),
     .columns = DDPM_TIMESTEPS_HISTORY, .is_optional = WITH_GROUP, FINITE_FLOAT},
    {NUMBERS("timesteps/seen", DDPM_H5_INT32, seen, steps),
     .is_optional = WITH_GROUP, .least = 0, .largest = DDPM_TIMESTEPS_SEEN - 1},
};

const ddpm_checkpoint_array ddpm_checkpoint_arrays[DDPM_CHECKPOINT_ARRAYS] = {
    {"parameters", AT(parameters), 0, FINITE_FLOAT},
    {"ema", AT(ema), 0, FINITE_FLOAT},
    {"best", AT(best), 1, FINITE_FLOAT},
    {"moment1", AT(moment1), 0, FINITE_FLOAT},
    {"moment2", AT(moment2), 0, .least = 0, .largest = (double)FLT_MAX},
    {"velocity", AT(velocity), 1, FINITE_FLOAT},
};

const ddpm_checkpoint_list_of_names ddpm_checkpoint_lists[DDPM_CHECKPOINT_LISTS] = {
    {"columns", AT(column_names), AT(columns)}, {"condition_names", AT(condition.names), AT(condition.count)},
    {"class_names", AT(condition.class_names), AT(condition.class_total)}};
/* clang-format on */

void *ddpm_checkpoint_pointer(const ddpm_checkpoint *c, size_t offset)
{
    void *pointer;
    memcpy(&pointer, (const char *)c + offset, sizeof pointer);
    return pointer;
}

void ddpm_checkpoint_set_pointer(ddpm_checkpoint *c, size_t offset, const void *pointer)
{
    memcpy((char *)c + offset, &pointer, sizeof pointer);
}

const int64_t *ddpm_checkpoint_count(const ddpm_checkpoint *c, size_t offset)
{
    return (const int64_t *)((const char *)c + offset);
}

double ddpm_checkpoint_real(const ddpm_checkpoint *c, size_t offset)
{
    double real;
    memcpy(&real, (const char *)c + offset, sizeof real);
    return real;
}

int64_t ddpm_checkpoint_shape(const ddpm_checkpoint_field *f, const ddpm_checkpoint *c, int64_t shape[2])
{
    shape[0] = *ddpm_checkpoint_count(c, f->rows) + f->more_rows;
    shape[1] = f->columns_at ? *ddpm_checkpoint_count(c, f->columns_at) : f->columns;
    return shape[0] * ddpm_larger(1, shape[1]);
}

void ddpm_checkpoint_tensor_name(char out[DDPM_TENSOR_NAME + 16], int array, const ddpm_tensor *tensor)
{
    snprintf(out, DDPM_TENSOR_NAME + 16, "%s/%.*s", ddpm_checkpoint_arrays[array].group, DDPM_TENSOR_NAME,
             tensor->name);
}
