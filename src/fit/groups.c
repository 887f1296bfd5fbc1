/* k-means. */
#include "fit/groups.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

enum { TRIES = 4, ROUNDS = 5, CANDIDATES = 4 };

typedef struct groups {
    ddpm_const_matrix x;
    int64_t count;
    double *center;          /* [count][D] */
    double *nearest, *trial; /* [rows]: squared distances to the nearest center, and with a candidate beside them */
} groups;

static ddpm_status allocate(groups *g)
{
    DDPM_TRY(DDPM_NEW(&g->center, g->count * g->x.columns, "groups of rows"));
    DDPM_TRY(DDPM_NEW(&g->nearest, g->x.rows, "groups of rows"));
    return DDPM_NEW(&g->trial, g->x.rows, "groups of rows");
}

static double squared_distance(int64_t columns, const float *x, const double *center)
{
    double sum = 0.0;
    for (int64_t j = 0; j < columns; j++) {
        const double away = (double)x[j] - center[j];
        sum += away * away;
    }
    return sum;
}

/* A row, drawn in proportion to its squared distance. */
static int64_t draw(const groups *g, double total, double uniform)
{
    double left = uniform * total;
    for (int64_t i = 0; i < g->x.rows; i++) {
        left -= g->nearest[i];
        if (left < 0.0) return i;
    }
    return g->x.rows - 1;
}

static void set_center(const groups *g, int64_t index, int64_t row)
{
    for (int64_t j = 0; j < g->x.columns; j++)
        g->center[index * g->x.columns + j] = (double)g->x.data[row * g->x.stride + j];
}

/* trial becomes the squared distances with center `index` beside the others. @return  their sum. */
static double try_center(const groups *g, int64_t index)
{
    double sum = 0.0;
    for (int64_t i = 0; i < g->x.rows; i++) {
        g->trial[i] = fmin(g->nearest[i], squared_distance(g->x.columns, g->x.data + i * g->x.stride,
                                                           g->center + index * g->x.columns));
        sum += g->trial[i];
    }
    return sum;
}

static void choose_centers(const groups *g, uint64_t seed, int try)
{
    double total = 0.0;
    for (int64_t i = 0; i < g->x.rows; i++) g->nearest[i] = INFINITY;
    set_center(g, 0, 0);
    total = try_center(g, 0);
    memcpy(g->nearest, g->trial, (size_t)g->x.rows * sizeof *g->nearest);
    for (int64_t index = 1; index < g->count; index++) {
        int64_t best = 0;
        double least = INFINITY;
        for (int candidate = 0; candidate < CANDIDATES; candidate++) {
            const ddpm_random4 words = ddpm_random_words(seed, DDPM_RANDOM_GROUPS, index, candidate, (uint32_t)try);
            const int64_t row = draw(g, total, ddpm_random_uniform(words.v[0]));
            set_center(g, index, row);
            const double sum = try_center(g, index);
            if (sum < least) least = sum, best = row;
        }
        set_center(g, index, best);
        total = try_center(g, index);
        memcpy(g->nearest, g->trial, (size_t)g->x.rows * sizeof *g->nearest);
    }
}

/* @return  the sum of the squared distances to the nearest centers. */
static double assign(const groups *g, int32_t *group)
{
    double sum = 0.0;
    for (int64_t i = 0; i < g->x.rows; i++) {
        double least = INFINITY;
        for (int64_t c = 0; c < g->count; c++) {
            const double distance =
                squared_distance(g->x.columns, g->x.data + i * g->x.stride, g->center + c * g->x.columns);
            if (distance < least) least = distance, group[i] = (int32_t)c;
        }
        sum += least;
    }
    return sum;
}

/* Each center becomes the mean of its rows, or stays where it has none. */
static void move_centers(const groups *g, const int32_t *group)
{
    const int64_t D = g->x.columns;
    for (int64_t c = 0; c < g->count; c++) {
        double *center = g->center + c * D, rows = 0.0;
        for (int64_t i = 0; i < g->x.rows; i++) rows += group[i] == c;
        if (rows == 0.0) continue;
        memset(center, 0, (size_t)D * sizeof *center);
        for (int64_t i = 0; i < g->x.rows; i++)
            for (int64_t j = 0; group[i] == c && j < D; j++) center[j] += (double)g->x.data[i * g->x.stride + j] / rows;
    }
}

static double find(const groups *g, uint64_t seed, int try, int32_t *group)
{
    choose_centers(g, seed, try);
    double sum = assign(g, group);
    for (int round = 0; round < ROUNDS; round++) {
        move_centers(g, group);
        sum = assign(g, group);
    }
    return sum;
}

ddpm_status ddpm_groups_find(ddpm_const_matrix x, int64_t count, uint64_t seed, int32_t *group)
{
    groups g = {.x = x, .count = count};
    int32_t *tried = NULL;
    double least = INFINITY;
    ddpm_status status = allocate(&g);
    if (status == DDPM_OK) status = DDPM_NEW(&tried, x.rows, "groups of rows");
    for (int try = 0; status == DDPM_OK && try < TRIES; try++) {
        const double sum = find(&g, seed, try, tried);
        if (sum >= least) continue;
        least = sum;
        memcpy(group, tried, (size_t)x.rows * sizeof *group);
    }
    ddpm_release(tried);
    ddpm_release(g.center);
    ddpm_release(g.nearest);
    ddpm_release(g.trial);
    return status;
}
