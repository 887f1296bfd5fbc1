/* Links columns that are near each other, and makes values of differences. */
#include "model/twins.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { LEAST_ROWS = 20 };

/* Values are near within so many widths of the bin in which the later column's is, or within as large a share of it
 * where few rows have fewer bins than that many: wide bins would make columns near by chance. */
static const double NEAR_WIDTHS = 4.0, NEAR_BINS = 100.0;

/* Of the rows in which two columns must be equal, and near. By chance, columns that are independent are equal in at
 * most as many rows as share a value that is no spike, which is a tenth of this; and near in a few bins of a hundred.
 */
static const double LEAST_EQUAL = 0.02, LEAST_NEAR = 0.25;

/* ---- links ---- */

ddpm_status ddpm_twins_allocate_near(ddpm_column_vocabulary *column)
{
    DDPM_TRY(DDPM_NEW(&column->near, 1, "links of columns"));
    column->near->layout = (ddpm_column_layout){.number = DDPM_NUMBER_FLOAT64, .gap = -1};
    column->near->decimals = -1; /* the values are rounded */
    return DDPM_OK;
}

static ddpm_status link_column(ddpm_vocabulary *v, int64_t column)
{
    ddpm_column_vocabulary *own = &v->column[column];
    int64_t links = own->twin > 0, first = ddpm_column_tokens(own);
    for (int64_t j = column + 1; j < v->columns; j++) links += v->column[j].twin == column + 1;
    DDPM_TRY(DDPM_NEW(&own->link, links, "links of columns"));
    for (int64_t j = 0; j < v->columns; j++) {
        const int is_twin = own->twin == j + 1;
        if (!is_twin && v->column[j].twin != column + 1) continue;
        ddpm_column_link *link = &own->link[own->links++];
        *link = (ddpm_column_link){j, first, is_twin, is_twin ? own->near : v->column[j].near};
        first += ddpm_link_tokens(link);
    }
    return DDPM_OK;
}

ddpm_status ddpm_twins_link(ddpm_vocabulary *vocabulary)
{
    for (int64_t j = 0; j < vocabulary->columns; j++) DDPM_TRY(link_column(vocabulary, j));
    return DDPM_OK;
}

static int has_twins(const ddpm_vocabulary *vocabulary)
{
    for (int64_t j = 0; j < vocabulary->columns; j++)
        if (vocabulary->column[j].twin > 0) return 1;
    return 0;
}

const ddpm_column_link *ddpm_twins_link_of(const ddpm_column_vocabulary *column, int64_t token)
{
    for (int64_t i = column->links; i-- > 0;)
        if (token >= column->link[i].first) return &column->link[i];
    return NULL;
}

/* ---- values and differences ---- */

/* How far from a value in this bin a near one may be. */
static double reach_of(const ddpm_column_vocabulary *column, int64_t token)
{
    const double *knot = column->knot + (token - 1 - column->spikes) * DDPM_VOCABULARY_KNOTS;
    return NEAR_WIDTHS * fmin(1.0, (double)column->bins / NEAR_BINS) * (knot[DDPM_VOCABULARY_KNOTS] - knot[0]);
}

/* A number of a value of its own, which is no gap. */
static int is_near(const ddpm_column_vocabulary *column, float own, double value, double twin, int by_near)
{
    const int64_t token = (int64_t)own;
    if (token <= column->spikes || isnan(twin)) return 0;
    return value == twin || (by_near && fabs(value - twin) <= reach_of(column, token));
}

int ddpm_twins_is_near(const ddpm_column_vocabulary *column, double value, double twin, int by_near)
{
    return !isnan(value) && is_near(column, ddpm_vocabulary_encode(column, value), value, twin, by_near);
}

float ddpm_twins_encode(const ddpm_column_vocabulary *column, float own, double value, double twin)
{
    const ddpm_column_vocabulary *near = column->near;
    const double difference = value - twin;
    if (!is_near(column, own, value, twin, 1)) return own;
    const float number = ddpm_vocabulary_encode(near, difference);
    if (near->bins == 0 && ddpm_vocabulary_decode(near, number) != difference) return own;
    const int64_t token = (int64_t)number;
    return ddpm_vocabulary_join(column->link[0].first - 1 + token, (double)number - (double)token);
}

/* The number of a difference that a number of a link stands for. */
static float number_of_difference(const ddpm_column_link *link, float number)
{
    return (float)((double)number - (double)(link->first - 1));
}

/* The sum, or the difference, with as many decimals as the column has, and no farther than its values reach; where the
 * difference is none, the same value. */
static long double add(const ddpm_column_vocabulary *column, const ddpm_column_link *link, float number,
                       long double other)
{
    const double difference = ddpm_vocabulary_decode(link->near, number_of_difference(link, number));
    if (difference == 0.0 || isnan(difference) || isnan(other)) return other;
    const long double sum = link->is_twin ? other + (long double)difference : other - (long double)difference;
    double least, most;
    ddpm_vocabulary_range(column, &least, &most);
    return (long double)fmax(least, fmin(most, ddpm_vocabulary_round(column, (double)sum)));
}

/* A row whose columns follow from each other. */
typedef struct linked_row {
    const ddpm_vocabulary *vocabulary;
    const float *row;
    ddpm_number type;
    const void *numbers; /* of the columns that follow from no other; NULL: those are decoded */
    int64_t first;       /* the place of the row's first number */
} linked_row;

static long double value_of(const linked_row *r, int64_t column, int64_t depth) // NOLINT(misc-no-recursion)
{
    const ddpm_column_vocabulary *own = &r->vocabulary->column[column];
    const ddpm_column_link *link = ddpm_twins_link_of(own, (int64_t)r->row[column]);
    if (link && depth < r->vocabulary->columns)
        return add(own, link, r->row[column], value_of(r, link->column, depth + 1));
    return r->numbers ? ddpm_number_get(r->type, r->numbers, r->first + column)
                      : (long double)ddpm_vocabulary_decode(own, r->row[column]);
}

void ddpm_twins_complete(const ddpm_vocabulary *vocabulary, int64_t count, const float *rows, ddpm_number type,
                         void *numbers)
{
    if (!has_twins(vocabulary)) return;
    linked_row r = {.vocabulary = vocabulary, .row = rows, .type = type, .numbers = numbers};
    for (int64_t i = 0; i < count; i++, r.first += vocabulary->columns, r.row += vocabulary->columns)
        for (int64_t j = 0; j < vocabulary->columns; j++)
            if (ddpm_twins_link_of(&vocabulary->column[j], (int64_t)r.row[j]))
                ddpm_number_set(type, value_of(&r, j, 0), numbers, r.first + j);
}

double ddpm_twins_value(const ddpm_vocabulary *vocabulary, const float *row, int64_t column)
{
    const linked_row r = {.vocabulary = vocabulary, .row = row};
    return (double)value_of(&r, column, 0);
}

float ddpm_twins_own(const ddpm_vocabulary *vocabulary, const float *row, int64_t column)
{
    const ddpm_column_vocabulary *own = &vocabulary->column[column];
    if (!ddpm_twins_link_of(own, (int64_t)row[column])) return row[column];
    return ddpm_vocabulary_encode(own, ddpm_twins_value(vocabulary, row, column));
}

void ddpm_twins_separate(const ddpm_vocabulary *vocabulary, int64_t count, float *rows)
{
    if (!has_twins(vocabulary)) return;
    for (int64_t i = 0; i < count; i++, rows += vocabulary->columns)
        for (int64_t j = vocabulary->columns; j-- > 0;) rows[j] = ddpm_twins_own(vocabulary, rows, j);
}

/* ---- choosing ---- */

static int may_have_twin(const ddpm_column_vocabulary *column)
{
    return column->layout.kind == DDPM_COLUMN_NUMBER && column->bins > 1;
}

void ddpm_twins_count(const ddpm_vocabulary *vocabulary, const double *values, ddpm_pair_count *pairs)
{
    const ddpm_vocabulary *v = vocabulary;
    for (int64_t j = 1; j < v->columns; j++) {
        const ddpm_column_vocabulary *column = &v->column[j];
        if (!may_have_twin(column) || isnan(values[j])) continue;
        const int64_t token = (int64_t)ddpm_vocabulary_encode(column, values[j]);
        if (token <= column->spikes) continue;
        const double reach = reach_of(column, token);
        for (int64_t i = 0; i < j; i++) {
            const double distance = fabs(values[j] - values[i]);
            if (!(distance <= reach) || !may_have_twin(&v->column[i])) continue;
            pairs[ddpm_twins_pairs(j) + i].near++;
            pairs[ddpm_twins_pairs(j) + i].equal += distance == 0.0;
        }
    }
}

int64_t ddpm_twins_best(int64_t column, int64_t rows, const ddpm_pair_count *pairs, const int64_t *shared, int *by_near)
{
    const ddpm_pair_count *own = pairs + ddpm_twins_pairs(column);
    int64_t best = -1, most = 0;
    for (int64_t i = 0; i < column; i++) {
        const int is_near = (double)own[i].near >= LEAST_NEAR * (double)rows,
                  is_equal = (double)own[i].equal >= LEAST_EQUAL * (double)rows;
        const int64_t linked = is_near ? own[i].near : is_equal ? own[i].equal : 0;
        if (shared[i] >= DDPM_TWINS_MOST || linked < LEAST_ROWS || linked <= most) continue;
        best = i;
        most = linked;
        *by_near = is_near;
    }
    return best + 1;
}
