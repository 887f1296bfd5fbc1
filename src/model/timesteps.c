/* How t is drawn. */
#include "model/timesteps.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>

/* The share of uniform draws in importance sampling, by which every t keeps a probability above 0. */
static const double UNIFORM_SHARE = 0.001;

ddpm_status ddpm_timesteps_create(ddpm_timesteps_kind kind, int64_t steps, int64_t batch, ddpm_timesteps *out)
{
    *out = (ddpm_timesteps){.kind = kind, .steps = steps, .batch = batch};
    if (kind != DDPM_TIMESTEPS_IMPORTANCE) return DDPM_OK;
    ddpm_status status = DDPM_NEW(&out->history, steps * DDPM_TIMESTEPS_HISTORY, "history of losses");
    if (status == DDPM_OK) status = DDPM_NEW(&out->seen, steps, "history of losses");
    if (status == DDPM_OK) status = DDPM_NEW(&out->cumulative, steps + 1, "history of losses");
    if (status != DDPM_OK) ddpm_timesteps_release(out);
    return status;
}

void ddpm_timesteps_release(ddpm_timesteps *timesteps)
{
    ddpm_release(timesteps->history);
    ddpm_release(timesteps->seen);
    ddpm_release(timesteps->cumulative);
    *timesteps = (ddpm_timesteps){0};
}

int64_t ddpm_timesteps_bytes(const ddpm_timesteps *timesteps)
{
    const ddpm_timesteps *s = timesteps;
    const size_t step = DDPM_TIMESTEPS_HISTORY * sizeof *s->history + sizeof *s->seen + sizeof *s->cumulative;
    return s->history ? s->steps * (int64_t)step : 0;
}

/* The t in whose interval of the cumulative probability u lies. */
static int64_t find(const ddpm_timesteps *s, double u)
{
    int64_t low = 0, high = s->steps - 1;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (u < s->cumulative[middle + 1])
            high = middle;
        else
            low = middle + 1;
    }
    return low + 1;
}

static int32_t draw_one(const ddpm_timesteps *s, uint64_t seed, int64_t iteration, int64_t row, float *weight)
{
    const int pairs = s->kind == DDPM_TIMESTEPS_ANTITHETIC;
    const int64_t of = s->kind == DDPM_TIMESTEPS_STRATIFIED ? 0 : pairs ? row / 2 : row;
    const uint32_t word = ddpm_random_words(seed, DDPM_RANDOM_TIMESTEP, iteration, of, 0).v[0];
    *weight = 1.0f;
    if (s->kind == DDPM_TIMESTEPS_STRATIFIED) {
        const double at = ddpm_random_uniform(word) + (double)row / (double)s->batch;
        return (int32_t)(1 + (int64_t)((double)s->steps * (at - floor(at))));
    }
    if (s->kind == DDPM_TIMESTEPS_IMPORTANCE && s->warm) {
        const int64_t t = find(s, ddpm_random_uniform(word));
        *weight = (float)(1.0 / ((double)s->steps * (s->cumulative[t] - s->cumulative[t - 1])));
        return (int32_t)t;
    }
    const int64_t t = 1 + ddpm_random_below(word, s->steps);
    return (int32_t)(pairs && row % 2 == 1 ? s->steps + 1 - t : t);
}

void ddpm_timesteps_draw(const ddpm_timesteps *timesteps, uint64_t seed, int64_t iteration, int64_t first, int64_t rows,
                         int32_t *t, float *weight)
{
    float unused;
    for (int64_t i = 0; i < rows; i++)
        t[i] = draw_one(timesteps, seed, iteration, first + i, weight ? &weight[i] : &unused);
}

void ddpm_timesteps_refresh(ddpm_timesteps *timesteps)
{
    ddpm_timesteps *s = timesteps;
    double total = 0.0;
    s->warm = 1;
    for (int64_t t = 0; t < s->steps; t++) {
        double squares = 0.0;
        for (int i = 0; i < DDPM_TIMESTEPS_HISTORY; i++) {
            const double loss = (double)s->history[t * DDPM_TIMESTEPS_HISTORY + i];
            squares += loss * loss;
        }
        s->warm &= s->seen[t] >= DDPM_TIMESTEPS_HISTORY;
        total += sqrt(squares / DDPM_TIMESTEPS_HISTORY);
        s->cumulative[t + 1] = total;
    }
    if (!(total > 0.0 && isfinite(total))) s->warm = 0;
    if (!s->warm) return;
    for (int64_t t = 0; t <= s->steps; t++)
        s->cumulative[t] =
            (1.0 - UNIFORM_SHARE) * s->cumulative[t] / total + UNIFORM_SHARE * (double)t / (double)s->steps;
}

void ddpm_timesteps_learn(ddpm_timesteps *timesteps, const int32_t *t, const float *loss)
{
    for (int64_t i = 0; i < timesteps->batch; i++) {
        const int64_t at = t[i] - 1;
        int32_t *seen = &timesteps->seen[at];
        timesteps->history[at * DDPM_TIMESTEPS_HISTORY + *seen % DDPM_TIMESTEPS_HISTORY] = loss[i];
        *seen = *seen + 1 < DDPM_TIMESTEPS_SEEN ? *seen + 1 : DDPM_TIMESTEPS_HISTORY;
    }
    ddpm_timesteps_refresh(timesteps);
}
