/** The learning rate over a run: a warm-up, then a decay. Local, any thread. */
#ifndef DDPM_MODEL_LEARNING_RATE_H
#define DDPM_MODEL_LEARNING_RATE_H

#include <stdint.h>

typedef enum ddpm_decay { DDPM_DECAY_CONSTANT, DDPM_DECAY_COSINE, DDPM_DECAY_STEP } ddpm_decay;

typedef struct ddpm_learning_rate_spec {
    double peak;        /* the largest rate, after the warm-up */
    int64_t warmup;     /* iterations in which the rate rises evenly from 0 */
    ddpm_decay decay;   /* what follows */
    int64_t iterations; /* of the run: where DDPM_DECAY_COSINE ends at 0 */
    int64_t every;      /* iterations between two changes of DDPM_DECAY_STEP */
    double factor;      /* of such a change */
} ddpm_learning_rate_spec;

/** The rate of an iteration (from 0), warm-up times decay, halved by each recovery. */
double ddpm_learning_rate(const ddpm_learning_rate_spec *spec, int64_t iteration, int64_t recoveries);

#endif
