/* Chooses spikes and quantile bins of columns, and maps values to tokens and back. */
#include "model/vocabulary.h"

#include "base/memory.h"
#include "base/split.h"

#include <math.h>

enum {
    KNOTS = DDPM_VOCABULARY_KNOTS,
    BIN_ROWS = 50,     /* rows in a bin, at least */
    SPIKE_ROWS = 20,   /* rows that share a spike, at least */
    DECIMALS_MOST = 6, /* that are looked for */
};

static const double SPIKE_SHARE = 0.002; /* of the rows, at least */

ddpm_status ddpm_vocabulary_allocate(int64_t columns, ddpm_vocabulary *out)
{
    *out = (ddpm_vocabulary){.columns = columns};
    return DDPM_NEW(&out->column, columns, "a vocabulary");
}

ddpm_status ddpm_vocabulary_allocate_column(int64_t spikes, int64_t bins, ddpm_column_vocabulary *out)
{
    out->spikes = spikes;
    out->bins = bins;
    DDPM_TRY(DDPM_NEW(&out->spike, spikes, "a vocabulary"));
    DDPM_TRY(DDPM_NEW(&out->knot, bins > 0 ? bins * KNOTS + 1 : 0, "a vocabulary"));
    return DDPM_NEW(&out->rows, ddpm_column_tokens(out), "a vocabulary");
}

void ddpm_column_layout_release(ddpm_column_layout *layout)
{
    ddpm_release(layout->names);
    ddpm_release(layout->codes);
    ddpm_release(layout->units);
    *layout = (ddpm_column_layout){0};
}

void ddpm_vocabulary_release(ddpm_vocabulary *vocabulary)
{
    for (int64_t j = 0; vocabulary->column && j < vocabulary->columns; j++) {
        ddpm_column_vocabulary *column = &vocabulary->column[j];
        ddpm_column_layout_release(&column->layout);
        ddpm_release(column->spike);
        ddpm_release(column->knot);
        ddpm_release(column->rows);
    }
    ddpm_release(vocabulary->column);
    *vocabulary = (ddpm_vocabulary){0};
}

/* ---- choosing ---- */

/* The end of the values that are equal to value `at`. */
static int64_t end_of_equal(int64_t count, const double *values, int64_t at)
{
    int64_t end = at + 1;
    while (end < count && values[end] == values[at]) end++;
    return end;
}

static int64_t count_distinct(int64_t count, const double *values)
{
    int64_t distinct = 0;
    for (int64_t at = 0; at < count; at = end_of_equal(count, values, at)) distinct++;
    return distinct;
}

/* The fewest digits behind the point that write all values; -1 where they are more than a few. */
static int find_decimals(int64_t count, const double *values)
{
    double power = 1.0;
    for (int decimals = 0; decimals <= DECIMALS_MOST; decimals++, power *= 10.0) {
        int64_t i = 0;
        while (i < count && round(values[i] * power) / power == values[i]) i++;
        if (i == count) return decimals;
    }
    return -1;
}

/* What a number's tokens will be: the rows that a spike needs, and how many spikes and other values there are. */
typedef struct token_plan {
    int64_t least, spikes, rest;
} token_plan;

static token_plan make_plan(const ddpm_column_vocabulary *column, int64_t count, const double *values)
{
    const int all =
        column->layout.kind == DDPM_COLUMN_CATEGORY || count_distinct(count, values) <= DDPM_VOCABULARY_EXACT;
    const int64_t share = (int64_t)ceil(SPIKE_SHARE * (double)count);
    token_plan p = {.least = all ? 1 : ddpm_larger(SPIKE_ROWS, share)};
    for (int64_t at = 0, end; at < count; at = end) {
        end = end_of_equal(count, values, at);
        if (end - at >= p.least)
            p.spikes++;
        else
            p.rest += end - at;
    }
    return p;
}

/* Take the spikes, and copy the other values, [plan->rest]. */
static void split(ddpm_column_vocabulary *column, const token_plan *plan, int64_t count, const double *values,
                  double *rest)
{
    int64_t spikes = 0;
    for (int64_t at = 0, end; at < count; at = end) {
        end = end_of_equal(count, values, at);
        if (end - at >= plan->least) {
            column->spike[spikes++] = values[at];
            column->rows[spikes] = (double)(end - at);
        } else
            for (int64_t i = at; i < end; i++) *rest++ = values[i];
    }
}

/* Where `share` of the way from one value to another leads. It does not fall as the share rises, and is exact where
 * the two are equal. */
static double between(double low, double high, double share)
{
    const double distance = high - low;
    return isfinite(distance) ? fmin(low + share * distance, high) : low * (1.0 - share) + high * share;
}

/* Which share of the way from one value to another, which are not equal, leads to a third. */
static double share_between(double low, double high, double value)
{
    const double distance = high - low;
    return isfinite(distance) ? (value - low) / distance : (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low);
}

/* Knot i of n is the quantile i / n: where values repeat, one of them, and else between two where it falls there. */
static void set_knots(ddpm_column_vocabulary *column, int64_t rest_count, const double *rest)
{
    const int64_t n = column->bins * KNOTS;
    column->repeats = 2 * count_distinct(rest_count, rest) <= rest_count;
    for (int64_t i = 0; i <= n; i++) {
        const double exact = (double)i * (double)(rest_count - 1) / (double)n,
                     at = column->repeats ? round(exact) : exact;
        const int64_t below = ddpm_smaller((int64_t)at, rest_count - 1),
                      above = ddpm_smaller(below + 1, rest_count - 1);
        column->knot[i] = between(rest[below], rest[above], at - (double)below);
    }
}

static void count_rows(ddpm_column_vocabulary *column, int64_t rest_count, const double *rest)
{
    for (int64_t i = 0; i < rest_count; i++) column->rows[(int64_t)ddpm_vocabulary_encode(column, rest[i])] += 1.0;
}

ddpm_status ddpm_vocabulary_choose(ddpm_column_vocabulary *column, int64_t count, const double *values, int64_t gaps)
{
    const token_plan plan = make_plan(column, count, values);
    const int64_t bins = plan.rest == 0 ? 0 : ddpm_smaller(DDPM_VOCABULARY_BINS, ddpm_larger(1, plan.rest / BIN_ROWS));
    double *rest = NULL;
    column->decimals = column->layout.kind == DDPM_COLUMN_CATEGORY ? 0 : find_decimals(count, values);
    DDPM_TRY(ddpm_vocabulary_allocate_column(plan.spikes, bins, column));
    DDPM_TRY(DDPM_NEW(&rest, plan.rest, "values of a column"));
    split(column, &plan, count, values, rest);
    column->rows[0] = (double)gaps;
    if (bins > 0) {
        set_knots(column, plan.rest, rest);
        count_rows(column, plan.rest, rest);
    }
    ddpm_release(rest);
    return DDPM_OK;
}

/* ---- values to tokens and back ---- */

/* The number of the first of n ascending values that is not less than this one. */
static int64_t first_not_less(int64_t n, const double *values, double value)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t nearest_spike(const ddpm_column_vocabulary *column, double value)
{
    const int64_t at = first_not_less(column->spikes, column->spike, value);
    if (at == 0) return 0;
    if (at == column->spikes) return at - 1;
    return value - column->spike[at - 1] <= column->spike[at] - value ? at - 1 : at;
}

/* A token and a place in it as one number, whose whole part is the token. */
static float join(int64_t token, double place)
{
    const float next = (float)(token + 1), number = (float)((double)token + place);
    return number < next ? number : nextafterf(next, 0.0f);
}

float ddpm_vocabulary_number(const ddpm_column_vocabulary *column, int64_t token, double place)
{
    return token > column->spikes ? join(token, place) : (float)token;
}

/* Where knots are equal, the value lies in their middle. */
static float encode_between(const ddpm_column_vocabulary *column, double value)
{
    const int64_t knots = column->bins * KNOTS + 1, low = first_not_less(knots, column->knot, value);
    double place;
    if (low == 0 && value < column->knot[0])
        place = 0.0;
    else if (low == knots)
        place = (double)(knots - 1);
    else if (column->knot[low] == value) {
        int64_t high = low;
        while (high + 1 < knots && column->knot[high + 1] == value) high++;
        place = 0.5 * ((double)low + (double)high);
    } else
        place = (double)(low - 1) + share_between(column->knot[low - 1], column->knot[low], value);
    const int64_t bin = ddpm_smaller((int64_t)(place / KNOTS), column->bins - 1);
    return join(1 + column->spikes + bin, place / KNOTS - (double)bin);
}

float ddpm_vocabulary_encode(const ddpm_column_vocabulary *column, double value)
{
    if (isnan(value)) return column->rows[0] > 0.0 ? 0.0f : -1.0f;
    if (column->spikes > 0) {
        const int64_t nearest = nearest_spike(column, value);
        const int exact = column->spike[nearest] == value;
        if (exact || (column->bins == 0 && column->layout.kind == DDPM_COLUMN_NUMBER)) return (float)(1 + nearest);
    }
    return column->bins > 0 ? encode_between(column, value) : -1.0f;
}

static double round_to(int decimals, double value)
{
    const double power = pow(10.0, decimals);
    return decimals < 0 ? value : round(value * power) / power;
}

double ddpm_vocabulary_decode(const ddpm_column_vocabulary *column, float number)
{
    const int64_t token = (int64_t)number, bin = token - 1 - column->spikes;
    if (token <= 0) return NAN;
    if (bin < 0) return column->spike[token - 1];
    const double place = ((double)number - (double)token + (double)bin) * KNOTS;
    const int64_t below = ddpm_smaller((int64_t)place, column->bins * KNOTS - 1);
    const double share = place - (double)below;
    if (column->repeats) return column->knot[share < 0.5 ? below : below + 1];
    return round_to(column->decimals, between(column->knot[below], column->knot[below + 1], share));
}

int64_t ddpm_vocabulary_encode_rows(const ddpm_vocabulary *vocabulary, int64_t count, const double *values, float *rows)
{
    int64_t unknown = -1;
    for (int64_t i = 0; i < count * vocabulary->columns; i++) {
        rows[i] = ddpm_vocabulary_encode(&vocabulary->column[i % vocabulary->columns], values[i]);
        if (rows[i] < 0.0f && unknown < 0) unknown = i;
    }
    return unknown;
}

void ddpm_vocabulary_decode_rows(const ddpm_vocabulary *vocabulary, int64_t count, const float *rows, double *values)
{
    for (int64_t i = 0; i < count * vocabulary->columns; i++)
        values[i] = ddpm_vocabulary_decode(&vocabulary->column[i % vocabulary->columns], rows[i]);
}
