/* The parameters, their average and the optimiser's moments. */
#include "train/state.h"

#include <math.h>
#include <string.h>

ddpm_status ddpm_state_create(ddpm_comm *comm, const ddpm_network *network, int keeps_best, int is_local,
                              ddpm_state *out)
{
    float **arrays[6] = {&out->parameters, &out->ema, &out->moment1, &out->moment2};
    const int64_t n = ddpm_network_array_length(network);
    int64_t count = 4;
    if (keeps_best) arrays[count++] = &out->best;
    if (is_local) arrays[count++] = &out->velocity;
    *out = (ddpm_state){.returned_to = -1, .best_loss = INFINITY, .best_iteration = -1};
    DDPM_TRY(ddpm_shared_create(comm, (size_t)(count * n) * sizeof(float), "parameters and moments", &out->memory));
    float *memory = ddpm_shared_data(out->memory);
    for (int64_t i = 0; i < count; i++) *arrays[i] = memory + i * n;
    const ddpm_range mine = ddpm_shared_part(comm, out->memory, 1);
    out->sets = mine.end > mine.first;
    return DDPM_OK;
}

void ddpm_state_release(ddpm_state *state)
{
    ddpm_shared_free(state->memory);
    *state = (ddpm_state){0};
}

void ddpm_state_begin(ddpm_comm *comm, const ddpm_network *network, uint64_t seed, ddpm_state *state)
{
    const size_t bytes = (size_t)ddpm_network_array_length(network) * sizeof(float);
    state->iteration = 0;
    state->in_parts = 0;
    state->best_loss = INFINITY;
    state->best_iteration = -1;
    if (state->sets) {
        ddpm_network_initialise(network, seed, state->parameters);
        memcpy(state->ema, state->parameters, bytes);
        memset(state->moment1, 0, bytes);
        memset(state->moment2, 0, bytes);
        if (state->velocity) memset(state->velocity, 0, bytes);
    }
    ddpm_comm_barrier_of_team(comm);
}

void ddpm_state_consider_best(const ddpm_network *network, double loss, ddpm_state *state)
{
    if (!state->best || !(loss < state->best_loss)) return;
    if (state->sets) memcpy(state->best, state->ema, (size_t)ddpm_network_array_length(network) * sizeof *state->best);
    state->best_loss = loss;
    state->best_iteration = state->iteration;
}
