/** The toy problems of the literature, in two or three dimensions, in the units of scikit-learn's generators. Each row
 * is a pure function of (seed, row). Local, any thread.
 */
#ifndef DDPM_MODEL_TOY_H
#define DDPM_MODEL_TOY_H

#include <stdint.h>

/** Every toy problem: its constant, its name in a configuration, and the noise that "auto" stands for.
 *  Swiss roll: angle 1.5 pi (1 + 2 u); 2-D is the (x, z) projection; the label is the angle. Two moons: two half
 * circles; the label says which. S-curve: t = 3 pi (u - 0.5); 2-D is the (x, z) projection; the label is t. */
#define DDPM_TOY_LIST(X)             \
    X(SWISS_ROLL, "swiss_roll", 0.5) \
    X(TWO_MOONS, "two_moons", 0.05)  \
    X(S_CURVE, "s_curve", 0.05)

typedef enum ddpm_toy {
#define X(constant, name, noise) DDPM_TOY_##constant,
    DDPM_TOY_LIST(X)
#undef X
        DDPM_TOY_COUNT
} ddpm_toy;

const char *ddpm_toy_name(ddpm_toy kind);

/** The noise, or that of the kind where it is NaN. */
double ddpm_toy_noise_or(ddpm_toy kind, double noise);

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
