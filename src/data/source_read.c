/* Reads the rows of an open source, and checks every value. */
#include "data/source_handle.h"

#include "data/toy_source.h"
#include "file/h5.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Copy the selected columns of `count` rows in the piece. */
static void select_from_piece(const ddpm_source *source, int64_t count, char *to)
{
    const size_t bytes = (size_t)ddpm_number_bytes(ddpm_source_holder(source));
    const char *from = source->piece;
    for (int64_t i = 0; i < count; i++, from += (size_t)source->width * bytes)
        for (int64_t j = 0; j < source->columns; j++, to += bytes)
            memcpy(to, from + (size_t)source->selected[j] * bytes, bytes);
}

static ddpm_status read_selected(ddpm_source *source, int64_t first, int64_t count, char *numbers)
{
    const size_t row_bytes = (size_t)source->columns * (size_t)ddpm_number_bytes(ddpm_source_holder(source));
    const int64_t room = ddpm_larger(1, DDPM_SOURCE_PIECE / source->width);
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        DDPM_TRY(ddpm_h5_read_rows_as(source->file, source->spec.dataset, ddpm_source_holder(source), first + done,
                                      part, source->piece));
        select_from_piece(source, part, numbers + (size_t)done * row_bytes);
    }
    return DDPM_OK;
}

static void read_given(const ddpm_source *source, int64_t first, int64_t count, float *numbers)
{
    const float *from = source->spec.given->numbers + first * source->width;
    for (int64_t i = 0; i < count; i++, from += source->width)
        for (int64_t j = 0; j < source->columns; j++) *numbers++ = from[source->selected ? source->selected[j] : j];
}

static ddpm_status read_numbers(ddpm_source *source, int64_t first, int64_t count, void *numbers)
{
    const ddpm_data_spec *spec = &source->spec;
    if (spec->given) {
        read_given(source, first, count, numbers);
        return DDPM_OK;
    }
    if (!source->file) {
        ddpm_toy_source_read(spec, first, count, numbers, NULL);
        return DDPM_OK;
    }
    if (source->table) {
        DDPM_TRY(ddpm_table_read(source->table, first, count, numbers));
        if (source->adoption.columns > 0) ddpm_adoption_apply(&source->adoption, count, numbers);
        return DDPM_OK;
    }
    if (source->selected) return read_selected(source, first, count, numbers);
    return ddpm_h5_read_rows_as(source->file, spec->dataset, ddpm_source_holder(source), first, count, numbers);
}

/* Fail with the place of value i, counted from the start of row `first`. */
static ddpm_status refuse(const ddpm_source *source, int64_t first, int64_t i, const char *why)
{
    const int64_t column = i % source->columns;
    return ddpm_fail(DDPM_ERR_DATA, "%s: dataset '%s', row %lld, column %lld%s%s%s (both from 0) is %s",
                     source->spec.path, source->spec.dataset, (long long)(first + i / source->columns),
                     (long long)(source->selected ? source->selected[column] : column), source->names ? " ('" : "",
                     source->names ? source->names[column] : "", source->names ? "')" : "", why);
}

static int is_allowed(ddpm_gaps gaps, double x)
{
    return isfinite(x) || (gaps == DDPM_GAPS_ALLOWED && isnan(x));
}

static const char *why_refused(ddpm_gaps gaps)
{
    return gaps == DDPM_GAPS_NONE ? "not a finite number; remove or fill in such rows"
                                  : "infinite; write NaN for a value that is not known";
}

/* Refuse a number that is no value by the conventions of its file. */
static ddpm_status check_conventions(const ddpm_source *source, int64_t first, int64_t count, const void *numbers)
{
    const ddpm_number holder = ddpm_source_holder(source);
    for (int64_t i = 0; i < count * source->columns; i++) {
        const double x = (double)ddpm_number_get(holder, numbers, i);
        const char *why = ddpm_conventions_refuse(&source->array.conventions, x);
        char all[DDPM_MESSAGE_BYTES / 2];
        if (!why) continue;
        snprintf(all, sizeof all,
                 "%g, which %s; 'analysis/import_table.py %s' fills and marks such gaps, or leaves out their rows", x,
                 why, source->spec.path);
        return refuse(source, first, i, all);
    }
    return DDPM_OK;
}

/* Without a branch, so that the compiler takes several at once. */
static int are_finite(const float *numbers, int64_t count)
{
    uint32_t bits, infinite = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy(&bits, &numbers[i], sizeof bits);
        infinite |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !infinite;
}

static ddpm_status check(const ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count, const void *numbers)
{
    const ddpm_number holder = ddpm_source_holder(source);
    if (gaps == DDPM_GAPS_UNCHECKED) return DDPM_OK;
    if (source->array.conventions.applies) DDPM_TRY(check_conventions(source, first, count, numbers));
    if (ddpm_number_is_integer(holder)) return DDPM_OK;
    if (holder == DDPM_NUMBER_FLOAT32 && are_finite(numbers, count * source->columns)) return DDPM_OK;
    for (int64_t i = 0; i < count * source->columns; i++) {
        const double x =
            holder == DDPM_NUMBER_FLOAT32 ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
        if (!is_allowed(gaps, x)) return refuse(source, first, i, why_refused(gaps));
    }
    return DDPM_OK;
}

ddpm_status ddpm_source_read(ddpm_source *source, ddpm_gaps gaps, int64_t first, int64_t count, void *numbers)
{
    DDPM_TRY(read_numbers(source, first, count, numbers));
    return check(source, gaps, first, count, numbers);
}

/* ---- reading through the source's own memory, some rows at a time ---- */

ddpm_status ddpm_source_read_column(ddpm_source *source, ddpm_gaps gaps, int64_t column, int64_t first, int64_t count,
                                    double *values)
{
    DDPM_TRY(ddpm_table_read_column(source->table, column, first, count, values));
    for (int64_t i = 0; gaps != DDPM_GAPS_UNCHECKED && i < count; i++)
        if (!is_allowed(gaps, values[i])) return refuse(source, first, i * source->columns + column, why_refused(gaps));
    return DDPM_OK;
}

/* Standardise rows in the source's memory. What is finite must be so in float32, too. */
static ddpm_status narrow(const ddpm_source *source, ddpm_gaps gaps, const ddpm_transform *transform, int64_t first,
                          int64_t count, float *rows)
{
    ddpm_transform_apply(transform, ddpm_source_holder(source), count, source->numbers, rows);
    for (int64_t i = 0; gaps != DDPM_GAPS_UNCHECKED && i < count * source->columns; i++)
        if (isinf(rows[i]))
            return refuse(source, first, i,
                          "too large for a model, which computes in float32; give the column in a "
                          "larger unit, or set data.standardize to column");
    return DDPM_OK;
}

ddpm_status ddpm_source_read_standardised(ddpm_source *source, ddpm_gaps gaps, const ddpm_transform *transform,
                                          int64_t first, int64_t count, float *rows)
{
    const int64_t room = ddpm_source_room(source);
    if (!source->numbers) {
        DDPM_TRY(ddpm_source_read(source, gaps, first, count, rows));
        ddpm_transform_apply(transform, DDPM_NUMBER_FLOAT32, count, rows, rows);
        return DDPM_OK;
    }
    for (int64_t done = 0; done < count; done += room) {
        const int64_t part = ddpm_smaller(room, count - done);
        DDPM_TRY(ddpm_source_read(source, gaps, first + done, part, source->numbers));
        DDPM_TRY(narrow(source, gaps, transform, first + done, part, rows + done * source->columns));
    }
    return DDPM_OK;
}

/* ---- reading tokens ---- */

static float stand_in(const ddpm_column_vocabulary *column)
{
    int64_t token = 0;
    for (int64_t k = 1; column->rows[0] == 0.0 && k < ddpm_column_tokens(column); k++)
        if (token == 0 || column->rows[k] > column->rows[token]) token = k;
    return (float)token;
}

ddpm_status ddpm_source_read_tokens(ddpm_source *source, const ddpm_transform *transform, int64_t first, int64_t count,
                                    float *rows)
{
    const int64_t columns = transform->columns;
    DDPM_TRY(ddpm_source_read_standardised(source, DDPM_GAPS_ALLOWED, transform, first, count, rows));
    for (int64_t i = 0; i < count * columns; i++)
        if (rows[i] < 0.0f) rows[i] = stand_in(&transform->vocabulary->column[i % columns]);
    return DDPM_OK;
}

ddpm_status ddpm_source_read_training(ddpm_source *source, const ddpm_transform *transform, int64_t first,
                                      int64_t count, float *rows)
{
    if (transform->vocabulary) return ddpm_source_read_tokens(source, transform, first, count, rows);
    DDPM_TRY(ddpm_source_read_standardised(source, DDPM_GAPS_NONE, transform, first, count, rows));
    ddpm_transform_spread(transform, first, count, rows);
    return DDPM_OK;
}
