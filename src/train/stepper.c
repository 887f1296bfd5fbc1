/* A stepper's memory is allocated and freed here. */
#include "train/stepper.h"

#include "base/memory.h"

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

static ddpm_status build(ddpm_stepper *s)
{
    const ddpm_network *network = s->model->network;
    const int64_t parameters = ddpm_network_array_length(network), rows = s->spec.batch;
    const int64_t block_rows = s->spec.block_rows > 0 ? s->spec.block_rows : ddpm_batch_choose_block_rows(rows);
    s->batch = ddpm_batch_cut(rows, block_rows);
    s->together = ddpm_batch_together(&s->batch, parameters * (int64_t)sizeof(int64_t),
                                      ddpm_comm_size(s->comm) * (int64_t)s->threads);
    DDPM_TRY(ddpm_packed_create(network, DDPM_PACK_TRAINING, &s->packed));
    if (ddpm_model_is_masked(s->model)) DDPM_TRY(ddpm_lookup_create(&s->model->masked, network, &s->lookup));
    DDPM_TRY(ddpm_reducer_create(network, s->spec.reduction == DDPM_REDUCTION_EXACT, s->threads, rows, &s->reducer));
    DDPM_TRY(DDPM_NEW(&s->gradient, parameters, "gradient"));
    DDPM_TRY(create_timesteps(s));
    return create_blocks(s);
}

ddpm_status ddpm_stepper_create(ddpm_comm *comm, const ddpm_stepper_spec *spec, const ddpm_model *model,
                                ddpm_dataset *dataset, int threads, ddpm_timing *timing, ddpm_stepper **out)
{
    ddpm_stepper *s = NULL;
    *out = NULL;
    ddpm_status status = DDPM_NEW(&s, 1, "trainer");
    if (status == DDPM_OK) {
        *s = (ddpm_stepper){
            .comm = comm, .model = model, .dataset = dataset, .spec = *spec, .threads = threads, .timing = timing};
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

static void fill_packed(ddpm_stepper *s, const float *parameters)
{
#pragma omp parallel num_threads(s->threads)
    ddpm_packed_fill(s->packed, s->model->network, parameters, omp_get_thread_num(), s->threads);
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

void ddpm_stepper_free(ddpm_stepper *stepper)
{
    if (!stepper) return;
    for (int i = 0; stepper->thread_block && i < stepper->threads; i++) ddpm_block_release(&stepper->thread_block[i]);
    ddpm_release(stepper->thread_block);
    ddpm_queue_free(stepper->queue);
    ddpm_packed_free(stepper->packed);
    ddpm_lookup_release(&stepper->lookup);
    ddpm_reducer_free(stepper->reducer);
    ddpm_release(stepper->gradient);
    ddpm_timesteps_release(&stepper->timesteps);
    ddpm_release(stepper->row_loss);
    ddpm_release(stepper->row_t);
    ddpm_release(stepper);
}
