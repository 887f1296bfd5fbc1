/* A round of expectation maximisation goes through the rows in blocks. A block's shares of the parts come from products
 * with the inverse Cholesky factors of the covariances; what it adds to the sums of a part is one product in fixed
 * point, of the rows that have a share in it, so that the order of blocks does not matter. */
#include "fit/expectation.h"

#include "base/memory.h"
#include "base/split.h"
#include "fit/groups.h"
#include "kernel/dense.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256, SUM_BITS = 20, SCORE_BITS = 20 };

/* A row's score beyond this counts as this, so that those of 2^17 rows can be added. */
static const double SCORE_MOST = 0x1p24;

/* Rows beyond this distance from a part's mean, in standardised columns, count as if they were that far. */
static const float FARTHEST = 256.0f;

/* A row with a smaller share adds nothing to a part. */
static const double NEGLIGIBLE = 1e-6;

void ddpm_expectation_release(ddpm_expectation *mixture)
{
    ddpm_release(mixture->weight);
    ddpm_release(mixture->mean);
    ddpm_release(mixture->covariance);
    *mixture = (ddpm_expectation){0};
}

static ddpm_status allocate(int64_t columns, int64_t count, ddpm_expectation *out)
{
    *out = (ddpm_expectation){.count = count, .columns = columns};
    DDPM_TRY(DDPM_NEW(&out->weight, count, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->mean, count * columns, "mixture"));
    return DDPM_NEW(&out->covariance, count * columns * columns, "mixture");
}

/* A part with fewer rows has no covariance of its own. */
static double least_rows(int64_t columns)
{
    return 2.0 * (double)(columns + 1);
}

/* Part `to` of the mixture from the rows of a group. @return  whether they are enough. */
static int take_group(ddpm_const_matrix x, const int32_t *group, int32_t wanted, int64_t to, ddpm_expectation *m)
{
    const int64_t D = m->columns;
    double *mean = m->mean + to * D, *covariance = m->covariance + to * D * D, rows = 0.0;
    memset(mean, 0, (size_t)D * sizeof *mean);
    memset(covariance, 0, (size_t)(D * D) * sizeof *covariance);
    for (int64_t i = 0; i < x.rows; i++) {
        if (group[i] != wanted) continue;
        rows += 1.0;
        for (int64_t j = 0; j < D; j++) mean[j] += (double)x.data[i * x.stride + j];
    }
    if (rows < least_rows(D)) return 0;
    for (int64_t j = 0; j < D; j++) mean[j] /= rows;
    for (int64_t i = 0; i < x.rows; i++) {
        if (group[i] != wanted) continue;
        for (int64_t j = 0; j < D; j++) {
            const double away = (double)x.data[i * x.stride + j] - mean[j];
            for (int64_t k = 0; k <= j; k++)
                covariance[j * D + k] += away * ((double)x.data[i * x.stride + k] - mean[k]) / rows;
        }
    }
    for (int64_t j = 0; j < D; j++) {
        covariance[j * D + j] += DDPM_EXPECTATION_FLOOR;
        for (int64_t k = 0; k < j; k++) covariance[k * D + j] = covariance[j * D + k];
    }
    m->weight[to] = rows;
    return 1;
}

static void divide_weights(ddpm_expectation *m)
{
    double total = 0.0;
    for (int64_t c = 0; c < m->count; c++) total += m->weight[c];
    for (int64_t c = 0; c < m->count; c++) m->weight[c] /= total;
}

ddpm_status ddpm_expectation_begin(ddpm_const_matrix x, int64_t count, uint64_t seed, ddpm_expectation *out)
{
    int32_t *group = NULL;
    DDPM_TRY(allocate(x.columns, count, out));
    DDPM_TRY(DDPM_NEW(&group, x.rows, "mixture"));
    const ddpm_status status = ddpm_groups_find(x, count, seed, group);
    out->count = 0;
    for (int32_t c = 0; status == DDPM_OK && c < count; c++) out->count += take_group(x, group, c, out->count, out);
    divide_weights(out);
    ddpm_release(group);
    return status;
}

/* ---- densities ---- */

/* What the density of a part is computed with: z = (x - m) W is standard normal where x is of the part. */
typedef struct density {
    ddpm_dense *whiten; /* [C]: W [D][D], and the bias -m W */
    double *constant;   /* [C] */
} density;

static void release_density(int64_t count, density *d)
{
    for (int64_t c = 0; d->whiten && c < count; c++) ddpm_dense_release(&d->whiten[c]);
    ddpm_release(d->whiten);
    ddpm_release(d->constant);
}

/* a [n][n], symmetric and positive, becomes the inverse of its Cholesky factor, below the diagonal and on it.
 * @return  the logarithm of the factor's determinant. */
static double invert_factor(int64_t n, double *a)
{
    double log_determinant = 0.0;
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = i == j ? sqrt(fmax(sum, DDPM_EXPECTATION_FLOOR)) : sum / a[j * n + j];
        }
        log_determinant += log(a[j * n + j]);
    }
    for (int64_t j = 0; j < n; j++) { /* column j of the inverse, in the place of the factor's */
        a[j * n + j] = 1.0 / a[j * n + j];
        for (int64_t i = j + 1; i < n; i++) {
            double sum = a[i * n + j] * a[j * n + j];
            for (int64_t k = j + 1; k < i; k++) sum += a[i * n + k] * a[k * n + j];
            a[i * n + j] = -sum / a[i * n + i];
        }
    }
    return log_determinant;
}

static ddpm_status make_whitening(const ddpm_kernels *kernels, const ddpm_expectation *m, int64_t c, double noise,
                                  double *factor, float *w, density *out)
{
    const int64_t D = m->columns;
    ddpm_dense *dense = &out->whiten[c];
    memcpy(factor, m->covariance + c * D * D, (size_t)(D * D) * sizeof *factor);
    for (int64_t j = 0; j < D; j++) factor[j * D + j] += noise;
    out->constant[c] = log(m->weight[c]) - invert_factor(D, factor) - 0.5 * (double)D * log(2.0 * M_PI);
    memset(w, 0, (size_t)(D * D) * sizeof *w);
    for (int64_t k = 0; k < D; k++)
        for (int64_t j = 0; j <= k; j++) w[j * D + k] = (float)factor[k * D + j];
    DDPM_TRY(ddpm_dense_make(kernels, (ddpm_const_matrix){w, D, D, D, 0}, dense));
    for (int64_t k = 0; k < D; k++) {
        double sum = 0.0;
        for (int64_t j = 0; j <= k; j++) sum += factor[k * D + j] * m->mean[c * D + j];
        dense->bias[k] = (float)-sum;
    }
    return DDPM_OK;
}

static ddpm_status make_density(const ddpm_kernels *kernels, const ddpm_expectation *m, double noise, density *out)
{
    const int64_t D = m->columns;
    double *factor = NULL;
    float *w = NULL;
    *out = (density){0};
    ddpm_status status = DDPM_NEW(&factor, D * D, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&w, D * D, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&out->whiten, m->count, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&out->constant, m->count, "mixture");
    for (int64_t c = 0; status == DDPM_OK && c < m->count; c++)
        status = make_whitening(kernels, m, c, noise, factor, w, out);
    ddpm_release(factor);
    ddpm_release(w);
    return status;
}

/* ---- a thread's blocks ---- */

/* The sums of a part are the product of [share (x - m) | share] with [x - m | 1], [D + 1][D + 1], in units of
 * 2^-SUM_BITS: of its rows' shares, of their means and of their covariances. */
typedef struct worker {
    int64_t *sum;                /* [C][D + 1][D + 1], or NULL */
    int64_t score;               /* of the rows, in units of 2^-SCORE_BITS */
    float *x, *z, *left, *right; /* [BLOCK][stride] */
    float *scratch;              /* of the products */
    double *share;               /* [BLOCK][C] */
    int64_t stride;
} worker;

static void release_worker(worker *w)
{
    ddpm_release(w->sum);
    ddpm_release(w->x);
    ddpm_release(w->z);
    ddpm_release(w->left);
    ddpm_release(w->right);
    ddpm_release(w->scratch);
    ddpm_release(w->share);
}

static ddpm_status make_worker(const ddpm_kernels *kernels, const ddpm_expectation *m, int adds, worker *out)
{
    const int64_t D = m->columns;
    *out = (worker){.stride = ddpm_round_up(D + 1, kernels->panel)};
    if (adds) DDPM_TRY(DDPM_NEW(&out->sum, m->count * (D + 1) * (D + 1), "mixture"));
    DDPM_TRY(DDPM_NEW(&out->x, BLOCK * out->stride, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->z, BLOCK * out->stride, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->left, BLOCK * out->stride, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->right, BLOCK * out->stride, "mixture"));
    DDPM_TRY(DDPM_NEW(&out->scratch, ddpm_product_scratch(kernels, BLOCK, D + 1, D + 1), "mixture"));
    return DDPM_NEW(&out->share, BLOCK * m->count, "mixture");
}

/* The shares of the parts in each row of a block, the logarithm of its density in score [rows], and its squared
 * distance from the mean of its most probable part, in that part's deviations, in distance [rows]. */
static void find_shares(const ddpm_kernels *kernels, const ddpm_expectation *m, const density *d, ddpm_const_matrix x,
                        worker *w, double *score, double *distance)
{
    const int64_t D = m->columns, C = m->count, S = w->stride;
    for (int64_t i = 0; i < x.rows; i++) memcpy(w->x + i * S, x.data + i * x.stride, (size_t)D * sizeof *w->x);
    for (int64_t c = 0; c < C; c++) {
        kernels->forward(&d->whiten[c], (ddpm_const_matrix){w->x, x.rows, D, S, 0}, DDPM_ACTIVATION_IDENTITY,
                         (ddpm_matrix){w->z, x.rows, D, S, 0}, NULL, NULL);
        for (int64_t i = 0; i < x.rows; i++) {
            double square = 0.0;
            for (int64_t k = 0; k < D; k++) square += (double)(w->z[i * S + k] * w->z[i * S + k]);
            w->share[i * C + c] = d->constant[c] - 0.5 * square;
        }
    }
    for (int64_t i = 0; i < x.rows; i++) {
        double *share = w->share + i * C, largest = -INFINITY, sum = 0.0;
        for (int64_t c = 0; c < C; c++)
            if (share[c] > largest) largest = share[c], distance[i] = 2.0 * (d->constant[c] - share[c]);
        for (int64_t c = 0; c < C; c++) sum += exp(share[c] - largest);
        score[i] = largest + log(fmax(sum, 1.0)); /* the largest one adds 1 */
        for (int64_t c = 0; c < C; c++) share[c] = exp(share[c] - score[i]);
    }
}

/* Add the rows of a block to the sums of the parts that they have a share in. */
static void add_shares(const ddpm_kernels *kernels, const ddpm_expectation *m, int64_t rows, worker *w)
{
    const int64_t D = m->columns, C = m->count, S = w->stride;
    for (int64_t c = 0; c < C; c++) {
        int64_t used = 0;
        for (int64_t i = 0; i < rows; i++) {
            const float share = (float)w->share[i * C + c];
            if (w->share[i * C + c] < NEGLIGIBLE) continue;
            for (int64_t j = 0; j < D; j++) {
                const float away = w->x[i * S + j] - (float)m->mean[c * D + j];
                w->right[used * S + j] = fminf(fmaxf(away, -FARTHEST), FARTHEST);
                w->left[used * S + j] = share * w->right[used * S + j];
            }
            w->right[used * S + D] = 1.0f;
            w->left[used * S + D] = share;
            used++;
        }
        const ddpm_fixed_sums to = {
            .sum = w->sum + c * (D + 1) * (D + 1), .scale = ldexp(1.0, SUM_BITS), .limit = 0x1p40f};
        if (used > 0)
            kernels->backward_weights_fixed((ddpm_const_matrix){w->left, used, D + 1, S, 0},
                                            (ddpm_const_matrix){w->right, used, D + 1, S, 0}, used, to, w->scratch);
    }
}

/* Go through all rows. Where score is NULL, add to the sums of the workers; else set score and distance [rows]. */
static ddpm_status pass(ddpm_const_matrix x, double noise, int threads, const ddpm_expectation *m, worker *workers,
                        double *score, double *distance)
{
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    density d;
    ddpm_status status = make_density(kernels, m, noise, &d);
    for (int i = 0; status == DDPM_OK && i < threads; i++) status = make_worker(kernels, m, !score, &workers[i]);
    if (status == DDPM_OK) {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int i = 0; i < threads; i++) {
            const ddpm_range blocks = ddpm_part(ddpm_pieces(x.rows, BLOCK), i, threads);
            for (int64_t b = blocks.first; b < blocks.end; b++) {
                const int64_t first = b * BLOCK, rows = ddpm_smaller(BLOCK, x.rows - first);
                const ddpm_const_matrix block = ddpm_const_matrix_part(x, first, rows);
                double scores[BLOCK], distances[BLOCK];
                if (score) {
                    find_shares(kernels, m, &d, block, &workers[i], score + first, distance + first);
                    continue;
                }
                find_shares(kernels, m, &d, block, &workers[i], scores, distances);
                add_shares(kernels, m, rows, &workers[i]);
                for (int64_t row = 0; row < rows; row++) {
                    const double inside = fmin(fmax(scores[row], -SCORE_MOST), SCORE_MOST);
                    workers[i].score += llrint(ldexp(inside, SCORE_BITS));
                }
            }
        }
    }
    release_density(m->count, &d);
    return status;
}

/* ---- the mixture from the sums ---- */

/* Part `from` of the sums becomes part `to` of the mixture, which is not behind it. @return  whether it has rows
 * enough.
 */
static int take_part(int64_t from, int64_t to, const int64_t *sum, ddpm_expectation *m)
{
    const int64_t D = m->columns, W = D + 1;
    const double unit = ldexp(1.0, -SUM_BITS), shares = unit * (double)sum[D * W + D];
    if (shares < least_rows(D)) return 0;
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j <= i; j++) {
            const double away_i = unit * (double)sum[i * W + D] / shares,
                         away_j = unit * (double)sum[j * W + D] / shares;
            const double both = unit * (double)sum[i * W + j] / shares - away_i * away_j;
            m->covariance[(to * D + i) * D + j] = m->covariance[(to * D + j) * D + i] = both;
        }
    for (int64_t i = 0; i < D; i++) {
        m->covariance[(to * D + i) * D + i] += DDPM_EXPECTATION_FLOOR;
        m->mean[to * D + i] = m->mean[from * D + i] + unit * (double)sum[i * W + D] / shares;
    }
    m->weight[to] = shares;
    return 1;
}

/* Sums of all workers become the mixture. */
static void take_sums(int threads, worker *workers, ddpm_expectation *m)
{
    const int64_t each = (m->columns + 1) * (m->columns + 1), parts = m->count;
    m->count = 0;
    for (int i = 1; i < threads; i++)
        for (int64_t e = 0; e < parts * each; e++) workers[0].sum[e] += workers[i].sum[e];
    for (int64_t c = 0; c < parts; c++) m->count += take_part(c, m->count, workers[0].sum + c * each, m);
    divide_weights(m);
}

ddpm_status ddpm_expectation_improve(ddpm_const_matrix x, int rounds, int threads, ddpm_expectation *mixture)
{
    const double enough = 1e-4 * (double)mixture->columns * (double)x.rows;
    double before = -INFINITY;
    for (int round = 0; round < rounds && mixture->count > 0; round++) {
        worker *workers = NULL;
        double score = 0.0;
        DDPM_TRY(DDPM_NEW(&workers, threads, "mixture"));
        const ddpm_status status = pass(x, 0.0, threads, mixture, workers, NULL, NULL);
        if (status == DDPM_OK) take_sums(threads, workers, mixture);
        for (int i = 0; i < threads; i++) {
            score += ldexp((double)workers[i].score, -SCORE_BITS);
            release_worker(&workers[i]);
        }
        ddpm_release(workers);
        DDPM_TRY(status);
        if (score - before < enough) break;
        before = score;
    }
    return DDPM_OK;
}

ddpm_status ddpm_expectation_score(ddpm_const_matrix x, double noise, int threads, const ddpm_expectation *mixture,
                                   double *score, double *distance)
{
    worker *workers = NULL;
    DDPM_TRY(DDPM_NEW(&workers, threads, "mixture"));
    const ddpm_status status = pass(x, noise, threads, mixture, workers, score, distance);
    for (int i = 0; i < threads; i++) release_worker(&workers[i]);
    ddpm_release(workers);
    return status;
}
