/* Second moments of a sample of the rows, added exactly in integers, then their eigenvectors. */
#include "fit/principal.h"

#include "base/memory.h"
#include "base/split.h"
#include "fit/eigen.h"

#include <math.h>
#include <omp.h>

/* A number x takes part as round(x 2^14), and as -2^8 or 2^8 beyond these. So a product is at most 2^44, and the sum
 * over a sample of at most 2^17 rows at most 2^61. */
enum { BITS = 14, LARGEST = 1 << 8, SAMPLE_MAX = 1 << 17, SAMPLE_MIN = 1 << 12, SAMPLE_NUMBERS = 1 << 22 };

static int64_t sample_rows(const ddpm_dataset *dataset)
{
    const int64_t wanted =
        ddpm_smaller(SAMPLE_MAX, ddpm_larger(SAMPLE_MIN, SAMPLE_NUMBERS / ddpm_dataset_columns(dataset)));
    return ddpm_smaller(wanted, ddpm_dataset_rows(dataset));
}

static int64_t to_integer(float x)
{
    const double inside = fmin(fmax((double)x, -LARGEST), LARGEST);
    return llrint(inside * (1 << BITS));
}

/* Add the products of all pairs of columns, sum [D][D] on and above the diagonal, of integers row [D]. */
static void add_row(int64_t columns, const int64_t *row, int64_t *sum)
{
    for (int64_t i = 0; i < columns; i++)
        for (int64_t j = i; j < columns; j++) sum[i * columns + j] += row[i] * row[j];
}

/* Collective. Add the moments of this rank's part of the rows first .. first+count-1.
 * x is [count][D] and integers [D]. */
static ddpm_status add_batch(ddpm_comm *comm, ddpm_dataset *dataset, int64_t first, int64_t count, float *x,
                             int64_t *integers, int64_t *sum)
{
    const int64_t columns = ddpm_dataset_columns(dataset);
    const ddpm_range mine = ddpm_comm_part(comm, count);
    ddpm_comm_barrier(comm); /* the next rows may take the place of those that another rank still reads */
    DDPM_TRY(ddpm_dataset_prepare(dataset, first, count));
    ddpm_dataset_fill(dataset, first + mine.first, mine.end - mine.first, x, NULL);
    for (int64_t i = 0; i < mine.end - mine.first; i++) {
        for (int64_t j = 0; j < columns; j++) integers[j] = to_integer(x[i * columns + j]);
        add_row(columns, integers, sum);
    }
    return DDPM_OK;
}

/* Collective. sum [D][D] becomes the sum over the sample and the ranks. */
static ddpm_status add_sample(ddpm_comm *comm, ddpm_dataset *dataset, int64_t batch, int64_t *sum)
{
    const int64_t columns = ddpm_dataset_columns(dataset), rows = sample_rows(dataset);
    float *x = NULL;
    int64_t *integers = NULL;
    ddpm_status status = DDPM_NEW(&x, batch * columns, "a batch of rows");
    if (status == DDPM_OK) status = DDPM_NEW(&integers, columns, "a batch of rows");
    status = ddpm_agree(comm, status);
    for (int64_t first = 0; status == DDPM_OK && first < rows; first += batch)
        status = add_batch(comm, dataset, first, ddpm_smaller(batch, rows - first), x, integers, sum);
    ddpm_release(x);
    ddpm_release(integers);
    if (status == DDPM_OK) ddpm_comm_sum_int64(comm, sum, columns * columns);
    return status;
}

/* A direction whose variance is 0 to rounding has none of its own: it is left to the others. */
static int64_t positive(const double *value, int64_t most)
{
    int64_t count = 1;
    while (count < most && value[count] > 0.0) count++;
    return count;
}

/* Local. Keep the first `most` components of the second moments [D][D], which are overwritten. */
static ddpm_status keep(int64_t columns, int64_t most, double *moments, ddpm_components *out)
{
    const int64_t D = columns;
    double *value = NULL, rest = 0.0;
    *out = (ddpm_components){0};
    DDPM_TRY(DDPM_NEW(&value, D, "principal components"));
    ddpm_eigen_symmetric(D, moments, value, omp_get_max_threads());
    const int64_t count = positive(value, ddpm_smaller(D, most));
    const ddpm_status status = ddpm_components_allocate(D, count, out);
    if (status == DDPM_OK) {
        for (int64_t k = 0; k < count; k++) out->variance[k] = value[k];
        for (int64_t k = count; k < D; k++) rest += value[k];
        out->variance[count] = D > count ? rest / (double)(D - count) : value[count - 1];
        for (int64_t i = 0; i < count * D; i++) out->direction[i] = (float)moments[i];
    }
    ddpm_release(value);
    return status;
}

/* Local: rank 0. */
static ddpm_status decompose(int64_t columns, int64_t rows, int64_t most, const int64_t *sum, ddpm_components *out)
{
    double *moments = NULL;
    DDPM_TRY(DDPM_NEW(&moments, columns * columns, "second moments"));
    for (int64_t i = 0; i < columns; i++)
        for (int64_t j = i; j < columns; j++)
            moments[i * columns + j] = moments[j * columns + i] =
                ldexp((double)sum[i * columns + j], -2 * BITS) / (double)rows;
    const ddpm_status status = keep(columns, most, moments, out);
    ddpm_release(moments);
    return status;
}

/* Collective. Copy rank 0's components to all. */
static ddpm_status share(ddpm_comm *comm, ddpm_components *components)
{
    ddpm_status status = DDPM_OK;
    int64_t shape[2] = {components->columns, components->count};
    ddpm_comm_broadcast(comm, shape, sizeof shape);
    if (ddpm_comm_rank(comm) != 0) status = ddpm_components_allocate(shape[0], shape[1], components);
    DDPM_TRY(ddpm_agree(comm, status));
    ddpm_comm_broadcast(comm, components->variance, (size_t)(shape[1] + 1) * sizeof *components->variance);
    ddpm_comm_broadcast(comm, components->direction, (size_t)(shape[0] * shape[1]) * sizeof *components->direction);
    return DDPM_OK;
}

ddpm_status ddpm_principal_components(ddpm_comm *comm, ddpm_dataset *dataset, int64_t batch, int64_t most,
                                      ddpm_components *out)
{
    const int64_t columns = ddpm_dataset_columns(dataset);
    int64_t *sum = NULL;
    *out = (ddpm_components){.columns = columns};
    if (columns > DDPM_PRINCIPAL_COLUMNS_MAX) return DDPM_OK;
    ddpm_status status = ddpm_agree(comm, DDPM_NEW(&sum, columns * columns, "second moments"));
    if (status == DDPM_OK) status = add_sample(comm, dataset, batch, sum);
    if (status == DDPM_OK) status = DDPM_ON_RANK_0(comm, decompose(columns, sample_rows(dataset), most, sum, out));
    if (status == DDPM_OK) status = share(comm, out);
    ddpm_release(sum);
    if (status != DDPM_OK) ddpm_components_release(out);
    return status;
}
