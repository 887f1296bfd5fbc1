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

/* All vectors fit in the registers: SIDE x VECTORS sums, and LEFT and SIDE operands of the two sides. */
enum { SIDE = TILE / 4 * 4, LEFT = SIDE / 2 };

/* The second half of the operands on the right is the first half with the opposite sign. So the products of a round
 * cancel, and the sums do not grow however many rounds there are. */
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
            /* Sums with the same left operand meet different right ones, so that no product is computed twice in a
             * round. */
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
