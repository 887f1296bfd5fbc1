/* Each kernel by itself, on all threads at once as in training: each thread has a block of rows, and all share the
 * packed weights. */
#include "bench/parts.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernel/normal.h"

#include <math.h>
#include <omp.h>

enum {
    ROWS = 128,
    LINE = 16 /* floats of a cache line: an odd number of lines a row keeps columns from sharing cache sets */
};

/* The arrays of one thread. */
typedef struct block {
    float *x, *h, *slope, *dz, *dx; /* [ROWS][stride] */
    int64_t *fixed;                 /* [width][width] */
    float *real;                    /* [width][width] */
    float *scratch;                 /* of the products */
} block;

typedef struct bench_layer {
    const ddpm_kernels *kernels;
    int threads;
    int64_t width, stride;
    float *weight;
    ddpm_dense packed;
    block *blocks; /* [threads] */
} bench_layer;

static void fill(float *out, int64_t n, int64_t series)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(2.0 * ddpm_random_uniform(ddpm_random_words(1, DDPM_RANDOM_DATA, series, i, 0).v[0]) - 1.0);
}

static ddpm_status make_block(const bench_layer *l, block *b)
{
    const int64_t numbers = ROWS * l->stride, weights = l->width * l->width;
    DDPM_TRY(DDPM_NEW(&b->x, numbers, "a block"));
    DDPM_TRY(DDPM_NEW(&b->h, numbers, "a block"));
    DDPM_TRY(DDPM_NEW(&b->slope, numbers, "a block"));
    DDPM_TRY(DDPM_NEW(&b->dz, numbers, "a block"));
    DDPM_TRY(DDPM_NEW(&b->dx, numbers, "a block"));
    DDPM_TRY(DDPM_NEW(&b->fixed, weights, "sums"));
    DDPM_TRY(DDPM_NEW(&b->real, weights, "sums"));
    DDPM_TRY(DDPM_NEW(&b->scratch, ddpm_product_scratch(l->kernels, ROWS, l->width, l->width), "scratch"));
    fill(b->x, numbers, 1);
    fill(b->dz, numbers, 2);
    fill(b->slope, numbers, 3);
    return DDPM_OK;
}

static ddpm_status make(bench_layer *l)
{
    const int64_t wide = ddpm_round_up(l->width, l->kernels->panel), n = l->width;
    DDPM_TRY(DDPM_NEW(&l->weight, n * n, "weights"));
    DDPM_TRY(DDPM_NEW(&l->packed.weight, n * wide, "weights"));
    DDPM_TRY(DDPM_NEW(&l->packed.transposed, n * wide, "weights"));
    DDPM_TRY(DDPM_NEW(&l->packed.bias, wide, "weights"));
    fill(l->weight, n * n, 4);
    const ddpm_const_matrix weight = {l->weight, n, n, n, 0};
    const ddpm_range all = {0, n};
    l->kernels->pack(weight, all, all, 0, l->packed.weight);
    l->kernels->pack_transposed(weight, all, all, 0, l->packed.transposed);
    DDPM_TRY(DDPM_NEW(&l->blocks, l->threads, "blocks"));
    for (int i = 0; i < l->threads; i++) DDPM_TRY(make_block(l, &l->blocks[i]));
    return DDPM_OK;
}

static void release(bench_layer *l)
{
    for (int i = 0; l->blocks && i < l->threads; i++) {
        block *b = &l->blocks[i];
        ddpm_release(b->x);
        ddpm_release(b->h);
        ddpm_release(b->slope);
        ddpm_release(b->dz);
        ddpm_release(b->dx);
        ddpm_release(b->fixed);
        ddpm_release(b->real);
        ddpm_release(b->scratch);
    }
    ddpm_release(l->blocks);
    ddpm_release(l->weight);
    ddpm_release(l->packed.weight);
    ddpm_release(l->packed.transposed);
    ddpm_release(l->packed.bias);
}

static ddpm_matrix rows_of(const bench_layer *l, float *data)
{
    return (ddpm_matrix){data, ROWS, l->width, l->stride, 0};
}

static ddpm_const_matrix read_rows(const bench_layer *l, const float *data)
{
    return (ddpm_const_matrix){data, ROWS, l->width, l->stride, 0};
}

static void forward(const bench_layer *l, const block *b)
{
    l->kernels->forward(&l->packed, read_rows(l, b->x), DDPM_ACTIVATION_SILU, rows_of(l, b->h), b->slope, b->scratch);
}

static void backward_data(const bench_layer *l, const block *b)
{
    l->kernels->backward_data(&l->packed, read_rows(l, b->dz), b->slope, rows_of(l, b->dx), b->scratch);
}

static void backward_fixed(const bench_layer *l, const block *b)
{
    const ddpm_fixed_sums to = {.sum = b->fixed, .scale = 0x1p20, .limit = 0x1p20f};
    l->kernels->backward_weights_fixed(read_rows(l, b->x), read_rows(l, b->dz), ROWS, to, b->scratch);
}

static void backward_float(const bench_layer *l, const block *b)
{
    const ddpm_float_sums to = {.sum = b->real, .limit = 0x1p20f};
    l->kernels->backward_weights_float(read_rows(l, b->x), read_rows(l, b->dz), ROWS, to, b->scratch);
}

static void activate(const bench_layer *l, const block *b)
{
    l->kernels->activate(ROWS * l->width, DDPM_ACTIVATION_SILU, b->x, b->h, b->slope);
}

static void normal(const bench_layer *l, const block *b)
{
    const ddpm_normal_stream stream = {1, DDPM_RANDOM_DATA, 0};
    ddpm_normal_rows(l->kernels, stream, 0, ddpm_matrix_dense(b->h, ROWS, l->width));
}

typedef struct timed_kernel {
    const bench_layer *layer;
    void (*call)(const bench_layer *l, const block *b);
} timed_kernel;

/* In one repetition each thread calls the kernel on its block. */
static ddpm_status run_kernel(void *context, int64_t times)
{
    const timed_kernel *kernel = context;
    const bench_layer *l = kernel->layer;
#pragma omp parallel num_threads(l->threads)
    {
        const block *b = &l->blocks[omp_get_thread_num()];
        for (int64_t i = 0; i < times; i++) kernel->call(l, b);
    }
    return DDPM_OK;
}

static ddpm_status measure(ddpm_bench_run *run, const bench_layer *l)
{
    static const struct {
        const char *name;
        void (*call)(const bench_layer *l, const block *b);
        double products; /* of a block by a square matrix; 0: the kernel is elementwise */
    } kernels[] = {
        {"forward, SiLU", forward, 1},
        {"backward data", backward_data, 1},
        {"backward weights, exact", backward_fixed, 1},
        {"backward weights, float32", backward_float, 1},
        {"SiLU and slope", activate, 0},
        {"normal numbers", normal, 0},
    };
    const double n = (double)l->width;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        timed_kernel kernel = {l, kernels[i].call};
        const ddpm_timed thing = {run_kernel, &kernel};
        const double operations = 2.0 * kernels[i].products * ROWS * n * n;
        ddpm_bench_timing timing;
        double share;
        DDPM_TRY(ddpm_bench_measure_shares(run, 1, &thing, &operations, run->share, &timing, &share));
        if (kernels[i].products > 0)
            ddpm_bench_add(run, DDPM_BENCH_KERNELS, kernels[i].name, timing.median, 1e-9 * operations / timing.median,
                           "GFLOP/s a thread", share, "%lld wide, %d rows", (long long)l->width, ROWS);
        else
            ddpm_bench_add(run, DDPM_BENCH_KERNELS, kernels[i].name, timing.median, 1e-9 * ROWS * n / timing.median,
                           "G numbers/s a thread", NAN, "%lld wide, %d rows", (long long)l->width, ROWS);
    }
    return DDPM_OK;
}

ddpm_status ddpm_bench_kernels(ddpm_bench_run *run, int64_t width)
{
    bench_layer l = {.kernels = run->kernels, .threads = run->threads, .width = width};
    l.stride = ddpm_round_up(width, l.kernels->panel) + LINE;
    ddpm_status status = ddpm_agree(run->comm, make(&l));
    if (status == DDPM_OK) status = measure(run, &l);
    release(&l);
    return status;
}
