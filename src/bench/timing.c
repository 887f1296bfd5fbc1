/* Samples are taken in turn until the time is over. All ranks know the time of every sample, so they stop together. */
#include "bench/timing.h"

#include "base/memory.h"
#include "base/order.h"

#include <math.h>

enum { ROUNDS_LEAST = 3, ROUNDS_MOST = 1000 };

static const double SAMPLE_LEAST = 2e-3; /* seconds: far above the clock's resolution and the cost of a barrier */

typedef struct series {
    int64_t times, rounds;
    double *seconds; /* [ROUNDS_MOST] of one repetition */
} series;

/* Collective. Seconds of `times` repetitions on the slowest rank. */
static ddpm_status sample(ddpm_comm *comm, const ddpm_timed *thing, int64_t times, double *seconds)
{
    ddpm_comm_barrier(comm);
    const double start = ddpm_comm_seconds();
    const ddpm_status status = thing->run(thing->context, times);
    int64_t nanoseconds = (int64_t)((ddpm_comm_seconds() - start) * 1e9);
    ddpm_comm_max_int64(comm, &nanoseconds, 1);
    *seconds = 1e-9 * (double)ddpm_larger(nanoseconds, 1);
    return ddpm_agree(comm, status);
}

/* Collective. Choose how many repetitions a sample has, so that it lasts long enough to be timed, and no longer than
 * its share of the time. */
static ddpm_status calibrate(ddpm_comm *comm, const ddpm_timed *thing, double share, int64_t *times)
{
    const double wanted = fmin(share / ROUNDS_LEAST, SAMPLE_LEAST);
    double seconds = 0.0;
    for (*times = 1;; *times *= 2) {
        DDPM_TRY(sample(comm, thing, *times, &seconds));
        if (seconds >= wanted || *times >= INT64_C(1) << 30) return DDPM_OK;
    }
}

/* The numbers are sorted afterwards. */
static double median(double *numbers, int64_t count)
{
    ddpm_sort_doubles(count, numbers);
    return 0.5 * (numbers[(count - 1) / 2] + numbers[count / 2]);
}

static void summarise(int count, series *all, ddpm_bench_timing *out, double *scratch)
{
    for (int i = 0; i < count; i++) /* all ratios come first, since a median changes the order of the times */
        for (int j = 0; j < count; j++) {
            for (int64_t r = 0; r < all[i].rounds; r++) scratch[r] = all[i].seconds[r] / all[j].seconds[r];
            out[i].ratio[j] = median(scratch, all[i].rounds);
        }
    for (int i = 0; i < count; i++) {
        out[i].median = median(all[i].seconds, all[i].rounds);
        out[i].least = all[i].seconds[0];
        out[i].samples = all[i].rounds;
    }
}

static ddpm_status measure(ddpm_comm *comm, int count, const ddpm_timed *things, double seconds, series *all)
{
    double spent = 0.0;
    for (int i = 0; i < count; i++) DDPM_TRY(calibrate(comm, &things[i], seconds / (2.0 * count), &all[i].times));
    for (int64_t round = 0; round < ROUNDS_MOST && (round < ROUNDS_LEAST || spent < seconds); round++)
        for (int i = 0; i < count; i++) {
            double took;
            DDPM_TRY(sample(comm, &things[i], all[i].times, &took));
            all[i].seconds[all[i].rounds++] = took / (double)all[i].times;
            spent += took;
        }
    return DDPM_OK;
}

ddpm_status ddpm_bench_measure(ddpm_comm *comm, int count, const ddpm_timed *things, double seconds,
                               ddpm_bench_timing *out)
{
    series all[DDPM_TIMED_MOST] = {0};
    double *memory = NULL;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&memory, (int64_t)(count + 1) * ROUNDS_MOST, "times"));
    for (int i = 0; status == DDPM_OK && i < count; i++) all[i].seconds = memory + (int64_t)(i + 1) * ROUNDS_MOST;
    if (status == DDPM_OK) status = measure(comm, count, things, seconds, all);
    if (status == DDPM_OK) summarise(count, all, out, memory);
    ddpm_release(memory);
    return status;
}
