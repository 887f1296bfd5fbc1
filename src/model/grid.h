/** Grids: the K steps of a schedule of T that a sampler or an integration takes. Local, any thread. */
#ifndef DDPM_MODEL_GRID_H
#define DDPM_MODEL_GRID_H

#include "model/schedule.h"

/** How the steps of a grid are spread. sigma^2 = (1 - alpha_bar) / alpha_bar is the noise-to-signal ratio. */
typedef enum ddpm_spacing {
    DDPM_SPACING_UNIFORM, /* evenly in t */
    DDPM_SPACING_LOG_SNR, /* evenly in ln sigma, from T to 1, then to the data */
    DDPM_SPACING_KARRAS,  /* likewise in the 7th root of sigma: Karras et al. 2022, equation 5 */
    DDPM_SPACING_ANGLE,   /* likewise in the 7th root of the angle whose tangent is sigma */
    DDPM_SPACING_COUNT,
    DDPM_SPACING_AUTO /* see ddpm_sampling_spacing; not for a grid */
} ddpm_spacing;

/** The points of a grid of K steps: grid[0] = top > ... > grid[K] = 0.
 *  @param top        at most T.
 *  @param K          1..top.
 *  @param[out] grid  [K + 1]. */
void ddpm_grid_fill(const ddpm_schedule *schedule, ddpm_spacing spacing, int64_t top, int64_t K, int64_t *grid);

#endif
