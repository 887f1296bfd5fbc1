/** A linear function of x_t, with slopes that depend on t, that is added to a network's output. Local, for the files of
 * network/. */
#ifndef DDPM_NETWORK_LINEAR_H
#define DDPM_NETWORK_LINEAR_H

#include "network/workspace.h"

/** Free the function; NULL is allowed. */
void ddpm_linear_free(ddpm_linear *linear);

/** Bytes of its packed components, once each way; 0 for NULL. */
int64_t ddpm_linear_bytes(const ddpm_linear *linear);

/** Add the function, where the network has one, to y: x and y are [rows][D], t [rows]. It is symmetric, so that this is
 * also the way back: from the gradient by y, that by x. */
void ddpm_linear_add(const ddpm_pass *pass, ddpm_const_matrix x, ddpm_matrix y);

#endif
