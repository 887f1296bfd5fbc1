/** The update of the parameters after an iteration: the learning rate, clipping, the corrections of Adam, the optimiser
 * and the average of the parameters. Local, any thread. */
#ifndef DDPM_TRAIN_UPDATE_H
#define DDPM_TRAIN_UPDATE_H

#include "kernel/optimizer.h"
#include "model/learning_rate.h"
#include "train/state.h"

typedef struct ddpm_update_spec {
    ddpm_optimizer optimizer;
    ddpm_learning_rate_spec rate;
    double momentum;     /* of SGD */
    double beta1, beta2; /* of Adam and AdamW */
    double epsilon;      /* likewise */
    double weight_decay; /* of all */
    double clip;         /* the largest norm that a gradient keeps; 0: no clipping */
    double ema;          /* the decay of the average, after its warm-up; 0: the average is the parameters */
} ddpm_update_spec;

/** The settings of the update that ends an iteration.
 *
 *  A gradient whose norm is above `clip` is scaled to that norm. The average of the parameters moves by
 * ema = d ema + (1 - d) parameters, where d is the smaller of spec->ema and (1 + n) / (10 + n) in update n (from 1): so
 * the initial parameters soon lose their weight.
 *  @param iteration  from 0.
 *  @param norm       of the gradient. */
ddpm_update ddpm_update_settings(const ddpm_update_spec *spec, int64_t iteration, int64_t recoveries, double norm);

/** The decay d of the average in an iteration. */
double ddpm_update_decay(const ddpm_update_spec *spec, int64_t iteration);

/** Update elements first .. first+count-1 of the state by those of the gradient.
 *  @param gradient  [parameters]. */
void ddpm_update_apply(ddpm_optimizer optimizer, const ddpm_kernels *kernels, const ddpm_update *update, int64_t first,
                       int64_t count, const float *gradient, ddpm_state *state);

/** The same for a piece of the parameters. */
void ddpm_update_apply_piece(ddpm_optimizer optimizer, const ddpm_network *network, const ddpm_update *update,
                             const ddpm_piece *piece, const float *gradient, ddpm_state *state);

#endif
