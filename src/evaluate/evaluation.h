/** What the files of this folder share: the rows of an evaluation and its results. */
#ifndef DDPM_EVALUATE_EVALUATION_H
#define DDPM_EVALUATE_EVALUATION_H

#include "assembly/loaded.h"
#include "evaluate/evaluate.h"
#include "evaluate/likeness.h"
#include "evaluate/privacy.h"

enum { DDPM_EVALUATION_PAIRS = 10, DDPM_EVALUATION_MEASURES = 8 };

/** Rows of standardised data; every rank holds all of them. */
typedef struct ddpm_row_table {
    int64_t count;
    float *rows;      /* [count][columns] */
    float *values;    /* [count][V], the conditions of the rows, standardised */
    int64_t *numbers; /* [count], of the rows in their file, -1: not known; NULL: none is */
    double *own; /* [count][columns] of a table: values as the file has them, a category as its place in the vocabulary,
                    NaN for a gap; NULL: they are what the rows say */
} ddpm_row_table;

/** Local. Free the rows of a table. */
void ddpm_row_table_release(ddpm_row_table *table);

/** Steps of DDPM_RANDOM_PAIRS, one for each random choice of rows. */
enum {
    DDPM_CHOICE_SPLIT,
    DDPM_CHOICE_PAIR,                                              /* and one for each pair of sets */
    DDPM_CHOICE_FOREST = DDPM_CHOICE_PAIR + DDPM_EVALUATION_PAIRS, /* and one for each of three sets */
    DDPM_CHOICE_SAMPLES = DDPM_CHOICE_FOREST + 3
};

enum {
    DDPM_TWO_SAMPLE_ROWS_LEAST = 40,  /* of a set: with fewer, most trees have too few rows for two leaves */
    DDPM_TWO_SAMPLE_TREES = 200,      /* that vote on a row */
    DDPM_TWO_SAMPLE_ERRORS = 3,       /* standard errors by which an accuracy is above another for sure */
    DDPM_TWO_SAMPLE_ERRORS_CHOSEN = 5 /* the same of the largest of many accuracies */
};

/** How often a forest that sees some columns is right: about samples, and about other real rows in their place. */
typedef struct ddpm_separation {
    double samples, real_data;
    int64_t columns[2]; /* where they are one or two */
} ddpm_separation;

/** The classifier two-sample test. */
typedef struct ddpm_two_sample {
    int64_t rows;       /* of a set; 0: there are too few, and nothing below but is_told_apart is computed */
    int64_t not_finite; /* samples with a value that is not finite */
    ddpm_separation whole, column, pair; /* by all columns, by the worst one, and by the worst pair of them, which
                                            one column alone does not have */
    int is_told_apart;
} ddpm_two_sample;

/** Of a column: shares of the samples, and of the real rows that they are compared with. */
typedef struct ddpm_column_values {
    double outside[2]; /* outside the range of the training rows */
    double share[2];   /* with the value `spike`; 0 and 0: there is none */
    double spike;      /* in the data's own units: a value that many real rows share exactly, and few samples do */
} ddpm_column_values;

typedef struct ddpm_evaluation {
    ddpm_comm *comm;
    const ddpm_loaded *loaded;
    const ddpm_condition *condition; /* of the model; its count is 0 for a model without conditions */
    ddpm_evaluate_options options;   /* with all defaults filled in */
    ddpm_sampling sampling;
    ddpm_data_spec data; /* that the model was trained on */
    int threads;
    int64_t columns, steps; /* D, T */
    uint8_t *left_out;      /* [columns], nonzero: constant in the training data, and so without a density */
    int64_t counted;        /* columns that are not left out */
    double log_scale; /* added to the mean negative log-density of standardised rows, it gives that of the data's own
                         units (ddpm_transform_log_volume) */
    ddpm_row_table evaluated;          /* the bound and the likelihood are means over these rows */
    ddpm_row_table references, others; /* real rows: the sets that samples are compared with, and other sets that are
                                          compared with them in the samples' place, to show what real data score */
    int has_training_rows;             /* whether `others` are rows that the model was trained on */
    ddpm_row_table samples;
    /* The bound, in nats over all columns of standardised data: means over rows. */
    double *term;                 /* [T + 1]: L_{t-1} at index t; index 0 is not used */
    double prior, bound;          /* L_T and the total */
    double first_step, old_bound; /* the first step and the total of Sohl-Dickstein et al. */
    double bound_error;           /* standard error of the total */
    double *row_bound;            /* [evaluated.count] */
    /* The likelihood, in the same units. */
    double *row_likelihood; /* [evaluated.count] */
    double likelihood, likelihood_error;
    double likelihood_tolerance; /* NaN: none is known */
    const char *no_tolerance;    /* why; NULL: one is known */
    ddpm_two_sample two_sample;
    ddpm_likeness likeness;
    ddpm_privacy privacy;
    double outside[2];          /* shares of the samples and of real rows, with any value outside the range */
    ddpm_column_values *values; /* [columns] */
    /* The distances: means over pairs of sets. They are NaN where a sample is not finite. */
    int64_t set_rows;                           /* at first, the most of them */
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

/** Collective. The same of a masked model: the bound, in nats over all columns of tokens, and its terms. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_masked_bound(ddpm_evaluation *e);

/** Local. The mean of values [count], and its standard error unless that is NULL. */
double ddpm_evaluation_mean(int64_t count, const double *values, double *error);

/** Local. Give a table's rows the values that a file of them holds: numbers of a type in the data's own units, whole
 * numbers, or float32, which is a coarse grid far from zero. Rows in standardised units would not lie on that grid, and
 * those of training have random places in the scores of a value that many rows share. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_round(const ddpm_evaluation *e, ddpm_row_table *table);

/** Collective. Make the samples, where they are not those of a file. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_samples(ddpm_evaluation *e);

/** Collective. Test whether a classifier tells the samples from real rows. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_two_sample(ddpm_evaluation *e);

/** Local. The standard error of an accuracy of this test, when samples are as good as real rows. A row is judged by
 * trees that were grown on others, and judges these in turn: each pair of rows counts twice. So the error is sqrt(2)
 * times that of as many independent judgements as there are rows in both sets. */
double ddpm_two_sample_error(const ddpm_two_sample *test, double accuracy);

/** Collective, after the test. Measure how alike samples and training rows are, and what samples tell of these. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_compare(ddpm_evaluation *e);

/** Collective, after that. Measure how far the samples are from real rows. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_distances(ddpm_evaluation *e);

/** Local, on rank 0. Print the table, and write the JSON and the HDF5 file where they are asked for. */
DDPM_MUST_CHECK ddpm_status ddpm_evaluation_report(const ddpm_evaluation *e);

#endif
