/* The register tile that all products are made of: TILE rows of the output by one panel of its columns. It has as many
 * sums as fit in the registers beside the operands of one multiply-add.
 */
#ifndef DDPM_KERNEL_SIMD_TILE_H
#define DDPM_KERNEL_SIMD_TILE_H

#include "vector.h"

#if defined __AVX512F__
enum { TILE = 8, VECTORS = 2 };
#elif defined __AVX2__
enum { TILE = 5, VECTORS = 2 };
#else
enum { TILE = 4, VECTORS = 2 };
#endif
enum { PANEL = LANES * VECTORS };

/* Call tile(rows, ...) with `rows` a constant, so that its loops are unrolled and its sums stay in registers: a whole
 * tile, or the rows that are left after the last whole one. */
#define WITH_CONSTANT_ROWS(tile, rows, ...)      \
    switch (rows) {                              \
    case 1:                                      \
        tile(1, __VA_ARGS__);                    \
        break;                                   \
    case 2:                                      \
        tile(2, __VA_ARGS__);                    \
        break;                                   \
    case 3:                                      \
        tile(3, __VA_ARGS__);                    \
        break;                                   \
    case 4:                                      \
        tile(4, __VA_ARGS__);                    \
        break;                                   \
    case 5:                                      \
        tile(5 <= TILE ? 5 : TILE, __VA_ARGS__); \
        break;                                   \
    case 6:                                      \
        tile(6 <= TILE ? 6 : TILE, __VA_ARGS__); \
        break;                                   \
    case 7:                                      \
        tile(7 <= TILE ? 7 : TILE, __VA_ARGS__); \
        break;                                   \
    default:                                     \
        tile(TILE, __VA_ARGS__);                 \
        break;                                   \
    }

#endif
