/* An iteration: rows, gradients of blocks, their sum over threads and ranks, update. Threads meet at the end of each
 * part; only the main thread communicates. */
#include "train/step.h"

#include "train/bad_block.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static void train_blocks(ddpm_stepper *s, int thread, int64_t iteration, int64_t first, int64_t count)
{
    ddpm_block_train(&s->thread_block[thread], iteration, ddpm_batch_rows(&s->batch, first, count), s->reducer, thread,
                     s->row_loss);
}

/* In exact mode each thread takes blocks as they come free: the sums are exact, so they do not depend on how the blocks
 * were divided among ranks and threads. */
static void train_free_blocks(ddpm_stepper *s, int thread, int64_t iteration)
{
    int64_t first, count;
    while ((count = ddpm_queue_take(s->queue, s->together, &first)) > 0)
        train_blocks(s, thread, iteration, first, count);
}

/* In float32 mode each thread has a fixed part of the blocks, since the sums depend on the order of the additions. */
static void train_own_blocks(ddpm_stepper *s, int thread, int64_t iteration)
{
    const ddpm_range rank = ddpm_comm_part(s->comm, s->batch.blocks);
    const ddpm_range part = ddpm_part(rank.end - rank.first, thread, s->threads);
    const int64_t end = rank.first + part.end;
    for (int64_t first = rank.first + part.first; first < end; first += s->together)
        train_blocks(s, thread, iteration, first, ddpm_smaller(s->together, end - first));
}

/* Local. Add the gradients of this rank's blocks. */
static void compute_gradients(ddpm_stepper *s, const ddpm_state *state)
{
    const int exact = s->spec.reduction == DDPM_REDUCTION_EXACT;
    /* when a step is repeated, another rank may take a block: the losses of its rows must not stay on this one */
    if (s->row_loss) memset(s->row_loss, 0, (size_t)s->batch.rows * sizeof *s->row_loss);
    if (exact) ddpm_queue_begin(s->queue, s->batch.blocks, s->threads);
    ddpm_reducer_begin(s->reducer);
#pragma omp parallel num_threads(s->threads)
    {
        const int thread = omp_get_thread_num();
        if (exact)
            train_free_blocks(s, thread, state->iteration);
        else
            train_own_blocks(s, thread, state->iteration);
    }
}

/* Collective. The exchange would hide how long this rank waits for the slowest one, so the ranks meet before it when
 * time is measured. */
static void wait_for_others(ddpm_stepper *s)
{
    if (!s->timing) return;
    ddpm_timing_add(s->timing, DDPM_TIMING_COMPUTE);
    ddpm_comm_barrier(s->comm);
    ddpm_timing_add(s->timing, DDPM_TIMING_WAIT);
}

/* Collective. Sum the gradients over threads and ranks. */
static ddpm_status reduce(ddpm_stepper *s, int vote, int *repeat)
{
    ddpm_reducer_meet(s->reducer, vote);
    if (ddpm_reducer_merges(s->reducer)) { /* a region takes time even where it is empty */
#pragma omp parallel num_threads(s->threads)
        ddpm_reducer_merge(s->reducer, omp_get_thread_num());
    }
    return ddpm_reducer_exchange(s->reducer, repeat);
}

/* Collective. Importance sampling of t learns from the losses of the whole batch, the same on every rank. */
static void learn_timesteps(ddpm_stepper *s, int64_t iteration)
{
    ddpm_comm_sum_float(s->comm, s->row_loss, s->batch.rows); /* one rank has each row, the others have 0 */
    ddpm_timesteps_draw(&s->timesteps, s->spec.seed, iteration, 0, s->batch.rows, s->row_t, NULL);
    ddpm_timesteps_learn(&s->timesteps, s->row_t, s->row_loss);
}

/* Collective. Each piece is packed by the worker that has updated it, so that no other one reads what it writes to the
 * state. */
static void update_and_pack(ddpm_stepper *s, const ddpm_update *update, ddpm_state *state)
{
    const ddpm_network *network = s->model->network;
    const ddpm_workers workers = ddpm_reducer_workers(s->reducer);
    const float *gradient = ddpm_reducer_sums(s->reducer);
#pragma omp parallel num_threads(s->threads)
    {
        const ddpm_piece *pieces;
        const ddpm_range mine =
            ddpm_network_pieces(network, workers.first + omp_get_thread_num(), workers.count, &pieces);
        for (int64_t i = mine.first; i < mine.end; i++) {
            ddpm_update_apply_piece(s->spec.update.optimizer, network, update, &pieces[i], gradient, state);
            ddpm_packed_fill_piece(s->packed, network, &pieces[i]);
        }
    }
    ddpm_comm_barrier_of_team(s->comm);
}

/* Local. Each thread updates its part of the parameters that are the team's to update. */
static void update_part(const ddpm_stepper *s, const ddpm_update *update, ddpm_state *state)
{
    const ddpm_kernels *kernels = ddpm_network_kernels(s->model->network);
    const float *gradient = ddpm_reducer_sums(s->reducer);
#pragma omp parallel num_threads(s->threads)
    {
        const ddpm_chunk *chunks;
        const ddpm_range mine = ddpm_reducer_chunks(s->reducer, omp_get_thread_num(), &chunks);
        for (int64_t i = mine.first; i < mine.end; i++)
            ddpm_update_apply(s->spec.update.optimizer, kernels, update, chunks[i].offset, chunks[i].count, gradient,
                              state);
    }
}

/* Collective. Where the parameters are gathered, the next iteration packs them. */
static void update_state(ddpm_stepper *s, double norm, ddpm_state *state)
{
    const ddpm_update update = ddpm_update_settings(&s->spec.update, state->iteration, state->recoveries, norm);
    const int is_divided = ddpm_reducer_is_divided(s->reducer);
    if (is_divided) {
        update_part(s, &update, state);
        ddpm_timing_add(s->timing, DDPM_TIMING_UPDATE);
        ddpm_reducer_gather(s->reducer, 1, &state->parameters);
        ddpm_timing_add(s->timing, DDPM_TIMING_REDUCTION);
        state->in_parts = DDPM_STATE_ALL;
    } else {
        update_and_pack(s, &update, state);
    }
    state->iteration++;
    if (!is_divided) ddpm_stepper_has_packed(s, state);
}

ddpm_status ddpm_stepper_iterate(ddpm_stepper *stepper, ddpm_state *state, int vote, ddpm_reduced *out)
{
    ddpm_stepper *s = stepper;
    int repeat;
    ddpm_timing_add(s->timing, DDPM_TIMING_OUTPUT);
    DDPM_TRY(ddpm_dataset_prepare(s->dataset, state->iteration * s->batch.whole, s->batch.whole));
    ddpm_timing_add(s->timing, DDPM_TIMING_INPUT);
    ddpm_stepper_pack(s, state);
    ddpm_timing_add(s->timing, DDPM_TIMING_UPDATE);
    do { /* once, or again at a coarser scale of the fixed point */
        compute_gradients(s, state);
        wait_for_others(s);
        const ddpm_status status = reduce(s, vote, &repeat);
        if (status != DDPM_OK) return ddpm_bad_block_fail(s, state->iteration);
        ddpm_timing_add(s->timing, DDPM_TIMING_REDUCTION);
    } while (repeat);
#pragma omp parallel num_threads(s->threads)
    ddpm_reducer_collect(s->reducer, omp_get_thread_num());
    *out = ddpm_reducer_finish(s->reducer);
    ddpm_timing_add(s->timing, DDPM_TIMING_REDUCTION);
    if (!isfinite(out->loss) || !isfinite(out->norm)) /* finite contributions may have an infinite sum */
        return ddpm_fail(DDPM_ERR_NUMERIC, "the sum of the batch is not a finite number");
    if (s->row_loss) learn_timesteps(s, state->iteration);
    update_state(s, out->norm, state);
    ddpm_timing_add(s->timing, DDPM_TIMING_UPDATE);
    ddpm_timing_iteration(s->timing);
    return DDPM_OK;
}
