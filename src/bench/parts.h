/** The parts of `ddpm bench`, and what they share. All functions are Collective, except those that say Local. */
#ifndef DDPM_BENCH_PARTS_H
#define DDPM_BENCH_PARTS_H

#include "bench/bench.h"
#include "bench/scaling.h"
#include "bench/timing.h"
#include "bench/workload.h"

enum { DDPM_BENCH_ROWS = 128, DDPM_BENCH_NAME = 48 };

/** A line of the table. A number that does not apply is NaN. */
typedef struct ddpm_bench_row {
    ddpm_bench_part part;
    char name[DDPM_BENCH_NAME]; /* "forward" */
    char of[DDPM_BENCH_NAME];   /* what was measured: "128 x 128, 128 rows" */
    double seconds;             /* the median time of one repetition */
    double rate;
    const char *unit; /* of the rate, "GFLOP/s" */
    double share;     /* of the limit */
} ddpm_bench_row;

/** The state of a benchmark: what to measure, and the results so far. Not to be moved. */
typedef struct ddpm_bench_run {
    ddpm_comm *comm;
    const ddpm_config *config;
    const ddpm_bench_options *options;
    const ddpm_kernels *kernels;
    ddpm_dataset *dataset;      /* of the configuration */
    double dataset_seconds;     /* that it took to make it */
    int threads;                /* of a rank */
    double workers;             /* threads of all ranks */
    double share;               /* seconds that a measurement may take */
    double multiply_add;        /* the limit: most operations per second of a thread while all threads work */
    int measured_link;          /* nonzero: the latency and rate of the prediction were measured or given */
    int has_scaling;            /* nonzero: the next three are known */
    ddpm_scaling scaling;       /* what the prediction is made from */
    double predicted, measured; /* seconds of a step of the configuration on this number of ranks */
    int row_count;
    ddpm_bench_row rows[DDPM_BENCH_ROWS];
} ddpm_bench_run;

enum { DDPM_BENCH_SUM = 1 << 20 }; /* numbers of the large allreduce */

/** Local. Whether this part is to be measured. */
static inline int ddpm_bench_wants(const ddpm_bench_run *run, ddpm_bench_part part)
{
    return (run->options->parts >> part & 1U) != 0;
}

/** Local. Time for a part, for each width or shape that it measures: as a multiple of run->share, and in seconds. */
double ddpm_bench_part_share(ddpm_bench_part part);
double ddpm_bench_part_seconds(const ddpm_bench_run *run, ddpm_bench_part part);

/** Local. Add a line to the table; `of` is a format. */
void ddpm_bench_add(ddpm_bench_run *run, ddpm_bench_part part, const char *name, double seconds, double rate,
                    const char *unit, double share, const char *of, ...) DDPM_PRINTF(8, 9);

/** Time up to DDPM_TIMED_MOST - 1 things as ddpm_bench_measure does, in turn with the limit.
 *  @param operations   [count] of one repetition in one thread.
 *  @param[out] shares  [count] of the limit, which is measured in the same round: the median over the rounds. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_measure_shares(ddpm_bench_run *run, int count, const ddpm_timed *things,
                                                      const double *operations, double seconds, ddpm_bench_timing *out,
                                                      double *shares);

/** Measure the limits of processor and memory, and with several ranks the time of sums over them. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_multiply_add(ddpm_bench_run *run);
DDPM_MUST_CHECK ddpm_status ddpm_bench_memory(ddpm_bench_run *run);
DDPM_MUST_CHECK ddpm_status ddpm_bench_allreduce(ddpm_bench_run *run);

/** Measure the kernels at one width. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_kernels(ddpm_bench_run *run, int64_t width);

/** Measure the time from the start of the program to the end of the first step. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_start(ddpm_bench_run *run);

/** Measure a training step with exact and with float32 reduction, a sampling step, and a checkpoint. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_shape(ddpm_bench_run *run, const ddpm_workload_spec *spec);

/** Measure a step of the configuration and its parts, from which the prediction is made. */
DDPM_MUST_CHECK ddpm_status ddpm_bench_scaling(ddpm_bench_run *run);

/** Local. Print the table on standard output; write everything as JSON. */
void ddpm_bench_print(const ddpm_bench_run *run);
DDPM_MUST_CHECK ddpm_status ddpm_bench_write_json(const ddpm_bench_run *run, const char *path);

#endif
