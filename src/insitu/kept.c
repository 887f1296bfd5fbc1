/* Rows are kept by the order of their keys, which every rank can compute. */
#include "insitu/kept.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROOM = 1024 };

static uint64_t key_of(const ddpm_kept_spec *spec, int64_t number)
{
    if (spec->is_window) return UINT64_MAX - (uint64_t)number;
    if (spec->most == 0) return 0;
    const ddpm_random4 words = ddpm_random_words(spec->seed, DDPM_RANDOM_KEPT, 0, number, 0);
    return (uint64_t)words.v[0] << 32 | words.v[1];
}

static int by_key(const void *a, const void *b)
{
    const ddpm_kept_row *x = a, *y = b;
    if (x->key != y->key) return x->key > y->key ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b)
{
    const ddpm_kept_row *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Give the first `count` rows memory of another size, in their order. */
static ddpm_status move(ddpm_kept *k, int64_t count, int64_t room)
{
    const int64_t columns = k->spec.columns;
    ddpm_kept_row *row = NULL;
    float *numbers = NULL;
    ddpm_status status = DDPM_NEW(&row, room, "rows to train on");
    if (status == DDPM_OK) status = DDPM_NEW(&numbers, room * columns, "rows to train on");
    if (status != DDPM_OK) {
        ddpm_release(row);
        return status;
    }
    for (int64_t i = 0; i < count; i++) {
        row[i] = k->row[i];
        row[i].place = i;
        memcpy(numbers + i * columns, k->numbers + k->row[i].place * columns, (size_t)columns * sizeof *numbers);
    }
    ddpm_kept_release(k);
    k->row = row;
    k->numbers = numbers;
    k->count = count;
    k->room = room;
    return DDPM_OK;
}

/* Make room for more rows. Those that cannot be kept any more go first. */
static ddpm_status reserve(ddpm_kept *k, int64_t more)
{
    const int64_t most = k->spec.most;
    if (k->count + more <= k->room) return DDPM_OK;
    if (most > 0 && k->count > most) {
        qsort(k->row, (size_t)k->count, sizeof *k->row, by_key);
        return move(k, most, ddpm_larger(2 * most, most + more));
    }
    return move(k, k->count, ddpm_larger(LEAST_ROOM, 2 * (k->count + more)));
}

ddpm_status ddpm_kept_push(ddpm_kept *kept, int64_t first, int64_t count, const float *rows)
{
    const int64_t columns = kept->spec.columns;
    if (first < 0 || count < 0 || first > DDPM_ROWS_MAX - count)
        return ddpm_fail(DDPM_ERR_USAGE, "numbers of rows are 0 to 2^47, found %lld and %lld more", (long long)first,
                         (long long)count);
    for (int64_t i = 0; i < count * columns; i++)
        if (!isfinite(rows[i]))
            return ddpm_fail(DDPM_ERR_USAGE, "row %lld, column %lld (from 0) is not a finite number",
                             (long long)(first + i / columns), (long long)(i % columns));
    DDPM_TRY(reserve(kept, count));
    for (int64_t i = 0; i < count; i++)
        kept->row[kept->count + i] = (ddpm_kept_row){key_of(&kept->spec, first + i), first + i, kept->count + i};
    if (count > 0) memcpy(kept->numbers + kept->count * columns, rows, (size_t)(count * columns) * sizeof *rows);
    kept->count += count;
    return DDPM_OK;
}

/* Collective. The numbers of all ranks' rows; `place` is set for those of this rank.
 *  @param[out] all  [total], to be released, also on failure. */
static ddpm_status gather_numbers(ddpm_comm *comm, const ddpm_kept *k, int64_t *total, ddpm_kept_row **all)
{
    const int ranks = ddpm_comm_size(comm), rank = ddpm_comm_rank(comm);
    int64_t *counts = NULL, *numbers = NULL, before = 0;
    *total = 0;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&counts, ranks, "rows to train on"));
    if (status == DDPM_OK) {
        counts[rank] = k->count;
        ddpm_comm_sum_int64(comm, counts, ranks);
        for (int r = 0; r < ranks; r++) {
            before += r < rank ? counts[r] : 0;
            *total += counts[r];
        }
        status = DDPM_NEW(&numbers, *total, "rows to train on");
        if (status == DDPM_OK) status = DDPM_NEW(all, *total, "rows to train on");
        status = ddpm_agree(comm, status);
    }
    if (status == DDPM_OK) {
        for (int64_t i = 0; i < k->count; i++) numbers[before + i] = k->row[i].number;
        ddpm_comm_sum_int64(comm, numbers, *total);
        for (int64_t i = 0; i < *total; i++) {
            const int64_t own = i - before;
            const int is_own = own >= 0 && own < k->count;
            (*all)[i] = (ddpm_kept_row){key_of(&k->spec, numbers[i]), numbers[i], is_own ? k->row[own].place : -1};
        }
    }
    ddpm_release(counts);
    ddpm_release(numbers);
    return status;
}

/* The same on all ranks. */
static ddpm_status check_numbers(int64_t total, ddpm_kept_row *all)
{
    if (total == 0) return ddpm_fail(DDPM_ERR_USAGE, "no rank has given rows to train on");
    qsort(all, (size_t)total, sizeof *all, by_number);
    for (int64_t i = 1; i < total; i++)
        if (all[i].number == all[i - 1].number)
            return ddpm_fail(DDPM_ERR_USAGE, "row %lld was given twice; rows of all ranks have numbers of their own",
                             (long long)all[i].number);
    return DDPM_OK;
}

/* Collective. Sums of the bits of floats as integers, of which one rank has each, are exact. */
static ddpm_status gather_rows(ddpm_comm *comm, const ddpm_kept *k, int64_t count, const ddpm_kept_row *chosen,
                               float **numbers)
{
    const int64_t columns = k->spec.columns, words = (count * columns + 1) / 2;
    int64_t *bits = NULL;
    ddpm_status status = DDPM_NEW(&bits, words, "rows to train on");
    if (status == DDPM_OK) status = DDPM_NEW(numbers, 2 * words, "rows to train on");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        for (int64_t i = 0; i < count; i++)
            if (chosen[i].place >= 0)
                memcpy(*numbers + i * columns, k->numbers + chosen[i].place * columns,
                       (size_t)columns * sizeof **numbers);
        memcpy(bits, *numbers, (size_t)words * sizeof *bits);
        ddpm_comm_sum_int64(comm, bits, words);
        memcpy(*numbers, bits, (size_t)words * sizeof *bits);
    }
    ddpm_release(bits);
    return status;
}

ddpm_status ddpm_kept_gather(ddpm_comm *comm, ddpm_kept *kept, int64_t *count, float **numbers)
{
    ddpm_kept_row *all = NULL;
    int64_t total;
    *numbers = NULL;
    ddpm_status status = gather_numbers(comm, kept, &total, &all);
    if (status == DDPM_OK) status = check_numbers(total, all);
    if (status == DDPM_OK) {
        *count = kept->spec.most > 0 ? ddpm_smaller(total, kept->spec.most) : total;
        qsort(all, (size_t)total, sizeof *all, by_key);
        qsort(all, (size_t)*count, sizeof *all, by_number);
        status = gather_rows(comm, kept, *count, all, numbers);
    }
    ddpm_release(all);
    return status;
}

void ddpm_kept_release(ddpm_kept *kept)
{
    ddpm_release(kept->row);
    ddpm_release(kept->numbers);
    kept->row = NULL;
    kept->numbers = NULL;
    kept->count = kept->room = 0;
}
