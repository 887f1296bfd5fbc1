/* Chooses spikes and quantile bins of columns, and maps values to tokens and back. */
#include "model/vocabulary.h"

#include "base/memory.h"
#include "base/split.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum {
    KNOTS = DDPM_VOCABULARY_KNOTS,
    BIN_ROWS = 50, /* rows in a bin, at least */
};

static const double SPIKE_SHARE = 0.002; /* of the rows, at least */

static const double SPREAD_SHARE = 0.25; /* of the rows, at most */

/* Of the rows that have fewer decimals than the most: where all numbers are written with as many, it is a tenth. */
static const double FEWER_SHARE = 0.25;

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
    ddpm_release(layout->format);
    *layout = (ddpm_column_layout){0};
}

static void release_values(const ddpm_column_vocabulary *column)
{
    ddpm_release(column->spike);
    ddpm_release(column->knot);
    ddpm_release(column->rows);
}

void ddpm_vocabulary_release(ddpm_vocabulary *vocabulary)
{
    for (int64_t j = 0; vocabulary->column && j < vocabulary->columns; j++) {
        ddpm_column_vocabulary *column = &vocabulary->column[j];
        ddpm_column_layout_release(&column->layout);
        release_values(column);
        ddpm_release(column->link);
        if (column->near) release_values(column->near);
        ddpm_release(column->near);
    }
    ddpm_release(vocabulary->column);
    *vocabulary = (ddpm_vocabulary){0};
}

/* ---- choosing ---- */

/* What is to be known of the values before tokens are chosen. */
typedef struct survey {
    int64_t least;           /* the rows that a spike needs */
    int64_t rows, different; /* and values */
    int64_t spikes, rest;    /* values that have so many rows, and rows that have none of them */
    int64_t different_rest;  /* values of those */
    ddpm_number number;      /* the type of the values */
    int most_decimals;       /* of a value, which may be DDPM_DECIMALS_MOST + 1 */
    /* Rows of those that have so many decimals, and so few digits that it is not by chance. */
    int64_t few_digits[DDPM_DECIMALS_MOST + 2];
    double first; /* value */
    int64_t step; /* that divides the distances of all from it, in units of the last of most_decimals */
} survey;

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Values of so many decimals as are looked for have less than 2^53 units of the last one. A step of the units of fewer
 * decimals becomes one of more units, unless it cannot be counted. */
static void take_step(survey *s, double value, int decimals)
{
    const int before = s->most_decimals, most = decimals > before ? decimals : before;
    if (s->different == 0) s->first = value;
    if (most > DDPM_DECIMALS_MOST || (double)s->step * ddpm_decimals_units(most - before) >= 0x1p62 ||
        fmax(fabs(value), fabs(s->first)) * ddpm_decimals_units(most) >= 0x1p53)
        s->step = 1;
    else
        s->step = common_divisor(
            s->step * (int64_t)ddpm_decimals_units(most - before),
            llabs(llround(value * ddpm_decimals_units(most)) - llround(s->first * ddpm_decimals_units(most))));
}

static void take_survey(void *to, double value, int64_t times)
{
    survey *s = to;
    const int decimals = ddpm_decimals_of(s->number, value);
    take_step(s, value, decimals);
    s->different++;
    if (times >= s->least)
        s->spikes++;
    else {
        s->rest += times;
        s->different_rest++;
    }
    s->rows += times;
    if (fabs(value) * ddpm_decimals_units((int)ddpm_smaller(decimals, DDPM_DECIMALS_MOST)) <
        (s->number == DDPM_NUMBER_FLOAT32 ? 1e5 : 1e12))
        s->few_digits[decimals] += times;
    if (decimals > s->most_decimals) s->most_decimals = decimals;
}

/* The decimals of a column: those of all values, or of each by itself. Quarters have fewer where they are halves, and
 * are a step apart for all that. */
static int choose_decimals(const survey *s, int mixes)
{
    int64_t fewer = 0;
    for (int decimals = 0; decimals < s->most_decimals; decimals++) fewer += s->few_digits[decimals];
    if (mixes && s->step <= 1 && (double)fewer > FEWER_SHARE * (double)s->rows) return DDPM_VOCABULARY_MIXED;
    return s->most_decimals <= DDPM_DECIMALS_MOST ? s->most_decimals : -1;
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

/* A column whose spikes and knots are being set. */
typedef struct choice {
    ddpm_column_vocabulary *column;
    const survey *survey;
    int64_t spikes, rest; /* of which have come */
    int64_t below, above; /* knots whose lower and whose upper value has come */
    double *lower;        /* [knots] */
} choice;

static int64_t knots_of(const ddpm_column_vocabulary *column)
{
    return column->bins > 0 ? column->bins * KNOTS + 1 : 0;
}

/* Knot i of n is the quantile i / n: where values repeat or have decimals of their own, one of them, and else between
 * two where it falls there. */
static double place_of_knot(const choice *c, int64_t i)
{
    const double exact = (double)i * (double)(c->survey->rest - 1) / (double)(c->column->bins * KNOTS);
    return c->column->repeats || c->column->decimals == DDPM_VOCABULARY_MIXED ? round(exact) : exact;
}

static int64_t below_of(const choice *c, int64_t i)
{
    return ddpm_smaller((int64_t)place_of_knot(c, i), c->survey->rest - 1);
}

static void take_choice(void *to, double value, int64_t times)
{
    choice *c = to;
    const int64_t knots = knots_of(c->column), last = c->survey->rest - 1;
    if (times >= c->survey->least) {
        c->column->spike[c->spikes++] = value;
        c->column->rows[c->spikes] = (double)times;
        return;
    }
    c->rest += times;
    for (; c->below < knots && below_of(c, c->below) < c->rest; c->below++) c->lower[c->below] = value;
    for (; c->above < knots && ddpm_smaller(below_of(c, c->above) + 1, last) < c->rest; c->above++) {
        const double at = place_of_knot(c, c->above);
        c->column->knot[c->above] = between(c->lower[c->above], value, at - (double)below_of(c, c->above));
    }
}

/* Values that are no spikes. */
static void take_rows(void *to, double value, int64_t times)
{
    const choice *c = to;
    if (times < c->survey->least) c->column->rows[(int64_t)ddpm_vocabulary_encode(c->column, value)] += (double)times;
}

static ddpm_status set_tokens(const ddpm_runs *runs, choice *c)
{
    DDPM_TRY(runs->visit(runs->context, take_choice, c));
    return c->column->bins > 0 ? runs->visit(runs->context, take_rows, c) : DDPM_OK;
}

/* Whether no value has so large a share of the rows that scores are far from normal. */
static int is_spread(const ddpm_column_vocabulary *column)
{
    double all = 0.0, most = 0.0;
    for (int64_t k = 1; k < ddpm_column_tokens(column); k++) {
        all += column->rows[k];
        most = fmax(most, column->rows[k]);
    }
    return most <= SPREAD_SHARE * all;
}

ddpm_status ddpm_vocabulary_choose_runs(ddpm_column_vocabulary *column, int64_t count, const ddpm_runs *runs,
                                        int64_t gaps, int mixes)
{
    const int is_category = column->layout.kind == DDPM_COLUMN_CATEGORY;
    survey s = {.number = column->layout.number,
                .least = ddpm_larger(DDPM_VOCABULARY_SHARED, (int64_t)ceil(SPIKE_SHARE * (double)count))};
    DDPM_TRY(runs->visit(runs->context, take_survey, &s));
    if (is_category || s.different <= DDPM_VOCABULARY_EXACT) {
        s.least = 1;
        s.spikes = s.different;
        s.rest = 0;
    }
    const int64_t bins = s.rest == 0 ? 0 : ddpm_smaller(DDPM_VOCABULARY_BINS, ddpm_larger(1, s.rest / BIN_ROWS));
    choice c = {.column = column, .survey = &s};
    column->decimals = is_category ? 0 : choose_decimals(&s, mixes);
    DDPM_TRY(ddpm_vocabulary_allocate_column(s.spikes, bins, column));
    column->rows[0] = (double)gaps;
    column->step = is_category || column->decimals < 0 ? 0 : s.step;
    column->repeats = bins > 0 && 2 * s.different_rest <= s.rest;
    DDPM_TRY(DDPM_NEW(&c.lower, knots_of(column), "a vocabulary"));
    column->has_rare = is_category && s.spikes > DDPM_VOCABULARY_EXACT;
    const ddpm_status status = set_tokens(runs, &c);
    column->has_scores = status == DDPM_OK && ddpm_column_is_smooth(column) && is_spread(column);
    ddpm_release(c.lower);
    return status;
}

/* Values in memory. */
typedef struct sorted_values {
    int64_t count;
    const double *values;
} sorted_values;

static ddpm_status visit_sorted(void *context, void (*take)(void *to, double value, int64_t times), void *to)
{
    const sorted_values *v = context;
    for (int64_t at = 0, end; at < v->count; at = end) {
        for (end = at + 1; end < v->count && v->values[end] == v->values[at];) end++;
        take(to, v->values[at], end - at);
    }
    return DDPM_OK;
}

ddpm_status ddpm_vocabulary_choose(ddpm_column_vocabulary *column, int64_t count, const double *values, int64_t gaps)
{
    sorted_values sorted = {count, values};
    const ddpm_runs runs = {&sorted, visit_sorted};
    return ddpm_vocabulary_choose_runs(column, count, &runs, gaps, 1);
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

float ddpm_vocabulary_join(int64_t token, double place)
{
    const float next = (float)(token + 1), number = (float)((double)token + place);
    return number < next ? number : nextafterf(next, 0.0f);
}

float ddpm_vocabulary_number(const ddpm_column_vocabulary *column, int64_t token, double place)
{
    return token > column->spikes ? ddpm_vocabulary_join(token, place) : (float)token;
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
    return ddpm_vocabulary_join(1 + column->spikes + bin, place / KNOTS - (double)bin);
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

/* Round as the column says, or as a training value nearby was. */
static double round_beside(const ddpm_column_vocabulary *column, double nearest, double value)
{
    const int decimals =
        column->decimals == DDPM_VOCABULARY_MIXED ? ddpm_decimals_of(column->layout.number, nearest) : column->decimals;
    return ddpm_decimals_round_to_step(decimals, column->step, column->knot[0], value); /* a knot that is a value */
}

double ddpm_vocabulary_decode(const ddpm_column_vocabulary *column, float number)
{
    const int64_t token = (int64_t)number, bin = token - 1 - column->spikes;
    if (token <= 0) return NAN;
    if (bin < 0) return column->spike[token - 1];
    const double place = ((double)number - (double)(int64_t)number + (double)bin) * KNOTS;
    const int64_t below = ddpm_smaller((int64_t)place, column->bins * KNOTS - 1);
    const double share = place - (double)below;
    const double nearest = column->knot[share < 0.5 ? below : below + 1];
    if (column->repeats) return nearest;
    return round_beside(column, nearest, between(column->knot[below], column->knot[below + 1], share));
}

double ddpm_vocabulary_round(const ddpm_column_vocabulary *column, double value)
{
    if (column->decimals != DDPM_VOCABULARY_MIXED) return round_beside(column, value, value);
    const int64_t knots = knots_of(column), at = first_not_less(knots, column->knot, value);
    const int64_t above = ddpm_smaller(at, knots - 1), below = ddpm_larger(above - 1, 0);
    const int is_below = fabs(value - column->knot[below]) < fabs(column->knot[above] - value);
    return round_beside(column, column->knot[is_below ? below : above], value);
}

void ddpm_vocabulary_range(const ddpm_column_vocabulary *column, double *least, double *most)
{
    *least = INFINITY;
    *most = -INFINITY;
    if (column->spikes > 0) {
        *least = column->spike[0];
        *most = column->spike[column->spikes - 1];
    }
    if (column->bins > 0) {
        *least = fmin(*least, column->knot[0]);
        *most = fmax(*most, column->knot[column->bins * KNOTS]);
    }
}
