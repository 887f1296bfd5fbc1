/** What a rank's iterations of training need beside the state: memory of the threads, packed weights, sums. It is made
 * once and used by step.h, validation.h, memory.h and snapshot.h. */
#ifndef DDPM_TRAIN_STEPPER_H
#define DDPM_TRAIN_STEPPER_H

#include "train/block.h"
#include "train/timing.h"
#include "train/update.h"
#include "world/queue.h"

typedef struct ddpm_stepper_spec {
    uint64_t seed;
    int64_t batch;      /* rows of an iteration */
    int64_t workers;    /* that divide them evenly, of which the stepper trains one at a time: see train/round.h */
    int64_t block_rows; /* 0: chosen from the batch */
    double condition_dropout; /* share of the rows whose condition is left out */
    double dropout;           /* share of the network's hidden units that are left out */
    ddpm_timesteps_kind timesteps;
    ddpm_reduction reduction;
    ddpm_update_spec update;
} ddpm_stepper_spec;

/** Its fields are set by stepper.c, and read elsewhere. */
typedef struct ddpm_stepper {
    ddpm_comm *comm; /* of the ranks that make a step together */
    ddpm_comm *all;  /* of all ranks, which measure losses together */
    const ddpm_model *model;
    ddpm_dataset *dataset;
    ddpm_stepper_spec spec;
    int threads; /* of this rank */
    ddpm_batch batch;
    int64_t together;     /* blocks that a thread computes at a time */
    ddpm_queue *queue;    /* of the batch's blocks */
    ddpm_shared *weights; /* the memory of the packed weights */
    ddpm_packed *packed;
    const float *packed_from; /* the parameters that are packed, at this iteration; NULL: none, or others */
    int64_t packed_at;
    ddpm_lookup lookup; /* of the masked process, filled in when weights are packed */
    ddpm_reducer *reducer;
    ddpm_timesteps timesteps; /* its history is part of a run's state */
    ddpm_block *thread_block; /* [threads] */
    float *row_loss;          /* [batch], each set by the rank that had the row; NULL without importance sampling */
    int32_t *row_t;           /* [batch]; likewise */
    ddpm_timing *timing;      /* borrowed; NULL: nothing is measured */
} ddpm_stepper;

/** Collective. All pointers are borrowed until ddpm_stepper_free, which is Collective too.
 *  @param all       all ranks; comm are those among them that make steps together: the same ones, or a group of them.
 *  @param threads   OpenMP threads of this rank.
 *  @param timing    where the time of iterations is added up, on all ranks or on none: NULL. To be measured, the ranks
 *                   wait for each other once more in every iteration.
 *  @param[out] out  free with ddpm_stepper_free. */
DDPM_MUST_CHECK ddpm_status ddpm_stepper_create(ddpm_comm *all, ddpm_comm *comm, const ddpm_stepper_spec *spec,
                                                const ddpm_model *model, ddpm_dataset *dataset, int threads,
                                                ddpm_timing *timing, ddpm_stepper **out);
/** Local. Go on with other rows, of as many columns and conditions. */
void ddpm_stepper_set_dataset(ddpm_stepper *stepper, ddpm_dataset *dataset);

/** Local. Go on as another worker: with its rows of every iteration, and with parameters that are not packed yet. */
void ddpm_stepper_set_worker(ddpm_stepper *stepper, int64_t worker);

void ddpm_stepper_free(ddpm_stepper *stepper);

/** Collective, outside parallel regions. Pack the state's parameters, for blocks to be computed with, unless those of
 * its iteration are packed already. */
void ddpm_stepper_pack(ddpm_stepper *stepper, const ddpm_state *state);

/** Collective over the stepper's own ranks, outside parallel regions. Make arrays of the state whole that are in parts.
 *  @param arrays  DDPM_STATE_AVERAGE, DDPM_STATE_MOMENTS, or both. */
void ddpm_stepper_gather(ddpm_stepper *stepper, ddpm_state *state, unsigned arrays);

/** Local. The packed weights are those of this state now. */
void ddpm_stepper_has_packed(ddpm_stepper *stepper, const ddpm_state *state);

/** Collective, outside parallel regions. Pack other parameters in their place. */
void ddpm_stepper_pack_average(ddpm_stepper *stepper, const float *average);

#endif
