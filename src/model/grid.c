/* Grids of steps, evenly spread in t or in the level of noise. */
#include "model/grid.h"

#include "base/split.h"

#include <math.h>

/* Points grid[0] = top > ... > grid[K] = 0 evenly in t. They fall strictly, since top / K is at least 1. */
static void space_evenly(int64_t top, int64_t K, int64_t *grid)
{
    for (int64_t i = 0; i <= K; i++) grid[K - i] = (2 * i * top + K) / (2 * K);
}

/* What a spacing is even in, at t >= 1: it rises with t, and is infinite where no signal is left. */
static double level_at(const ddpm_schedule *schedule, ddpm_spacing spacing, int64_t t)
{
    const double log_sigma = 0.5 * (log(schedule->one_minus_alpha_bar[t]) - log(schedule->alpha_bar[t]));
    if (spacing == DDPM_SPACING_KARRAS) return exp(log_sigma / 7.0);
    return spacing == DDPM_SPACING_ANGLE ? pow(atan(exp(log_sigma)), 1.0 / 7.0) : log_sigma;
}

/* Points grid[0] = top > ... > grid[K - 1] >= 1 > grid[K] = 0 whose levels are nearest to evenly spread ones. Where
 * steps are so many that two would share a point, or that too few points would be left, a point gives way to its
 * neighbour.
 */
static void space_by_level(const ddpm_schedule *schedule, ddpm_spacing spacing, int64_t top, int64_t K, int64_t *grid)
{
    const int64_t skipped = schedule->alpha_bar[top] > 0.0 ? 0 : 1; /* a step without signal has no level */
    const int64_t first = top - skipped, parts = K - 1 - skipped;
    const double high = level_at(schedule, spacing, first), low = level_at(schedule, spacing, 1);
    grid[0] = top;
    grid[K] = 0;
    for (int64_t i = 1, t = first; i < K; i++) {
        const double level = parts > 0 ? high + (low - high) * (double)(i - skipped) / (double)parts : low;
        while (t > 1 &&
               fabs(level_at(schedule, spacing, t - 1) - level) <= fabs(level_at(schedule, spacing, t) - level))
            t--;
        grid[i] = ddpm_larger(ddpm_smaller(t, grid[i - 1] - 1), K - i);
    }
}

void ddpm_grid_fill(const ddpm_schedule *schedule, ddpm_spacing spacing, int64_t top, int64_t K, int64_t *grid)
{
    if (spacing == DDPM_SPACING_UNIFORM)
        space_evenly(top, K, grid);
    else
        space_by_level(schedule, spacing, top, K, grid);
}
