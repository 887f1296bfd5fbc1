/** What the files of this folder share: the rows of an evaluation and its results. */
#ifndef DDPM_EVALUATE_EVALUATION_H
#define DDPM_EVALUATE_EVALUATION_H

#include "assembly/loaded.h"
#include "evaluate/evaluate.h"

enum { DDPM_EVALUATION_PAIRS = 10, DDPM_EVALUATION_MEASURES = 8 };

/** Rows of standardised data; every rank holds all of them. */
typedef struct ddpm_row_table {
    int64_t count;
    float *rows;   /* [count][columns] */
    float *values; /* [count][V], the conditions of the rows, standardised */
} ddpm_row_table;

/** Local. Free the rows of a table. */
void ddpm_row_table_release(ddpm_row_table *table);

typedef struct ddpm_evaluation {
    ddpm_comm *comm;
    const ddpm_loaded *loaded;
    const ddpm_condition *condition; /* of the model; its count is 0 for a model without conditions */
    ddpm_evaluate_options options;   /* with all defaults filled in */
    ddpm_sampling sampling;
    ddpm_data_spec data; /* that the model was trained on */
    int threads;
    int64_t columns, steps; /* D, T */
    double log_scale; /* sum over the columns of ln(scale): added to a negative log-density of standardised data, it
                         gives that of the data's own units */
    ddpm_row_table evaluated;          /* the bound and the likelihood are means over these rows */
    ddpm_row_table references, others; /* real rows: the sets that samples are compared with, and other sets that are
                                          compared with them in the samples' place, to show what real data score */
    ddpm_row_table samples;
    /* The bound, in nats over all columns of standardised data: means over rows. */
    double *term;                 /* [T + 1]: L_{t-1} at index t; index 0 is not used */
    double prior, bound;          /* L_T and the total */
    double first_step, old_bound; /* the first step and the total of Sohl-Dickstein et al. */
    double bound_error;           /* standard error of the total */
    double *row_bound;            /* [evaluated.count] */
    /* The likelihood, in the same units. */
    double *row_likelihood; /* [evaluated.count] */
    double likelihood, likelihood_error, likelihood_tolerance;
    /* The quality: means over pairs of sets. */
    int64_t set_rows;
    double width;                               /* of MMD's kernel */
    double measured[DDPM_EVALUATION_MEASURES];  /* of samples */
    double real_data[DDPM_EVALUATION_MEASURES]; /* of other real rows in their place */
    double *ks;                                 /* [columns] of samples */
} ddpm_evaluation;

/** Names of the measures, in the order of ddpm_quality_measures. */
extern const char *const ddpm_evaluation_measures[DDPM_EVALUATION_MEASURES];

/** Collective. Read the rows to evaluate on, or make them. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_read(ddpm_evaluation *e);

/** Collective. Compute the bound, and the likelihood where it is asked for. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_bound(ddpm_evaluation *e);

/** Collective. Make samples, or take those of a file, and measure their quality. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_quality(ddpm_evaluation *e);

/** Local, on rank 0. Print the table, and write the JSON and the HDF5 file where they are asked for. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_report(const ddpm_evaluation *e);

#endif
