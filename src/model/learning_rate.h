/** The learning rate over a run: a warm-up times a decay. Local, any thread. */
#ifndef DDPM_MODEL_LEARNING_RATE_H
#define DDPM_MODEL_LEARNING_RATE_H

#include <stdint.h>

typedef enum ddpm_decay { DDPM_DECAY_CONSTANT, DDPM_DECAY_COSINE, DDPM_DECAY_STEP } ddpm_decay;

typedef struct ddpm_learning_rate_spec {
    double peak;        /* the rate without warm-up and decay */
    int64_t warmup;     /* iterations in which the rate rises linearly from 0; 0: no warm-up */
    ddpm_decay decay;   /* it begins with the first iteration, also during a warm-up */
    int64_t iterations; /* of the run, at whose end DDPM_DECAY_COSINE comes to 0 */
    int64_t every;      /* DDPM_DECAY_STEP: iterations from one change to the next */
    double factor;      /* DDPM_DECAY_STEP: what a change multiplies the rate by */
} ddpm_learning_rate_spec;

/** The rate of an iteration. @param iteration  from 0.  @param recoveries  each has halved the rate. */
double ddpm_learning_rate(const ddpm_learning_rate_spec *spec, int64_t iteration, int64_t recoveries);

#endif
