/* The sizes of what stepper.c and state.c allocate. */
#include "train/memory.h"

ddpm_memory ddpm_memory_count(const ddpm_stepper *stepper, const ddpm_round *round, int keeps_best)
{
    enum { ARRAYS = 4 };                                                /* parameters, average, two moments */
    const int arrays = ARRAYS + (keeps_best ? 1 : 0) + (round ? 1 : 0); /* the velocity */
    const ddpm_stepper *s = stepper;
    const ddpm_workers workers = ddpm_reducer_workers(s->reducer), all = round ? ddpm_round_threads(round) : workers;
    const int64_t array = ddpm_network_array_length(s->model->network) * (int64_t)sizeof(float);
    const int64_t of_row = (int64_t)(sizeof *s->row_loss + sizeof *s->row_t);
    return (ddpm_memory){
        .parameters = arrays * array * s->threads / all.count + (round ? ddpm_round_bytes(round) : 0),
        .checkpoint = 2 * arrays * array,
        .packed = ddpm_packed_bytes(s->model->network, DDPM_PACK_TRAINING) * s->threads / workers.count +
                  (ddpm_model_is_masked(s->model) ? ddpm_lookup_bytes(&s->model->masked, s->model->network) : 0),
        .sums = ddpm_reducer_bytes(s->reducer),
        .activations = s->threads * ddpm_block_bytes(s->model, s->batch.block_rows, s->together),
        .tables = ddpm_model_bytes(s->model) + ddpm_timesteps_bytes(&s->timesteps) +
                  (s->row_loss ? s->batch.rows * of_row : 0),
    };
}

int64_t ddpm_memory_total(const ddpm_memory *memory)
{
    return memory->parameters + memory->packed + memory->sums + memory->activations + memory->tables;
}
