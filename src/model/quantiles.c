/* Normal scores of columns. */
#include "model/quantiles.h"

#include "base/memory.h"
#include "model/normal_distribution.h"

#include <math.h>

enum { LAST = DDPM_QUANTILES - 1 };
static const double STEP = 2.0 * DDPM_QUANTILES_REACH / LAST;

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

/* Merge spikes with the pieces of bins, in which rows are spread evenly. */
static void merge(const ddpm_column_vocabulary *c, distribution *d)
{
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
    while (spike < c->spikes) add_spike(d, c, spike++);
}

/* How far the value that so many rows lie beyond is from the inner end of a tail, in parts of its length. The tail
 * falls exponentially, and half a row lies beyond its outer end, which is the least or the largest value. */
static double part_of_tail(double beyond, double rows)
{
    return fmin(log(rows / beyond) / log(2.0 * rows), 1.0);
}

/* The value below which so many rows lie. *at: where the search of a smaller number ended. */
static double value_at(const distribution *d, double rows, int64_t *at)
{
    const double all = d->rows[d->count - 1];
    int64_t i = *at;
    while (i + 2 < d->count && d->rows[i + 1] < rows) i++;
    *at = i;
    const double width = d->rows[i + 1] - d->rows[i];
    double share = width > 0.0 ? fmin((rows - d->rows[i]) / width, 1.0) : 1.0;
    if (i == 0 && width > 1.0) share = 1.0 - part_of_tail(rows, width);
    if (i == d->count - 2 && width > 1.0) share = part_of_tail(all - rows, width);
    return d->value[i] + share * (d->value[i + 1] - d->value[i]);
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
        for (int64_t k = 0; k < DDPM_QUANTILES; k++)
            value[k] = d.count < 2 ? 0.0 : value_at(&d, d.rows[d.count - 1] * ddpm_normal_share(score_of(k)), &at);
    }
    ddpm_release(d.value);
    ddpm_release(d.rows);
    return status;
}

/* ---- the map ---- */

/* The last knot that is at most `value`, which lies between the first and the last; of several equal ones the last. */
static int64_t last_at_most(const double *knot, double value)
{
    int64_t low = 0, high = LAST;
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
    if (!(value >= knot[0])) return isnan(value) ? value : -DDPM_QUANTILES_REACH;
    if (value > knot[LAST]) return DDPM_QUANTILES_REACH;
    const int64_t last = last_at_most(knot, value);
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
    return ddpm_vocabulary_round_to(q->decimals, knot[i] + part * (knot[i + 1] - knot[i]));
}

double ddpm_quantiles_log_slope(const ddpm_quantiles *q, double score)
{
    const double *knot = q->value;
    int64_t i = piece_of(score);
    while (knot[i] == knot[i + 1] && knot[i] == knot[0] && score_of(i + 1) < -FAR) i++;
    while (knot[i] == knot[i + 1] && knot[i] == knot[LAST] && score_of(i) > FAR) i--;
    return log((knot[i + 1] - knot[i]) / STEP);
}
