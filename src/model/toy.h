/** The two-dimensional toy problems of the literature, in the units of scikit-learn's generators. Each row is a pure
 * function of (seed, row). Local, any thread.
 */
#ifndef DDPM_MODEL_TOY_H
#define DDPM_MODEL_TOY_H

#include <stdint.h>

typedef enum ddpm_toy {
    DDPM_TOY_SWISS_ROLL, /* angle 1.5 pi (1 + 2 u); 2-D is the (x, z) projection; label: the angle */
    DDPM_TOY_TWO_MOONS,  /* two half circles; label: 0 or 1, which of them */
    DDPM_TOY_S_CURVE,    /* t = 3 pi (u - 0.5); 2-D is the (x, z) projection; label: t */
    DDPM_TOY_COUNT
} ddpm_toy;

/** The name in a configuration, and the noise that "auto" stands for. */
const char *ddpm_toy_name(ddpm_toy kind);
double ddpm_toy_noise(ddpm_toy kind);

/** The names of its columns, [dimensions]. */
const char *const *ddpm_toy_columns(ddpm_toy kind, int dimensions);

/** Make rows first .. first+rows-1.
 *  @param dimensions  2; or 3 for a roll or an S in (x, y, z).
 *  @param noise       the standard deviation of the Gaussian noise on every coordinate.
 *  @param[out] out    [rows][dimensions].
 *  @param[out] label  [rows], or NULL. */
void ddpm_toy_rows(ddpm_toy kind, int dimensions, double noise, uint64_t seed, int64_t first, int64_t rows, float *out,
                   float *label);

#endif
