/** Random numbers as a pure function of (seed, purpose, step, row, lane): Philox4x32-10 of Random123
 *  (Salmon et al. 2011). There is no state, so no number depends on which thread draws which numbers in which order.
 *  Local, callable from any thread.
 */
#ifndef DDPM_BASE_RANDOM_H
#define DDPM_BASE_RANDOM_H

#include <Random123/philox.h>
#include <stdint.h>

/** Streams of numbers that are independent of each other. What a seed gives depends on the values: never renumber. */
typedef enum ddpm_purpose {
    DDPM_RANDOM_INITIAL = 1,     /* parameters; step = tensor, row = element / 4 */
    DDPM_RANDOM_DATA = 2,        /* generated data sets; row = data row */
    DDPM_RANDOM_SPLIT = 3,       /* which rows are held out */
    DDPM_RANDOM_ORDER = 4,       /* order of an epoch; step = epoch, or for streamed rows a number of its pages and
                                  * windows (data/stream.c) */
    DDPM_RANDOM_TIMESTEP = 5,    /* t in training; step = iteration, row = position in the batch */
    DDPM_RANDOM_NOISE = 6,       /* noise in training; step = iteration, row = position in the batch */
    DDPM_RANDOM_VALIDATION = 7,  /* t and noise of the validation loss; row = validation row */
    DDPM_RANDOM_START = 8,       /* x_T of a sample; row = sample */
    DDPM_RANDOM_REVERSE = 9,     /* noise of a reverse step; step = pass and t, row = sample */
    DDPM_RANDOM_FORWARD = 10,    /* noise of a forward chain; step = t, row = data row */
    DDPM_RANDOM_DIRECTION = 11,  /* projections of quality measures */
    DDPM_RANDOM_DROPOUT = 13,    /* rows whose condition is left out; step = iteration, row = position in the batch */
    DDPM_RANDOM_CORRECTION = 12, /* Langevin steps; step = pass, t and count, row = sample */
    DDPM_RANDOM_KNOWN = 14,      /* known entries of a completion at t; step = pass and t, row = sample */
    DDPM_RANDOM_BACK = 15,       /* from a step back to t, to take it again; step = pass and t, row = sample */
    DDPM_RANDOM_FEATURES = 16,   /* frequencies of Fourier features; row = column */
    DDPM_RANDOM_BALANCE = 17,    /* training.balance: turns of the classes, step = round; order of a class's rows;
                                    order and first place by weight, step = epoch */
    DDPM_RANDOM_UNITS = 18,      /* units that are left out; step = iteration, row = position in the batch */
    DDPM_RANDOM_GROUPS = 20,     /* centers of groups of rows; step = center, row = candidate */
    DDPM_RANDOM_KEPT = 21,       /* which of the rows that a program gives are kept; row = row */
    DDPM_RANDOM_PLACES = 22,     /* places of shared values among their scores; row = row, lane = column */
    DDPM_RANDOM_BOUND = 40,      /* noise of the bound's terms; step = t, row = evaluated row */
    DDPM_RANDOM_PROBE = 41,      /* probes of a trace; step = probe, row = evaluated row */
    DDPM_RANDOM_PAIRS = 42,      /* which rows make a pair of sets; step = pair */
    DDPM_RANDOM_FOREST = 43,     /* folds, bootstraps and drawn columns; step = set or tree, row = draws or node */
} ddpm_purpose;

/** The most rows of a file of rows: a power of two below the 2^48 that a row's number must stay below. */
#define DDPM_ROWS_MAX (INT64_C(1) << 47)

/** How far apart the seeds are that are made from the one of a command line: odd, and far from the small numbers that
 * users take for seeds. */
#define DDPM_SEED_STRIDE UINT64_C(0x9E3779B97F4A7C15)

typedef struct ddpm_random4 {
    uint32_t v[4];
} ddpm_random4;

/** Four random words.
 *  @param step  below 2^40.
 *  @param row   below 2^48.
 *  @param lane  numbers the groups of four words of a row. */
static inline ddpm_random4 ddpm_random_words(uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t row,
                                             uint32_t lane)
{
    const uint64_t s = (uint64_t)step, r = (uint64_t)row;
    const philox4x32_ctr_t counter = {
        {lane, (uint32_t)r, (uint32_t)s,
         (uint32_t)(r >> 32 & 0xffff) << 16 | (uint32_t)(s >> 32 & 0xff) << 8 | (uint32_t)purpose}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    const philox4x32_ctr_t out = philox4x32(counter, key);
    return (ddpm_random4){{out.v[0], out.v[1], out.v[2], out.v[3]}};
}

/** A word as a number in the open interval (0, 1). */
static inline double ddpm_random_uniform(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}

/** A word as an integer in 0 .. n-1, n below 2^32; the bias is below n / 2^32. */
static inline int64_t ddpm_random_below(uint32_t word, int64_t n)
{
    return (int64_t)((uint64_t)word * (uint64_t)n >> 32);
}

#endif
