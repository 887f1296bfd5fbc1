/* Copies rows between the strides of a caller and contiguous blocks. */
#include "library/view.h"

#include <math.h>

ddpm_status ddpm_view_check(const ddpm_view *view, int64_t columns, const char *what)
{
    if (!view) return ddpm_fail(DDPM_ERR_USAGE, "%s: expected a view, found NULL", what);
    if (view->type != DDPM_VIEW_FLOAT && view->type != DDPM_VIEW_DOUBLE)
        return ddpm_fail(DDPM_ERR_USAGE, "%s: expected DDPM_VIEW_FLOAT or DDPM_VIEW_DOUBLE as its type, found %d", what,
                         (int)view->type);
    if (view->rows < 0 || (view->rows > 0 && !view->data))
        return ddpm_fail(DDPM_ERR_USAGE, "%s: expected memory for its rows, found none for %lld", what,
                         (long long)view->rows);
    if (view->columns == columns) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected %lld columns, found %lld", what, (long long)columns,
                     (long long)view->columns);
}

ddpm_number ddpm_view_number(const ddpm_view *view)
{
    return view->type == DDPM_VIEW_FLOAT ? DDPM_NUMBER_FLOAT32 : DDPM_NUMBER_FLOAT64;
}

static int64_t place(const ddpm_view *view, int64_t row, int64_t column)
{
    return row * view->row_stride + column * view->column_stride;
}

double ddpm_view_get(const ddpm_view *view, int64_t row, int64_t column)
{
    const int64_t at = place(view, row, column);
    return view->type == DDPM_VIEW_FLOAT ? (double)((const float *)view->data)[at] : ((const double *)view->data)[at];
}

void ddpm_view_read(const ddpm_view *view, int64_t first, int64_t count, void *numbers)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < view->columns; j++) {
            const int64_t from = place(view, first + i, j), to = i * view->columns + j;
            if (view->type == DDPM_VIEW_FLOAT)
                ((float *)numbers)[to] = ((const float *)view->data)[from];
            else
                ((double *)numbers)[to] = ((const double *)view->data)[from];
        }
}

static double get(ddpm_number type, const void *numbers, int64_t i)
{
    return type == DDPM_NUMBER_FLOAT32 ? (double)((const float *)numbers)[i]
                                       : (double)ddpm_number_get(type, numbers, i);
}

void ddpm_view_write(const ddpm_view *view, int64_t first, int64_t count, ddpm_number type, const void *numbers,
                     const void *known)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < view->columns; j++) {
            const int64_t from = i * view->columns + j, to = place(view, first + i, j);
            if (known && !isnan(get(ddpm_view_number(view), known, from))) continue;
            const double value = get(type, numbers, from);
            if (view->type == DDPM_VIEW_FLOAT)
                ((float *)view->data)[to] = (float)value;
            else
                ((double *)view->data)[to] = value;
        }
}
