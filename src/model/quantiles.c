/* Normal scores of columns. */
#include "model/quantiles.h"

#include "base/memory.h"
#include "model/normal_distribution.h"

#include <math.h>

enum { LAST = DDPM_QUANTILES - 1 };
static const double STEP = 2.0 * DDPM_QUANTILES_REACH / LAST;

/* The score of a value outside the range of the training rows, of which there is none for it: it can be told by it. */
static const double OUTSIDE = DDPM_QUANTILES_REACH + 0.01;

/* Beyond so many deviations, few rows share a value only because it is the least, or the largest. */
static const double FAR = 2.5;

static double score_of(int64_t i)
{
    return (double)(i - LAST / 2) * STEP;
}

/* ---- choosing ---- */

/* The distribution of a column's values: up to value[i], as many rows as rows[i]. */
typedef struct distribution {
    int64_t count;
    double *value, *rows;
    double shape[2]; /* of the tails */
} distribution;

static void add(distribution *d, double value, double rows)
{
    const double before = d->count > 0 ? d->rows[d->count - 1] : 0.0;
    d->value[d->count] = value;
    d->rows[d->count++] = before + rows;
}

static void add_spike(distribution *d, const ddpm_column_vocabulary *c, int64_t spike)
{
    add(d, c->spike[spike], 0.0);
    add(d, c->spike[spike], c->rows[1 + spike]);
}

static int is_shared(const ddpm_column_vocabulary *c, int64_t spike)
{
    return c->rows[1 + spike] >= DDPM_VOCABULARY_SHARED;
}

/* Whether a column has a token for each value, and most rows that do not share theirs with many have one of their own:
 * such values are points of a continuous distribution, unless they are few beside those that many rows share. */
static int has_points(const ddpm_column_vocabulary *c)
{
    double rows = 0.0, values = 0.0;
    for (int64_t k = 1; k <= c->spikes; k++)
        if (!is_shared(c, k - 1)) rows += c->rows[k], values++;
    return c->bins == 0 && rows < 2.0 * values && (values >= DDPM_VOCABULARY_SHARED || values == (double)c->spikes);
}

double ddpm_quantiles_shared(const ddpm_column_vocabulary *column)
{
    const int points = has_points(column);
    double rows = 0.0, shared = 0.0;
    for (int64_t k = 1; k < ddpm_column_tokens(column); k++) {
        rows += column->rows[k];
        if (k <= column->spikes && (!points || is_shared(column, k - 1))) shared += column->rows[k];
    }
    return rows > 0.0 ? shared / rows : 0.0;
}

/* Merge spikes with the pieces of bins, in which rows are spread evenly. */
static void merge(const ddpm_column_vocabulary *c, distribution *d)
{
    const int points = has_points(c);
    int64_t spike = 0;
    for (int64_t i = 0; i < c->bins * DDPM_VOCABULARY_KNOTS; i++) {
        const double end = c->knot[i + 1], share = 1.0 / DDPM_VOCABULARY_KNOTS;
        double from = c->knot[i], left = share * c->rows[1 + c->spikes + i / DDPM_VOCABULARY_KNOTS];
        while (spike < c->spikes && c->spike[spike] < from) add_spike(d, c, spike++);
        add(d, from, 0.0);
        for (; spike < c->spikes && c->spike[spike] < end; spike++) {
            const double part = left * (c->spike[spike] - from) / (end - from);
            add(d, c->spike[spike], part);
            add_spike(d, c, spike);
            from = c->spike[spike];
            left -= part;
        }
        add(d, end, left);
    }
    for (; spike < c->spikes; spike++)
        if (!points || is_shared(c, spike))
            add_spike(d, c, spike);
        else
            add(d, c->spike[spike], spike == 0 ? 0.0 : c->rows[1 + spike]);
}

/* ---- tails: what lies beyond the outermost quantiles, which half a row is beyond the ends of ---- */

/* A generalised Pareto distribution (Pickands 1975): the distance from the inner end of a tail to the value that the
 * share `beyond` of its rows lies beyond, up to a factor. Its shape is -1 for rows that are spread evenly, 0 for an
 * exponential tail, and above 0 for powers. */
static double distance(double beyond, double shape)
{
    return fabs(shape) < 1e-6 ? -log(beyond) : (pow(beyond, -shape) - 1.0) / shape;
}

/* The shape of a tail by its length, in units of the width of as many rows before it. */
static double shape_of(double length, double rows)
{
    double low = -1.0, high = 2.0;
    for (int i = 0; i < 40; i++) {
        const double shape = 0.5 * (low + high);
        if (distance(0.5 / rows, shape) < -length * distance(2.0, shape))
            low = shape;
        else
            high = shape;
    }
    return 0.5 * (low + high);
}

static int64_t segment_of(const distribution *d, double rows, int64_t from)
{
    while (from + 2 < d->count && d->rows[from + 1] < rows) from++;
    return from;
}

static double evenly(const distribution *d, int64_t i, double rows)
{
    const double width = d->rows[i + 1] - d->rows[i], share = width > 0.0 ? (rows - d->rows[i]) / width : 1.0;
    return d->value[i] + fmax(0.0, fmin(share, 1.0)) * (d->value[i + 1] - d->value[i]);
}

/* The shapes of both tails, the first and the last segment, by as many rows beside them. */
static void find_shapes(distribution *d)
{
    const int64_t last = d->count - 2;
    const double all = d->rows[d->count - 1], rows[2] = {d->rows[1], all - d->rows[last]};
    for (int side = 0; side < 2; side++) {
        const double beside = side == 0 ? 2.0 * rows[0] : all - 2.0 * rows[1];
        const double value = evenly(d, segment_of(d, beside, 0), beside), end = d->value[side == 0 ? 0 : d->count - 1],
                     inner = d->value[side == 0 ? 1 : last];
        d->shape[side] =
            rows[side] > 1.0 ? shape_of(fabs(end - inner) / fmax(fabs(inner - value), 1e-300), rows[side]) : -1.0;
    }
}

/* The value below which so many rows lie. *at: where the search of a smaller number ended. */
static double value_at(const distribution *d, double rows, int64_t *at)
{
    const int64_t i = *at = segment_of(d, rows, *at);
    const double width = d->rows[i + 1] - d->rows[i];
    const double beyond = i == 0 ? rows : d->rows[d->count - 1] - rows, shape = d->shape[i > 0];
    if ((i > 0 && i < d->count - 2) || width <= 1.0) return evenly(d, i, rows);
    const double part = beyond > 0.5 ? distance(beyond / width, shape) / distance(0.5 / width, shape) : 1.0;
    const double share = i == 0 ? 1.0 - part : part;
    return d->value[i] + fmax(0.0, fmin(share, 1.0)) * (d->value[i + 1] - d->value[i]);
}

ddpm_status ddpm_quantiles_choose(const ddpm_column_vocabulary *column, double *value)
{
    const int64_t most = 2 + 3 * column->spikes + 2 * column->bins * DDPM_VOCABULARY_KNOTS;
    distribution d = {0};
    ddpm_status status = DDPM_NEW(&d.value, most, "quantiles");
    if (status == DDPM_OK) status = DDPM_NEW(&d.rows, most, "quantiles");
    if (status == DDPM_OK) {
        int64_t at = 0;
        merge(column, &d);
        if (d.count > 1) find_shapes(&d);
        for (int64_t k = 0; k < DDPM_QUANTILES; k++)
            value[k] = d.count < 2 ? 0.0 : value_at(&d, d.rows[d.count - 1] * ddpm_normal_share(score_of(k)), &at);
    }
    ddpm_release(d.value);
    ddpm_release(d.rows);
    return status;
}

double ddpm_quantiles_width(const double *value, double share)
{
    double least = value[LAST] - value[0];
    int64_t end = 0;
    for (int64_t i = 0; i < LAST; i++) {
        const double rows = ddpm_normal_share(score_of(i)) + share;
        while (end < LAST && ddpm_normal_share(score_of(end)) < rows) end++;
        if (ddpm_normal_share(score_of(end)) < rows) break;
        least = fmin(least, value[end] - value[i]);
    }
    return least;
}

int ddpm_quantiles_has_few(const double *value, int64_t most)
{
    int64_t values = 1;
    for (int64_t i = 0; i < LAST && values <= most; i++) values += value[i] < value[i + 1];
    return values <= most;
}

/* ---- the map ---- */

/* The last of the knots low .. high that is at most `value`, as the first is; of several equal ones the last. */
static int64_t last_at_most(const double *knot, int64_t low, int64_t high, double value)
{
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (knot[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    return knot[high] <= value ? high : low;
}

/* The first knot that is equal to knot `i`. */
static int64_t first_equal(const double *knot, int64_t i)
{
    int64_t low = -1, high = i;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (knot[middle] < knot[i])
            low = middle;
        else
            high = middle;
    }
    return high;
}

double ddpm_quantiles_score(const ddpm_quantiles *q, double value)
{
    const double *knot = q->value;
    if (!(value >= knot[0])) return isnan(value) ? value : -OUTSIDE;
    if (value > knot[LAST]) return OUTSIDE;
    const int64_t last = last_at_most(knot, 0, LAST, value);
    if (knot[last] < value) return score_of(last) + STEP * (value - knot[last]) / (knot[last + 1] - knot[last]);
    const int64_t first = first_equal(knot, last);
    if (first == last) return score_of(first);
    /* all that lies beyond the ends belongs to their values */
    const double low = first == 0 ? 0.0 : ddpm_normal_share(score_of(first)),
                 high = last == LAST ? 1.0 : ddpm_normal_share(score_of(last));
    return ddpm_normal_quantile(0.5 * (low + high));
}

/* Whether the piece after knot i leads from one value that many rows share to the next one, so that no row is between
 * them. */
static int is_jump(const double *knot, int64_t i)
{
    return (i == 0 || knot[i - 1] == knot[i]) && (i + 2 > LAST || knot[i + 1] == knot[i + 2]);
}

static int64_t piece_of(double score)
{
    const int64_t i = (int64_t)floor((score + DDPM_QUANTILES_REACH) / STEP);
    return i < 0 ? 0 : i >= LAST ? LAST - 1 : i;
}

double ddpm_quantiles_value(const ddpm_quantiles *q, double score)
{
    const double *knot = q->value;
    if (!(score > -DDPM_QUANTILES_REACH)) return isnan(score) ? score : knot[0];
    if (score >= DDPM_QUANTILES_REACH) return knot[LAST];
    const int64_t i = piece_of(score);
    const double part = fmax(0.0, fmin((score - score_of(i)) / STEP, 1.0));
    if (is_jump(knot, i)) return part < 0.5 ? knot[i] : knot[i + 1];
    return ddpm_decimals_round_to_step(q->decimals, q->step, knot[0], knot[i] + part * (knot[i + 1] - knot[i]));
}

void ddpm_quantiles_shares(double share[DDPM_QUANTILES])
{
    for (int64_t i = 0; i < DDPM_QUANTILES; i++) share[i] = ddpm_normal_share(score_of(i));
}

double ddpm_quantiles_spread(const double *value, const double *share, double score, double place)
{
    const int64_t i = piece_of(score);
    if (value[i] != value[i + 1]) return score;
    const int64_t last = last_at_most(value, 0, LAST, value[i]), first = first_equal(value, i);
    const double from = first == 0 ? 0.0 : share[first], to = last == LAST ? 1.0 : share[last],
                 wanted = from + place * (to - from);
    const int64_t low = wanted < share[first] ? first : last_at_most(share, first, last - 1, wanted);
    const double part = (wanted - share[low]) / (share[low + 1] - share[low]);
    return score_of(low) + STEP * fmax(0.0, fmin(part, 1.0));
}

double ddpm_quantiles_log_slope(const ddpm_quantiles *q, double score)
{
    const double *knot = q->value;
    int64_t i = piece_of(score);
    while (knot[i] == knot[i + 1] && knot[i] == knot[0] && score_of(i + 1) < -FAR) i++;
    while (knot[i] == knot[i + 1] && knot[i] == knot[LAST] && score_of(i) > FAR) i--;
    if (knot[i] == knot[i + 1] && fabs(score) > DDPM_QUANTILES_REACH) return INFINITY;
    return log((knot[i + 1] - knot[i]) / STEP);
}
