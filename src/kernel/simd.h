/** The arithmetic that takes the time, in one table of functions per instruction set.
 *
 *  src/kernel/simd/ is portable GNU C with vectors, compiled for each instruction set of the platform; the best one
 * that the processor has is chosen at run time. Within one instruction set a result depends on its inputs alone:
 * every sum has a fixed order, so a row gives the same bits whatever block or tile it sits in. Local, callable from any
 * thread.
 *
 *  Matrices are row-major with a stride in elements. A stride of activations is at least the width
 *  rounded up to `panel`: the columns between may be overwritten.
 */
#ifndef DDPM_KERNEL_SIMD_H
#define DDPM_KERNEL_SIMD_H

#include "kernel/activation.h"

#include <stdint.h>

/** Added to the variance in a layer norm. */
#define DDPM_NORM_EPSILON 1e-5f

/** Settings of one update of the parameters. */
typedef struct ddpm_update {
    float learning_rate;
    float shrink;                   /* factor on the gradient: clipping */
    float beta1, beta2;             /* Adam; beta1 is also the momentum of SGD */
    float correction1, correction2; /* 1 / (1 - beta^k) */
    float epsilon;
    float decay; /* added to the gradient (Adam, SGD), or decoupled (AdamW) */
    float ema;   /* decay of the average; 0: the average is the parameters */
} ddpm_update;

typedef struct ddpm_kernels {
    const char *name;      /* "avx512" */
    const char *precision; /* "float32", or "bfloat16": what the products multiply; sums are float32 */
    int terms;             /* factors that share an element of 32 bits */
    int at_full_rate;      /* whether the processor multiplies such factors itself */
    int64_t panel;         /* columns of a packed panel, and the multiple that strides are rounded up to */
    int64_t tile;          /* rows, or columns of x in a gradient, that are held in registers together */

    /** w [k][n] into panels [ceil(n / panel)][k][panel]; panels `first` to `last` - 1 of them. Room: k * round_up(n,
     * panel). */
    void (*pack)(const float *w, int64_t k, int64_t n, int64_t first, int64_t last, float *packed);
    /** The same for the transpose of w [k][n]: panels over k, [ceil(k / panel)][n][panel]. */
    void (*pack_transposed)(const float *w, int64_t k, int64_t n, int64_t first, int64_t last, float *packed);

    /** h = act(x W + bias), and slope = act'(x W + bias) unless NULL. x [rows][k], h and slope [rows][n].
     *  bias is padded to a multiple of panel.  scratch: ddpm_product_scratch(kernels, rows, k, n) numbers. */
    void (*forward)(int64_t rows, int64_t k, int64_t n, const float *x, int64_t ldx, const float *packed,
                    const float *bias, ddpm_activation activation, float *h, float *slope, int64_t ldh, float *scratch);
    /** dx = (dz W^T) * slope, element by element; slope NULL: no factor. dz [rows][n], dx and slope [rows][k]. */
    void (*backward_data)(int64_t rows, int64_t k, int64_t n, const float *dz, int64_t ldz,
                          const float *packed_transposed, const float *slope, float *dx, int64_t ldx, float *scratch);
    /** sum += round(scale * x^T dz) for each block of `block` rows by itself (the last may be shorter), [k][n] in
     * 64-bit fixed point: exact, so that the order of blocks does not matter. scratch as above.
     *  @return nonzero when an element's size was not at most `limit` (too large, or not a number): sum is then of no
     * use. */
    int (*backward_weights_fixed)(int64_t rows, int64_t block, int64_t k, int64_t n, const float *x, int64_t ldx,
                                  const float *dz, int64_t ldz, double scale, float limit, int64_t *sum,
                                  float *scratch);
    /** sum += x^T dz of each block in turn, in float32. */
    int (*backward_weights_float)(int64_t rows, int64_t block, int64_t k, int64_t n, const float *x, int64_t ldx,
                                  const float *dz, int64_t ldz, float limit, float *sum, float *scratch);

    /** sum += round(scale * v) and the float32 form; return as above. */
    int (*add_fixed)(int64_t n, const float *v, double scale, float limit, int64_t *sum);
    int (*add_float)(int64_t n, const float *v, float limit, float *sum);
    /** out[j] = sum of column j over the rows. */
    void (*column_sums)(int64_t rows, int64_t n, const float *z, int64_t ldz, float *out);

    /** Layer norm without parameters of its own (Ba et al. 2016), modulated (Perez et al. 2018), row by row:
     *  normal = (x - mean) inverse, inverse = 1 / sqrt(variance + DDPM_NORM_EPSILON), y = normal (1 + scale) + shift.
     *  x, normal, y [rows][n], inverse [rows]; a row's scale and shift [n] lie ldm apart (0: all rows share them). Up
     *  to `panel` elements after each part of a modulation are read. */
    void (*norm)(int64_t rows, int64_t n, const float *x, int64_t ldx, const float *scale, const float *shift,
                 int64_t ldm, float *normal, float *inverse, float *y, int64_t ldy);
    /** dx += the gradient by x; dscale and dshift, lddm apart, n elements of each row. */
    void (*norm_backward)(int64_t rows, int64_t n, const float *dy, const float *normal, int64_t ldy,
                          const float *inverse, const float *scale, int64_t ldm, float *dx, int64_t ldx, float *dscale,
                          float *dshift, int64_t lddm);
    /** x += gates * y, element by element. */
    void (*gate)(int64_t rows, int64_t n, const float *y, int64_t ldy, const float *gates, int64_t ldm, float *x,
                 int64_t ldx);
    /** dy = dx * gates, dgates = dx * y. */
    void (*gate_backward)(int64_t rows, int64_t n, const float *dx, int64_t ldx, const float *y, int64_t ldy,
                          const float *gates, int64_t ldm, float *dy, float *dgates, int64_t lddm);

    /** Activation on an array: h = act(z), slope = act'(z) unless NULL. */
    void (*activate)(int64_t n, ddpm_activation activation, const float *z, float *h, float *slope);
    /** Standard normal numbers from pairs of random words (Box and Muller 1958): 2 n numbers, cosine part first. */
    void (*normal)(int64_t n, const uint32_t *a, const uint32_t *b, float *cosine, float *sine);

    /** v = sum * scale and sum = 0; *squares and *largest: of the values. */
    void (*collect_fixed)(int64_t n, int64_t *sum, double scale, float *v, double *squares, float *largest);
    void (*collect_float)(int64_t n, const float *sum, float *v, double *squares, float *largest);
    /** into += from, from = 0. */
    void (*merge_fixed)(int64_t n, int64_t *from, int64_t *into);
    void (*merge_float)(int64_t n, float *from, float *into);

    /** One step of an optimiser and of the average of the parameters: Kingma and Ba 2015; Loshchilov and Hutter 2019.
     */
    void (*adam)(int64_t n, const ddpm_update *update, const float *gradient, float *w, float *moment1, float *moment2,
                 float *ema);
    void (*adamw)(int64_t n, const ddpm_update *update, const float *gradient, float *w, float *moment1, float *moment2,
                  float *ema);
    void (*sgd)(int64_t n, const ddpm_update *update, const float *gradient, float *w, float *moment1, float *moment2,
                float *ema);

    /** Multiply-adds among registers, for the measurement of their rate. numbers, sums [DDPM_LIMIT_NUMBERS] are random
     * in -1..1; the sums end where they began, but for rounding.
     *  @return the operations done, two a multiply-add. */
    double (*multiply_add)(int64_t rounds, const float *numbers, float *sums);
} ddpm_kernels;

enum { DDPM_LIMIT_NUMBERS = 256 };

/** What the products multiply: bfloat16 halves the factors' bytes and, where there is an instruction for it, doubles
 * the rate; elsewhere it is the same arithmetic, slowly. */
typedef enum ddpm_precision { DDPM_PRECISION_FLOAT32, DDPM_PRECISION_BFLOAT16 } ddpm_precision;

/** The table for this processor; the environment variable DDPM_ISA names another that it can run ("avx512", "avx2",
 * "baseline"). NULL when DDPM_ISA names none that can run here; bfloat16 on AVX-512 wants AVX512-BF16. */
const ddpm_kernels *ddpm_kernels_choose(ddpm_precision precision);

/** The float32 tables that this processor can run, best first, whatever DDPM_ISA says; NULL from their number on. */
const ddpm_kernels *ddpm_kernels_runnable(int i);

/** n rounded up to a multiple of m. */
static inline int64_t ddpm_round_up(int64_t n, int64_t m)
{
    return (n + m - 1) / m * m;
}

/** Numbers of scratch memory for the products of a layer of k inputs and n outputs with so many rows. */
static inline int64_t ddpm_product_scratch(const ddpm_kernels *kernels, int64_t rows, int64_t k, int64_t n)
{
    const int64_t gradient = ddpm_round_up(k, kernels->tile) + kernels->panel;
    const int64_t row = kernels->terms > 1 ? (n + kernels->terms - 1) / kernels->terms : 0; /* dz as elements */
    return rows * (gradient > row ? gradient : row);
}

#endif
