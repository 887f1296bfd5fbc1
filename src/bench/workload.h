/** A configuration's training, ready to be stepped, without a run folder: for measurements. */
#ifndef DDPM_BENCH_WORKLOAD_H
#define DDPM_BENCH_WORKLOAD_H

#include "bench/timing.h"
#include "train/step.h"

/** Stays where it is once made. */
typedef struct ddpm_workload {
    ddpm_config config; /* a copy; its lists are the original's */
    ddpm_model model;
    ddpm_stepper *stepper;
    ddpm_state state;
} ddpm_workload;

/** Collective. @param config, dataset  borrowed until ddpm_workload_release.  @param[out] out  release it, also on
 * failure.
 */
DDPM_MUST_CHECK ddpm_status ddpm_workload_create(ddpm_comm *comm, const ddpm_config *config, ddpm_dataset *dataset,
                                                 int threads, ddpm_workload *out);
void ddpm_workload_release(ddpm_workload *workload);

/** Collective. Iterations of training, as something to time. */
ddpm_timed ddpm_workload_steps(ddpm_workload *workload);

#endif
