/* The flow of a discrete schedule, integrated together with its divergence. */
#include "model/likelihood.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/constants.h"

#include <math.h>
#include <string.h>

static const double RESOLVED = 0.99; /* rho, beyond which data are narrower than step 1 can tell */
static const double SETTLES = 0.5;   /* the most that a difference may be of that between coarser grids */
static const double NEGLIGIBLE = 1e-4, ROUNDING = 1e-6; /* nats a column */
enum { STEPS_LEAST = 8 };                               /* of which a quarter is two */

enum { ORDER = DDPM_LIKELIHOOD_ORDER, EARLIER = DDPM_LIKELIHOOD_ORDER - 1 };

/* ---- the grid ---- */

static double angle_of(const ddpm_schedule *schedule, int64_t t)
{
    return atan2(sqrt(schedule->one_minus_alpha_bar[t]), sqrt(schedule->alpha_bar[t]));
}

static int64_t end_of(const ddpm_schedule *schedule)
{
    for (int64_t t = 1; t < schedule->steps; t++)
        if (schedule->alpha_bar[t] <= DDPM_LIKELIHOOD_SIGNAL) return t;
    return schedule->steps;
}

/* The integral from a to b of the polynomial that is 1 at nodes[which] and 0 at the other nodes. Gauss-Legendre
 * integration with three points is exact up to degree 5. */
static double weight_of(int count, const double *nodes, int which, double a, double b)
{
    static const double points[3] = {-0.77459666924148337704, 0.0, 0.77459666924148337704};
    static const double weights[3] = {5.0 / 18.0, 8.0 / 18.0, 5.0 / 18.0};
    double sum = 0.0;
    for (int p = 0; p < 3; p++) {
        const double at = 0.5 * (a + b) + 0.5 * (b - a) * points[p];
        double value = 1.0;
        for (int i = 0; i < count; i++)
            if (i != which) value *= (at - nodes[i]) / (nodes[which] - nodes[i]);
        sum += weights[p] * value;
    }
    return (b - a) * sum;
}

/* @param nodes  [count], angles: that of the end of the step, and of the steps before it, the latest first. */
static void set_step(const ddpm_diffusion *diffusion, int64_t t, int count, const double *nodes,
                     ddpm_likelihood_step *step)
{
    double data_xt, data_output;
    ddpm_diffusion_data_coefficients(diffusion, t, &data_xt, &data_output);
    *step = (ddpm_likelihood_step){.t = t};
    step->of_x = (cos(nodes[0]) - data_xt) / sin(nodes[0]); /* v = (cos(phi) x - x0) / sin(phi) */
    step->of_output = -data_output / sin(nodes[0]);
    for (int i = 0; i < count; i++) step->correct[i] = weight_of(count, nodes, i, nodes[1], nodes[0]);
    for (int i = 0; i < count - 1; i++) step->predict[i] = weight_of(count - 1, nodes + 1, i, nodes[1], nodes[0]);
}

ddpm_status ddpm_likelihood_create(const ddpm_diffusion *diffusion, int64_t columns, int64_t probes, int64_t share,
                                   ddpm_likelihood *out)
{
    const ddpm_schedule *schedule = &diffusion->schedule;
    const int64_t end = end_of(schedule), takes_all = schedule->steps <= DDPM_LIKELIHOOD_STEPS_ALL;
    const int64_t K = ddpm_pieces(takes_all ? end : ddpm_smaller(end, DDPM_LIKELIHOOD_STEPS), share);
    int64_t *grid = NULL;
    double nodes[ORDER] = {0.0};
    *out = (ddpm_likelihood){.columns = columns, .probes = probes, .step_count = K};
    DDPM_TRY(DDPM_NEW(&out->steps, K, "steps of the flow"));
    DDPM_TRY(DDPM_NEW(&grid, K + 1, "steps of the flow"));
    ddpm_grid_fill(schedule, takes_all ? DDPM_SPACING_UNIFORM : DDPM_SPACING_LOG_SNR, end, K, grid);
    for (int64_t k = 0; k < K; k++) {
        const int64_t t = grid[K - 1 - k];
        const int count = k + 2 < ORDER ? (int)k + 2 : ORDER;
        memmove(nodes + 1, nodes, EARLIER * sizeof *nodes);
        nodes[0] = angle_of(schedule, t);
        set_step(diffusion, t, count, nodes, &out->steps[k]);
        if (k == 0) out->first = nodes[0];
    }
    out->last = nodes[0];
    ddpm_release(grid);
    return DDPM_OK;
}

void ddpm_likelihood_release(ddpm_likelihood *likelihood)
{
    ddpm_release(likelihood->steps);
    *likelihood = (ddpm_likelihood){0};
}

/* ---- a block of rows ---- */

ddpm_status ddpm_likelihood_memory_create(int64_t rows, int64_t columns, ddpm_likelihood_memory *out)
{
    const int64_t numbers = rows * columns;
    *out = (ddpm_likelihood_memory){0};
    DDPM_TRY(DDPM_NEW(&out->x, numbers, "a block of rows"));
    for (int i = 0; i < ORDER; i++) {
        DDPM_TRY(DDPM_NEW(&out->slope[i], numbers, "a block of rows"));
        DDPM_TRY(DDPM_NEW(&out->trace[i], rows, "a block of rows"));
    }
    DDPM_TRY(DDPM_NEW(&out->squares, rows, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->xt, numbers, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->direction, numbers, "a block of rows"));
    return DDPM_NEW(&out->dxt, numbers, "a block of rows");
}

void ddpm_likelihood_memory_release(ddpm_likelihood_memory *memory)
{
    ddpm_release(memory->x);
    for (int i = 0; i < ORDER; i++) {
        ddpm_release(memory->slope[i]);
        ddpm_release(memory->trace[i]);
    }
    ddpm_release(memory->squares);
    ddpm_release(memory->xt);
    ddpm_release(memory->direction);
    ddpm_release(memory->dxt);
    *memory = (ddpm_likelihood_memory){0};
}

typedef struct path {
    const ddpm_likelihood *likelihood;
    const ddpm_flow *flow;
    uint64_t seed;
    int64_t first, rows, columns;
    ddpm_likelihood_memory *memory;
} path;

/* Set slope[0] to v at the point x + the sum of weights * earlier slopes. weights [EARLIER]; NULL: the point is x. */
static void evaluate(const path *p, const ddpm_likelihood_step *step, const double *weights)
{
    ddpm_likelihood_memory *m = p->memory;
    double *v = m->slope[0];
    for (int64_t i = 0; i < p->rows * p->columns; i++) {
        v[i] = m->x[i];
        for (int k = 0; weights && k < EARLIER; k++) v[i] += weights[k] * m->slope[k + 1][i];
        m->xt[i] = (float)v[i];
    }
    const ddpm_denoiser *denoiser = &p->flow->denoiser;
    const ddpm_const_matrix output = denoiser->predict(denoiser->self, p->first, p->rows, m->xt, (int32_t)step->t);
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t j = 0; j < p->columns; j++) {
            double *at = &v[row * p->columns + j];
            *at = step->of_x * *at + step->of_output * (double)output.data[row * output.stride + j];
        }
}

static int is_counted(const ddpm_likelihood *likelihood, int64_t column)
{
    return !likelihood->left_out || !likelihood->left_out[column];
}

/* Fill the direction with random signs, a bit of a random word for each column. */
static void fill_probe(const path *p, int64_t probe)
{
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t j = 0; j < p->columns; j++) {
            const int64_t word = j / 32;
            const ddpm_random4 words =
                ddpm_random_words(p->seed, DDPM_RANDOM_PROBE, probe, p->first + row, (uint32_t)(word / 4));
            const float sign = words.v[word % 4] >> (j % 32) & 1 ? 1.0f : -1.0f;
            p->memory->direction[row * p->columns + j] = is_counted(p->likelihood, j) ? sign : 0.0f;
        }
}

/* Add the squares of a row of P, or of the product of P and a probe. */
static void add_squares(const path *p, const ddpm_likelihood_step *step, double share)
{
    const double s = sin(p->likelihood->first), c = cos(p->likelihood->first);
    for (int64_t i = 0; i < p->rows * p->columns; i++) {
        if (!is_counted(p->likelihood, i % p->columns)) continue;
        const double along = (double)p->memory->direction[i];
        const double at = s * (s * along + c * (step->of_x * along + step->of_output * (double)p->memory->dxt[i]));
        p->memory->squares[i / p->columns] += share * at * at;
    }
}

/* Set trace[0] to the divergence of v at the point where it was evaluated last. */
static void measure_divergence(const path *p, const ddpm_likelihood_step *step)
{
    ddpm_likelihood_memory *m = p->memory;
    const int exact = p->likelihood->probes == 0;
    const int64_t products = exact ? p->columns : p->likelihood->probes, numbers = p->rows * p->columns;
    const double share = exact ? 1.0 : 1.0 / (double)products;
    int64_t counted = 0;
    for (int64_t j = 0; j < p->columns; j++) counted += is_counted(p->likelihood, j);
    for (int64_t row = 0; row < p->rows; row++) m->trace[0][row] = step->of_x * (double)counted;
    for (int64_t k = 0; k < products; k++) {
        if (exact && !is_counted(p->likelihood, k)) continue;
        if (exact)
            for (int64_t i = 0; i < numbers; i++) m->direction[i] = i % p->columns == k ? 1.0f : 0.0f;
        else
            fill_probe(p, k);
        p->flow->pull_back(p->flow->denoiser.self, p->rows, m->direction, (int32_t)step->t, m->dxt);
        if (step == p->likelihood->steps) add_squares(p, step, share);
        for (int64_t i = 0; i < numbers; i++)
            if (m->direction[i] != 0.0f)
                m->trace[0][i / p->columns] += share * step->of_output * (double)m->direction[i] * (double)m->dxt[i];
    }
}

static void take_step(const path *p, const ddpm_likelihood_step *step, double *log_density)
{
    ddpm_likelihood_memory *m = p->memory;
    double *slope = m->slope[EARLIER], *trace = m->trace[EARLIER];
    memmove(m->slope + 1, m->slope, EARLIER * sizeof *m->slope);
    memmove(m->trace + 1, m->trace, EARLIER * sizeof *m->trace);
    m->slope[0] = slope;
    m->trace[0] = trace;
    evaluate(p, step, step->predict);
    for (int64_t i = 0; i < p->rows * p->columns; i++)
        for (int k = 0; k < ORDER; k++) m->x[i] += step->correct[k] * m->slope[k][i];
    evaluate(p, step, NULL);
    measure_divergence(p, step);
    for (int64_t row = 0; row < p->rows; row++)
        for (int k = 0; k < ORDER; k++) log_density[row] += step->correct[k] * m->trace[k][row];
}

/* Twice what the divergence may lack: once for itself, and once for x, which is as wrong. */
static double beginning_of(double squares)
{
    const double rho = sqrt(squares);
    return rho < RESOLVED ? -log1p(-rho) - rho : INFINITY;
}

/* With g the gradient of ln(q(x_E) / N(x_E; 0, I)), |g x| + g g / 2, and what the next order of cos(phi_E) may add. For
 * normal data of unit variance the error is |g x - g g / 2|. */
static double end_of_row(const path *p, int64_t row)
{
    const double factor = -1.0 / tan(p->likelihood->last); /* v = -tan(phi) (x + score) */
    double product = 0.0, squares = 0.0;
    for (int64_t j = 0; j < p->columns; j++) {
        if (!is_counted(p->likelihood, j)) continue;
        const double g = factor * p->memory->slope[0][row * p->columns + j];
        product += g * p->memory->x[row * p->columns + j];
        squares += g * g;
    }
    return (fabs(product) + 0.5 * squares) * (1.0 + 2.0 * cos(p->likelihood->last));
}

void ddpm_likelihood_rows(const ddpm_likelihood *likelihood, const ddpm_flow *flow, uint64_t seed, int64_t first,
                          int64_t rows, const float *x0, ddpm_likelihood_memory *memory, double *log_density,
                          double *ends)
{
    const int64_t columns = likelihood->columns, numbers = rows * columns;
    const path p = {likelihood, flow, seed, first, rows, columns, memory};
    for (int i = 0; i < ORDER; i++) {
        memset(memory->slope[i], 0, (size_t)numbers * sizeof(double));
        memset(memory->trace[i], 0, (size_t)rows * sizeof(double));
    }
    for (int64_t i = 0; i < numbers; i++) memory->x[i] = (double)x0[i];
    memset(log_density, 0, (size_t)rows * sizeof *log_density);
    memset(memory->squares, 0, (size_t)rows * sizeof *memory->squares);
    for (int64_t k = 0; k < likelihood->step_count; k++) take_step(&p, &likelihood->steps[k], log_density);
    for (int64_t i = 0; i < numbers; i++)
        if (is_counted(likelihood, i % columns))
            log_density[i / columns] -= 0.5 * (DDPM_LN_2PI + memory->x[i] * memory->x[i]);
    for (int64_t row = 0; ends && row < rows; row++)
        ends[row] = beginning_of(memory->squares[row]) + end_of_row(&p, row);
}

static double mean_difference(int64_t rows, const double *a, const double *b)
{
    double sum = 0.0;
    for (int64_t i = 0; i < rows; i++) sum += fabs(a[i] - b[i]);
    return sum / (double)rows;
}

const char *ddpm_likelihood_judge(int64_t rows, int64_t columns, int64_t steps, const double *const *densities,
                                  const double *ends, double *tolerance)
{
    const double fine = mean_difference(rows, densities[0], densities[1]);
    const double coarse = mean_difference(rows, densities[1], densities[2]);
    double at_ends = 0.0;
    for (int64_t i = 0; i < rows; i++) at_ends += ends[i] / (double)rows;
    *tolerance = NAN;
    if (steps < STEPS_LEAST)
        return "the flow has fewer than 8 steps, which do not show whether the integration settles; train with more "
               "diffusion.steps";
    if (!isfinite(at_ends))
        return "some rows lie where the density is narrower than the noise of step 1; train with more diffusion.steps, "
               "or with a schedule that begins with less noise";
    if (!(fine <= SETTLES * coarse + NEGLIGIBLE * (double)columns))
        return "the integration does not settle as its steps become smaller; train with more diffusion.steps, or with "
               "a smoother schedule";
    *tolerance = fine + at_ends + ROUNDING * (double)columns;
    return NULL;
}
