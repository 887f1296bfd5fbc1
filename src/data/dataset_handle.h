/** What a data set holds. Only dataset.c, which makes it, and dataset_fill.c, which gives its rows, look into it. */
#ifndef DDPM_DATA_DATASET_HANDLE_H
#define DDPM_DATA_DATASET_HANDLE_H

#include "base/permutation.h"
#include "data/balance.h"
#include "data/dataset.h"
#include "data/stream.h"
#include "world/shared.h"

struct ddpm_dataset {
    ddpm_comm *comm;
    uint64_t seed;
    int64_t all_rows, held_out, columns;
    ddpm_number type;       /* of the columns */
    char **names;           /* [columns] in one block, or NULL */
    ddpm_permutation split; /* of all rows; the first of them are held out */
    ddpm_transform transform;
    ddpm_condition condition;
    ddpm_shared *conditions;  /* standardised [all_rows][V]; NULL without */
    ddpm_shared *memory;      /* standardised [all_rows][columns]; NULL when streamed */
    ddpm_stream *stream;      /* NULL when held */
    ddpm_balance balance;     /* no groups: nothing is balanced */
    ddpm_row_weights weights; /* no total: rows have none */
    uint64_t fingerprint;     /* a sum: see fingerprint.h */
    int pairs;
    uint64_t noise_seed; /* with pairs */
};

/** Local. Where they are held: the rows, and their conditions. */
static inline float *ddpm_dataset_held_rows(const ddpm_dataset *d)
{
    return ddpm_shared_data(d->memory);
}

/** Local. */
static inline float *ddpm_dataset_held_values(const ddpm_dataset *d)
{
    return ddpm_shared_data(d->conditions);
}

#endif
