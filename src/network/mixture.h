/** The prediction of a mixture of Gaussians, which is added to a network's output. Local, for the files of network/. */
#ifndef DDPM_NETWORK_MIXTURE_H
#define DDPM_NETWORK_MIXTURE_H

#include "network/workspace.h"

/** Free it; NULL is allowed. */
void ddpm_mixture_part_free(ddpm_mixture_part *mixture);

/** Bytes of its packed directions and tables; 0 for NULL. */
int64_t ddpm_mixture_part_bytes(const ddpm_mixture_part *mixture);

/** Add the prediction from x [rows][D] to y [rows][D]. */
void ddpm_mixture_part_add(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_matrix y);

/** The way back: add to dx the gradient by x, from dy, that by y. */
void ddpm_mixture_part_backward(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_const_matrix dy, ddpm_matrix dx);

#endif
