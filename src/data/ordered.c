/* Counts values, or sorts them range by range. */
#include "data/ordered.h"

#include "base/memory.h"
#include "base/split.h"

#include <stdlib.h>
#include <string.h>

enum {
    DIFFERENT = 1 << 16, /* values that are counted, at most */
    SLOTS = 1 << 17,     /* of the table in which they are; a power of two, larger than that */
    DIGIT = 16,          /* bits of a key by which values are counted together */
    BUCKETS = 1 << DIGIT,
    BYTES = 8 /* of a key */
};

/* A value and how often it comes; none where that is 0. */
typedef struct slot {
    uint64_t key;
    int64_t times;
} slot;

/* The values whose keys are low .. high. */
typedef struct key_range {
    uint64_t low, high;
    int64_t count;
} key_range;

struct ddpm_ordered {
    ddpm_values values;
    int64_t most, count;
    int64_t different; /* that are counted; above DIFFERENT: too many */
    slot *slots;       /* [SLOTS] until all are counted, then the [different] in ascending order */
    int64_t *buckets;  /* [BUCKETS] */
    int64_t ranges, room;
    key_range *range;
    int64_t held;          /* the range whose keys are in memory; -1: none */
    int64_t keys;          /* of it */
    uint64_t *key, *other; /* [most]: keys, and room to sort them */
    uint64_t low, high;    /* what is read: keys of a range */
    int shift;             /* what is counted: the digit that begins at this bit */
};

/* ---- keys: whole numbers in the order of the values ---- */

static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double value_of(uint64_t key)
{
    const uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- the first reading ---- */

/* Where a key is in the table, or where it would be. */
static slot *find(const ddpm_ordered *o, uint64_t key)
{
    uint64_t at = key * UINT64_C(0x9e3779b97f4a7c15) >> 47;
    while (o->slots[at].times > 0 && o->slots[at].key != key) at = (at + 1) % SLOTS;
    return &o->slots[at];
}

static void take_first(void *to, int64_t count, const double *values)
{
    ddpm_ordered *o = to;
    o->count += count;
    for (int64_t i = 0; i < count; i++) {
        const uint64_t key = key_of(values[i]);
        o->buckets[key >> (64 - DIGIT)]++;
        if (o->different > DIFFERENT) continue;
        slot *s = find(o, key);
        if (s->times == 0) o->different++;
        s->key = key;
        s->times++;
    }
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = ((const slot *)a)->key, y = ((const slot *)b)->key;
    return (x > y) - (x < y);
}

static void sort_slots(ddpm_ordered *o)
{
    int64_t n = 0;
    for (int64_t i = 0; i < SLOTS; i++)
        if (o->slots[i].times > 0) o->slots[n++] = o->slots[i];
    qsort(o->slots, (size_t)n, sizeof *o->slots, by_key);
}

/* ---- ranges ---- */

static void take_digits(void *to, int64_t count, const double *values)
{
    ddpm_ordered *o = to;
    for (int64_t i = 0; i < count; i++) {
        const uint64_t key = key_of(values[i]);
        if (key >= o->low && key <= o->high) o->buckets[key >> o->shift & (BUCKETS - 1)]++;
    }
}

static ddpm_status add_range(ddpm_ordered *o, key_range range)
{
    if (o->ranges == o->room) {
        key_range *longer = NULL;
        const int64_t room = 2 * o->room + 16;
        DDPM_TRY(DDPM_NEW(&longer, room, "ranges of values"));
        if (o->ranges > 0) memcpy(longer, o->range, (size_t)o->ranges * sizeof *longer);
        ddpm_release(o->range);
        o->range = longer;
        o->room = room;
    }
    o->range[o->ranges++] = range;
    return DDPM_OK;
}

/* Cut keys from `low` on, which were counted by the digit at `shift`, into ranges that fit the memory. A digit of more
 * values than that is cut by the next one. */
static ddpm_status cut(ddpm_ordered *o, uint64_t low, int shift) // NOLINT(misc-no-recursion): at most four digits
{
    const uint64_t step = UINT64_C(1) << shift;
    int64_t *counts = NULL;
    key_range open = {low, low, 0};
    ddpm_status status = DDPM_NEW(&counts, BUCKETS, "ranges of values");
    if (status == DDPM_OK) memcpy(counts, o->buckets, BUCKETS * sizeof *counts);
    for (int64_t b = 0; status == DDPM_OK && b < BUCKETS; b++) {
        const key_range own = {low + (uint64_t)b * step, low + (uint64_t)b * step + (step - 1), counts[b]};
        if (own.count == 0) continue;
        if (open.count > 0 && open.count + own.count > o->most) {
            status = add_range(o, open);
            open.count = 0;
        }
        if (status != DDPM_OK) break;
        if (own.count > o->most && shift > 0) {
            o->low = own.low;
            o->high = own.high;
            o->shift = shift - DIGIT;
            memset(o->buckets, 0, BUCKETS * sizeof *o->buckets);
            status = o->values.read(o->values.context, take_digits, o);
            if (status == DDPM_OK) status = cut(o, own.low, shift - DIGIT);
            continue;
        }
        open = (key_range){open.count > 0 ? open.low : own.low, own.high, open.count + own.count};
    }
    if (status == DDPM_OK && open.count > 0) status = add_range(o, open);
    ddpm_release(counts);
    return status;
}

static ddpm_status prepare_ranges(ddpm_ordered *o)
{
    const int64_t held = ddpm_smaller(o->most, o->count);
    ddpm_release(o->slots);
    o->slots = NULL;
    DDPM_TRY(DDPM_NEW(&o->key, held, "values of a column"));
    DDPM_TRY(DDPM_NEW(&o->other, held, "values of a column"));
    return cut(o, 0, 64 - DIGIT);
}

ddpm_status ddpm_ordered_create(const ddpm_values *values, int64_t most, ddpm_ordered **out)
{
    ddpm_ordered *o = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&o, 1, "values of a column"));
    *o = (ddpm_ordered){.values = *values, .most = ddpm_larger(most, 1), .held = -1};
    ddpm_status status = DDPM_NEW(&o->slots, SLOTS, "values of a column");
    if (status == DDPM_OK) status = DDPM_NEW(&o->buckets, BUCKETS, "values of a column");
    if (status == DDPM_OK) status = values->read(values->context, take_first, o);
    if (status == DDPM_OK && o->different <= DIFFERENT)
        sort_slots(o);
    else if (status == DDPM_OK)
        status = prepare_ranges(o);
    if (status != DDPM_OK) {
        ddpm_ordered_free(o);
        return status;
    }
    *out = o;
    return DDPM_OK;
}

void ddpm_ordered_free(ddpm_ordered *ordered)
{
    if (!ordered) return;
    ddpm_release(ordered->slots);
    ddpm_release(ordered->buckets);
    ddpm_release(ordered->range);
    ddpm_release(ordered->key);
    ddpm_release(ordered->other);
    ddpm_release(ordered);
}

int64_t ddpm_ordered_count(const ddpm_ordered *ordered)
{
    return ordered->count;
}

/* ---- sorting ---- */

/* Sort by one byte of the keys after another, from the last; one that all keys share is left out. */
static void sort_keys(ddpm_ordered *o)
{
    static const int64_t none[256];
    int64_t counts[BYTES][256];
    for (int b = 0; b < BYTES; b++) memcpy(counts[b], none, sizeof none);
    for (int64_t i = 0; i < o->keys; i++)
        for (int b = 0; b < BYTES; b++) counts[b][o->key[i] >> 8 * b & 255]++;
    for (int b = 0; b < BYTES; b++) {
        int64_t at[256], first = 0;
        if (counts[b][o->key[0] >> 8 * b & 255] == o->keys) continue;
        for (int k = 0; k < 256; k++) {
            at[k] = first;
            first += counts[b][k];
        }
        for (int64_t i = 0; i < o->keys; i++) o->other[at[o->key[i] >> 8 * b & 255]++] = o->key[i];
        uint64_t *sorted = o->other;
        o->other = o->key;
        o->key = sorted;
    }
}

static void take_keys(void *to, int64_t count, const double *values)
{
    ddpm_ordered *o = to;
    for (int64_t i = 0; i < count; i++) {
        const uint64_t key = key_of(values[i]);
        if (key >= o->low && key <= o->high) o->key[o->keys++] = key;
    }
}

/* Have the keys of a range in memory. */
static ddpm_status hold(ddpm_ordered *o, int64_t r)
{
    if (o->held == r) return DDPM_OK;
    o->held = -1;
    o->keys = 0;
    o->low = o->range[r].low;
    o->high = o->range[r].high;
    DDPM_TRY(o->values.read(o->values.context, take_keys, o));
    sort_keys(o);
    o->held = r;
    return DDPM_OK;
}

static ddpm_status visit(void *context, void (*take)(void *to, double value, int64_t times), void *to)
{
    ddpm_ordered *o = context;
    for (int64_t i = 0; o->slots && i < o->different; i++) take(to, value_of(o->slots[i].key), o->slots[i].times);
    for (int64_t r = 0; !o->slots && r < o->ranges; r++) {
        if (o->range[r].count > o->most) { /* one value, for whose rows there is no room */
            take(to, value_of(o->range[r].low), o->range[r].count);
            continue;
        }
        DDPM_TRY(hold(o, r));
        for (int64_t at = 0, end; at < o->keys; at = end) {
            for (end = at + 1; end < o->keys && o->key[end] == o->key[at];) end++;
            take(to, value_of(o->key[at]), end - at);
        }
    }
    return DDPM_OK;
}

ddpm_runs ddpm_ordered_runs(ddpm_ordered *ordered)
{
    return (ddpm_runs){ordered, visit};
}
