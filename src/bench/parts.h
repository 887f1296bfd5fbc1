/** The inside of `ddpm bench`: what its parts share, and the parts. All are Collective, except where they say Local. */
#ifndef DDPM_BENCH_PARTS_H
#define DDPM_BENCH_PARTS_H

#include "bench/bench.h"
#include "bench/scaling.h"
#include "bench/timing.h"
#include "train/step.h"

enum { DDPM_BENCH_ROWS = 128, DDPM_BENCH_NAME = 48 };

/** A line of the table. What does not apply is NaN. */
typedef struct ddpm_bench_row {
    ddpm_bench_part part;
    char name[DDPM_BENCH_NAME]; /* "forward" */
    char of[DDPM_BENCH_NAME];   /* "128 x 128, 128 rows" */
    double seconds;             /* of one time, the median */
    double rate;
    const char *unit; /* of the rate, "GFLOP/s" */
    double share;     /* of the limit */
} ddpm_bench_row;

/** What is known so far. Stays where it is. */
typedef struct ddpm_bench_run {
    ddpm_comm *comm;
    const ddpm_config *config;
    const ddpm_bench_options *options;
    const ddpm_kernels *kernels;
    ddpm_dataset *dataset; /* of the configuration */
    double dataset_seconds;
    int threads;             /* of a rank */
    double workers;          /* threads of all ranks */
    double share;            /* seconds of a measurement */
    double multiply_add;     /* operations per second of a thread, all at work, at best: the limit */
    double sum_few, sum_all; /* seconds of an allreduce of one number, and of DDPM_BENCH_SUM; NaN: not measured */
    int measured_link;       /* the prediction's latency and rate are measured, or given */
    int has_scaling;
    ddpm_scaling scaling;
    double predicted, measured; /* seconds of a step of the configuration on this number of ranks */
    int row_count;
    ddpm_bench_row rows[DDPM_BENCH_ROWS];
} ddpm_bench_run;

enum { DDPM_BENCH_SUM = 1 << 20 }; /* numbers of the large allreduce */

/** Local. Add a line; `of` is a format. The share is rate / limit where both are numbers. */
void ddpm_bench_add(ddpm_bench_run *run, ddpm_bench_part part, const char *name, double seconds, double rate,
                    const char *unit, double share, const char *of, ...) DDPM_PRINTF(8, 9);

/** Time things, at most DDPM_TIMED_MOST - 1, as ddpm_bench_measure() does, in turn with the limit.
 *  @param operations   [count], of one time and thread.
 *  @param[out] shares  [count], of the limit as it was beside each: the median over the rounds. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_measure_shares(ddpm_bench_run *run, int count, const ddpm_timed *things,
                                                      const double *operations, double seconds, ddpm_bench_timing *out,
                                                      double *shares);

/** The limits of processor and memory, and (with several ranks) the time of sums over ranks. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_multiply_add(ddpm_bench_run *run);
DDPM_MUST_CHECK ddpm_status ddpm_bench_memory(ddpm_bench_run *run);
DDPM_MUST_CHECK ddpm_status ddpm_bench_allreduce(ddpm_bench_run *run);

/** The kernels at one width. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_kernels(ddpm_bench_run *run, int64_t width);

/** From no data to the first step done. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_start(ddpm_bench_run *run);

/** A training step, exact and in float32; a sampling step; a checkpoint. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_shape(ddpm_bench_run *run, const ddpm_config *config);

/** The parts of a step of the configuration, and the step itself, for the prediction. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_scaling(ddpm_bench_run *run);

/** Local. The table on standard output; everything for programs. */
void ddpm_bench_print(const ddpm_bench_run *run);
DDPM_MUST_CHECK ddpm_status ddpm_bench_write_json(const ddpm_bench_run *run, const char *path);

#endif
