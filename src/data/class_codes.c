/* Counts rows by their class codes: small codes in a table, others in a list. */
#include "data/class_codes.h"

#include "base/memory.h"
#include "base/split.h"

#include <string.h>

enum { MOST = DDPM_CLASSES_MAX };

static ddpm_status refuse(void)
{
    return ddpm_fail(DDPM_ERR_DATA, "expected at most %d different classes, found more", MOST);
}

/* The place of the first of the list that is not below a code. */
static int64_t place_of(const ddpm_class_codes *c, int64_t code)
{
    int64_t low = 0, high = c->count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (c->others[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static ddpm_status make_room(ddpm_class_codes *c)
{
    ddpm_class_code *larger = NULL;
    if (c->count < c->room) return DDPM_OK;
    if (c->count == MOST) return refuse();
    DDPM_TRY(DDPM_NEW(&larger, ddpm_larger(16, 2 * c->room), "classes"));
    if (c->count > 0) memcpy(larger, c->others, (size_t)c->count * sizeof *larger);
    ddpm_release(c->others);
    c->others = larger;
    c->room = ddpm_larger(16, 2 * c->room);
    return DDPM_OK;
}

static ddpm_status add(ddpm_class_codes *c, int64_t code, int64_t rows)
{
    if (c->last >= c->count || c->others[c->last].code != code) {
        c->last = place_of(c, code);
        if (c->last == c->count || c->others[c->last].code != code) {
            DDPM_TRY(make_room(c));
            ddpm_class_code *at = c->others + c->last;
            memmove(at + 1, at, (size_t)(c->count - c->last) * sizeof *at);
            *at = (ddpm_class_code){.code = code};
            c->count++;
        }
    }
    c->others[c->last].rows += rows;
    return DDPM_OK;
}

static ddpm_status make_table(ddpm_class_codes *c)
{
    return c->small ? DDPM_OK : DDPM_NEW(&c->small, MOST, "classes");
}

ddpm_status ddpm_class_codes_add(ddpm_class_codes *codes, int64_t code)
{
    if (code < 0 || code >= MOST) return add(codes, code, 1);
    DDPM_TRY(make_table(codes));
    codes->small[code]++;
    return DDPM_OK;
}

static int64_t small_count(const ddpm_class_codes *c)
{
    int64_t count = 0;
    for (int64_t k = 0; k < MOST; k++) count += c->small[k] > 0;
    return count;
}

/* Collective. Give the lists of all ranks to every rank.
 *  @param[in] counts  [size] of the ranks. */
static ddpm_status join_lists(ddpm_comm *comm, const int64_t *counts, ddpm_class_codes *c)
{
    const int rank = ddpm_comm_rank(comm), size = ddpm_comm_size(comm);
    int64_t total = 0, first = 0;
    ddpm_class_code *all = NULL;
    for (int r = 0; r < size; r++) {
        if (r == rank) first = total;
        total += counts[r];
    }
    if (total == 0) return DDPM_OK;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&all, total, "classes"));
    if (status == DDPM_OK) {
        if (c->count > 0) memcpy(all + first, c->others, (size_t)c->count * sizeof *all);
        ddpm_comm_sum_int64(comm, (int64_t *)all, 2 * total);
        c->count = c->last = 0;
        for (int64_t i = 0; status == DDPM_OK && i < total; i++) status = add(c, all[i].code, all[i].rows);
        if (status == DDPM_OK && c->count + small_count(c) > MOST) status = refuse();
        status = ddpm_agree(comm, status);
    }
    ddpm_release(all);
    return status;
}

ddpm_status ddpm_class_codes_join(ddpm_comm *comm, ddpm_class_codes *codes)
{
    int64_t *counts = NULL;
    ddpm_status status = make_table(codes);
    if (status == DDPM_OK) status = DDPM_NEW(&counts, ddpm_comm_size(comm), "classes");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        ddpm_comm_sum_int64(comm, codes->small, MOST);
        counts[ddpm_comm_rank(comm)] = codes->count;
        ddpm_comm_sum_int64(comm, counts, ddpm_comm_size(comm));
        status = join_lists(comm, counts, codes);
    }
    ddpm_release(counts);
    return status;
}

int64_t ddpm_class_codes_classes(const ddpm_class_codes *codes)
{
    if (codes->count > 0) return codes->count + small_count(codes);
    int64_t classes = MOST;
    while (classes > 1 && codes->small[classes - 1] == 0) classes--;
    return classes;
}

void ddpm_class_codes_list(const ddpm_class_codes *codes, int64_t *code, int64_t *rows)
{
    const int64_t small = codes->count > 0 ? MOST : ddpm_class_codes_classes(codes);
    int64_t at = 0, i = 0;
    for (; i < codes->count && codes->others[i].code < 0; i++, at++) {
        code[at] = codes->others[i].code;
        rows[at] = codes->others[i].rows;
    }
    for (int64_t k = 0; k < small; k++) {
        if (codes->count > 0 && codes->small[k] == 0) continue;
        code[at] = k;
        rows[at++] = codes->small[k];
    }
    for (; i < codes->count; i++, at++) {
        code[at] = codes->others[i].code;
        rows[at] = codes->others[i].rows;
    }
}

void ddpm_class_codes_release(ddpm_class_codes *codes)
{
    ddpm_release(codes->small);
    ddpm_release(codes->others);
    *codes = (ddpm_class_codes){0};
}
