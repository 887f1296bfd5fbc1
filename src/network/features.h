/** Fourier features of x_t as inputs of a network. Local, for the files of network/. */
#ifndef DDPM_NETWORK_FEATURES_H
#define DDPM_NETWORK_FEATURES_H

#include "network/layers.h"

/** Draw the frequencies; none where the network has no features. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_features_create(ddpm_network *net);

/** Compute the features from x_t, which stands in the first D columns of the inputs: they are the 2 F columns after
 * it. */
void ddpm_features_fill(const ddpm_network *net, ddpm_matrix input);

/** Add the gradient by the features to that by x_t, in the first D columns of dinput. Those of the features, the 2 F
 * columns after them, are overwritten. */
void ddpm_features_backward(const ddpm_network *net, ddpm_const_matrix input, ddpm_matrix dinput);

#endif
