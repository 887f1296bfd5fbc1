/** The eigenvectors of a symmetric matrix, the same bits at any number of threads. Local. */
#ifndef DDPM_FIT_EIGEN_H
#define DDPM_FIT_EIGEN_H

#include <stdint.h>

/** Decompose a symmetric matrix without negative eigenvalues, by Jacobi rotations of its rows (Hestenes 1958).
 *  It takes some 60 n^3 operations.
 *  @param[in,out] a     [n][n]: in, the matrix; out, its eigenvectors as rows of length 1, by falling eigenvalue. Rows
 * of eigenvalues that are 0 to rounding are 0.
 *  @param[out] value    [n], the eigenvalues. */
void ddpm_eigen_symmetric(int64_t n, double *a, double *value, int threads);

#endif
