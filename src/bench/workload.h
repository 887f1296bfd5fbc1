/** The training of a configuration without a run folder, ready to be stepped: what is measured. */
#ifndef DDPM_BENCH_WORKLOAD_H
#define DDPM_BENCH_WORKLOAD_H

#include "bench/timing.h"
#include "config/config.h"
#include "train/round.h"
#include "train/state.h"

/** What measurements vary of a configuration. */
typedef struct ddpm_workload_spec {
    int64_t width, depth; /* of the network */
    int64_t batch;
    int64_t block_rows; /* 0: chosen from the batch */
    ddpm_reduction reduction;
    ddpm_precision precision;
    ddpm_local_spec local; /* steps 0: there are no rounds */
} ddpm_workload_spec;

/** Stays where it is once made. */
typedef struct ddpm_workload {
    ddpm_workload_spec spec;
    ddpm_config config; /* with the spec's values; its lists are the original's */
    ddpm_model model;
    ddpm_stepper *stepper;
    ddpm_round *round; /* NULL: there are none */
    ddpm_state state;
} ddpm_workload;

/** Local. A configuration's own values, without rounds. */
ddpm_workload_spec ddpm_workload_settings(const ddpm_config *config);

/** Collective. The training of a configuration with other values of what a spec holds.
 *  @param config, dataset  borrowed until ddpm_workload_release.
 *  @param[out] out         release with ddpm_workload_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_workload_create(ddpm_comm *comm, const ddpm_config *config,
                                                 const ddpm_workload_spec *spec, ddpm_dataset *dataset, int threads,
                                                 ddpm_workload *out);

/** Collective. */
void ddpm_workload_release(ddpm_workload *workload);

/** Local. Iterations of training, or rounds, as something to time, which is Collective. */
ddpm_timed ddpm_workload_steps(ddpm_workload *workload);

#endif
