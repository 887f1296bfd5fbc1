/* Chooses the tokens of a source's columns on all ranks. */
#include "data/source_vocabulary.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"
#include "base/text_list.h"
#include "data/ordered.h"
#include "data/source_twins.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 1 << 16,       /* rows of a table's column read at once */
    GROUP_BYTES = 64 << 20 /* of an array's columns that are read at once */
};

/* A column while its tokens are chosen. */
typedef struct column_values {
    int64_t count, gaps; /* of rows that take part */
    int64_t other_gaps;  /* of other rows */
    int64_t *other;      /* of a category: how often other rows have each place */
    double *values;      /* the values of rows that take part, where memory holds them all */
} column_values;

typedef struct chooser {
    ddpm_source *source;
    int64_t rows, columns, memory;
    int exact;
    int64_t width;        /* columns in memory at once; 0: none, they are read again and again */
    uint8_t *part;        /* bit i % 8 of byte i / 8: whether row i takes part */
    void *piece;          /* rows or values as they are read */
    column_values *group; /* [width], or one */
    ddpm_vocabulary vocabulary;
    int64_t unknown; /* values of other rows that have no token */
} chooser;

/* ---- reading ---- */

static int takes_part_in(const chooser *c, int64_t row)
{
    return c->part[row / 8] >> row % 8 & 1;
}

/* Count a value that is no training row's number. */
static void count_other(const chooser *c, column_values *to, int64_t row, double value)
{
    if (takes_part_in(c, row))
        to->gaps++;
    else if (isnan(value))
        to->other_gaps++;
    else if (to->other)
        to->other[(int64_t)value]++;
}

static void add(const chooser *c, column_values *to, int64_t row, double value)
{
    if (takes_part_in(c, row) && !isnan(value))
        to->values[to->count++] = value + 0.0; /* no negative zero, which equals zero but has other bits */
    else
        count_other(c, to, row, value);
}

/* Read values of one column of any source, from row `first` on. @return  how many, at most a piece. */
static ddpm_status read_column(const chooser *c, int64_t column, int64_t first, double *values, int64_t *count)
{
    const ddpm_number holder = ddpm_source_holder(c->source);
    if (ddpm_source_layouts(c->source)) {
        *count = ddpm_smaller(PIECE, c->rows - first);
        return ddpm_source_read_column(c->source, DDPM_GAPS_ALLOWED, column, first, *count, values);
    }
    *count = ddpm_smaller(ddpm_source_room(c->source), c->rows - first);
    DDPM_TRY(ddpm_source_read(c->source, DDPM_GAPS_ALLOWED, first, *count, c->piece));
    for (int64_t i = 0; i < *count; i++) values[i] = (double)ddpm_number_get(holder, c->piece, i * c->columns + column);
    return DDPM_OK;
}

static ddpm_status read_table_column(const chooser *c, int64_t column)
{
    int64_t count;
    for (int64_t first = 0; first < c->rows; first += count) {
        DDPM_TRY(read_column(c, column, first, c->piece, &count));
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

/* A column that is read again and again. */
typedef struct streamed_column {
    const chooser *c;
    int64_t column;
    double *values; /* a piece */
    int was_read;   /* whether its gaps and its other values have been counted */
} streamed_column;

static ddpm_status read_streamed(void *context, void (*take)(void *to, int64_t count, const double *values), void *to)
{
    streamed_column *s = context;
    column_values *counts = s->c->group;
    int64_t count;
    for (int64_t first = 0; first < s->c->rows; first += count) {
        int64_t kept = 0;
        DDPM_TRY(read_column(s->c, s->column, first, s->values, &count));
        for (int64_t i = 0; i < count; i++) {
            const double value = s->values[i];
            if (takes_part_in(s->c, first + i) && !isnan(value))
                s->values[kept++] = value + 0.0; /* as in add */
            else if (!s->was_read)
                count_other(s->c, counts, first + i, value);
        }
        take(to, kept, s->values);
    }
    s->was_read = 1;
    return DDPM_OK;
}

static ddpm_status read_held(void *context, void (*take)(void *to, int64_t count, const double *values), void *to)
{
    const column_values *v = context;
    take(to, v->count, v->values);
    return DDPM_OK;
}

static ddpm_status choose_values(const chooser *c, const ddpm_values *values, int64_t most, const column_values *counts,
                                 ddpm_column_vocabulary *column)
{
    ddpm_ordered *ordered = NULL;
    DDPM_TRY(ddpm_ordered_create(values, most, &ordered));
    const ddpm_runs runs = ddpm_ordered_runs(ordered);
    const ddpm_status status =
        ddpm_vocabulary_choose_runs(column, ddpm_ordered_count(ordered), &runs, counts->gaps, c->exact);
    ddpm_ordered_free(ordered);
    return status;
}

static void count_unknown(chooser *c, const ddpm_column_vocabulary *column, const column_values *v)
{
    if (column->rows[0] == 0.0) c->unknown += v->other_gaps;
    for (int64_t k = 0; v->other && k < column->layout.count; k++)
        if (v->other[k] > 0 && ddpm_vocabulary_encode(column, (double)k) < 0.0f) c->unknown += v->other[k];
}

/* Forget the column before. */
static ddpm_status begin_column(const ddpm_column_vocabulary *column, column_values *v)
{
    ddpm_release(v->other);
    *v = (column_values){.values = v->values};
    return column->layout.kind == DDPM_COLUMN_CATEGORY ? DDPM_NEW(&v->other, column->layout.count, "a vocabulary")
                                                       : DDPM_OK;
}

static ddpm_status choose_streamed(chooser *c, int64_t j)
{
    enum { BYTES = 16 }; /* of a value that is sorted */
    streamed_column s = {.c = c, .column = j};
    const ddpm_values values = {&s, read_streamed};
    DDPM_TRY(begin_column(&c->vocabulary.column[j], c->group));
    DDPM_TRY(DDPM_NEW(&s.values, ddpm_larger(PIECE, ddpm_source_room(c->source)), "values of a column"));
    const ddpm_status status = choose_values(c, &values, c->memory / BYTES, c->group, &c->vocabulary.column[j]);
    ddpm_release(s.values);
    if (status == DDPM_OK) count_unknown(c, &c->vocabulary.column[j], c->group);
    return status;
}

static ddpm_status choose_held(chooser *c, int64_t first, int64_t step)
{
    const int64_t columns = ddpm_smaller(c->width, ddpm_pieces(c->columns - first, step));
    for (int64_t k = 0; k < columns; k++) DDPM_TRY(begin_column(&c->vocabulary.column[first + k * step], &c->group[k]));
    DDPM_TRY(ddpm_source_layouts(c->source) ? read_table_column(c, first)
                                            : read_array_columns(c, first, step, columns));
    for (int64_t k = 0; k < columns; k++) {
        ddpm_column_vocabulary *column = &c->vocabulary.column[first + k * step];
        const ddpm_values values = {&c->group[k], read_held};
        DDPM_TRY(choose_values(c, &values, c->rows, &c->group[k], column));
        count_unknown(c, column, &c->group[k]);
    }
    return DDPM_OK;
}

/* Choose every step-th column from the first on. */
static ddpm_status choose_share(chooser *c, int64_t first, int64_t step)
{
    for (int64_t j = first; j < c->columns; j += step * ddpm_larger(1, c->width))
        DDPM_TRY(c->width > 0 ? choose_held(c, j, step) : choose_streamed(c, j));
    return DDPM_OK;
}

/* ---- what all ranks need ---- */

static ddpm_status copy_layout(const ddpm_column_layout *from, ddpm_column_layout *to)
{
    *to = *from;
    to->names = NULL;
    to->codes = NULL;
    to->units = to->format = NULL;
    if (from->units) DDPM_TRY(ddpm_text_copy(from->units, "the texts of a column", &to->units));
    if (from->format) DDPM_TRY(ddpm_text_copy(from->format, "the texts of a column", &to->format));
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

/* As many columns at once as memory holds. */
static int64_t choose_width(const chooser *c, int ranks)
{
    enum { BYTES = 24 }; /* of a value, which is held and sorted */
    const int64_t bytes = c->rows * BYTES;
    if (bytes > c->memory) return 0;
    return ddpm_source_layouts(c->source)
               ? 1
               : ddpm_smaller(ddpm_larger(1, GROUP_BYTES / bytes), ddpm_pieces(c->columns, ranks));
}

static ddpm_status prepare(chooser *c, int (*takes_part)(void *context, int64_t row), void *context, int ranks)
{
    const int64_t piece = ddpm_source_layouts(c->source) ? PIECE : ddpm_source_room(c->source) * c->columns;
    c->width = choose_width(c, ranks);
    DDPM_TRY(set_layouts(c));
    DDPM_TRY(DDPM_NEW(&c->part, ddpm_pieces(c->rows, 8), "a vocabulary"));
    DDPM_TRY(ddpm_allocate(&c->piece, piece, sizeof(double), "rows being read"));
    DDPM_TRY(DDPM_NEW(&c->group, ddpm_larger(1, c->width), "columns"));
    for (int64_t k = 0; k < c->width; k++) DDPM_TRY(DDPM_NEW(&c->group[k].values, c->rows, "values of a column"));
    for (int64_t i = 0; i < c->rows; i++)
        if (takes_part(context, i)) c->part[i / 8] |= (uint8_t)(1 << i % 8);
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

enum { SIZES = 7 }; /* spikes, bins, decimals, repeats, has_scores, step, has_rare */

/* Collective. Make columns that other ranks chose of the sizes that they have, which are 0 before. */
static ddpm_status share_sizes(ddpm_comm *comm, chooser *c)
{
    int64_t *sizes = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&sizes, SIZES * c->columns, "a vocabulary"));
    if (status == DDPM_OK) {
        for (int64_t j = 0; j < c->columns; j++) {
            const ddpm_column_vocabulary *column = &c->vocabulary.column[j];
            memcpy(&sizes[SIZES * j],
                   (const int64_t[]){column->spikes, column->bins, column->decimals, column->repeats,
                                     column->has_scores, column->step, column->has_rare},
                   SIZES * sizeof *sizes);
        }
        ddpm_comm_sum_int64(comm, sizes, SIZES * c->columns);
        for (int64_t j = 0; j < c->columns && status == DDPM_OK; j++) {
            ddpm_column_vocabulary *column = &c->vocabulary.column[j];
            column->decimals = (int)sizes[SIZES * j + 2];
            column->repeats = (int)sizes[SIZES * j + 3];
            column->has_scores = (int)sizes[SIZES * j + 4];
            column->step = sizes[SIZES * j + 5];
            column->has_rare = (int)sizes[SIZES * j + 6];
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
    for (int64_t k = 0; c->group && k < ddpm_larger(1, c->width); k++) {
        ddpm_release(c->group[k].values);
        ddpm_release(c->group[k].other);
    }
    ddpm_release(c->group);
    ddpm_release(c->part);
    ddpm_release(c->piece);
    ddpm_vocabulary_release(&c->vocabulary);
}

/* Rows are doubles, which hold all whole numbers up to 2^53 and round those beyond. */
static int is_rounded(const ddpm_column_vocabulary *v)
{
    const double exact = 0x1p53;
    const int64_t knots = v->bins > 0 ? v->bins * DDPM_VOCABULARY_KNOTS : 0;
    if (v->layout.kind != DDPM_COLUMN_NUMBER || !ddpm_number_is_integer(v->layout.number)) return 0;
    return (v->spikes > 0 && fmax(fabs(v->spike[0]), fabs(v->spike[v->spikes - 1])) >= exact) ||
           (v->bins > 0 && fmax(fabs(v->knot[0]), fabs(v->knot[knots])) >= exact);
}

void ddpm_source_warn_of_rounding(const ddpm_source *source, const ddpm_vocabulary *vocabulary,
                                  const ddpm_transform *mapped)
{
    const char *const *names = ddpm_source_names(source);
    char others[48] = "";
    int64_t first = 0, rounded = 0;
    for (int64_t j = vocabulary->columns - 1; j >= 0; j--)
        if (is_rounded(&vocabulary->column[j]) && (!mapped || ddpm_transform_has_quantiles(mapped, j)))
            first = j, rounded++;
    if (rounded == 0) return;
    if (rounded > 1) snprintf(others, sizeof others, " and %lld more", (long long)rounded - 1);
    ddpm_log_warning("column %lld (from 0%s%s)%s: whole numbers beyond 2^53 are rounded to those that a float64 holds; "
                     "subtract a constant from them, or write them as texts",
                     (long long)first, names ? ", " : "", names ? ddpm_printable(names[first]) : "", others);
}

int64_t ddpm_source_choosing_bytes(ddpm_comm *comm, double mib)
{
    enum { LEAST = 16 << 20, SHARE = 4 };
    return ddpm_larger(LEAST, (int64_t)(fmin(mib, 0x1p40) * 1048576.0) / SHARE / ddpm_comm_size(comm));
}

ddpm_status ddpm_source_choose_tokens(ddpm_comm *comm, ddpm_source *source, int64_t memory, int exact,
                                      int (*takes_part)(void *context, int64_t row), void *context, ddpm_transform *out)
{
    chooser c = {.exact = exact,
                 .source = source,
                 .rows = ddpm_source_rows(source),
                 .columns = ddpm_source_columns(source),
                 .memory = memory};
    *out = (ddpm_transform){0};
    ddpm_status status = prepare(&c, takes_part, context, ddpm_comm_size(comm));
    if (status == DDPM_OK) status = choose_share(&c, ddpm_comm_rank(comm), ddpm_comm_size(comm));
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) status = share(comm, &c);
    if (status == DDPM_OK && exact) status = ddpm_source_find_twins(comm, source, takes_part, context, &c.vocabulary);
    if (status == DDPM_OK) {
        ddpm_comm_sum_int64(comm, &c.unknown, 1);
        if (c.unknown > 0)
            ddpm_log_warning("%lld values of held-out rows are none that training rows have; each is taken for a gap, "
                             "or for the most frequent value of a column without gaps",
                             (long long)c.unknown);
        if (ddpm_source_has_tokens(source)) ddpm_source_warn_of_rounding(source, &c.vocabulary, NULL);
        c.vocabulary.is_array = !ddpm_source_layouts(source);
        status = ddpm_agree(comm, ddpm_transform_of_vocabulary(&c.vocabulary, out));
    }
    if (status != DDPM_OK) ddpm_transform_release(out);
    release(&c);
    return status;
}
