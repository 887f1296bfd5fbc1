/** What training changes. Local. */
#ifndef DDPM_TRAIN_STATE_H
#define DDPM_TRAIN_STATE_H

#include "assembly/model.h"

/** Arrays of [parameters] each. */
typedef struct ddpm_state {
    int64_t iteration;  /* finished ones */
    int64_t recoveries; /* each has halved the learning rate */
    float *parameters, *ema, *moment1, *moment2;
} ddpm_state;

/** @param[out] out  zeros; release with ddpm_state_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_state_create(const ddpm_model *model, ddpm_state *out);
void ddpm_state_release(ddpm_state *state);

/** What a new run starts from: the initial parameters of the configuration's seed. */
void ddpm_state_begin(const ddpm_model *model, ddpm_state *state);

#endif
