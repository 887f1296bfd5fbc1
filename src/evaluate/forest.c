/* Trees that tell two sets of rows apart. Only the order of values matters to a tree, so each value is replaced by its
 * place among those of its column: 16 bits, which are sorted by counting, and which leave room for a row's weight and
 * set in the same word.
 */
#include "evaluate/forest.h"

#include "base/memory.h"
#include "base/permutation.h"
#include "base/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FOLDS = DDPM_FOREST_FOLDS,
    LEAF = DDPM_FOREST_LEAF,
    PAIRED = DDPM_FOREST_PAIRED,
    PLACES = 1 << 16,
    WEIGHT_MOST = (1 << 15) - 1,
    BYTE_VALUES = 256,
    VOTE_BITS = 31,    /* fraction bits of a vote, which is the difference of the two sets' shares of a leaf */
    GAIN_BITS = 16,    /* fraction bits of a gain, which is in rows */
    STEP_OF_TREES = 2, /* of the random numbers; the steps before it are the folds of the two sets */
    LANE_OF_COLUMNS = 1
};

struct ddpm_forest_node {
    int64_t first, count;           /* training rows */
    int64_t held_first, held_count; /* held-out rows */
    int64_t weight, second;         /* of the training rows, and of those that are of the second set */
    int64_t number;                 /* of the node in its tree */
    int64_t above;                  /* the column, as the view counts, on which the node above was cut; -1: none */
};
typedef struct ddpm_forest_node node;

typedef struct cut {
    int64_t column; /* as the view counts; -1: none was found */
    uint32_t place; /* rows up to this place go to the left */
    int64_t weight, second;
    double top, bottom; /* top / bottom is the gain, times the weight of the node */
} cut;

/* ---- the table ---- */

ddpm_status ddpm_forest_table_create(uint64_t seed, int64_t count, int64_t columns, ddpm_forest_table *out)
{
    *out = (ddpm_forest_table){.rows = 2 * count, .columns = columns};
    DDPM_TRY(DDPM_NEW(&out->places, columns * out->rows, "rows to tell apart"));
    DDPM_TRY(DDPM_NEW(&out->distinct, columns, "rows to tell apart"));
    DDPM_TRY(DDPM_NEW(&out->folds, out->rows, "folds of rows"));
    for (int set = 0; set < 2; set++) {
        const ddpm_permutation order = ddpm_permutation_make(seed, DDPM_RANDOM_FOREST, set, count);
        for (int64_t i = 0; i < count; i++)
            out->folds[set * count + ddpm_permutation_at(&order, i)] = (uint8_t)(i % FOLDS);
    }
    return DDPM_OK;
}

void ddpm_forest_table_release(ddpm_forest_table *table)
{
    ddpm_release(table->places);
    ddpm_release(table->distinct);
    ddpm_release(table->folds);
    *table = (ddpm_forest_table){0};
}

/* A word that is in the order of the numbers. */
static uint32_t ordered(float x)
{
    const float value = x + 0.0f; /* -0 becomes 0 */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(x)) return UINT32_MAX;
    return bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void ddpm_forest_table_fill(ddpm_forest_table *table, int64_t column, const float *first, const float *second,
                            uint64_t *scratch)
{
    const int64_t rows = table->rows, half = rows / 2;
    uint16_t *places = table->places + column * rows;
    for (int64_t i = 0; i < rows; i++) {
        const float *row = i < half ? first + i * table->columns : second + (i - half) * table->columns;
        scratch[i] = (uint64_t)ordered(row[column]) << 32 | (uint64_t)i;
    }
    qsort(scratch, (size_t)rows, sizeof *scratch, by_size);
    int64_t distinct = 1, place = 0;
    for (int64_t i = 1; i < rows; i++) distinct += scratch[i] >> 32 != scratch[i - 1] >> 32;
    table->distinct[column] = ddpm_smaller(distinct, PLACES);
    for (int64_t i = 0; i < rows; i++) {
        place += i > 0 && scratch[i] >> 32 != scratch[i - 1] >> 32;
        places[(uint32_t)scratch[i]] = (uint16_t)(distinct > PLACES ? place * PLACES / distinct : place);
    }
}

/* ---- memory ---- */

ddpm_status ddpm_forest_memory_create(int64_t rows, int64_t columns, ddpm_forest_memory *out)
{
    static const char what[] = "a forest";
    *out = (ddpm_forest_memory){0};
    DDPM_TRY(DDPM_NEW(&out->votes, rows, what));
    DDPM_TRY(DDPM_NEW(&out->gains, columns, what));
    DDPM_TRY(DDPM_NEW(&out->pair_gains, PAIRED * PAIRED, what));
    DDPM_TRY(DDPM_NEW(&out->stack, rows / LEAF + 2, what)); /* each node that waits has rows of its own */
    DDPM_TRY(DDPM_NEW(&out->packed, rows, what));
    DDPM_TRY(DDPM_NEW(&out->rows, rows, what));
    DDPM_TRY(DDPM_NEW(&out->held, rows, what));
    DDPM_TRY(DDPM_NEW(&out->away, rows, what));
    DDPM_TRY(DDPM_NEW(&out->entries, rows, what));
    DDPM_TRY(DDPM_NEW(&out->sorted, rows, what));
    return DDPM_NEW(&out->order, columns, what);
}

void ddpm_forest_memory_release(ddpm_forest_memory *memory)
{
    ddpm_release(memory->votes);
    ddpm_release(memory->gains);
    ddpm_release(memory->pair_gains);
    ddpm_release(memory->stack);
    ddpm_release(memory->packed);
    ddpm_release(memory->rows);
    ddpm_release(memory->held);
    ddpm_release(memory->away);
    ddpm_release(memory->entries);
    ddpm_release(memory->sorted);
    ddpm_release(memory->order);
    *memory = (ddpm_forest_memory){0};
}

/* ---- a tree ---- */

typedef struct tree {
    const ddpm_forest_view *view;
    ddpm_forest_memory *memory;
    uint64_t seed;
    int64_t step;  /* of its random numbers */
    int64_t tries; /* columns that are drawn for a node */
    int64_t nodes; /* numbered so far */
} tree;

/* The root: a bootstrap of the training rows, as many draws as there are rows, and the held-out rows. */
static node bootstrap(const tree *t, int64_t fold)
{
    const ddpm_forest_table *table = t->view->table;
    ddpm_forest_memory *m = t->memory;
    node root = {.above = -1};
    ddpm_random4 words = {{0}};
    int64_t count = 0;
    for (int64_t i = 0; i < table->rows; i++) {
        m->packed[i] = i >= table->rows / 2;
        if (table->folds[i] == fold)
            m->held[root.held_count++] = (int32_t)i;
        else
            m->away[count++] = (int32_t)i;
    }
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0) words = ddpm_random_words(t->seed, DDPM_RANDOM_FOREST, t->step, i / 4, 0);
        uint16_t *drawn = &m->packed[m->away[ddpm_random_below(words.v[i % 4], count)]];
        if (*drawn >> 1 < WEIGHT_MOST) *drawn = (uint16_t)(*drawn + 2);
    }
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = m->away[i], weight = m->packed[row] >> 1;
        if (weight == 0) continue;
        m->rows[root.count++] = row;
        root.weight += weight;
        root.second += m->packed[row] & 1 ? weight : 0;
    }
    return root;
}

/* Sort by the byte that begins at bit `shift`, keeping the order of equal ones. */
static void sort_by_byte(int64_t count, int shift, const uint32_t *from, uint32_t *to)
{
    int32_t at[BYTE_VALUES] = {0};
    for (int64_t i = 0; i < count; i++) at[from[i] >> shift & (BYTE_VALUES - 1)]++;
    for (int32_t value = 0, sum = 0; value < BYTE_VALUES; value++) {
        const int32_t here = at[value];
        at[value] = sum;
        sum += here;
    }
    for (int64_t i = 0; i < count; i++) to[at[from[i] >> shift & (BYTE_VALUES - 1)]++] = from[i];
}

/* The node's rows in the order of a column, as place << 16 | weight << 1 | whether of the second set; NULL where all
 * have one place. */
static const uint32_t *sort_rows(const tree *t, const node *n, int64_t column)
{
    const ddpm_forest_table *table = t->view->table;
    const uint16_t *places = table->places + column * table->rows;
    ddpm_forest_memory *m = t->memory;
    const int32_t *rows = m->rows + n->first;
    uint32_t differ = 0;
    for (int64_t i = 0; i < n->count; i++) {
        m->entries[i] = (uint32_t)places[rows[i]] << 16 | m->packed[rows[i]];
        differ |= m->entries[i] ^ m->entries[0];
    }
    if (differ >> 16 == 0) return NULL;
    sort_by_byte(n->count, 16, m->entries, m->sorted);
    if (differ >> 24 == 0) return m->sorted;
    sort_by_byte(n->count, 24, m->sorted, m->entries);
    return m->entries;
}

/* Keep the best cut between two places that leaves enough rows on both sides. The gain, the fall of the sum over rows
 * of Gini's impurity, is 2 / W times (S_left W - S W_left)^2 / (W_left W_right) for weights W, of which S are of the
 * second set. */
static void scan(const uint32_t *entries, const node *n, int64_t column, int64_t leaf, cut *best)
{
    const double weight = (double)n->weight, second = (double)n->second;
    int64_t left = 0, left_second = 0;
    for (int64_t i = 0; i < n->count - leaf; i++) {
        const uint32_t rows = (entries[i] & 0xffff) >> 1;
        left += rows;
        left_second += entries[i] & 1 ? rows : 0;
        if (i < leaf - 1 || entries[i] >> 16 == entries[i + 1] >> 16) continue;
        const double gap = (double)left_second * weight - second * (double)left;
        const double top = gap * gap, bottom = (double)left * (weight - (double)left);
        if (top * best->bottom > best->top * bottom)
            *best = (cut){column, ((entries[i] >> 16) + (entries[i + 1] >> 16)) / 2, left, left_second, top, bottom};
    }
}

/* As scikit-learn does, columns on which all rows of the node are equal count among those drawn, but drawing goes on
 * until one is not so. */
static cut find_cut(const tree *t, const node *n)
{
    int32_t *order = t->memory->order;
    const int64_t columns = t->view->count;
    cut best = {.column = -1, .top = -1.0, .bottom = 1.0};
    ddpm_random4 words = {{0}};
    int found = 0;
    for (int64_t i = 0; i < columns && (i < t->tries || !found); i++) {
        if (i % 4 == 0)
            words =
                ddpm_random_words(t->seed, DDPM_RANDOM_FOREST, t->step, n->number, LANE_OF_COLUMNS + (uint32_t)(i / 4));
        int32_t *drawn = &order[i + ddpm_random_below(words.v[i % 4], columns - i)];
        const int32_t column = *drawn;
        *drawn = order[i];
        order[i] = column;
        const uint32_t *entries = sort_rows(t, n, t->view->columns[column]);
        if (!entries) continue;
        found = 1;
        scan(entries, n, column, t->view->leaf, &best);
    }
    return best;
}

/* Move the rows above a place behind the others, keeping the order of both; the number of the others. */
static int64_t partition(const uint16_t *places, uint32_t place, int64_t count, int32_t *rows, int32_t *away)
{
    int64_t left = 0, right = 0;
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = rows[i];
        const int stays = places[row] <= place;
        rows[left] = row;
        away[right] = row;
        left += stays;
        right += !stays;
    }
    memcpy(rows + left, away, (size_t)right * sizeof *rows);
    return left;
}

/* Divide a node into the two below it. */
static void divide(tree *t, const node *n, const cut *c, node below[2])
{
    const ddpm_forest_table *table = t->view->table;
    const uint16_t *places = table->places + t->view->columns[c->column] * table->rows;
    ddpm_forest_memory *m = t->memory;
    const int64_t left = partition(places, c->place, n->count, m->rows + n->first, m->away);
    const int64_t held = partition(places, c->place, n->held_count, m->held + n->held_first, m->away);
    below[0] = (node){.first = n->first, .count = left, .held_first = n->held_first, .held_count = held};
    below[1] = (node){n->first + left, n->count - left, n->held_first + held, n->held_count - held, 0, 0, 0, 0};
    below[0].weight = c->weight;
    below[0].second = c->second;
    below[1].weight = n->weight - c->weight;
    below[1].second = n->second - c->second;
    for (int side = 0; side < 2; side++) {
        below[side].number = ++t->nodes;
        below[side].above = c->column;
    }
}

static void add_gain(const tree *t, const node *n, const cut *c)
{
    const int64_t gain = llrint(ldexp(2.0 * c->top / (c->bottom * (double)n->weight), GAIN_BITS));
    t->memory->gains[c->column] += gain;
    if (n->above >= 0 && t->view->count <= PAIRED) t->memory->pair_gains[n->above * PAIRED + c->column] += gain;
}

static void vote(const tree *t, const node *n)
{
    const double share = (double)(2 * n->second - n->weight) / (double)n->weight;
    const int64_t value = llrint(ldexp(share, VOTE_BITS));
    for (int64_t i = 0; i < n->held_count; i++) t->memory->votes[t->memory->held[n->held_first + i]] += value;
}

void ddpm_forest_grow(const ddpm_forest_view *view, uint64_t seed, int64_t number, ddpm_forest_memory *memory)
{
    tree t = {.view = view, .memory = memory, .seed = seed, .step = STEP_OF_TREES + number};
    int64_t waiting = 1;
    t.tries = ddpm_larger(1, (int64_t)sqrt((double)view->count));
    for (int64_t j = 0; j < view->count; j++) memory->order[j] = (int32_t)j;
    memory->stack[0] = bootstrap(&t, number % FOLDS);
    while (waiting > 0) {
        const node n = memory->stack[--waiting];
        if (n.held_count == 0) continue; /* nobody asks for what lies below */
        const int mixed = n.second > 0 && n.second < n.weight;
        const cut c = mixed && n.count >= 2 * view->leaf ? find_cut(&t, &n) : (cut){.column = -1};
        if (c.column < 0) {
            vote(&t, &n);
            continue;
        }
        add_gain(&t, &n, &c);
        divide(&t, &n, &c, memory->stack + waiting);
        waiting += 2;
    }
}

double ddpm_forest_accuracy(const ddpm_forest_table *table, const int64_t *votes)
{
    int64_t halves = 0;
    for (int64_t i = 0; i < table->rows; i++)
        halves += votes[i] == 0 ? 1 : (votes[i] > 0) == (i >= table->rows / 2) ? 2 : 0;
    return (double)halves / (double)(2 * table->rows);
}

double ddpm_forest_correlation(const ddpm_forest_table *table, const int64_t *votes)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < table->rows; i++) {
        const double value = (double)votes[i];
        sum += i < table->rows / 2 ? -value : value;
        squares += value * value;
    }
    return squares > 0.0 ? sum / sqrt(squares * (double)table->rows) : 0.0;
}
