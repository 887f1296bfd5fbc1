/** The arithmetic that takes the time, in one table of functions for each instruction set.
 *
 *  src/kernel/simd/ is portable GNU C with vectors. It is compiled for each instruction set of the platform, and the
 * best one that the processor has is chosen at run time. Within one instruction set a result depends on the inputs
 * alone: every sum has a fixed order, so that a row has the same bits whichever block or tile it is computed in. Local,
 * callable from any thread.
 *
 *  Matrices are views (kernel/matrix.h) in single precision. Unless a function says otherwise:
 *  - Shapes are given in brackets, [rows][columns], and the views that are passed have these shapes.
 *  - An array needs no alignment beyond that of its elements, but for packed weights.
 *  - Rows are padded: the stride of a matrix is at least its number of columns rounded up to `panel` (or 0 where rows
 *    are broadcast). The padding is memory of the caller's; a kernel may read it and may overwrite it, and what stands
 *    in it changes no result.
 *  - What the products of dense layers read and write, and what column_sums reads, may be in panels where `panel` is a
 *    multiple of `tile`, and be kept as operands there if `per_element` is 2; all else is row-major. The panels of a
 *    matrix that is kept have the room of its numbers, its padding is what kernels have left there, and slopes beside
 *    it are numbers, in panels as far apart.
 *  - An array that is written does not overlap any other argument, but where a function says that it may be one.
 *  - NaN and infinity pass through; nothing traps.
 */
#ifndef DDPM_KERNEL_SIMD_H
#define DDPM_KERNEL_SIMD_H

#include "base/split.h"
#include "kernel/activation.h"
#include "kernel/matrix.h"

#include <stdint.h>

/** What is added to the variance in a layer norm. */
#define DDPM_NORM_EPSILON 1e-5f

/** The weights of a dense layer y = x W + bias, W [inputs][outputs], as the kernels read them. */
typedef struct ddpm_dense {
    float *weight;       /* W as pack() leaves it, or from one of its rows on */
    int64_t inputs;      /* rows of the matrix that `weight` is a part of; 0: as many as x has columns */
    float *bias;         /* [outputs], and zeros up to a whole panel; of each row of x, */
    int64_t bias_stride; /* so many numbers apart: 0 where all rows have the same */
    float *transposed;   /* W as pack_transposed() leaves it; NULL where no gradient by x is wanted */
    int64_t outputs;     /* columns of the matrix that `transposed` is a part of; 0: as many as this layer has */
} ddpm_dense;

/** Sums in 64-bit fixed point: a contribution g to an element of them adds round(scale * g). */
typedef struct ddpm_fixed_sums {
    int64_t *sum;
    double scale;
    float limit;    /* the largest magnitude of a contribution, before it is scaled */
    int64_t stride; /* of the rows of a sum that a product is added to; 0: as many as the product has columns */
} ddpm_fixed_sums;

/** Sums in single precision. */
typedef struct ddpm_float_sums {
    float *sum;
    float limit;
    int64_t stride; /* as of ddpm_fixed_sums */
} ddpm_float_sums;

/** Settings of one update of the parameters. */
typedef struct ddpm_update {
    float learning_rate;
    float shrink;                   /* the gradient is multiplied by this: below 1 where its norm is clipped */
    float beta1, beta2;             /* of Adam and AdamW; beta1 is also the momentum of SGD */
    float correction1, correction2; /* 1 / (1 - beta^k) in update k, for the bias of the moments */
    float epsilon;                  /* added to the root of the second moment */
    float decay;                    /* of the weights: added to the gradient (Adam, SGD), or decoupled (AdamW) */
    float ema;                      /* the weight that the average's old value keeps; 0: it becomes the parameters */
} ddpm_update;

typedef struct ddpm_kernels {
    const char *name;      /* of the instruction set: "avx512" */
    const char *precision; /* of the operands of products: "float32" or "bfloat16"; their sums are float32 */
    int per_element;       /* operands of a product that share an element of 32 bits: 1, or 2 in bfloat16 */
    int at_full_rate;      /* whether the processor has an instruction that multiplies operands of this precision */
    int64_t panel;         /* columns of a packed panel */
    int64_t tile;          /* rows of an output (in a gradient, columns of x) that a register tile holds */

    /** Pack w [k][n] for products with it from the right: panels of `panel` columns each, [ceil(n / panel)][k][panel]
     *  (with two operands in 32 bits: [ceil(n / panel)][ceil(k / 2)][panel] pairs), zeros beyond column n. Only what
     *  these rows and columns of w become is written, so that threads can share the work: each range begins at a
     *  multiple of `panel`, and ends at one or at the end of w. w may have any stride.
     *  @param is_shared    nonzero: other threads have read what was packed there before, and it leaves their caches.
     *  @param[out] packed  room for k * ddpm_round_up(n, panel) numbers, aligned to DDPM_ALIGNMENT. */
    void (*pack)(ddpm_const_matrix w, ddpm_range rows, ddpm_range columns, int is_shared, float *packed);
    /** The same for the transpose of w [k][n]: panels of `panel` of its rows, [ceil(k / panel)][n][panel].
     *  @param[out] packed  room for n * ddpm_round_up(k, panel) numbers, aligned likewise. */
    void (*pack_transposed)(ddpm_const_matrix w, ddpm_range rows, ddpm_range columns, int is_shared, float *packed);

    /** h = act(x W + bias), x [rows][k], h [rows][n]. W may be k rows of a larger matrix, cut between elements.
     *  @param[out] slope    act'(x W + bias) in the layout of h (beside one that is kept, of its numbers), or NULL.
     *  @param      scratch  ddpm_product_scratch(kernels, rows, k, n) numbers; may be NULL where per_element is 1. */
    void (*forward)(const ddpm_dense *layer, ddpm_const_matrix x, ddpm_activation activation, ddpm_matrix h,
                    float *slope, float *scratch);
    /** dx = (dz W^T) * slope, the last product element by element; dz [rows][n], dx [rows][k]. Where dx has fewer
     *  columns than W has rows, it is the gradient by the first ones.
     *  @param slope    likewise in the layout of dx, and may be in its place; NULL stands for ones.
     *  @param scratch  as in forward. */
    void (*backward_data)(const ddpm_dense *layer, ddpm_const_matrix dz, const float *slope, ddpm_matrix dx,
                          float *scratch);
    /** Add x^T dz to a sum [k][n] with the stride of the sums; x [rows][k], dz [rows][n]. Each block of `block` rows
     * (the last may be shorter) is one contribution to each element of the sum, rounded by itself.
     *  @param scratch  ddpm_product_scratch(kernels, rows, k, n) numbers.
     *  @return  nonzero when a contribution's magnitude was not at most the limit: it was too large or not a number,
     * and the sum is then of no use. */
    int (*backward_weights_fixed)(ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, ddpm_fixed_sums to,
                                  float *scratch);
    int (*backward_weights_float)(ddpm_const_matrix x, ddpm_const_matrix dz, int64_t block, ddpm_float_sums to,
                                  float *scratch);

    /** Add v [n] to a sum [n]; the return value is that of backward_weights_fixed. */
    int (*add_fixed)(int64_t n, const float *v, ddpm_fixed_sums to);
    int (*add_float)(int64_t n, const float *v, ddpm_float_sums to);
    /** out [columns]: the sum of each column of z, as operands, over the rows. */
    void (*column_sums)(ddpm_const_matrix z, float *out);
    /** out [columns]: the sum of `count` rows of a table, in the order in which they are named. */
    void (*sum_rows)(ddpm_const_matrix table, int64_t count, const int32_t *rows, float *out);
    /** out += factors times a table, [columns] of [rows][columns]; out is padded as the rows of the table are. */
    void (*add_combination)(ddpm_const_matrix table, const float *factors, float *out);
    /** Leave out units: h and, unless it is NULL, slope become 0 where the byte is less than `below`, and `kept` times
     *  as large elsewhere; all [n] without padding. */
    void (*drop)(int64_t n, const uint8_t *bytes, int below, float kept, float *h, float *slope);

    /** Layer norm without parameters of its own (Ba et al. 2016), modulated (Perez et al. 2018), row by row:
     *  normal = (x - mean) inverse with inverse = 1 / sqrt(variance + DDPM_NORM_EPSILON), y = normal (1 + scale) +
     *  shift. All matrices are [rows][n], inverse [rows]. The rows of scale and shift are not padded, since they are
     *  parts of longer rows, but up to `panel` numbers after each part are read; their stride may be 0. */
    void (*norm)(ddpm_const_matrix x, ddpm_const_matrix scale, ddpm_const_matrix shift, ddpm_matrix normal,
                 float *inverse, ddpm_matrix y);
    /** The gradients of that, from dy and what norm left in normal and inverse: dx gains the one by x, dscale and
     *  dshift become those by each row's scale and shift. Of the rows of dscale and dshift, only n numbers are
     *  written. */
    void (*norm_backward)(ddpm_const_matrix dy, ddpm_const_matrix normal, const float *inverse, ddpm_const_matrix scale,
                          ddpm_matrix dx, ddpm_matrix dscale, ddpm_matrix dshift);
    /** x += gates * y, element by element; all [rows][n], the rows of gates as those of scale in norm. */
    void (*gate)(ddpm_const_matrix y, ddpm_const_matrix gates, ddpm_matrix x);
    /** The gradients of that from dx: dy = dx * gates, dgates = dx * y, where only n numbers of each row of dgates are
     *  written. */
    void (*gate_backward)(ddpm_const_matrix dx, ddpm_const_matrix y, ddpm_const_matrix gates, ddpm_matrix dy,
                          ddpm_matrix dgates);

    /** h = act(z) and slope = act'(z), all [n] without padding; slope may be NULL, and h may be z. */
    void (*activate)(int64_t n, ddpm_activation activation, const float *z, float *h, float *slope);
    /** p = exp(z) / sum of exp(z), all [n] without padding; p may not be z.
     *  @return  the logarithm of the sum. */
    double (*softmax)(int64_t n, const float *z, float *p);
    /** Standard normal numbers from pairs of random words a [n], b [n] (Box and Muller 1958): the cosine's part [n] and
     *  the sine's part [n], without padding. */
    void (*normal)(int64_t n, const uint32_t *a, const uint32_t *b, float *cosine, float *sine);

    /** Take the sums [n] out as numbers: v = sum * scale, and the sum becomes 0.
     *  @param[out] squares, largest  the sum of the squares of v, and the largest magnitude in it, NaN apart. */
    void (*collect_fixed)(int64_t n, int64_t *sum, double scale, float *v, double *squares, float *largest);
    /** The same in single precision: v = sum, which stays. */
    void (*collect_float)(int64_t n, const float *sum, float *v, double *squares, float *largest);
    /** into += from, and from becomes 0; both [n]. */
    void (*merge_fixed)(int64_t n, int64_t *from, int64_t *into);
    void (*merge_float)(int64_t n, float *from, float *into);

    /** One update of the parameters w by their gradient, and of their moments and their average, all [n] without
     *  padding: Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), or SGD with momentum, which keeps it in
     *  moment1 and does not touch moment2. */
    void (*adam)(int64_t n, const ddpm_update *update, const float *gradient, float *w, float *moment1, float *moment2,
                 float *ema);
    void (*adamw)(int64_t n, const ddpm_update *update, const float *gradient, float *w, float *moment1, float *moment2,
                  float *ema);
    void (*sgd)(int64_t n, const ddpm_update *update, const float *gradient, float *w, float *moment1, float *moment2,
                float *ema);

    /** Multiply-adds on registers alone, to measure the rate that no kernel can exceed. numbers and sums
     *  [DDPM_LIMIT_NUMBERS] hold random numbers in -1..1; the sums end where they began, but for rounding.
     *  @return  the number of operations, two for a multiply-add. */
    double (*multiply_add)(int64_t rounds, const float *numbers, float *sums);
} ddpm_kernels;

enum { DDPM_LIMIT_NUMBERS = 256 };

/** The precision of the operands of products. bfloat16 halves their bytes, and doubles the rate where the processor has
 * an instruction for it; elsewhere the same results are computed slowly. */
typedef enum ddpm_precision { DDPM_PRECISION_FLOAT32, DDPM_PRECISION_BFLOAT16 } ddpm_precision;

/** The best table for this processor, or the one that the environment variable DDPM_ISA names: "avx512", "avx2" or
 * "baseline". NULL when DDPM_ISA names none that can run here. The table for bfloat16 on AVX-512 needs AVX512-BF16. */
const ddpm_kernels *ddpm_kernels_choose(ddpm_precision precision);

/** Table i of the float32 tables that this processor can run, the best first, whatever DDPM_ISA says; NULL when there
 * are no more than i. */
const ddpm_kernels *ddpm_kernels_runnable(int i);

/** n rounded up to a multiple of m. */
static inline int64_t ddpm_round_up(int64_t n, int64_t m)
{
    return ddpm_pieces(n, m) * m;
}

/** How many numbers of scratch memory the products of a layer need: x [rows][k], outputs [rows][n]. */
static inline int64_t ddpm_product_scratch(const ddpm_kernels *kernels, int64_t rows, int64_t k, int64_t n)
{
    /* x and a panel of dz, gathered for the gradient; also enough for x in bfloat16, for forward */
    const int64_t gradient = ddpm_round_up(k, kernels->tile) + kernels->panel;
    /* dz in bfloat16, for backward_data, in rows that are padded */
    const int64_t converted = kernels->per_element > 1
                                  ? ddpm_round_up(ddpm_pieces(n, kernels->per_element), kernels->panel) + kernels->panel
                                  : 0;
    return rows * ddpm_larger(gradient, converted);
}

#endif
