/* Adds up the weights of the training rows, and draws from them. */
#include "data/row_weights.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum {
    PIECE = 1 << 16, /* weights read at once */
    TOTAL_BITS = 61, /* the sum of all weights is at most 2 to this */
    UNITS_BITS = 38, /* and of a weight, unless there are more than 2^23 rows */
    OFFSET_LANE = 1  /* permutations take lane 0 */
};

__extension__ typedef unsigned __int128 wide;

/* What is known while the sums are made. */
typedef struct builder {
    ddpm_condition_source *source;
    const char *place;
    const ddpm_weighed_rows *rows;
    ddpm_range mine; /* rows that this rank reads for its node */
    double *piece;   /* [PIECE] */
} builder;

static int64_t *sums_of(const ddpm_row_weights *w)
{
    return ddpm_shared_data(w->sums);
}

static int is_held_out(const ddpm_weighed_rows *rows, int64_t row)
{
    return rows->held_out > 0 && ddpm_permutation_position(rows->split, row) < rows->held_out;
}

static ddpm_status read_piece(const builder *b, int64_t first, int64_t count)
{
    DDPM_TRY(ddpm_condition_source_read_plain(b->source, 0, first, count, b->piece));
    for (int64_t i = 0; i < count; i++)
        if (!(b->piece[i] >= 0.0) || isinf(b->piece[i]))
            return ddpm_fail(DDPM_ERR_DATA,
                             "%s, row %lld (from 0): expected a finite number from 0 on, found %g; write 0 for rows "
                             "that are not to be drawn",
                             b->place, (long long)(first + i), b->piece[i]);
    return DDPM_OK;
}

/* The largest weight of this rank's training rows. */
static ddpm_status find_largest(const builder *b, double *largest)
{
    *largest = 0.0;
    for (int64_t first = b->mine.first; first < b->mine.end; first += PIECE) {
        const int64_t count = ddpm_smaller(PIECE, b->mine.end - first);
        DDPM_TRY(read_piece(b, first, count));
        for (int64_t i = 0; i < count; i++)
            if (b->piece[i] > *largest && !is_held_out(b->rows, first + i)) *largest = b->piece[i];
    }
    return DDPM_OK;
}

/* Write this rank's weights in units of 2^exponent. */
static ddpm_status write_units(const builder *b, int exponent, int64_t *units)
{
    for (int64_t first = b->mine.first; first < b->mine.end; first += PIECE) {
        const int64_t count = ddpm_smaller(PIECE, b->mine.end - first);
        DDPM_TRY(read_piece(b, first, count));
        for (int64_t i = 0; i < count; i++)
            units[first + i] = is_held_out(b->rows, first + i) ? 0 : llrint(ldexp(b->piece[i], -exponent));
    }
    return DDPM_OK;
}

/* Collective. The exponent of the unit, such that all weights together fit. */
static ddpm_status choose_unit(ddpm_comm *comm, const builder *b, int *exponent)
{
    double largest;
    int64_t bits;
    int of_largest, of_rows = 0;
    DDPM_TRY(ddpm_agree(comm, find_largest(b, &largest)));
    memcpy(&bits, &largest, sizeof bits); /* of numbers that are not negative the bits have the same order */
    ddpm_comm_max_int64(comm, &bits, 1);
    memcpy(&largest, &bits, sizeof bits);
    if (largest == 0.0)
        return ddpm_fail(DDPM_ERR_DATA,
                         "%s: expected some weights above zero, found none in the rows to train on; leave "
                         "training.balance out to draw all rows equally often",
                         b->place);
    (void)frexp(largest, &of_largest);
    while (of_rows < TOTAL_BITS && INT64_C(1) << of_rows < b->rows->rows) of_rows++;
    *exponent = of_largest - (int)ddpm_smaller(UNITS_BITS, TOTAL_BITS - of_rows);
    return DDPM_OK;
}

/* Turn the node's units into running sums. Every rank adds all units before one of them is overwritten. */
static void add_up(ddpm_comm *comm, const builder *b, ddpm_row_weights *w)
{
    int64_t *sums = sums_of(w), before = 0;
    double squares = 0.0;
    for (int64_t row = 0; row < w->all_rows; row++) {
        if (row == b->mine.first) before = w->total;
        w->total += sums[row];
        w->positive += sums[row] > 0;
        squares += (double)sums[row] * (double)sums[row];
    }
    w->equal = (double)w->total * (double)w->total / squares;
    ddpm_comm_barrier(comm);
    for (int64_t row = b->mine.first; row < b->mine.end; row++) sums[row] = before += sums[row];
}

/* Collective. */
static ddpm_status build(ddpm_comm *comm, builder *b, ddpm_row_weights *w)
{
    int exponent = 0;
    DDPM_TRY(ddpm_shared_create(comm, (size_t)w->all_rows * sizeof(int64_t), "weights of rows", &w->sums));
    b->mine = ddpm_shared_part(comm, w->sums, w->all_rows);
    DDPM_TRY(ddpm_agree(comm, DDPM_NEW(&b->piece, PIECE, "weights being read")));
    DDPM_TRY(choose_unit(comm, b, &exponent));
    DDPM_TRY(ddpm_agree(comm, write_units(b, exponent, sums_of(w))));
    ddpm_comm_barrier_of_team(comm);
    add_up(comm, b, w);
    ddpm_comm_barrier_of_team(comm);
    return DDPM_OK;
}

ddpm_status ddpm_row_weights_create(ddpm_comm *comm, uint64_t seed, ddpm_condition_source *source, const char *place,
                                    const ddpm_weighed_rows *rows, ddpm_row_weights *out)
{
    builder b = {.source = source, .place = place, .rows = rows};
    *out = (ddpm_row_weights){.seed = seed, .rows = rows->rows - rows->held_out, .all_rows = rows->rows};
    const ddpm_status status = build(comm, &b, out);
    ddpm_release(b.piece);
    return status;
}

void ddpm_row_weights_release(ddpm_row_weights *weights)
{
    ddpm_shared_free(weights->sums);
    *weights = (ddpm_row_weights){0};
}

/* Where an epoch begins, in 0 .. total-1. */
static int64_t offset_of(const ddpm_row_weights *w, int64_t epoch)
{
    const ddpm_random4 words = ddpm_random_words(w->seed, DDPM_RANDOM_BALANCE, epoch, 0, OFFSET_LANE);
    const uint64_t random = (uint64_t)words.v[0] << 32 | words.v[1];
    return (int64_t)(((wide)random * (wide)w->total) >> 64);
}

/* The first row whose sum is above a number below the total. */
static int64_t find_row(const ddpm_row_weights *w, int64_t number)
{
    const int64_t *sums = sums_of(w);
    int64_t low = 0, high = w->all_rows - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sums[middle] > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void ddpm_row_weights_places(const ddpm_row_weights *weights, int64_t first, int64_t count, int64_t *places)
{
    const ddpm_row_weights *w = weights;
    for (int64_t done = 0, some; done < count; done += some) {
        const int64_t epoch = (first + done) / w->rows, at = (first + done) % w->rows, offset = offset_of(w, epoch);
        const ddpm_permutation order = ddpm_permutation_make(w->seed, DDPM_RANDOM_BALANCE, epoch, w->rows);
        some = ddpm_smaller(count - done, w->rows - at);
        for (int64_t i = 0; i < some; i++) places[done + i] = at + i;
        ddpm_permutation_map(&order, some, places + done);
        for (int64_t i = done; i < done + some; i++)
            places[i] = find_row(w, (int64_t)(((wide)places[i] * (wide)w->total + (wide)offset) / (wide)w->rows));
    }
}
