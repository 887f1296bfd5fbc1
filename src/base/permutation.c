/* Each round adds a key, multiplies by an odd number and folds the high half down, all modulo 2^bits: each is a
 * bijection. */
#include "base/permutation.h"

/* The inverse of an odd number modulo 2^64, by Newton's iteration. An odd number is its own inverse modulo 2^3, so 3
 * low bits are right at first, and each step doubles their number. */
static uint64_t inverse_of(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 5; i++) x *= 2 - odd * x;
    return x;
}

ddpm_permutation ddpm_permutation_make(uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t n)
{
    ddpm_permutation p = {.count = (uint64_t)n};
    int bits = 1;
    while (bits < 63 && UINT64_C(1) << bits < p.count) bits++;
    p.mask = (UINT64_C(1) << bits) - 1;
    p.shift = (bits + 1) / 2;
    for (int i = 0; i < DDPM_PERMUTATION_ROUNDS; i++) {
        const ddpm_random4 words = ddpm_random_words(seed, purpose, step, i, 0);
        p.add[i] = (uint64_t)words.v[0] << 32 | words.v[1];
        p.multiply[i] = ((uint64_t)words.v[2] << 32 | words.v[3]) | 1;
        p.inverse[i] = inverse_of(p.multiply[i]);
    }
    return p;
}

/* Since shift is at least half of the bits, folding twice is the identity. */
static uint64_t mix(const ddpm_permutation *p, uint64_t x)
{
    for (int i = 0; i < DDPM_PERMUTATION_ROUNDS; i++) {
        x = ((x + p->add[i]) * p->multiply[i]) & p->mask;
        x ^= x >> p->shift;
    }
    return x;
}

static uint64_t unmix(const ddpm_permutation *p, uint64_t x)
{
    for (int i = DDPM_PERMUTATION_ROUNDS - 1; i >= 0; i--) {
        x ^= x >> p->shift;
        x = (x * p->inverse[i] - p->add[i]) & p->mask;
    }
    return x;
}

int64_t ddpm_permutation_at(const ddpm_permutation *permutation, int64_t position)
{
    uint64_t x = (uint64_t)position;
    do x = mix(permutation, x);
    while (x >= permutation->count);
    return (int64_t)x;
}

int64_t ddpm_permutation_position(const ddpm_permutation *permutation, int64_t element)
{
    uint64_t x = (uint64_t)element;
    do x = unmix(permutation, x);
    while (x >= permutation->count);
    return (int64_t)x;
}

void ddpm_permutation_map(const ddpm_permutation *permutation, int64_t count, int64_t *places)
{
    enum { SLICE = 64 };
    for (int64_t first = 0; first < count; first += SLICE) {
        uint8_t outside[SLICE]; /* those that are not in range yet */
        int64_t *const slice = places + first;
        int left = (int)(count - first < SLICE ? count - first : SLICE);
        for (int i = 0; i < left; i++) outside[i] = (uint8_t)i;
        while (left > 0) {
            int still = 0;
            for (int i = 0; i < left; i++) {
                const uint8_t at = outside[i];
                const uint64_t x = mix(permutation, (uint64_t)slice[at]);
                slice[at] = (int64_t)x;
                outside[still] = at; /* without a branch */
                still += x >= permutation->count;
            }
            left = still;
        }
    }
}
