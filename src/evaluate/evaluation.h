/** What the parts of `ddpm evaluate` share: its rows and its results. For src/evaluate/. */
#ifndef DDPM_EVALUATE_EVALUATION_H
#define DDPM_EVALUATE_EVALUATION_H

#include "evaluate/evaluate.h"
#include "evaluate/quality.h"

enum { DDPM_EVALUATION_PAIRS = 10, DDPM_EVALUATION_MEASURES = 8 };

/** Rows of standardised data, on every rank. */
typedef struct ddpm_row_table {
    int64_t count;
    float *rows;   /* [count][columns] */
    float *values; /* [count][V] their conditions, standardised */
} ddpm_row_table;

/** Local. */
void ddpm_row_table_release(ddpm_row_table *table);

typedef struct ddpm_evaluation {
    ddpm_comm *comm;
    const ddpm_loaded *loaded;
    const ddpm_condition *condition; /* of the model; a count of 0 without */
    ddpm_evaluate_options options;   /* with everything decided */
    ddpm_sampling sampling;
    int threads;
    int64_t columns, steps;            /* D, T */
    double log_scale;                  /* nats from standardised data to the data's own units, over all columns */
    ddpm_row_table held_out;           /* what the bound and the likelihood are taken over */
    ddpm_row_table references, others; /* for the quality: real rows that samples are compared with, and other real rows
                                          that stand for samples in the oracle */
    ddpm_row_table samples;
    /* the bound, nats over all columns of standardised data; means over rows */
    double *term;                 /* [T + 1]: L_{t-1} at t, 0 unused */
    double prior, bound;          /* L_T, total */
    double first_step, old_bound; /* Sohl-Dickstein's first step and total */
    double bound_error;           /* standard error of the total */
    double *row_bound;            /* [held_out.count] */
    /* the likelihood, likewise */
    double *row_likelihood; /* [held_out.count] */
    double likelihood, likelihood_error, likelihood_tolerance;
    /* quality: means over pairs of sets, of samples and of real rows; ks [columns] */
    int64_t set_rows;
    double width; /* of MMD's kernel */
    double measured[DDPM_EVALUATION_MEASURES], oracle[DDPM_EVALUATION_MEASURES];
    double *ks;
} ddpm_evaluation;

/** Names of the measures, in the order of ddpm_quality_measures. */
extern const char *const ddpm_evaluation_measures[DDPM_EVALUATION_MEASURES];

/** All Collective. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_read(ddpm_evaluation *e);
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_model(ddpm_evaluation *e);
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_quality(ddpm_evaluation *e);

/** Local: rank 0. The table on standard output, the JSON and the HDF5 file where they are asked for. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_report(const ddpm_evaluation *e);

#endif
