/** What an iteration changes: the numbers of the model and of its optimiser. The scales of the fixed point and the
 * losses by t change too; the stepper holds them.
 *
 *  The arrays lie in memory that a team of ranks shares (world/shared.h): one of them sets them, and the others read
 * them after ddpm_comm_barrier_of_team, or another collective call. In an iteration each worker updates a part.
 *
 *  Where the sums of gradients are divided among teams, an iteration updates on each team its part of the arrays, and
 * gathers the parameters alone: `in_parts` names the others. ddpm_stepper_gather makes them whole; who reads one of
 * them calls it first. */
#ifndef DDPM_TRAIN_STATE_H
#define DDPM_TRAIN_STATE_H

#include "network/network.h"
#include "world/shared.h"

/* What may be whole on no team. */
enum { DDPM_STATE_AVERAGE = 1, DDPM_STATE_MOMENTS = 2, DDPM_STATE_ALL = 3 };

/** Arrays of [parameters] each. */
typedef struct ddpm_state {
    ddpm_shared *memory; /* of the arrays */
    int sets;            /* nonzero: this is the rank of its team that sets them */
    int64_t iteration;   /* the number of finished iterations */
    int64_t recoveries;  /* each has halved the learning rate */
    int64_t horizon;     /* the iterations of a run that was shortened; 0: it was not */
    int64_t returned_to; /* the iteration that the last recovery went back to; -1: there was none */
    unsigned in_parts;   /* DDPM_STATE_AVERAGE: of ema each team has its part only; DDPM_STATE_MOMENTS likewise */
    float *parameters, *ema, *moment1, *moment2;
    float *velocity;        /* of the outer optimiser of local steps; NULL: there is none */
    float *best;            /* the average with the least validation loss; NULL: it is not kept */
    double best_loss;       /* that loss; infinite: there is none yet */
    int64_t best_iteration; /* -1: likewise */
} ddpm_state;

/** Collective. DDPM_ERR_MEMORY.
 *  @param keeps_best  whether `best` is kept.
 *  @param is_local    whether there is a velocity.
 *  @param[out] out    zeros, and no recovery; release with ddpm_state_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_state_create(ddpm_comm *comm, const ddpm_network *network, int keeps_best,
                                              int is_local, ddpm_state *out);
/** Local. */
void ddpm_state_release(ddpm_state *state);

/** Collective. Set what a new run starts from: the network's initial parameters for this seed. The recoveries and the
 * horizon are left as they are. */
void ddpm_state_begin(ddpm_comm *comm, const ddpm_network *network, uint64_t seed, ddpm_state *state);

/** Local, on every rank. Keep the average, which is whole, as the best one if its validation loss is the least so far,
 * and where `best` is kept. */
void ddpm_state_consider_best(const ddpm_network *network, double loss, ddpm_state *state);

#endif
