/** `ddpm evaluate`: the bound, the likelihood and the quality of the samples of a trained model, computed by all ranks.
 */
#ifndef DDPM_EVALUATE_EVALUATE_H
#define DDPM_EVALUATE_EVALUATE_H

#include "sample/sampling.h"
#include "world/comm.h"

typedef struct ddpm_evaluate_options {
    const char *checkpoint;
    const char *data;         /* FILE.h5[:dataset]; NULL: the rows that training held out */
    const char *samples_file; /* FILE.h5[:dataset]; NULL: samples are made */
    const char *output, *json;
    int64_t count;   /* most rows for the bound and the likelihood; 0: neither is computed */
    int64_t draws;   /* of x_t, for each row and step */
    int64_t samples; /* most rows of a set whose quality is measured; 0: none, -1: chosen by the number of columns */
    int64_t probes;  /* of the likelihood's trace; 0: exact, -1: exact up to DDPM_DENSITY_EXACT columns, else 1 */
    int likelihood;
    int has_seed; /* 0: the seed is that of the checkpoint's configuration */
    uint64_t seed;
    ddpm_sampling_settings settings; /* over those of the checkpoint's configuration */
} ddpm_evaluate_options;

/** Collective. Rank 0 prints the table. The result has the same bits at any number of ranks and threads.
 *  @return DDPM_ERR_DATA: the data are not those of the training, or too few rows; DDPM_ERR_NUMERIC: the model has
 *  diverged. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluate(ddpm_comm *comm, const ddpm_evaluate_options *options);

#endif
