/* Which mixture a data set gets: the sample that it is fitted to, how many parts it has, and its principal axes. Rank 0
 * fits, and all ranks get the result. */
#include "fit/mixture.h"

#include "base/auto.h"
#include "base/memory.h"
#include "base/split.h"
#include "fit/eigen.h"
#include "fit/expectation.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* The groups are found, and most rounds made, on so many rows; then follow a few rounds on all. Numbers of parts are
 * compared on a few rows more, which they are not fitted to. */
enum { FIRST_ROWS = 1 << 14, FIRST_ROUNDS = 30, MORE_ROUNDS = 8, COMPARED_ROWS = 1 << 12 };

/* The sample's rows, and its numbers, which rank 0 holds meanwhile. */
enum { SAMPLE_ROWS = 1 << 17, SAMPLE_NUMBERS = 1 << 24 };

/* A part needs so many rows of the sample for each column. */
enum { ROWS_A_COLUMN = 10 };

/* Mixtures are compared with noise of this variance, since what is smaller is decided by the last steps alone; and a
 * mixture must be better than one Gaussian by this many nats a column, and by twice the error of the comparison. */
static const double COMPARED_AT = 0.05 * 0.05, NOTICEABLE = 0.01;

/* The variance of squared distances within the parts, as a multiple of what it is of normal rows. Of Gaussian mixtures
 * in 10 and 100 columns it was 0.97 to 1.17, of tables of measurements 1.5 to 2.4, of a curved surface 0.88. */
static const double NORMAL_LEAST = 0.93, NORMAL_MOST = 1.3;

/* ---- the sample ---- */

static int64_t sample_rows(const ddpm_dataset *dataset)
{
    const int64_t most = ddpm_smaller(SAMPLE_ROWS, SAMPLE_NUMBERS / ddpm_dataset_columns(dataset));
    return ddpm_smaller(most, ddpm_dataset_rows(dataset));
}

/* Collective. Rank 0 copies the first rows of the first epoch to x [rows][D]. */
static ddpm_status gather(ddpm_comm *comm, ddpm_dataset *dataset, int64_t rows, int64_t batch, float *x)
{
    const int64_t columns = ddpm_dataset_columns(dataset);
    ddpm_status status = DDPM_OK;
    for (int64_t first = 0; status == DDPM_OK && first < rows; first += batch) {
        const int64_t count = ddpm_smaller(batch, rows - first);
        ddpm_comm_barrier(comm); /* the next rows may take the place of those that rank 0 still reads */
        status = ddpm_dataset_prepare(dataset, first, count);
        if (status == DDPM_OK && x) ddpm_dataset_fill(dataset, first, count, x + first * columns, NULL);
    }
    return status;
}

/* ---- the number of parts ---- */

static int can_have(ddpm_const_matrix x, int64_t count)
{
    const int64_t D = x.columns;
    return count <= DDPM_MIXTURE_NUMBERS_MAX / (D * D) && count * D * ROWS_A_COLUMN <= x.rows;
}

static ddpm_status fit(ddpm_const_matrix x, int64_t count, uint64_t seed, ddpm_expectation *out)
{
    const int threads = omp_get_max_threads();
    const ddpm_const_matrix first = ddpm_const_matrix_part(x, 0, ddpm_smaller(x.rows, FIRST_ROWS));
    ddpm_status status = ddpm_expectation_begin(first, count, seed, out);
    if (status == DDPM_OK) status = ddpm_expectation_improve(first, FIRST_ROUNDS, threads, out);
    if (status == DDPM_OK && first.rows < x.rows) status = ddpm_expectation_improve(x, MORE_ROUNDS, threads, out);
    return status;
}

/* The mean of how much better than one Gaussian the mixture predicts rows, in nats. @param[out] error  of that mean. */
static double gain_of(int64_t rows, const double *score, const double *alone, double *error)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < rows; i++) sum += score[i] - alone[i];
    const double mean = sum / (double)rows;
    for (int64_t i = 0; i < rows; i++) squares += (score[i] - alone[i] - mean) * (score[i] - alone[i] - mean);
    *error = sqrt(squares / (double)rows / (double)rows);
    return mean;
}

/* Try a number of parts on the rows to fit and those to compare on. @param[out] gain  0 where it is not noticeable. */
static ddpm_status try_count(ddpm_const_matrix fitted, ddpm_const_matrix compared, int64_t count, uint64_t seed,
                             const double *alone, double *score, double *distance, double *gain)
{
    ddpm_expectation mixture = {0};
    double error;
    *gain = 0.0;
    ddpm_status status = fit(fitted, count, seed, &mixture);
    if (status == DDPM_OK && mixture.count > 0) {
        status = ddpm_expectation_score(compared, COMPARED_AT, omp_get_max_threads(), &mixture, score, distance);
        *gain = gain_of(compared.rows, score, alone, &error);
        if (*gain < NOTICEABLE * (double)fitted.columns + 2.0 * error) *gain = 0.0;
    }
    ddpm_expectation_release(&mixture);
    return status;
}

static ddpm_status score_alone(ddpm_const_matrix fitted, ddpm_const_matrix compared, uint64_t seed, double *alone,
                               double *distance)
{
    ddpm_expectation one = {0};
    ddpm_status status = fit(fitted, 1, seed, &one);
    if (status == DDPM_OK)
        status = ddpm_expectation_score(compared, COMPARED_AT, omp_get_max_threads(), &one, alone, distance);
    ddpm_expectation_release(&one);
    return status;
}

/* How many parts predict rows best that they were not fitted to; 1: one is as good. */
static ddpm_status choose_count(ddpm_const_matrix x, uint64_t seed, int64_t *best)
{
    static const int64_t counts[] = {2, 3, 4, 6, 8, 12, DDPM_MIXTURE_AUTO};
    const int64_t compared_rows = ddpm_smaller(COMPARED_ROWS, x.rows / 5),
                  fitted_rows = ddpm_smaller(FIRST_ROWS, x.rows - compared_rows);
    const ddpm_const_matrix fitted = ddpm_const_matrix_part(x, 0, fitted_rows),
                            compared = ddpm_const_matrix_part(x, fitted_rows, compared_rows);
    double *alone = NULL, *score = NULL, *distance = NULL, most = 0.0, gain;
    *best = 1;
    if (!can_have(fitted, 2)) return DDPM_OK;
    ddpm_status status = DDPM_NEW(&alone, compared.rows, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&score, compared.rows, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&distance, compared.rows, "mixture");
    if (status == DDPM_OK) status = score_alone(fitted, compared, seed, alone, distance);
    int in_vain = 0; /* counts in a row that brought nothing */
    for (size_t i = 0; status == DDPM_OK && i < sizeof counts / sizeof *counts && in_vain < 2; i++) {
        if (!can_have(fitted, counts[i])) break;
        status = try_count(fitted, compared, counts[i], seed, alone, score, distance, &gain);
        in_vain = gain > most ? 0 : in_vain + 1;
        if (gain > most) most = gain, *best = counts[i];
    }
    ddpm_release(alone);
    ddpm_release(score);
    ddpm_release(distance);
    return status;
}

/* Whether rows are normal within the parts: whether their squared distances have the variance of chi-squared numbers of
 * the same mean, which is the number of columns that are not constant.
 * Where they are not, what is left of the mixture's prediction is harder to learn than what is left of the linear one.
 */
static ddpm_status is_normal(ddpm_const_matrix x, const ddpm_expectation *mixture, int *yes)
{
    const ddpm_const_matrix some = ddpm_const_matrix_part(x, 0, ddpm_smaller(x.rows, FIRST_ROWS));
    const double rows = (double)some.rows;
    double *score = NULL, *distance = NULL, mean = 0.0, variance = 0.0;
    ddpm_status status = DDPM_NEW(&score, some.rows, "mixture");
    if (status == DDPM_OK) status = DDPM_NEW(&distance, some.rows, "mixture");
    if (status == DDPM_OK) status = ddpm_expectation_score(some, 0.0, omp_get_max_threads(), mixture, score, distance);
    for (int64_t i = 0; status == DDPM_OK && i < some.rows; i++) mean += distance[i] / rows;
    for (int64_t i = 0; status == DDPM_OK && i < some.rows; i++)
        variance += (distance[i] - mean) * (distance[i] - mean) / rows;
    *yes = variance > NORMAL_LEAST * 2.0 * mean && variance < NORMAL_MOST * 2.0 * mean;
    ddpm_release(score);
    ddpm_release(distance);
    return status;
}

/* ---- the result ---- */

/* Covariances become directions and variances. */
static ddpm_status decompose(ddpm_expectation *m, ddpm_mixture *out)
{
    const int64_t D = m->columns;
    DDPM_TRY(ddpm_mixture_allocate(D, m->count, out));
    memcpy(out->weight, m->weight, (size_t)m->count * sizeof *out->weight);
    memcpy(out->mean, m->mean, (size_t)(m->count * D) * sizeof *out->mean);
    for (int64_t c = 0; c < m->count; c++) {
        double *matrix = m->covariance + c * D * D, *variance = out->variance + c * D;
        ddpm_eigen_symmetric(D, matrix, variance, omp_get_max_threads());
        for (int64_t k = 0; k < D; k++) variance[k] = fmax(variance[k], DDPM_EXPECTATION_FLOOR);
        for (int64_t i = 0; i < D * D; i++) out->direction[c * D * D + i] = (float)matrix[i];
    }
    return DDPM_OK;
}

/* Local: rank 0. */
static ddpm_status fit_sample(ddpm_const_matrix x, int64_t count, uint64_t seed, ddpm_mixture *out)
{
    ddpm_expectation mixture = {0};
    const int is_auto = count == DDPM_AUTO;
    int normal = 1;
    if (is_auto) DDPM_TRY(choose_count(x, seed, &count));
    if (count < 2) return DDPM_OK;
    ddpm_status status = fit(x, count, seed, &mixture);
    if (status == DDPM_OK && mixture.count > 0 && is_auto) status = is_normal(x, &mixture, &normal);
    if (status == DDPM_OK && mixture.count > 0 && normal) status = decompose(&mixture, out);
    ddpm_expectation_release(&mixture);
    return status;
}

/* Collective. Copy rank 0's mixture to all. */
static ddpm_status share(ddpm_comm *comm, ddpm_mixture *m)
{
    int64_t count = m->count;
    ddpm_status status = DDPM_OK;
    ddpm_comm_broadcast(comm, &count, sizeof count);
    if (count == 0) return DDPM_OK;
    if (ddpm_comm_rank(comm) != 0) status = ddpm_mixture_allocate(m->columns, count, m);
    DDPM_TRY(ddpm_agree(comm, status));
    ddpm_comm_broadcast(comm, m->weight, (size_t)m->count * sizeof *m->weight);
    ddpm_comm_broadcast(comm, m->mean, (size_t)m->directions * sizeof *m->mean);
    ddpm_comm_broadcast(comm, m->variance, (size_t)m->directions * sizeof *m->variance);
    ddpm_comm_broadcast(comm, m->direction, (size_t)(m->directions * m->columns) * sizeof *m->direction);
    return DDPM_OK;
}

static ddpm_status refuse(int64_t count, int64_t rows, int64_t columns)
{
    const int64_t by_columns = DDPM_MIXTURE_NUMBERS_MAX / (columns * columns), by_rows = rows / columns / ROWS_A_COLUMN;
    return ddpm_fail(
        DDPM_ERR_CONFIG,
        "network.mixture: expected at most %lld Gaussians for %lld columns and a sample of %lld rows, found "
        "%lld; take fewer, or auto",
        (long long)ddpm_larger(1, ddpm_smaller(by_columns, by_rows)), (long long)columns, (long long)rows,
        (long long)count);
}

ddpm_status ddpm_mixture_fit(ddpm_comm *comm, ddpm_dataset *dataset, int64_t batch, int64_t count, uint64_t seed,
                             ddpm_mixture *out)
{
    const int64_t columns = ddpm_dataset_columns(dataset), rows = sample_rows(dataset);
    float *x = NULL;
    *out = (ddpm_mixture){.columns = columns};
    const int is_auto = count == DDPM_AUTO;
    if (count == 1 || (is_auto && columns <= DDPM_MIXTURE_AUTO_COLUMNS)) return DDPM_OK;
    if (!can_have((ddpm_const_matrix){NULL, rows, columns, columns, 0}, is_auto ? 2 : count))
        return is_auto ? DDPM_OK : refuse(count, rows, columns);
    ddpm_status status = DDPM_ON_RANK_0(comm, DDPM_NEW(&x, rows * columns, "a sample of rows"));
    if (status == DDPM_OK) status = gather(comm, dataset, rows, batch, x);
    if (status == DDPM_OK)
        status = DDPM_ON_RANK_0(comm, fit_sample((ddpm_const_matrix){x, rows, columns, columns, 0}, count, seed, out));
    ddpm_release(x);
    if (status == DDPM_OK) status = share(comm, out);
    if (status != DDPM_OK) ddpm_mixture_release(out);
    return status;
}
