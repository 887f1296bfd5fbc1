/** A round of local steps (Douillard et al. 2023, DiLoCo): virtual workers train by themselves for some iterations,
 * each on its own rows of every batch, and then the mean of what they have changed is taken by an outer optimiser.
 *
 *  All workers begin a round with the same parameters and moments, and after it the moments are the means of theirs
 * (kernel/outer.h). So the state between two rounds is all that a run goes on from, and any ranks can carry any worker
 * (world/groups.h). The number of workers is part of what is computed; that of ranks is not: the means are exact, so
 * the bits do not depend on who carried whom. Each round sends 12 bytes a parameter between teams (with SGD 8).
 */
#ifndef DDPM_TRAIN_ROUND_H
#define DDPM_TRAIN_ROUND_H

#include "train/stepper.h"
#include "train/stop.h"
#include "world/groups.h"

typedef struct ddpm_local_spec {
    int64_t steps; /* of a round; 1: there are no rounds, and one worker */
    int64_t workers;
    double rate, momentum; /* of the outer optimiser */
} ddpm_local_spec;

typedef struct ddpm_round ddpm_round;

/** Collective. DDPM_ERR_MEMORY. All pointers are borrowed until ddpm_round_free.
 *  @param threads   of this rank.
 *  @param[out] out  free with ddpm_round_free, also after a failure; NULL after one of memory. */
DDPM_MUST_CHECK ddpm_status ddpm_round_create(ddpm_comm *comm, const ddpm_local_spec *spec, const ddpm_network *network,
                                              int threads, ddpm_round **out);

/** Collective. NULL (on all ranks) is allowed. */
void ddpm_round_free(ddpm_round *round);

/** Local. The ranks that this rank makes its workers' steps with: those of the stepper that ddpm_round_iterate takes.
 * @param[out] workers  how many they carry, one after the other; NULL: not wanted. */
ddpm_comm *ddpm_round_comm(const ddpm_round *round, int64_t *workers);

/** Local. The threads of all ranks that share its memory. */
ddpm_workers ddpm_round_threads(const ddpm_round *round);

/** Local. Bytes that it holds: this rank's share of what the team shares. */
int64_t ddpm_round_bytes(const ddpm_round *round);

/** Collective. A round: state->iteration grows by its steps.
 *  @param stop      asked whether this rank wants to stop, when the steps are done; NULL: it does not.
 *  @param[out] out  loss: the mean over all steps and workers; norm: the mean over the workers of that of the last
 *                   gradient; votes: the ranks that ask to stop.
 *  @return DDPM_ERR_NUMERIC when a loss, a gradient or a change is not finite. The state is unchanged. */
DDPM_MUST_CHECK ddpm_status ddpm_round_iterate(ddpm_round *round, ddpm_stepper *stepper, ddpm_state *state,
                                               ddpm_stop *stop, ddpm_reduced *out);

#endif
