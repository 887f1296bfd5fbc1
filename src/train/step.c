/* A training step: pack, blocks, merge, exchange, collect, update. Threads meet at the end of each part; only the main
 * thread communicates. */
#include "train/step.h"

#include "base/memory.h"
#include "train/block.h"
#include "world/queue.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    BLOCK_LEAST = 64,
    BLOCK_MOST = 256,
    BLOCKS_WANTED = 16,      /* in a batch, before blocks grow */
    BLOCKS_TOGETHER = 4,     /* in a thread, at most */
    SMALL_SUMS = 1 << 20,    /* bytes of gradient sums that stay in a processor's own cache */
    VALIDATION_DRAWS = 8192, /* rows, with repetition, of the validation loss */
    VALIDATION_BITS = 40     /* of its fixed point; a block's share is below 2^12 or the loss is reported infinite */
};

struct ddpm_stepper {
    ddpm_comm *comm;
    const ddpm_model *model;
    ddpm_dataset *dataset;
    int threads;
    int64_t batch, block_rows, blocks;
    int64_t together;  /* blocks that a thread takes at a time */
    ddpm_queue *queue; /* of the batch's blocks */
    ddpm_packed *packed;
    ddpm_reducer *reducer;
    ddpm_timesteps timesteps;
    ddpm_block *memory;  /* [threads] */
    float *gradient;     /* [parameters] */
    float *row_loss;     /* importance: [batch], each from the rank that had the row */
    int32_t *row_t;      /* importance: [batch] */
    float *row_weight;   /* importance: [batch], not used */
    ddpm_timing *timing; /* borrowed; NULL: nothing is measured */
};

/* A pure function of the configuration, since block sums round in float32. */
static int64_t choose_block_rows(const ddpm_config *config)
{
    const int64_t batch = config->training.batch;
    int64_t rows = config->parallel.block_rows;
    if (rows == 0) {
        rows = batch / BLOCKS_WANTED / 8 * 8;
        rows = rows < BLOCK_LEAST ? BLOCK_LEAST : rows > BLOCK_MOST ? BLOCK_MOST : rows;
    }
    return rows < batch ? rows : batch;
}

/* Wide layers' sums of gradients come from memory for every addition, so that a thread adds a few blocks at a time; the
 * additions are the same ones. */
static int64_t choose_together(const ddpm_stepper *s)
{
    const int64_t sums = ddpm_network_parameter_count(s->model->network) * (int64_t)sizeof(int64_t);
    const int64_t rows = (int64_t)BLOCK_MOST * 2, parts = ddpm_comm_size(s->comm) * (int64_t)s->threads;
    const int64_t mine = (s->blocks + parts - 1) / parts;
    int64_t together = BLOCKS_TOGETHER;
    if (sums <= SMALL_SUMS) return 1;
    if (together > rows / s->block_rows) together = rows / s->block_rows;
    if (together > mine) together = mine;
    return together > 1 ? together : 1;
}

static int learns_timesteps(const ddpm_stepper *s)
{
    return s->timesteps.kind == DDPM_TIMESTEPS_IMPORTANCE;
}

static ddpm_status allocate_history(ddpm_stepper *s)
{
    const ddpm_config *config = s->model->config;
    DDPM_TRY(ddpm_timesteps_create(config->diffusion.timesteps, config->diffusion.steps, s->batch, &s->timesteps));
    if (!learns_timesteps(s)) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&s->row_loss, s->batch, "losses of a batch"));
    DDPM_TRY(DDPM_NEW(&s->row_t, s->batch, "losses of a batch"));
    return DDPM_NEW(&s->row_weight, s->batch, "losses of a batch");
}

static ddpm_status build(ddpm_stepper *s)
{
    const ddpm_config *config = s->model->config;
    s->batch = config->training.batch;
    s->block_rows = choose_block_rows(config);
    s->blocks = (s->batch + s->block_rows - 1) / s->block_rows;
    s->together = choose_together(s);
    DDPM_TRY(ddpm_packed_create(s->model->network, DDPM_PACK_TRAINING, &s->packed));
    DDPM_TRY(ddpm_reducer_create(s->model->network, config->parallel.reduction == DDPM_REDUCTION_EXACT, s->threads,
                                 s->batch, &s->reducer));
    DDPM_TRY(DDPM_NEW(&s->gradient, ddpm_network_parameter_count(s->model->network), "gradient"));
    DDPM_TRY(allocate_history(s));
    DDPM_TRY(DDPM_NEW(&s->memory, s->threads, "blocks of threads"));
    for (int i = 0; i < s->threads; i++)
        DDPM_TRY(ddpm_block_create(s->model, s->dataset, s->packed, s->together * s->block_rows, s->block_rows,
                                   &s->memory[i]));
    return DDPM_OK;
}

ddpm_status ddpm_stepper_create(ddpm_comm *comm, const ddpm_model *model, ddpm_dataset *dataset, int threads,
                                ddpm_stepper **out)
{
    ddpm_stepper *s = NULL;
    *out = NULL;
    ddpm_status status = DDPM_NEW(&s, 1, "trainer");
    if (status == DDPM_OK) {
        *s = (ddpm_stepper){.comm = comm, .model = model, .dataset = dataset, .threads = threads};
        status = build(s);
    }
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) status = ddpm_queue_create(comm, &s->queue);
    if (status != DDPM_OK) {
        ddpm_stepper_free(s);
        return status;
    }
    *out = s;
    return DDPM_OK;
}

void ddpm_stepper_free(ddpm_stepper *stepper)
{
    if (!stepper) return;
    for (int i = 0; stepper->memory && i < stepper->threads; i++) ddpm_block_release(&stepper->memory[i]);
    ddpm_release(stepper->memory);
    ddpm_queue_free(stepper->queue);
    ddpm_packed_free(stepper->packed);
    ddpm_reducer_free(stepper->reducer);
    ddpm_release(stepper->gradient);
    ddpm_timesteps_release(&stepper->timesteps);
    ddpm_release(stepper->row_loss);
    ddpm_release(stepper->row_t);
    ddpm_release(stepper->row_weight);
    ddpm_release(stepper);
}

void ddpm_stepper_measure(ddpm_stepper *stepper, ddpm_timing *timing)
{
    stepper->timing = timing;
}

int64_t ddpm_stepper_block_rows(const ddpm_stepper *stepper)
{
    return stepper->block_rows;
}

int64_t ddpm_stepper_blocks(const ddpm_stepper *stepper)
{
    return stepper->blocks;
}

ddpm_memory ddpm_stepper_memory(const ddpm_stepper *stepper)
{
    enum { ARRAYS = 5, SAVED = 8 }; /* parameters, average, two moments, gradient; the first four twice */
    const int64_t array = ddpm_network_parameter_count(stepper->model->network) * (int64_t)sizeof(float);
    const ddpm_stepper *s = stepper;
    const int64_t of_row =
        learns_timesteps(s) ? (int64_t)(sizeof *s->row_loss + sizeof *s->row_t + sizeof *s->row_weight) : 0;
    return (ddpm_memory){
        .parameters = ARRAYS * array,
        .checkpoint = SAVED * array,
        .packed = ddpm_packed_bytes(s->model->network, DDPM_PACK_TRAINING),
        .sums = ddpm_reducer_bytes(s->reducer),
        .activations = s->threads * ddpm_block_bytes(s->model, s->together * s->block_rows),
        .tables = ddpm_model_bytes(s->model) + ddpm_timesteps_bytes(&s->timesteps) + s->batch * of_row,
    };
}

int64_t ddpm_memory_total(const ddpm_memory *memory)
{
    return memory->parameters + memory->packed + memory->sums + memory->activations + memory->tables;
}

int32_t *ddpm_stepper_exponents(ddpm_stepper *stepper, int64_t *count)
{
    return ddpm_reducer_exponents(stepper->reducer, count);
}

ddpm_timesteps *ddpm_stepper_timesteps(ddpm_stepper *stepper)
{
    return &stepper->timesteps;
}

ddpm_checkpoint ddpm_stepper_checkpoint(ddpm_stepper *stepper, const ddpm_state *state)
{
    const ddpm_model *model = stepper->model;
    const ddpm_transform *transform = ddpm_dataset_transform(stepper->dataset);
    ddpm_checkpoint c = {
        .iteration = state->iteration,
        .recoveries = state->recoveries,
        .columns = transform->columns,
        .column_names = (char **)ddpm_dataset_names(stepper->dataset),
        .mean = transform->mean,
        .scale = transform->scale,
        .minimum = transform->minimum,
        .maximum = transform->maximum,
        .condition = *ddpm_dataset_condition(stepper->dataset),
        .steps = model->diffusion.schedule.steps,
        .beta = model->diffusion.schedule.beta,
        .history = stepper->timesteps.history,
        .seen = stepper->timesteps.seen,
        .parameter_count = ddpm_network_parameter_count(model->network),
        .parameters = state->parameters,
        .ema = state->ema,
        .moment1 = state->moment1,
        .moment2 = state->moment2,
    };
    c.exponent = ddpm_stepper_exponents(stepper, &c.exponent_count);
    return c;
}

/* `count` blocks of the batch: their gradients and their losses into the thread's sums. */
static void train_blocks(ddpm_stepper *s, int thread, int64_t iteration, int64_t block, int64_t count)
{
    const int64_t first = block * s->block_rows, most = count * s->block_rows;
    const int64_t rows = s->batch - first < most ? s->batch - first : most;
    double loss[BLOCKS_TOGETHER];
    ddpm_block_train(&s->memory[thread], &s->timesteps, iteration, first, rows,
                     ddpm_reducer_gradient(s->reducer, thread), loss, s->row_loss ? s->row_loss + first : NULL);
    for (int64_t i = 0; i < count; i++) ddpm_reducer_add_loss(s->reducer, thread, loss[i]);
}

/* Collective. Every rank takes in the losses of the whole batch. */
static void learn_timesteps(ddpm_stepper *s, int64_t iteration)
{
    ddpm_comm_sum_float(s->comm, s->row_loss, s->batch); /* one rank has each row, the others 0 */
    ddpm_timesteps_draw(&s->timesteps, s->model->config->run.seed, iteration, 0, s->batch, s->row_t, s->row_weight);
    ddpm_timesteps_learn(&s->timesteps, s->row_t, s->row_loss);
}

/* The blocks of this rank are first .. last-1 of the batch. */
static void my_blocks(const ddpm_stepper *s, int64_t blocks, int64_t *first, int64_t *last)
{
    const int64_t rank = ddpm_comm_rank(s->comm), size = ddpm_comm_size(s->comm);
    *first = blocks * rank / size;
    *last = blocks * (rank + 1) / size;
}

/* Exact sums do not show who added what. */
static void train_free_blocks(ddpm_stepper *s, int thread, int64_t iteration)
{
    int64_t first, count;
    while ((count = ddpm_queue_take(s->queue, s->together, &first)) > 0)
        train_blocks(s, thread, iteration, first, count);
}

/* float32 sums do: each thread has its part of the rank's. */
static void train_own_blocks(ddpm_stepper *s, int thread, int64_t iteration)
{
    int64_t first, last;
    my_blocks(s, s->blocks, &first, &last);
    const int64_t count = last - first, end = first + count * (thread + 1) / s->threads;
    for (int64_t at = first + count * thread / s->threads; at < end; at += s->together)
        train_blocks(s, thread, iteration, at, end - at < s->together ? end - at : s->together);
}

static void compute_gradients(ddpm_stepper *s, const ddpm_state *state)
{
    const int exact = s->model->config->parallel.reduction == DDPM_REDUCTION_EXACT;
    /* the rows of a step that is repeated may come to other ranks */
    if (s->row_loss) memset(s->row_loss, 0, (size_t)s->batch * sizeof *s->row_loss);
    if (exact) ddpm_queue_begin(s->queue, s->blocks, s->threads);
#pragma omp parallel num_threads(s->threads)
    {
        const int thread = omp_get_thread_num();
        ddpm_packed_fill(s->packed, s->model->network, state->parameters, thread, s->threads);
#pragma omp barrier
        if (exact)
            train_free_blocks(s, thread, state->iteration);
        else
            train_own_blocks(s, thread, state->iteration);
#pragma omp barrier
        ddpm_reducer_merge(s->reducer, thread);
    }
}

/* The settings of the next iteration for a gradient of this norm. */
static ddpm_update update_of(const ddpm_config *config, const ddpm_state *state, double norm)
{
    const double step = (double)(state->iteration + 1), clip = config->training.clip;
    const ddpm_learning_rate_spec rate = ddpm_config_learning_rate(config);
    const double start = (1.0 + step) / (10.0 + step); /* the average forgets its beginning */
    const double beta1 =
        config->training.optimizer == DDPM_OPTIMIZER_SGD ? config->training.momentum : config->training.beta1;
    return (ddpm_update){
        .learning_rate = (float)ddpm_learning_rate(&rate, state->iteration, state->recoveries),
        .shrink = (float)(clip > 0.0 && norm > clip ? clip / norm : 1.0),
        .beta1 = (float)beta1,
        .beta2 = (float)config->training.beta2,
        .correction1 = (float)(1.0 / (1.0 - pow(config->training.beta1, step))),
        .correction2 = (float)(1.0 / (1.0 - pow(config->training.beta2, step))),
        .epsilon = (float)config->training.epsilon,
        .decay = (float)config->training.weight_decay,
        .ema = (float)fmin(config->training.ema, start),
    };
}

static void update_parameters(ddpm_stepper *s, ddpm_state *state, const ddpm_update *update)
{
    const ddpm_kernels *kernels = ddpm_network_kernels(s->model->network);
    const ddpm_optimizer optimizer = s->model->config->training.optimizer;
    const ddpm_chunk *chunks;
    const int64_t count = ddpm_reducer_chunks(s->reducer, &chunks);
#pragma omp parallel for num_threads(s->threads) schedule(static)
    for (int64_t c = 0; c < count; c++) {
        const int64_t at = chunks[c].offset, n = chunks[c].count;
        float *w = state->parameters + at, *m1 = state->moment1 + at, *m2 = state->moment2 + at, *ema = state->ema + at;
        switch (optimizer) {
        case DDPM_OPTIMIZER_ADAM:
            kernels->adam(n, update, s->gradient + at, w, m1, m2, ema);
            break;
        case DDPM_OPTIMIZER_ADAMW:
            kernels->adamw(n, update, s->gradient + at, w, m1, m2, ema);
            break;
        case DDPM_OPTIMIZER_SGD:
            kernels->sgd(n, update, s->gradient + at, w, m1, m2, ema);
            break;
        case DDPM_OPTIMIZER_COUNT:
            break;
        }
    }
}

/* Collective. The lowest block of the batch with a contribution that is not finite, each computed alone: the same at
 * any number of ranks and threads. */
static int64_t find_wild_block(ddpm_stepper *s, const ddpm_state *state)
{
    int64_t first, last, lowest = s->blocks;
    my_blocks(s, s->blocks, &first, &last);
#pragma omp parallel num_threads(s->threads) reduction(min : lowest)
    {
        const int thread = omp_get_thread_num();
#pragma omp for schedule(static)
        for (int64_t block = first; block < last; block++) {
            train_blocks(s, thread, state->iteration, block, 1);
            if (ddpm_reducer_met_nonfinite(s->reducer, thread) && block < lowest) lowest = block;
        }
    }
    int64_t negative = -lowest; /* the least of all ranks */
    ddpm_comm_max_int64(s->comm, &negative, 1);
    return -negative;
}

/* Collective. */
static ddpm_status fail_wild(ddpm_stepper *s, const ddpm_state *state)
{
    char what[DDPM_MESSAGE_BYTES / 2];
    snprintf(what, sizeof what, "%s", ddpm_error_message());
    const int64_t block = find_wild_block(s, state);
    if (block == s->blocks) return ddpm_fail(DDPM_ERR_NUMERIC, "%s, but in no block alone", what);
    const int64_t first = block * s->block_rows,
                  end = first + s->block_rows < s->batch ? first + s->block_rows : s->batch;
    return ddpm_fail(DDPM_ERR_NUMERIC, "%s in block %lld of %lld (rows %lld to %lld of the batch)", what,
                     (long long)block, (long long)s->blocks, (long long)first, (long long)end - 1);
}

/* Collective. The exchange would hide how long this rank waits for the slowest: when it is measured, they meet before
 * it. */
static void wait_for_others(ddpm_stepper *s)
{
    if (!s->timing) return;
    ddpm_timing_add(s->timing, DDPM_TIMING_COMPUTE);
    ddpm_comm_barrier(s->comm);
    ddpm_timing_add(s->timing, DDPM_TIMING_WAIT);
}

ddpm_status ddpm_stepper_iterate(ddpm_stepper *stepper, ddpm_state *state, int vote, ddpm_reduced *out)
{
    ddpm_stepper *s = stepper;
    int repeat;
    ddpm_timing_add(s->timing, DDPM_TIMING_OUTPUT);
    DDPM_TRY(ddpm_dataset_prepare(s->dataset, state->iteration * s->batch, s->batch));
    ddpm_timing_add(s->timing, DDPM_TIMING_INPUT);
    do {
        compute_gradients(s, state);
        wait_for_others(s);
        const ddpm_status status = ddpm_reducer_exchange(s->reducer, s->comm, vote, &repeat);
        if (status != DDPM_OK) return fail_wild(s, state);
        ddpm_timing_add(s->timing, DDPM_TIMING_REDUCTION);
    } while (repeat);
#pragma omp parallel num_threads(s->threads)
    ddpm_reducer_collect(s->reducer, omp_get_thread_num(), s->gradient);
    *out = ddpm_reducer_finish(s->reducer);
    if (!isfinite(out->loss) || !isfinite(out->norm)) /* finite shares of an infinite sum */
        return ddpm_fail(DDPM_ERR_NUMERIC, "the sum of the batch is not a finite number");
    if (learns_timesteps(s)) learn_timesteps(s, state->iteration);
    const ddpm_update update = update_of(s->model->config, state, out->norm);
    update_parameters(s, state, &update);
    state->iteration++;
    ddpm_timing_add(s->timing, DDPM_TIMING_UPDATE);
    ddpm_timing_iteration(s->timing);
    return DDPM_OK;
}

ddpm_status ddpm_stepper_validate(ddpm_stepper *stepper, const ddpm_state *state, double *loss)
{
    ddpm_stepper *s = stepper;
    const int64_t draws = VALIDATION_DRAWS, blocks = (draws + s->block_rows - 1) / s->block_rows;
    int64_t first, last, sum = 0, wild = 0;
    *loss = NAN;
    if (ddpm_dataset_held_out(s->dataset) == 0) return DDPM_OK;
    my_blocks(s, blocks, &first, &last);
#pragma omp parallel num_threads(s->threads) reduction(+ : sum, wild)
    {
        const int thread = omp_get_thread_num();
        ddpm_packed_fill(s->packed, s->model->network, state->ema, thread, s->threads);
#pragma omp barrier
#pragma omp for schedule(static)
        for (int64_t block = first; block < last; block++) {
            const int64_t start = block * s->block_rows;
            const int64_t rows = draws - start < s->block_rows ? draws - start : s->block_rows;
            const double part = ddpm_block_validate(&s->memory[thread], draws, start, rows);
            if (fabs(part) < 4096.0)
                sum += llrint(ldexp(part, VALIDATION_BITS));
            else
                wild++;
        }
    }
    int64_t totals[2] = {sum, wild};
    ddpm_comm_sum_int64(s->comm, totals, 2);
    *loss = totals[1] > 0 ? INFINITY : ldexp((double)totals[0], -VALIDATION_BITS);
    return DDPM_OK;
}
