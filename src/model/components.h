/** Principal components of the standardised training rows, and the best linear prediction that follows from them.
 *
 *  With x_t = s x0 + n epsilon and a variance v of x0 along a component, the linear function of x_t that predicts a
 * target a x0 + b epsilon best has the slope (a s v + b n) / (s^2 v + n^2) along it, whatever the distribution of x0. A
 * network that adds this function to its output has to learn only what is not Gaussian in the data, and has no need to
 * carry all D columns through its hidden layers. Local, any thread.
 */
#ifndef DDPM_MODEL_COMPONENTS_H
#define DDPM_MODEL_COMPONENTS_H

#include "model/diffusion.h"

typedef struct ddpm_components {
    int64_t count;    /* K, at most D; 0: they are not known */
    int64_t columns;  /* D */
    double *variance; /* [K + 1]: along each component, falling; then the mean of those of all other directions */
    float *direction; /* [K][D], of length 1 and orthogonal to each other */
} ddpm_components;

/** DDPM_ERR_MEMORY. @param[out] out  release with ddpm_components_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_components_allocate(int64_t columns, int64_t count, ddpm_components *out);
DDPM_MUST_CHECK ddpm_status ddpm_components_copy(const ddpm_components *from, ddpm_components *out);
void ddpm_components_release(ddpm_components *components);

/** The mean squared error, over the columns, of the best linear prediction at step t: what a network has to beat. */
double ddpm_components_error(const ddpm_components *components, const ddpm_diffusion *diffusion, int64_t t);

#endif
