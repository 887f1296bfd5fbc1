/** A random order of 0 .. n-1 that is a pure function of (seed, purpose, step), evaluated element by element in
 * constant memory: rounds of an invertible mixing function on the next power of two, repeated until the result is in
 * range (cycle walking).
 * Local, any thread.
 */
#ifndef DDPM_BASE_PERMUTATION_H
#define DDPM_BASE_PERMUTATION_H

#include "base/random.h"

enum { DDPM_PERMUTATION_ROUNDS = 8 }; /* with 4, three quarters of the orders of 8 elements never come up */

typedef struct ddpm_permutation {
    uint64_t count, mask;
    int shift;
    uint64_t add[DDPM_PERMUTATION_ROUNDS], multiply[DDPM_PERMUTATION_ROUNDS], inverse[DDPM_PERMUTATION_ROUNDS];
} ddpm_permutation;

/** @param n  1 or more, below 2^48. */
ddpm_permutation ddpm_permutation_make(uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t n);

/** The element at a position, and the position of an element; both in 0 .. n-1. */
int64_t ddpm_permutation_at(const ddpm_permutation *permutation, int64_t position);
int64_t ddpm_permutation_position(const ddpm_permutation *permutation, int64_t element);

/** Replace `count` positions by their elements. It is faster than as many calls of ddpm_permutation_at, since the
 * processor need not foresee how often each position has to be mixed. */
void ddpm_permutation_map(const ddpm_permutation *permutation, int64_t count, int64_t *places);

#endif
