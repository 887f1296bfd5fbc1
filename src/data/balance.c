/* Sorts the numbers of the training rows by their classes, and draws from them. */
#include "data/balance.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { CELLS_MAX = 1 << 20 }; /* combinations of classes, with rows or without */

/* The balanced values of a row, and how many combinations of their classes there can be. */
typedef struct key {
    const ddpm_balance_rows *rows;
    int64_t count, *index; /* [count], of the condition's values */
    int64_t cells;
} key;

static int64_t *places_of(const ddpm_balance *b)
{
    return ddpm_shared_data(b->places);
}

/* The condition of this name that is a class; -1: none. */
static int64_t find_class(const ddpm_condition *condition, const char *name)
{
    for (int64_t v = 0; v < condition->count; v++)
        if (condition->classes[v] > 0 && strcmp(condition->names[v], name) == 0) return v;
    return -1;
}

static ddpm_status refuse_name(const ddpm_condition *condition, const char *name)
{
    char list[200] = "";
    size_t used = 0;
    for (int64_t v = 0; v < condition->count && used < sizeof list; v++)
        if (condition->classes[v] > 0)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", condition->names[v]);
    return ddpm_fail(DDPM_ERR_CONFIG,
                     "training.balance: expected names in data.condition of conditions that are classes (%s), found "
                     "'%s'; name it in data.condition, as class:%s if it is not held as whole numbers, or leave it out",
                     used ? list : "there are none", name, name);
}

static ddpm_status make_key(const ddpm_text_list *names, const ddpm_balance_rows *rows, key *k)
{
    const ddpm_condition *condition = rows->condition;
    *k = (key){.rows = rows, .count = names->count, .cells = 1};
    DDPM_TRY(DDPM_NEW(&k->index, names->count, "balanced classes"));
    for (int64_t i = 0; i < names->count; i++) {
        k->index[i] = find_class(condition, names->items[i]);
        if (k->index[i] < 0) return refuse_name(condition, names->items[i]);
        k->cells *= condition->classes[k->index[i]];
        if (k->cells > CELLS_MAX)
            return ddpm_fail(DDPM_ERR_CONFIG,
                             "training.balance: expected at most %d combinations of classes, found more; name fewer "
                             "conditions",
                             CELLS_MAX);
    }
    return DDPM_OK;
}

/* The combination of classes that a row has; -1: the row is held out. */
static int64_t cell_of(const key *k, int64_t row)
{
    const ddpm_balance_rows *rows = k->rows;
    const float *values = rows->values + row * rows->condition->count;
    int64_t cell = 0;
    if (rows->held_out > 0 && ddpm_permutation_position(rows->split, row) < rows->held_out) return -1;
    for (int64_t i = 0; i < k->count; i++)
        cell = cell * rows->condition->classes[k->index[i]] + (int64_t)values[k->index[i]];
    return cell;
}

/* Count the training rows of each combination; those that have any become groups, in their order. next [cells] is then
 * where the rows of each begin. */
static ddpm_status count_groups(ddpm_balance *b, const key *k, int64_t *next)
{
    int64_t group = 0, before = 0;
    for (int64_t row = 0; row < k->rows->rows; row++) {
        const int64_t cell = cell_of(k, row);
        if (cell >= 0) next[cell]++;
    }
    for (int64_t cell = 0; cell < k->cells; cell++) b->groups += next[cell] > 0;
    DDPM_TRY(DDPM_NEW(&b->first, b->groups + 1, "balanced classes"));
    for (int64_t cell = 0; cell < k->cells; cell++) {
        const int64_t count = next[cell];
        next[cell] = before;
        if (count > 0) b->first[group++] = before;
        before += count;
    }
    b->first[group] = before;
    return DDPM_OK;
}

/* Every rank goes through all rows, and writes the places that are its part of the memory. */
static void sort_rows(ddpm_balance *b, const key *k, ddpm_range mine, int64_t *next)
{
    for (int64_t row = 0; row < k->rows->rows; row++) {
        const int64_t cell = cell_of(k, row);
        if (cell < 0) continue;
        const int64_t at = next[cell]++;
        if (at >= mine.first && at < mine.end) places_of(b)[at] = row;
    }
}

/* Collective. */
static ddpm_status build(ddpm_comm *comm, const ddpm_text_list *names, ddpm_balance *b, key *k, int64_t **next)
{
    const ddpm_balance_rows *rows = k->rows;
    const int64_t training = rows->rows - rows->held_out;
    ddpm_status status = make_key(names, rows, k);
    if (status == DDPM_OK) status = DDPM_NEW(next, k->cells, "balanced classes");
    if (status == DDPM_OK) status = count_groups(b, k, *next);
    DDPM_TRY(ddpm_agree(comm, status));
    DDPM_TRY(ddpm_shared_create(comm, (size_t)training * sizeof(int64_t), "balanced classes", &b->places));
    sort_rows(b, k, ddpm_shared_part(comm, b->places, training), *next);
    ddpm_comm_barrier_of_team(comm);
    return DDPM_OK;
}

ddpm_status ddpm_balance_create(ddpm_comm *comm, uint64_t seed, const ddpm_text_list *names,
                                const ddpm_balance_rows *rows, ddpm_balance *out)
{
    key k = {.rows = rows};
    int64_t *next = NULL;
    *out = (ddpm_balance){.seed = seed};
    const ddpm_status status = build(comm, names, out, &k, &next);
    ddpm_release(next);
    ddpm_release(k.index);
    return status;
}

void ddpm_balance_release(ddpm_balance *balance)
{
    ddpm_shared_free(balance->places);
    ddpm_release(balance->first);
    *balance = (ddpm_balance){0};
}

int64_t ddpm_balance_place(const ddpm_balance *balance, int64_t position)
{
    const int64_t round = position / balance->groups;
    const ddpm_permutation turns = ddpm_permutation_make(balance->seed, DDPM_RANDOM_BALANCE, round, balance->groups);
    const int64_t group = ddpm_permutation_at(&turns, position % balance->groups);
    const int64_t first = balance->first[group], rows = balance->first[group + 1] - first;
    const uint64_t own = balance->seed + (uint64_t)(group + 1) * DDPM_SEED_STRIDE; /* an order of its own */
    const ddpm_permutation order = ddpm_permutation_make(own, DDPM_RANDOM_BALANCE, round / rows, rows);
    return places_of(balance)[first + ddpm_permutation_at(&order, round % rows)];
}

int64_t ddpm_balance_least(const ddpm_balance *balance)
{
    int64_t least = INT64_MAX;
    for (int64_t g = 0; g < balance->groups; g++)
        if (balance->first[g + 1] - balance->first[g] < least) least = balance->first[g + 1] - balance->first[g];
    return least;
}
