/** Views of matrices: where the numbers of a block of rows lie, and in which shape. A view owns nothing and is passed
 * by value. Local, any thread.
 */
#ifndef DDPM_KERNEL_MATRIX_H
#define DDPM_KERNEL_MATRIX_H

#include <stdint.h>

/** A row-major matrix of float32: row i begins at data + i * stride. Or a matrix in panels, each of which has as many
 *  columns as a packed panel of the kernels (kernel/simd.h) and is row-major: row i of panel p begins at data + p *
 *  panels + i * stride.
 *
 *  Where operands of products share elements (kernel/simd.h), a matrix in panels whose rows are no longer than the
 *  elements of a panel is kept as operands: these stand in the place of numbers, so that no product with it rounds. */
typedef struct ddpm_matrix {
    float *data;
    int64_t rows, columns;
    int64_t stride; /* from one row to the next, in elements; 0: every row is the same memory (a broadcast) */
    int64_t panels; /* from one panel to the next; 0: there are none, a row lies in one piece */
} ddpm_matrix;

/** The same for a matrix that is only read. */
typedef struct ddpm_const_matrix {
    const float *data;
    int64_t rows, columns;
    int64_t stride, panels;
} ddpm_const_matrix;

/** A matrix whose rows follow each other without a gap. */
static inline ddpm_matrix ddpm_matrix_dense(float *data, int64_t rows, int64_t columns)
{
    return (ddpm_matrix){data, rows, columns, columns, 0};
}

static inline ddpm_const_matrix ddpm_matrix_read(ddpm_matrix m)
{
    return (ddpm_const_matrix){m.data, m.rows, m.columns, m.stride, m.panels};
}

/** Rows first .. first+rows-1 of a matrix. */
static inline ddpm_matrix ddpm_matrix_part(ddpm_matrix m, int64_t first, int64_t rows)
{
    return (ddpm_matrix){m.data + first * m.stride, rows, m.columns, m.stride, m.panels};
}

static inline ddpm_const_matrix ddpm_const_matrix_part(ddpm_const_matrix m, int64_t first, int64_t rows)
{
    return (ddpm_const_matrix){m.data + first * m.stride, rows, m.columns, m.stride, m.panels};
}

#endif
