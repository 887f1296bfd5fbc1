/* The parameters, their average and the optimiser's moments. */
#include "train/state.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

ddpm_status ddpm_state_create(const ddpm_network *network, int keeps_best, ddpm_state *out)
{
    const int64_t n = ddpm_network_array_length(network);
    *out = (ddpm_state){.returned_to = -1, .best_loss = INFINITY, .best_iteration = -1};
    DDPM_TRY(DDPM_NEW(&out->parameters, n, "parameters"));
    DDPM_TRY(DDPM_NEW(&out->ema, n, "average of the parameters"));
    DDPM_TRY(DDPM_NEW(&out->moment1, n, "moments"));
    DDPM_TRY(DDPM_NEW(&out->moment2, n, "moments"));
    return keeps_best ? DDPM_NEW(&out->best, n, "best average of the parameters") : DDPM_OK;
}

void ddpm_state_release(ddpm_state *state)
{
    ddpm_release(state->parameters);
    ddpm_release(state->ema);
    ddpm_release(state->moment1);
    ddpm_release(state->moment2);
    ddpm_release(state->best);
    *state = (ddpm_state){0};
}

void ddpm_state_begin(const ddpm_network *network, uint64_t seed, ddpm_state *state)
{
    const size_t bytes = (size_t)ddpm_network_array_length(network) * sizeof(float);
    state->iteration = 0;
    state->best_loss = INFINITY;
    state->best_iteration = -1;
    ddpm_network_initialise(network, seed, state->parameters);
    memcpy(state->ema, state->parameters, bytes);
    memset(state->moment1, 0, bytes);
    memset(state->moment2, 0, bytes);
}

void ddpm_state_consider_best(const ddpm_network *network, double loss, ddpm_state *state)
{
    if (!state->best || !(loss < state->best_loss)) return;
    memcpy(state->best, state->ema, (size_t)ddpm_network_array_length(network) * sizeof *state->best);
    state->best_loss = loss;
    state->best_iteration = state->iteration;
}
