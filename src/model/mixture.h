/** A mixture of Gaussians that is near the standardised training rows.
 *
 *  Where rows lie in several groups, each with a shape of its own, its prediction is far better than the best linear
 * one (model/components.h), and a network that adds it to its output has to learn only what is left. Local, any thread.
 */
#ifndef DDPM_MODEL_MIXTURE_H
#define DDPM_MODEL_MIXTURE_H

#include "base/status.h"

#include <stdint.h>

typedef struct ddpm_mixture {
    int64_t count;      /* C; 0: there is none */
    int64_t columns;    /* D */
    int64_t directions; /* C D */
    double *weight;     /* [C], which add to 1 */
    double *mean;       /* [C][D] */
    double *variance;   /* [C][D]: of each part along its directions, falling */
    float *direction;   /* [C][D][D]: of each part, of length 1 and orthogonal to each other */
} ddpm_mixture;

/** DDPM_ERR_MEMORY. @param[out] out  release with ddpm_mixture_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_mixture_allocate(int64_t columns, int64_t count, ddpm_mixture *out);
DDPM_MUST_CHECK ddpm_status ddpm_mixture_copy(const ddpm_mixture *from, ddpm_mixture *out);
void ddpm_mixture_release(ddpm_mixture *mixture);

#endif
