/* The formulas of the Swiss roll, the two moons and the S-curve. */
#include "model/toy.h"

#include "base/random.h"
#include "model/constants.h"

#include <math.h>
#include <stddef.h>

static const struct {
    const char *name;
    double noise;
} toys[DDPM_TOY_COUNT] = {
#define X(constant, name, noise) {name, noise},
    DDPM_TOY_LIST(X)
#undef X
};

const char *ddpm_toy_name(ddpm_toy kind)
{
    return toys[kind].name;
}

double ddpm_toy_noise_or(ddpm_toy kind, double noise)
{
    return isnan(noise) ? toys[kind].noise : noise;
}

const char *const *ddpm_toy_columns(ddpm_toy kind, int dimensions)
{
    static const char *const axes[] = {"x", "y", "z"}, *const plane[] = {"x", "z"};
    return dimensions == 2 && kind != DDPM_TOY_TWO_MOONS ? plane : axes;
}

/* Set the point (x, y, z) without noise, from u and v that are uniform in 0..1. @return  its label. */
static double place(ddpm_toy kind, double u, double v, double point[3])
{
    double t;
    switch (kind) {
    case DDPM_TOY_SWISS_ROLL:
        t = 1.5 * DDPM_PI * (1.0 + 2.0 * u);
        point[0] = t * cos(t);
        point[1] = 21.0 * v;
        point[2] = t * sin(t);
        return t;
    case DDPM_TOY_TWO_MOONS: {
        const double inner = v < 0.5 ? 0.0 : 1.0, angle = DDPM_PI * u;
        point[0] = inner == 0.0 ? cos(angle) : 1.0 - cos(angle);
        point[1] = 0.0;
        point[2] = inner == 0.0 ? sin(angle) : 0.5 - sin(angle);
        return inner;
    }
    case DDPM_TOY_S_CURVE:
    case DDPM_TOY_COUNT:
        break;
    }
    t = 3.0 * DDPM_PI * (u - 0.5);
    point[0] = sin(t);
    point[1] = 2.0 * v;
    point[2] = copysign(1.0, t) * (cos(t) - 1.0);
    return t;
}

/* Four normal numbers from four words, in double precision. */
static void normals(ddpm_random4 words, double out[4])
{
    for (int i = 0; i < 4; i += 2) {
        const double radius = sqrt(-2.0 * log(ddpm_random_uniform(words.v[i])));
        const double angle = 2.0 * DDPM_PI * ddpm_random_uniform(words.v[i + 1]);
        out[i] = radius * cos(angle);
        out[i + 1] = radius * sin(angle);
    }
}

void ddpm_toy_rows(ddpm_toy kind, int dimensions, double noise, uint64_t seed, int64_t first, int64_t rows, float *out,
                   float *label)
{
    for (int64_t i = 0; i < rows; i++) {
        const ddpm_random4 where = ddpm_random_words(seed, DDPM_RANDOM_DATA, 0, first + i, 0);
        double point[3], jitter[4];
        normals(ddpm_random_words(seed, DDPM_RANDOM_DATA, 0, first + i, 1), jitter);
        const double t = place(kind, ddpm_random_uniform(where.v[0]), ddpm_random_uniform(where.v[1]), point);
        for (int j = 0; j < dimensions; j++) {
            const int axis = dimensions == 2 ? 2 * j : j; /* of the plane, x and z */
            out[i * dimensions + j] = (float)(point[axis] + noise * jitter[axis]);
        }
        if (label) label[i] = (float)t;
    }
}
