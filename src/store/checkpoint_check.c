/* Checks the numbers of a checkpoint against the ranges of its table, before it is written and when it is read.
 * Messages do not have the file's name. */
#include "store/checkpoint_table.h"
#include "store/vocabulary_check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static ddpm_status check_range(const char *name, int64_t i, double x, double least, double largest)
{
    char which[40] = "";
    if (x >= least && x <= largest) return DDPM_OK;
    if (i >= 0) snprintf(which, sizeof which, "element %lld", (long long)i);
    if (!isfinite(x)) return ddpm_fail(DDPM_ERR_DATA, "%s%s%s is not a finite number", name, *which ? ": " : "", which);
    const char *between = *which ? ": " : "";
    if (least == DBL_TRUE_MIN)
        return ddpm_fail(DDPM_ERR_DATA, "%s%s%s: expected a number above 0, found %.15g", name, between, which, x);
    return ddpm_fail(DDPM_ERR_DATA, "%s%s%s: expected %.15g to %.15g, found %.15g", name, between, which, least,
                     largest, x);
}

ddpm_status ddpm_checkpoint_check_attributes(const ddpm_checkpoint *c)
{
    for (int i = 0; i < DDPM_CHECKPOINT_ATTRIBUTES; i++) {
        const ddpm_checkpoint_attribute *a = &ddpm_checkpoint_attributes[i];
        const double x = a->is_real ? ddpm_checkpoint_real(c, a->at) : (double)*ddpm_checkpoint_count(c, a->at);
        if (!(a->is_optional && isnan(a->missing) && isnan(x)))
            DDPM_TRY(check_range(a->name, -1, x, a->least, a->largest));
    }
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_check_field(const ddpm_checkpoint_field *f, const ddpm_checkpoint *c)
{
    const void *numbers = ddpm_checkpoint_pointer(c, f->numbers);
    int64_t shape[2];
    const int64_t count = ddpm_checkpoint_shape(f, c, shape);
    for (int64_t i = 0; i < count && numbers; i++)
        DDPM_TRY(check_range(f->name, i, (double)ddpm_number_get(f->type, numbers, i), f->least, f->largest));
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_check_quantiles(const ddpm_checkpoint *c)
{
    if (c->quantiles && !c->decimals)
        return ddpm_fail(DDPM_ERR_DATA, "transform/decimals: expected them beside transform/quantiles, found none");
    for (int64_t i = 1; c->quantiles && i < c->columns * DDPM_QUANTILES; i++)
        if (i % DDPM_QUANTILES > 0 && c->quantiles[i] < c->quantiles[i - 1])
            return ddpm_fail(DDPM_ERR_DATA, "transform/quantiles: those of column %lld (from 0) do not ascend",
                             (long long)(i / DDPM_QUANTILES));
    return DDPM_OK;
}

static ddpm_status check_codes(const ddpm_condition *condition, int64_t v)
{
    for (int64_t k = 1; k < condition->classes[v]; k++)
        if (ddpm_condition_code(condition, v, k) <= ddpm_condition_code(condition, v, k - 1))
            return ddpm_fail(DDPM_ERR_DATA, "condition/codes: the codes of condition %lld do not ascend", (long long)v);
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_check_condition(const ddpm_condition *condition)
{
    int64_t classes = 0;
    for (int64_t v = 0; v < condition->count; v++) {
        classes += condition->classes[v];
        if (condition->classes[v] == 0) continue;
        DDPM_TRY(check_range("condition/mean", v, condition->mean[v], 0.0, 0.0));
        DDPM_TRY(check_range("condition/scale", v, condition->scale[v], 1.0, 1.0));
    }
    if ((condition->class_rows || condition->class_codes || condition->class_names) &&
        condition->class_total != classes)
        return ddpm_fail(DDPM_ERR_DATA, "condition/rows: counts the rows of %lld classes, of which there are %lld",
                         (long long)condition->class_total, (long long)classes);
    for (int64_t v = 0; condition->class_codes && v < condition->count; v++) DDPM_TRY(check_codes(condition, v));
    if (condition->count > 0 && !condition->names) return ddpm_fail(DDPM_ERR_DATA, "its conditions have no names");
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_check_array(int array, const ddpm_checkpoint *c, const ddpm_tensor *tensor)
{
    const ddpm_checkpoint_array *a = &ddpm_checkpoint_arrays[array];
    const float *numbers = ddpm_checkpoint_pointer(c, a->numbers);
    char name[DDPM_TENSOR_NAME + 16];
    ddpm_checkpoint_tensor_name(name, array, tensor);
    for (int64_t i = 0; i < tensor->rows * tensor->cols; i++)
        DDPM_TRY(check_range(name, i, (double)numbers[tensor->offset + i], a->least, a->largest));
    return DDPM_OK;
}

ddpm_status ddpm_checkpoint_check(const ddpm_checkpoint *checkpoint, int64_t count, const ddpm_tensor *tensors)
{
    const ddpm_checkpoint *c = checkpoint;
    DDPM_TRY(ddpm_checkpoint_check_attributes(c));
    for (int i = 0; i < DDPM_CHECKPOINT_FIELDS; i++) {
        const ddpm_checkpoint_field *f = &ddpm_checkpoint_fields[i];
        if (f->most_rows > 0 && *ddpm_checkpoint_count(c, f->rows) > f->most_rows)
            return ddpm_fail(DDPM_ERR_DATA, "%s: has %lld rows, at most %lld can be read back", f->name,
                             (long long)*ddpm_checkpoint_count(c, f->rows), (long long)f->most_rows);
        DDPM_TRY(ddpm_checkpoint_check_field(f, c));
    }
    DDPM_TRY(ddpm_checkpoint_check_quantiles(c));
    DDPM_TRY(ddpm_checkpoint_check_condition(&c->condition));
    DDPM_TRY(ddpm_vocabulary_check(&c->vocabulary, c->columns));
    for (int a = 0; a < DDPM_CHECKPOINT_ARRAYS; a++)
        for (int64_t i = 0; ddpm_checkpoint_pointer(c, ddpm_checkpoint_arrays[a].numbers) && i < count; i++)
            DDPM_TRY(ddpm_checkpoint_check_array(a, c, &tensors[i]));
    return DDPM_OK;
}
