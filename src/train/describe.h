/** Lines for people before training starts: the data, the network, the batch, the memory, and warnings. */
#ifndef DDPM_TRAIN_DESCRIBE_H
#define DDPM_TRAIN_DESCRIBE_H

#include "train/trainer.h"

/** Local. A line is printed on rank 0 alone, as all of base/log.h. */
void ddpm_describe_run(const ddpm_trainer *t);

#endif
