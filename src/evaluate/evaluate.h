/** `ddpm evaluate`: the bound, the likelihood and the quality of samples of a trained model, by all ranks. */
#ifndef DDPM_EVALUATE_EVALUATE_H
#define DDPM_EVALUATE_EVALUATE_H

#include "sample/generator.h"

typedef struct ddpm_evaluate_options {
    const char *checkpoint;
    const char *data;         /* FILE.h5[:dataset], NULL: the rows that training held out */
    const char *samples_file; /* FILE.h5[:dataset], NULL: samples are made */
    const char *output, *json;
    int64_t count;   /* rows of the bound and the likelihood, at most; 0: neither */
    int64_t draws;   /* of x_t a row and step */
    int64_t samples; /* of a set whose quality is measured, at most; 0: none, -1: chosen by the number of columns */
    int64_t probes;  /* of the likelihood's trace; 0: exact, -1: exact up to DDPM_EVALUATE_EXACT columns, else 1 */
    int likelihood;
    int has_seed; /* else the checkpoint's configuration decides */
    uint64_t seed;
    ddpm_sampling_given sampling;
} ddpm_evaluate_options;

enum { DDPM_EVALUATE_EXACT = 16 };

/** Collective. Prints the table on rank 0. Same bits at any number of ranks and threads. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluate(ddpm_comm *comm, const ddpm_evaluate_options *options);

#endif
