/* Multiply-adds on registers alone: the rate that no kernel can exceed.
 *
 * The operands are random numbers, since a processor that multiplies constants takes less power, and then runs at a
 * higher clock than it can keep in a real product.
 */
#ifndef DDPM_KERNEL_SIMD_LIMIT_H
#define DDPM_KERNEL_SIMD_LIMIT_H

#include "tile.h"

/* The compiler has to assume that this changes x, or it would compute the products only once. */
#if defined __AVX512F__
#define OPAQUE(x) __asm__ volatile("" : "+v"(x))
#elif defined __SSE2__
#define OPAQUE(x) __asm__ volatile("" : "+x"(x))
#elif defined __aarch64__
#define OPAQUE(x) __asm__ volatile("" : "+w"(x))
#else
#define OPAQUE(x) __asm__ volatile("" : "+m"(x))
#endif

/* All vectors fit in the registers (AVX2 takes one operand from the cache, beside ten sums): SIDE x VECTORS sums, as
 * many as a product has, and LEFT and RIGHT operands of the two sides. The body of the loop is short, since GCC keeps
 * arrays in registers only where it unrolls it early: sums in memory, which each round loads and stores, take a
 * processor of two multiply-adds a cycle a sixth of its rate. */
enum { SIDE = TILE, LEFT = (SIDE + 1) / 2, RIGHT = 2 * VECTORS };

/* What half a round adds, the other half takes away: the sums do not grow however many rounds there are. */
static double multiply_add(int64_t rounds, const float *numbers, float *sums)
{
    vf acc[SIDE][VECTORS], a[LEFT], b[RIGHT];
    for (int i = 0; i < LEFT; i++) a[i] = load_vf(numbers + i * LANES);
    for (int i = 0; i < RIGHT; i++) b[i] = load_vf(numbers + (LEFT + i) * LANES);
    for (int i = 0; i < SIDE; i++)
        for (int v = 0; v < VECTORS; v++) acc[i][v] = load_vf(sums + (i * VECTORS + v) * LANES);
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < RIGHT; i++) OPAQUE(b[i]);
        for (int i = 0; i < SIDE; i++)
            for (int v = 0; v < VECTORS; v++) acc[i][v] += a[i % LEFT] * b[i / LEFT * VECTORS + v];
        for (int i = 0; i < RIGHT; i++) OPAQUE(b[i]);
        for (int i = 0; i < SIDE; i++)
            for (int v = 0; v < VECTORS; v++) acc[i][v] -= a[i % LEFT] * b[i / LEFT * VECTORS + v];
    }
    for (int i = 0; i < SIDE; i++)
        for (int v = 0; v < VECTORS; v++) store_vf(sums + (i * VECTORS + v) * LANES, acc[i][v]);
    return 4.0 * (double)rounds * SIDE * VECTORS * LANES;
}

#endif
