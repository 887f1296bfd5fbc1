/* The limits of the machine: multiply-adds, memory, sums over ranks. */
#include "bench/parts.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 10000 }; /* of multiply-adds in one repetition: about 50 microseconds */

typedef struct multiply_add {
    const ddpm_kernels *kernels;
    int threads;
    float numbers[DDPM_LIMIT_NUMBERS];
    double operations; /* of one repetition in one thread */
} multiply_add;

static void make_multiply_add(const ddpm_kernels *kernels, int threads, multiply_add *m)
{
    *m = (multiply_add){.kernels = kernels, .threads = threads};
    for (int i = 0; i < DDPM_LIMIT_NUMBERS; i++)
        m->numbers[i] = (float)(2.0 * ddpm_random_uniform(ddpm_random_words(1, DDPM_RANDOM_DATA, 0, i, 0).v[0]) - 1.0);
}

static ddpm_status run_multiply_add(void *context, int64_t times)
{
    multiply_add *m = context;
    double operations = 0.0;
#pragma omp parallel num_threads(m->threads) reduction(+ : operations)
    {
        float sums[DDPM_LIMIT_NUMBERS];
        for (int i = 0; i < DDPM_LIMIT_NUMBERS; i++) sums[i] = m->numbers[DDPM_LIMIT_NUMBERS - 1 - i];
        operations = m->kernels->multiply_add(times * ROUNDS, m->numbers, sums);
    }
    m->operations = operations / (double)(m->threads * times);
    return DDPM_OK;
}

/* The kernels that set the limit: the float32 ones of the instruction set in use, also when training.precision is
 * bfloat16. */
static const ddpm_kernels *find_limit(const ddpm_bench_run *run)
{
    const ddpm_kernels *kernels;
    int i = 0;
    do kernels = ddpm_kernels_runnable(i++);
    while (strcmp(kernels->name, run->kernels->name) != 0);
    return kernels;
}

ddpm_status ddpm_bench_multiply_add(ddpm_bench_run *run)
{
    const ddpm_kernels *kernels, *limit = find_limit(run);
    for (int i = 0; (kernels = ddpm_kernels_runnable(i)) != NULL; i++) {
        const int is_limit = kernels == limit;
        multiply_add context;
        const ddpm_timed thing = {run_multiply_add, &context};
        ddpm_bench_timing timing;
        if (!is_limit && !ddpm_bench_wants(run, DDPM_BENCH_LIMITS)) continue;
        make_multiply_add(kernels, run->threads, &context);
        DDPM_TRY(ddpm_bench_measure(run->comm, 1, &thing, run->share, &timing));
        const double rate = context.operations / timing.least; /* a limit is the best that was measured */
        if (is_limit) run->multiply_add = rate;
        ddpm_bench_add(run, DDPM_BENCH_LIMITS, "multiply-add", timing.least, 1e-9 * rate, "GFLOP/s a thread", NAN,
                       "%s, random numbers%s", kernels->name, is_limit ? ": the limit" : "");
    }
    return DDPM_OK;
}

ddpm_status ddpm_bench_measure_shares(ddpm_bench_run *run, int count, const ddpm_timed *things,
                                      const double *operations, double seconds, ddpm_bench_timing *out, double *shares)
{
    multiply_add limit;
    ddpm_timed all[DDPM_TIMED_MOST];
    ddpm_bench_timing timings[DDPM_TIMED_MOST];
    make_multiply_add(find_limit(run), run->threads, &limit);
    memcpy(all, things, (size_t)count * sizeof *things);
    all[count] = (ddpm_timed){run_multiply_add, &limit};
    DDPM_TRY(ddpm_bench_measure(run->comm, count + 1, all, seconds, timings));
    for (int i = 0; i < count; i++) {
        out[i] = timings[i];
        shares[i] = operations[i] / limit.operations / timings[i].ratio[count];
    }
    return DDPM_OK;
}

enum { ARRAY = 4 << 20 }; /* floats of each of a thread's three arrays: 16 MiB is more than its share of any cache */

typedef struct memory {
    int threads;
    float **arrays; /* [threads][3] */
} memory;

/* a = b + s c, McCalpin's STREAM triad. The bytes of a, b and c are counted once each. */
static ddpm_status run_memory(void *context, int64_t times)
{
    const memory *m = context;
#pragma omp parallel num_threads(m->threads)
    {
        float *restrict a = m->arrays[3 * omp_get_thread_num()];
        const float *restrict b = m->arrays[3 * omp_get_thread_num() + 1];
        const float *restrict c = m->arrays[3 * omp_get_thread_num() + 2];
        for (int64_t t = 0; t < times; t++)
#pragma omp simd
            for (int64_t i = 0; i < ARRAY; i++) a[i] = b[i] + 0.5f * c[i];
    }
    return DDPM_OK;
}

/* Local. Each thread allocates its own arrays, so that they are in the memory nearest to it. */
static ddpm_status make_arrays(memory *m)
{
    int failed = 0;
    DDPM_TRY(DDPM_NEW(&m->arrays, 3 * m->threads, "memory to measure"));
#pragma omp parallel num_threads(m->threads) reduction(+ : failed)
    for (int i = 0; i < 3; i++)
        failed += DDPM_NEW(&m->arrays[3 * omp_get_thread_num() + i], ARRAY, "memory to measure") != DDPM_OK;
    if (!failed) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_MEMORY,
                     "memory to measure: %d MiB a thread could not be allocated; leave the limits out (--only), or use "
                     "fewer threads",
                     (int)(3 * sizeof(float) * ARRAY >> 20));
}

ddpm_status ddpm_bench_memory(ddpm_bench_run *run)
{
    memory context = {.threads = run->threads};
    const ddpm_timed thing = {run_memory, &context};
    const double bytes = 3.0 * sizeof(float) * ARRAY * run->workers;
    ddpm_bench_timing timing;
    ddpm_status status = ddpm_agree(run->comm, make_arrays(&context));
    if (status == DDPM_OK) status = ddpm_bench_measure(run->comm, 1, &thing, run->share, &timing);
    if (status == DDPM_OK)
        ddpm_bench_add(run, DDPM_BENCH_LIMITS, "memory", timing.least, 1e-9 * bytes / timing.least, "GB/s", NAN,
                       "a = b + s c, %.0f threads together", run->workers);
    for (int i = 0; context.arrays && i < 3 * context.threads; i++) ddpm_release(context.arrays[i]);
    ddpm_release(context.arrays);
    return status;
}

typedef struct sum {
    ddpm_comm *comm;
    int64_t count;
    int64_t *fixed;
    float *real;
} sum;

static ddpm_status run_sum_int64(void *context, int64_t times)
{
    const sum *s = context;
    for (int64_t t = 0; t < times; t++) ddpm_comm_sum_int64(s->comm, s->fixed, s->count);
    return DDPM_OK;
}

static ddpm_status run_sum_float(void *context, int64_t times)
{
    const sum *s = context;
    for (int64_t t = 0; t < times; t++) ddpm_comm_sum_float(s->comm, s->real, s->count);
    return DDPM_OK;
}

static ddpm_status measure_sums(ddpm_bench_run *run, sum *s)
{
    static const int64_t counts[] = {1, 1 << 8, 1 << 12, 1 << 16, DDPM_BENCH_SUM};
    const ddpm_timed things[2] = {{run_sum_int64, s}, {run_sum_float, s}};
    ddpm_bench_timing timings[2];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        s->count = counts[i];
        DDPM_TRY(ddpm_bench_measure(run->comm, 2, things, run->share, timings));
        for (int kind = 0; kind < 2; kind++) {
            const double bytes = (double)counts[i] * (kind == 0 ? sizeof(int64_t) : sizeof(float));
            ddpm_bench_add(run, DDPM_BENCH_ALLREDUCE, kind == 0 ? "int64" : "float32", timings[kind].median,
                           1e-9 * bytes / timings[kind].median, "GB/s", NAN, "%lld numbers", (long long)counts[i]);
        }
    }
    return DDPM_OK;
}

ddpm_status ddpm_bench_allreduce(ddpm_bench_run *run)
{
    sum s = {.comm = run->comm};
    if (ddpm_comm_size(run->comm) == 1) return DDPM_OK;
    ddpm_status status = DDPM_NEW(&s.fixed, DDPM_BENCH_SUM, "numbers to add");
    if (status == DDPM_OK) status = DDPM_NEW(&s.real, DDPM_BENCH_SUM, "numbers to add");
    status = ddpm_agree(run->comm, status);
    if (status == DDPM_OK) status = measure_sums(run, &s);
    ddpm_release(s.fixed);
    ddpm_release(s.real);
    return status;
}
