/* Counts in how many rows each pair of columns is near, and chooses the tokens of differences. */
#include "data/source_twins.h"

#include "base/memory.h"
#include "base/order.h"
#include "model/twins.h"

enum {
    COLUMNS_MOST = 2048, /* that are compared */
    PIECE = 512,         /* neighbouring rows that are compared */
    ROWS_LEAST = 4096,   /* however many columns there are */
    ROWS_MOST = 1 << 20,
    GROUP_BYTES = 64 << 20 /* of differences that are collected together */
};

static const int64_t COMPARISONS = INT64_C(1) << 32; /* of two numbers, about; rows are read for each */

typedef struct comparison {
    ddpm_source *source;
    int (*takes_part)(void *context, int64_t row);
    void *context;
    const ddpm_vocabulary *vocabulary;
    int64_t pieces, step;    /* of rows, and from one to the next */
    void *numbers;           /* rows as they are read */
    double *values;          /* of a row */
    int64_t rows;            /* that are compared */
    ddpm_pair_count *counts; /* [pairs] */
    int64_t group;           /* pairs whose differences are collected */
    struct pair *pair;
} comparison;

static void choose_pieces(comparison *c)
{
    const int64_t pairs = ddpm_larger(1, ddpm_twins_pairs(c->vocabulary->columns)),
                  all = ddpm_pieces(ddpm_source_rows(c->source), PIECE),
                  most = ddpm_pieces(ddpm_smaller(ROWS_MOST, ddpm_larger(ROWS_LEAST, COMPARISONS / pairs)), PIECE);
    c->pieces = ddpm_smaller(all, most);
    c->step = PIECE * (all / ddpm_larger(1, c->pieces));
}

static void count_row(comparison *c)
{
    ddpm_twins_count(c->vocabulary, c->values, c->counts);
    c->rows++;
}

/* Let each row of a piece that takes part be in c->values, and visit it. */
static ddpm_status visit_piece(comparison *c, int64_t piece, void (*visit)(comparison *c))
{
    const int64_t columns = c->vocabulary->columns,
                  end = ddpm_smaller(piece * c->step + PIECE, ddpm_source_rows(c->source));
    const ddpm_number holder = ddpm_source_holder(c->source);
    for (int64_t first = piece * c->step, count; first < end; first += count) {
        count = ddpm_smaller(ddpm_source_room(c->source), end - first);
        DDPM_TRY(ddpm_source_read(c->source, DDPM_GAPS_ALLOWED, first, count, c->numbers));
        for (int64_t i = 0; i < count; i++) {
            if (!c->takes_part(c->context, first + i)) continue;
            for (int64_t j = 0; j < columns; j++)
                c->values[j] = (double)ddpm_number_get(holder, c->numbers, i * columns + j);
            visit(c);
        }
    }
    return DDPM_OK;
}

static ddpm_status count(comparison *c, ddpm_range pieces)
{
    for (int64_t piece = pieces.first; piece < pieces.end; piece++) DDPM_TRY(visit_piece(c, piece, count_row));
    return DDPM_OK;
}

/* ---- differences ---- */

/* A column and its twin, whose differences are collected. */
typedef struct pair {
    int64_t column, twin;
    int by_near;
    int64_t count;
    double *values; /* differences of rows in which they are near */
} pair;

static void take_differences(comparison *c)
{
    for (pair *p = c->pair; p < c->pair + c->group; p++) {
        const double value = c->values[p->column], twin = c->values[p->twin];
        if (ddpm_twins_is_near(&c->vocabulary->column[p->column], value, twin, p->by_near))
            p->values[p->count++] = value - twin + 0.0; /* no negative zero */
    }
}

/* Choose the tokens of a column's differences from its twin. */
static ddpm_status choose_near(const comparison *c, const pair *p, ddpm_column_vocabulary *column)
{
    ddpm_sort_doubles(p->count, p->values);
    DDPM_TRY(ddpm_twins_allocate_near(column));
    DDPM_TRY(ddpm_vocabulary_choose(column->near, p->count, p->values, c->rows - p->count));
    column->near->decimals = -1; /* the sum is rounded */
    column->near->step = 0;
    column->twin = p->twin + 1;
    return DDPM_OK;
}

/* The same of a group of pairs, of which the rows are read together. */
static ddpm_status choose_group(comparison *c, ddpm_vocabulary *vocabulary)
{
    for (int64_t i = 0; i < c->group; i++) DDPM_TRY(DDPM_NEW(&c->pair[i].values, c->rows, "columns to compare"));
    for (int64_t piece = 0; piece < c->pieces; piece++) DDPM_TRY(visit_piece(c, piece, take_differences));
    for (int64_t i = 0; i < c->group; i++)
        DDPM_TRY(choose_near(c, &c->pair[i], &vocabulary->column[c->pair[i].column]));
    return DDPM_OK;
}

/* Find the pairs. @param[out] pairs  [columns]. @return  how many there are. */
static int64_t find_pairs(const comparison *c, int64_t *shared, pair *pairs)
{
    int64_t count = 0;
    for (int64_t j = 1; j < c->vocabulary->columns; j++) {
        pair p = {.column = j};
        p.twin = ddpm_twins_best(j, c->rows, c->counts, shared, &p.by_near) - 1;
        if (p.twin < 0) continue;
        shared[p.twin]++;
        pairs[count++] = p;
    }
    return count;
}

/* Every rank reads the rows of all pairs, so that nothing is to be shared. */
static ddpm_status choose(comparison *c, ddpm_vocabulary *vocabulary)
{
    const int64_t most = ddpm_larger(1, GROUP_BYTES / (int64_t)sizeof(double) / ddpm_larger(1, c->rows));
    int64_t *shared = NULL;
    pair *pairs = NULL;
    ddpm_status status = DDPM_NEW(&shared, vocabulary->columns, "columns to compare");
    if (status == DDPM_OK) status = DDPM_NEW(&pairs, vocabulary->columns, "columns to compare");
    const int64_t count = status == DDPM_OK ? find_pairs(c, shared, pairs) : 0;
    for (int64_t first = 0; status == DDPM_OK && first < count; first += c->group) {
        c->pair = pairs + first;
        c->group = ddpm_smaller(most, count - first);
        status = choose_group(c, vocabulary);
        for (int64_t i = 0; i < c->group; i++) ddpm_release(c->pair[i].values);
    }
    ddpm_release(shared);
    ddpm_release(pairs);
    c->pair = NULL;
    return status == DDPM_OK ? ddpm_twins_link(vocabulary) : status;
}

static ddpm_status prepare(comparison *c)
{
    const int64_t columns = c->vocabulary->columns;
    choose_pieces(c);
    DDPM_TRY(DDPM_NEW(&c->counts, ddpm_twins_pairs(columns), "columns to compare"));
    DDPM_TRY(DDPM_NEW(&c->values, columns, "columns to compare"));
    return ddpm_allocate(&c->numbers, ddpm_source_room(c->source) * columns,
                         (size_t)ddpm_number_bytes(ddpm_source_holder(c->source)), "rows being read");
}

ddpm_status ddpm_source_find_twins(ddpm_comm *comm, ddpm_source *source, int (*takes_part)(void *context, int64_t row),
                                   void *context, ddpm_vocabulary *vocabulary)
{
    comparison c = {.source = source, .takes_part = takes_part, .context = context, .vocabulary = vocabulary};
    if (vocabulary->columns > COLUMNS_MOST) return DDPM_OK;
    ddpm_status status = prepare(&c);
    if (status == DDPM_OK) status = count(&c, ddpm_comm_part(comm, c.pieces));
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        ddpm_comm_sum_int64(comm, &c.rows, 1);
        ddpm_comm_sum_int64(comm, &c.counts->equal, 2 * ddpm_twins_pairs(vocabulary->columns));
        status = ddpm_agree(comm, choose(&c, vocabulary));
    }
    ddpm_release(c.counts);
    ddpm_release(c.values);
    ddpm_release(c.numbers);
    return status;
}
