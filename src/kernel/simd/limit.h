/* Multiply-adds among registers: the rate that no kernel can beat.
 *
 * On random numbers, since a processor fed with constants saves power and clocks much higher than any real product
 * lets it.
 */
#ifndef DDPM_KERNEL_SIMD_LIMIT_H
#define DDPM_KERNEL_SIMD_LIMIT_H

#include "dense.h"

/* The compiler must take the register for changed, or it would compute the products once. */
#if defined __AVX512F__
#define OPAQUE(x) __asm__ volatile("" : "+v"(x))
#elif defined __SSE2__
#define OPAQUE(x) __asm__ volatile("" : "+x"(x))
#elif defined __aarch64__
#define OPAQUE(x) __asm__ volatile("" : "+w"(x))
#else
#define OPAQUE(x) __asm__ volatile("" : "+m"(x))
#endif

enum { SIDE = TILE / 4 * 4, LEFT = SIDE / 2 }; /* with all that follows in registers, none is left to spill */

/* SIDE x VECTORS sums, LEFT and SIDE factors. The second half of the right factors is the first with the other sign, so
 * that the sums stay where they began, however long it takes. */
static double multiply_add(int64_t rounds, const float *numbers, float *sums)
{
    vf acc[SIDE][VECTORS], a[LEFT], b[SIDE];
    for (int i = 0; i < LEFT; i++) {
        a[i] = load_vf(numbers + i * LANES);
        b[i] = load_vf(numbers + (LEFT + i) * LANES);
        b[LEFT + i] = -b[i];
    }
    for (int i = 0; i < SIDE; i++)
        for (int v = 0; v < VECTORS; v++) acc[i][v] = load_vf(sums + (i * VECTORS + v) * LANES);
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8
        for (int s = 0; s < SIDE; s++) {
            OPAQUE(b[s]);
#pragma GCC unroll 8
            for (int i = 0; i < SIDE; i++)
#pragma GCC unroll 2
                for (int v = 0; v < VECTORS; v++) acc[i][v] += a[i % LEFT] * b[(s + v + VECTORS * (i / LEFT)) % SIDE];
        }
    }
    for (int i = 0; i < SIDE; i++)
        for (int v = 0; v < VECTORS; v++) store_vf(sums + (i * VECTORS + v) * LANES, acc[i][v]);
    return 2.0 * (double)rounds * SIDE * SIDE * VECTORS * LANES;
}

#endif
