/* The values of rows by column. */
#include "evaluate/columns.h"

#include "base/memory.h"
#include "base/order.h"
#include "base/split.h"

#include <math.h>

/* The code of a category, of which the place of its name is known, NaN for a gap. */
static double code_of(double place)
{
    return isnan(place) ? DDPM_CODE_GAP : place < 0.0 ? DDPM_CODE_UNKNOWN : DDPM_CODE_NAMES + place;
}

/* What a file holds of a token: a number is rounded to the column's type. */
static double value_of(const ddpm_column_layout *layout, const ddpm_column_vocabulary *column, float token)
{
    const double value = ddpm_vocabulary_decode(column, token);
    union {
        double real;
        int64_t whole;
    } room; /* for a number of any type */
    if (layout->kind == DDPM_COLUMN_CATEGORY || isnan(value)) return value;
    ddpm_number_set(layout->number, (long double)value, &room, 0);
    return (double)ddpm_number_get(layout->number, &room, 0);
}

ddpm_status ddpm_columns_create(const ddpm_transform *transform, int64_t count, const float *rows, const double *own,
                                ddpm_columns *out)
{
    const int64_t columns = transform->columns;
    *out = (ddpm_columns){.rows = count, .count = columns};
    DDPM_TRY(DDPM_NEW(&out->values, count * columns, "columns to compare"));
    DDPM_TRY(DDPM_NEW(&out->is_category, columns, "columns to compare"));
    DDPM_TRY(DDPM_NEW(&out->codes, columns, "columns to compare"));
    for (int64_t j = 0; j < columns; j++) {
        const ddpm_column_vocabulary *column = transform->vocabulary ? &transform->vocabulary->column[j] : NULL;
        double *values = out->values + j * count;
        out->is_category[j] = column && column->layout.kind == DDPM_COLUMN_CATEGORY;
        out->codes[j] = out->is_category[j] ? DDPM_CODE_NAMES + column->layout.count : 0;
        for (int64_t i = 0; i < count; i++) {
            const int64_t at = i * columns + j;
            const double value = !column ? (double)rows[at]
                                 : own   ? own[at]
                                         : value_of(&column->layout, column, rows[at]);
            values[i] = out->is_category[j] ? code_of(value) : value;
        }
    }
    return DDPM_OK;
}

void ddpm_columns_release(ddpm_columns *columns)
{
    ddpm_release(columns->values);
    ddpm_release(columns->is_category);
    ddpm_release(columns->codes);
    *columns = (ddpm_columns){0};
}

int ddpm_columns_is_gap(const ddpm_columns *columns, int64_t column, int64_t i)
{
    const double value = columns->values[column * columns->rows + i];
    return columns->is_category[column] ? value == DDPM_CODE_GAP : isnan(value);
}

int64_t ddpm_columns_sorted(const ddpm_columns_part *part, int64_t column, double *out)
{
    const double *values = ddpm_columns_at(part, column);
    int64_t count = 0;
    for (int64_t i = 0; i < part->rows; i++)
        if (!isnan(values[i])) out[count++] = values[i];
    ddpm_sort_doubles(count, out);
    return count;
}

double ddpm_quantile(int64_t count, const double *sorted, double share)
{
    const double at = (double)(count - 1) * share;
    const int64_t below = ddpm_smaller((int64_t)floor(at), ddpm_larger(count - 2, 0));
    const double between = at - (double)below, gap = count > 1 ? sorted[below + 1] - sorted[below] : 0.0;
    /* a fused multiply-add would round another way, and move a value that lies on a quantile across it */
    const volatile double step = between < 0.5 ? gap * between : gap * (1.0 - between);
    return between < 0.5 || count < 2 ? sorted[below] + step : sorted[below + 1] - step;
}
