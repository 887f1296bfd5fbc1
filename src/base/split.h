/** Arithmetic of counts: the smaller and the larger of two, and the division of work into parts. Local, any thread. */
#ifndef DDPM_BASE_SPLIT_H
#define DDPM_BASE_SPLIT_H

#include <stdint.h>

static inline int64_t ddpm_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ddpm_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** The least number of pieces of `size` that hold n, both 0 or more. */
static inline int64_t ddpm_pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/** The numbers first .. end-1. */
typedef struct ddpm_range {
    int64_t first, end;
} ddpm_range;

/** Part number `part` of 0 .. n-1 cut into `parts` neighbouring parts, whose lengths differ by one at most.
 * n * parts must be below 2^63. */
static inline ddpm_range ddpm_part(int64_t n, int64_t part, int64_t parts)
{
    return (ddpm_range){n * part / parts, n * (part + 1) / parts};
}

#endif
