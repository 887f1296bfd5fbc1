/* Checks what is known of rows, and maps it to what the network reads. */
#include "sample/known.h"

#include <math.h>

/* Of the values that are known, tokens. */
static ddpm_status find_tokens(int64_t columns, const ddpm_known_rows *r, float *known)
{
    for (int64_t i = 0; i < r->count * columns; i++) {
        if (isnan(ddpm_number_get(r->holder, r->numbers, i)))
            known[i] = NAN;
        else if (known[i] < 0.0f)
            return ddpm_fail(DDPM_ERR_DATA,
                             "%s, row %lld, column %lld (from 0)%s%s%s: no training row has this value; "
                             "`ddpm info` lists a model's names; leave the entry empty to have it drawn",
                             r->where, (long long)(r->first + i / columns), (long long)(i % columns),
                             r->column_names ? " '" : "", r->column_names ? r->column_names[i % columns] : "",
                             r->column_names ? "'" : "");
    }
    return DDPM_OK;
}

/* Every known value must be one that the type of completed rows has. */
static ddpm_status check(int64_t columns, ddpm_number type, const ddpm_known_rows *r)
{
    const int whole = ddpm_number_is_integer(type);
    for (int64_t i = 0; i < r->count * columns; i++) {
        const long double value = ddpm_number_get(r->holder, r->numbers, i);
        long double room[1];
        if (isnan(value)) continue;
        ddpm_number_set(type, value, room, 0);
        const long double kept = ddpm_number_get(type, room, 0);
        if (whole ? kept == value : isfinite(kept)) continue;
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s, row %lld, column %lld of the model (both from 0) is %Lg; the model's data "
                         "are of type %s, so %s",
                         r->where, (long long)(r->first + i / columns), (long long)(i % columns), value,
                         ddpm_number_name(type),
                         whole ? "a known value must be a whole number of that type" : "it is too large");
    }
    return DDPM_OK;
}

ddpm_status ddpm_known_make(const ddpm_transform *transform, ddpm_number type, const ddpm_known_rows *rows,
                            float *known)
{
    DDPM_TRY(check(transform->columns, type, rows));
    ddpm_transform_apply(transform, rows->holder, rows->count, rows->numbers, known);
    return transform->vocabulary ? find_tokens(transform->columns, rows, known) : DDPM_OK;
}

void ddpm_known_restore(int64_t columns, const ddpm_known_rows *rows, ddpm_number type, void *numbers)
{
    for (int64_t i = 0; i < rows->count * columns; i++) {
        const long double value = ddpm_number_get(rows->holder, rows->numbers, i);
        if (!isnan(value)) ddpm_number_set(type, value, numbers, i);
    }
}
