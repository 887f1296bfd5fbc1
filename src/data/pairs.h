/** Pairs of noise and a row: a file of `ddpm sample` names the seed of its noise, from which every row of it was made.
 *
 *  A model that is trained on such pairs, each row with its own noise, learns in a few steps of diffusion what the
 * model that made them does in many: with one step, the map from noise to rows (Luhman and Luhman 2021), and with more,
 * the rectified flow along the pairs (Liu et al. 2022). Local.
 */
#ifndef DDPM_DATA_PAIRS_H
#define DDPM_DATA_PAIRS_H

#include "data/spec.h"
#include "file/h5.h"

/** The seed of the noise of a file's samples. DDPM_ERR_DATA: the rows of spec->dataset are no samples, or not made of
 * their noise alone, since the sampler drew more of it or completed given rows. */
DDPM_MUST_CHECK ddpm_status ddpm_pairs_seed(const ddpm_h5 *file, const ddpm_data_spec *spec, uint64_t *seed);

#endif
