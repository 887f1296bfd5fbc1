/* Chooses the tokens of a source's columns on all ranks. */
#include "data/source_vocabulary.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 1 << 16,       /* rows of a table's column read at once */
    GROUP_BYTES = 64 << 20 /* of an array's columns that are read at once, unless one has more */
};

/* The values of some columns in memory. */
typedef struct column_values {
    int64_t count, gaps; /* of rows that take part, which lie at the front */
    int64_t others;      /* values of other rows, gaps too, which lie at the back */
    double *values;      /* [rows] */
} column_values;

typedef struct chooser {
    ddpm_source *source;
    int64_t rows, columns, width; /* width: columns in memory at once */
    uint8_t *part;                /* [rows]: whether a row takes part */
    void *piece;                  /* rows or values as they are read */
    column_values *group;         /* [width] */
    ddpm_vocabulary vocabulary;
    int64_t unknown; /* values of other rows that have no token */
} chooser;

/* ---- reading ---- */

static void add(const chooser *c, column_values *to, int64_t row, double value)
{
    if (!c->part[row])
        to->values[c->rows - ++to->others] = value;
    else if (isnan(value))
        to->gaps++;
    else
        to->values[to->count++] = value + 0.0; /* no negative zero, which equals zero but has other bits */
}

static ddpm_status read_table_column(const chooser *c, int64_t column)
{
    for (int64_t first = 0; first < c->rows; first += PIECE) {
        const int64_t count = ddpm_smaller(PIECE, c->rows - first);
        DDPM_TRY(ddpm_source_read_column(c->source, DDPM_GAPS_ALLOWED, column, first, count, c->piece));
        for (int64_t i = 0; i < count; i++) add(c, c->group, first + i, ((const double *)c->piece)[i]);
    }
    return DDPM_OK;
}

/* Read columns first, first + step, ... of an array. */
static ddpm_status read_array_columns(const chooser *c, int64_t first_column, int64_t step, int64_t columns)
{
    const int64_t room = ddpm_source_room(c->source);
    const ddpm_number holder = ddpm_source_holder(c->source);
    for (int64_t first = 0; first < c->rows; first += room) {
        const int64_t count = ddpm_smaller(room, c->rows - first);
        DDPM_TRY(ddpm_source_read(c->source, DDPM_GAPS_ALLOWED, first, count, c->piece));
        for (int64_t i = 0; i < count; i++)
            for (int64_t k = 0; k < columns; k++)
                add(c, &c->group[k], first + i,
                    (double)ddpm_number_get(holder, c->piece, i * c->columns + first_column + k * step));
    }
    return DDPM_OK;
}

/* ---- choosing ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Places of names are sorted by counting them. */
static ddpm_status sort_places(int64_t names, column_values *v)
{
    int64_t *rows = NULL, at = 0;
    DDPM_TRY(DDPM_NEW(&rows, names, "a vocabulary"));
    for (int64_t i = 0; i < v->count; i++) rows[(int64_t)v->values[i]]++;
    for (int64_t k = 0; k < names; k++)
        for (int64_t i = 0; i < rows[k]; i++) v->values[at++] = (double)k;
    ddpm_release(rows);
    return DDPM_OK;
}

static ddpm_status choose_column(chooser *c, ddpm_column_vocabulary *column, column_values *v)
{
    if (column->layout.kind == DDPM_COLUMN_CATEGORY)
        DDPM_TRY(sort_places(column->layout.count, v));
    else
        qsort(v->values, (size_t)v->count, sizeof *v->values, by_value);
    DDPM_TRY(ddpm_vocabulary_choose(column, v->count, v->values, v->gaps));
    for (int64_t i = 0; i < v->others; i++)
        c->unknown += ddpm_vocabulary_encode(column, v->values[c->rows - 1 - i]) < 0.0f;
    return DDPM_OK;
}

/* Choose every step-th column from the first on. */
static ddpm_status choose_share(chooser *c, int64_t first, int64_t step)
{
    for (int64_t j = first; j < c->columns; j += step * c->width) {
        const int64_t columns = ddpm_smaller(c->width, ddpm_pieces(c->columns - j, step));
        for (int64_t k = 0; k < columns; k++) c->group[k].count = c->group[k].gaps = c->group[k].others = 0;
        DDPM_TRY(ddpm_source_layouts(c->source) ? read_table_column(c, j) : read_array_columns(c, j, step, columns));
        for (int64_t k = 0; k < columns; k++)
            DDPM_TRY(choose_column(c, &c->vocabulary.column[j + k * step], &c->group[k]));
    }
    return DDPM_OK;
}

/* ---- what all ranks need ---- */

static ddpm_status copy_layout(const ddpm_column_layout *from, ddpm_column_layout *to)
{
    *to = *from;
    to->names = NULL;
    to->codes = NULL;
    to->units = NULL;
    if (from->units) {
        DDPM_TRY(DDPM_NEW(&to->units, (int64_t)strlen(from->units) + 1, "units"));
        memcpy(to->units, from->units, strlen(from->units));
    }
    if (from->names) DDPM_TRY(ddpm_texts_copy(from->count, (const char *const *)from->names, "names", &to->names));
    if (!from->codes) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&to->codes, from->count, "codes"));
    memcpy(to->codes, from->codes, (size_t)from->count * sizeof *to->codes);
    return DDPM_OK;
}

static ddpm_status set_layouts(chooser *c)
{
    const ddpm_column_layout *layouts = ddpm_source_layouts(c->source);
    DDPM_TRY(ddpm_vocabulary_allocate(c->columns, &c->vocabulary));
    for (int64_t j = 0; j < c->columns; j++) {
        const ddpm_column_layout number = {.number = ddpm_source_type(c->source), .gap = -1};
        DDPM_TRY(copy_layout(layouts ? &layouts[j] : &number, &c->vocabulary.column[j].layout));
    }
    return DDPM_OK;
}

static ddpm_status prepare(chooser *c, int (*takes_part)(void *context, int64_t row), void *context, int ranks)
{
    const int is_table = ddpm_source_layouts(c->source) != NULL;
    const int64_t fit = ddpm_larger(1, GROUP_BYTES / (int64_t)sizeof(double) / c->rows);
    const int64_t piece = is_table ? PIECE : ddpm_source_room(c->source) * c->columns;
    c->width = is_table ? 1 : ddpm_smaller(fit, ddpm_pieces(c->columns, ranks));
    DDPM_TRY(set_layouts(c));
    DDPM_TRY(DDPM_NEW(&c->part, c->rows, "a vocabulary"));
    DDPM_TRY(ddpm_allocate(&c->piece, piece, sizeof(double), "rows being read"));
    DDPM_TRY(DDPM_NEW(&c->group, c->width, "columns"));
    for (int64_t k = 0; k < c->width; k++) DDPM_TRY(DDPM_NEW(&c->group[k].values, c->rows, "values of a column"));
    for (int64_t i = 0; i < c->rows; i++) c->part[i] = (uint8_t)(takes_part(context, i) != 0);
    return DDPM_OK;
}

/* What is chosen for a column, as numbers in a row: from the column to the row, or back. */
static double *pack(ddpm_column_vocabulary *column, double *at, int back)
{
    const struct {
        double *numbers;
        int64_t count;
    } parts[] = {{column->spike, column->spikes},
                 {column->knot, column->bins > 0 ? column->bins * DDPM_VOCABULARY_KNOTS + 1 : 0},
                 {column->rows, ddpm_column_tokens(column)}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const size_t bytes = (size_t)parts[i].count * sizeof(double);
        if (bytes > 0) memcpy(back ? parts[i].numbers : at, back ? at : parts[i].numbers, bytes);
        at += parts[i].count;
    }
    return at;
}

enum { SIZES = 4 }; /* spikes, bins, decimals, repeats */

/* Collective. Make columns that other ranks chose of the sizes that they have, which are 0 before. */
static ddpm_status share_sizes(ddpm_comm *comm, chooser *c)
{
    int64_t *sizes = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&sizes, SIZES * c->columns, "a vocabulary"));
    if (status == DDPM_OK) {
        for (int64_t j = 0; j < c->columns; j++) {
            const ddpm_column_vocabulary *column = &c->vocabulary.column[j];
            memcpy(&sizes[SIZES * j],
                   (const int64_t[]){column->spikes, column->bins, column->decimals, column->repeats},
                   SIZES * sizeof *sizes);
        }
        ddpm_comm_sum_int64(comm, sizes, SIZES * c->columns);
        for (int64_t j = 0; j < c->columns && status == DDPM_OK; j++) {
            ddpm_column_vocabulary *column = &c->vocabulary.column[j];
            column->decimals = (int)sizes[SIZES * j + 2];
            column->repeats = (int)sizes[SIZES * j + 3];
            if (!column->rows) status = ddpm_vocabulary_allocate_column(sizes[SIZES * j], sizes[SIZES * j + 1], column);
        }
        status = ddpm_agree(comm, status);
    }
    ddpm_release(sizes);
    return status;
}

/* Collective. The numbers of a column are zeros on the ranks that did not choose it. */
static ddpm_status share(ddpm_comm *comm, chooser *c)
{
    double *numbers = NULL, *at;
    int64_t count = 0;
    DDPM_TRY(share_sizes(comm, c));
    for (int64_t j = 0; j < c->columns; j++) {
        const ddpm_column_vocabulary *column = &c->vocabulary.column[j];
        count += column->spikes + column->bins * DDPM_VOCABULARY_KNOTS + 1 + ddpm_column_tokens(column);
    }
    const ddpm_status status = ddpm_agree(comm, DDPM_NEW(&numbers, count, "a vocabulary"));
    if (status == DDPM_OK) {
        at = numbers;
        for (int64_t j = 0; j < c->columns; j++) at = pack(&c->vocabulary.column[j], at, 0);
        ddpm_comm_sum_double(comm, numbers, count);
        at = numbers;
        for (int64_t j = 0; j < c->columns; j++) at = pack(&c->vocabulary.column[j], at, 1);
    }
    ddpm_release(numbers);
    return status;
}

static void release(chooser *c)
{
    for (int64_t k = 0; c->group && k < c->width; k++) ddpm_release(c->group[k].values);
    ddpm_release(c->group);
    ddpm_release(c->part);
    ddpm_release(c->piece);
    ddpm_vocabulary_release(&c->vocabulary);
}

/* Rows are doubles, which hold all whole numbers up to 2^53 and round those beyond. */
static void warn_of_rounding(const chooser *c)
{
    const double exact = 0x1p53;
    const char *const *names = ddpm_source_names(c->source);
    for (int64_t j = 0; j < c->columns; j++) {
        const ddpm_column_vocabulary *v = &c->vocabulary.column[j];
        const int64_t knots = v->bins > 0 ? v->bins * DDPM_VOCABULARY_KNOTS : 0;
        if (v->layout.kind != DDPM_COLUMN_NUMBER || !ddpm_number_is_integer(v->layout.number) ||
            ((v->spikes == 0 || fmax(fabs(v->spike[0]), fabs(v->spike[v->spikes - 1])) < exact) &&
             (v->bins == 0 || fmax(fabs(v->knot[0]), fabs(v->knot[knots])) < exact)))
            continue;
        ddpm_log_warning(
            "column %lld (from 0%s%s): whole numbers beyond 2^53 are rounded to those that a float64 holds; "
            "subtract a constant from them, or write them as texts",
            (long long)j, names ? ", " : "", names ? ddpm_printable(names[j]) : "");
    }
}

ddpm_status ddpm_source_choose_tokens(ddpm_comm *comm, ddpm_source *source,
                                      int (*takes_part)(void *context, int64_t row), void *context, ddpm_transform *out)
{
    chooser c = {.source = source, .rows = ddpm_source_rows(source), .columns = ddpm_source_columns(source)};
    *out = (ddpm_transform){0};
    ddpm_status status = prepare(&c, takes_part, context, ddpm_comm_size(comm));
    if (status == DDPM_OK) status = choose_share(&c, ddpm_comm_rank(comm), ddpm_comm_size(comm));
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) status = share(comm, &c);
    if (status == DDPM_OK) {
        ddpm_comm_sum_int64(comm, &c.unknown, 1);
        if (c.unknown > 0)
            ddpm_log_warning("%lld values of held-out rows are none that training rows have; each is taken for a gap, "
                             "or for the most frequent value of a column without gaps",
                             (long long)c.unknown);
        warn_of_rounding(&c);
        c.vocabulary.is_array = !ddpm_source_layouts(source);
        status = ddpm_agree(comm, ddpm_transform_of_vocabulary(&c.vocabulary, out));
    }
    if (status != DDPM_OK) ddpm_transform_release(out);
    release(&c);
    return status;
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
