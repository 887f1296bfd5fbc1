/* A stepper's memory is allocated and freed here. */
#include "train/stepper.h"

#include "base/memory.h"
#include "world/transfer.h"

#include <omp.h>

/* What importance sampling of t learns from. */
static ddpm_status create_timesteps(ddpm_stepper *s)
{
    const int64_t rows = s->batch.rows;
    DDPM_TRY(ddpm_timesteps_create(s->spec.timesteps, s->model->diffusion.schedule.steps, rows, &s->timesteps));
    if (s->spec.timesteps != DDPM_TIMESTEPS_IMPORTANCE) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&s->row_loss, rows, "losses of a batch"));
    return DDPM_NEW(&s->row_t, rows, "losses of a batch");
}

static ddpm_status create_blocks(ddpm_stepper *s)
{
    const ddpm_block_spec spec = {
        .model = s->model,
        .dataset = s->dataset,
        .timesteps = &s->timesteps,
        .packed = s->packed,
        .lookup = &s->lookup,
        .batch = s->batch,
        .seed = s->spec.seed,
        .condition_dropout = s->spec.condition_dropout,
        .dropout = s->spec.dropout,
    };
    DDPM_TRY(DDPM_NEW(&s->thread_block, s->threads, "blocks of threads"));
    for (int i = 0; i < s->threads; i++) DDPM_TRY(ddpm_block_create(&spec, s->together, &s->thread_block[i]));
    return DDPM_OK;
}

/* Collective. What the ranks of a team share. */
static ddpm_status share(ddpm_stepper *s)
{
    const ddpm_network *network = s->model->network;
    const int exact = s->spec.reduction == DDPM_REDUCTION_EXACT;
    DDPM_TRY(ddpm_queue_create(s->comm, &s->queue));
    DDPM_TRY(ddpm_shared_create(s->comm, (size_t)ddpm_packed_bytes(network, DDPM_PACK_TRAINING), "packed weights",
                                &s->weights));
    return ddpm_reducer_create(s->comm, network, exact, s->threads, s->spec.batch / s->spec.workers, &s->reducer);
}

static ddpm_status build(ddpm_stepper *s)
{
    const ddpm_network *network = s->model->network;
    const int64_t parameters = ddpm_network_array_length(network), rows = s->spec.batch / s->spec.workers;
    const int64_t block_rows = s->spec.block_rows > 0 ? s->spec.block_rows : ddpm_batch_choose_block_rows(rows);
    s->batch = ddpm_batch_cut(rows, block_rows);
    s->batch.whole = s->spec.batch;
    s->together = ddpm_batch_together(&s->batch, parameters * (int64_t)sizeof(int64_t),
                                      ddpm_comm_size(s->comm) * (int64_t)s->threads);
    DDPM_TRY(ddpm_packed_create(network, DDPM_PACK_TRAINING, ddpm_shared_data(s->weights), &s->packed));
    if (ddpm_model_is_masked(s->model)) DDPM_TRY(ddpm_lookup_create(&s->model->masked, network, &s->lookup));
    DDPM_TRY(create_timesteps(s));
    return create_blocks(s);
}

ddpm_status ddpm_stepper_create(ddpm_comm *all, ddpm_comm *comm, const ddpm_stepper_spec *spec, const ddpm_model *model,
                                ddpm_dataset *dataset, int threads, ddpm_timing *timing, ddpm_stepper **out)
{
    ddpm_stepper *s = NULL;
    *out = NULL;
    ddpm_status status = DDPM_NEW(&s, 1, "trainer");
    if (status == DDPM_OK)
        *s = (ddpm_stepper){.comm = comm,
                            .all = all,
                            .model = model,
                            .dataset = dataset,
                            .spec = *spec,
                            .threads = threads,
                            .timing = timing};
    status = ddpm_agree(all, status);
    if (status == DDPM_OK) status = ddpm_agree(all, share(s));
    if (status == DDPM_OK) status = ddpm_agree(all, build(s));
    if (status != DDPM_OK) {
        ddpm_stepper_free(s);
        return status;
    }
    *out = s;
    return DDPM_OK;
}

/* Collective. Each worker of the team packs a part. */
static void fill_packed(ddpm_stepper *s, const float *parameters)
{
    const ddpm_workers workers = ddpm_reducer_workers(s->reducer);
    ddpm_packed_borrow(s->packed, parameters, workers.count > 1);
#pragma omp parallel num_threads(s->threads)
    ddpm_packed_fill_part(s->packed, s->model->network, workers.first + omp_get_thread_num(), workers.count);
    ddpm_comm_barrier_of_team(s->comm);
}

static void fill_lookup(ddpm_stepper *s, const float *parameters)
{
    if (!ddpm_model_is_masked(s->model)) return;
#pragma omp parallel num_threads(s->threads)
    ddpm_lookup_fill(&s->lookup, &s->model->masked, s->model->network, parameters, omp_get_thread_num(), s->threads);
}

void ddpm_stepper_pack(ddpm_stepper *stepper, const ddpm_state *state)
{
    if (stepper->packed_from != state->parameters || stepper->packed_at != state->iteration)
        fill_packed(stepper, state->parameters);
    fill_lookup(stepper, state->parameters);
    ddpm_stepper_has_packed(stepper, state);
}

void ddpm_stepper_gather(ddpm_stepper *stepper, ddpm_state *state, unsigned arrays)
{
    const unsigned due = arrays & state->in_parts;
    float *list[DDPM_TRANSFER_ARRAYS];
    int count = 0;
    if (!due) return;
    if (due & DDPM_STATE_AVERAGE) list[count++] = state->ema;
    if (due & DDPM_STATE_MOMENTS) list[count++] = state->moment1;
    if (due & DDPM_STATE_MOMENTS) list[count++] = state->moment2;
    ddpm_reducer_gather(stepper->reducer, count, list);
    state->in_parts &= ~due;
}

void ddpm_stepper_has_packed(ddpm_stepper *stepper, const ddpm_state *state)
{
    stepper->packed_from = state->parameters;
    stepper->packed_at = state->iteration;
}

void ddpm_stepper_pack_average(ddpm_stepper *stepper, const float *average)
{
    fill_packed(stepper, average);
    fill_lookup(stepper, average);
    stepper->packed_from = NULL;
}

void ddpm_stepper_set_dataset(ddpm_stepper *stepper, ddpm_dataset *dataset)
{
    stepper->dataset = dataset;
    for (int i = 0; i < stepper->threads; i++) stepper->thread_block[i].spec.dataset = dataset;
}

void ddpm_stepper_set_worker(ddpm_stepper *stepper, int64_t worker)
{
    stepper->batch.first = worker * stepper->batch.rows;
    for (int i = 0; i < stepper->threads; i++) stepper->thread_block[i].spec.batch.first = stepper->batch.first;
    stepper->packed_from = NULL;
}

void ddpm_stepper_free(ddpm_stepper *stepper)
{
    if (!stepper) return;
    for (int i = 0; stepper->thread_block && i < stepper->threads; i++) ddpm_block_release(&stepper->thread_block[i]);
    ddpm_release(stepper->thread_block);
    ddpm_queue_free(stepper->queue);
    ddpm_packed_free(stepper->packed);
    ddpm_lookup_release(&stepper->lookup);
    ddpm_reducer_free(stepper->reducer);
    ddpm_shared_free(stepper->weights);
    ddpm_timesteps_release(&stepper->timesteps);
    ddpm_release(stepper->row_loss);
    ddpm_release(stepper->row_t);
    ddpm_release(stepper);
}
