/* The likeness of marginals. Columns go to the ranks in turn. */
#include "evaluate/shape.h"

#include "base/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static double of_numbers(int64_t n, const double *a, int64_t m, const double *b)
{
    int64_t i = 0, k = 0, most = 0;
    while (i < n && k < m) {
        const double x = a[i] < b[k] ? a[i] : b[k];
        while (i < n && a[i] <= x) i++;
        while (k < m && b[k] <= x) k++;
        const int64_t apart = llabs(i * m - k * n);
        if (apart > most) most = apart;
    }
    return n > 0 && m > 0 ? 1.0 - (double)most / ((double)n * (double)m) : NAN;
}

/* counts: [codes], zero before and after. */
static double of_categories(const ddpm_columns_part *real, const ddpm_columns_part *other, int64_t column,
                            int64_t *counts)
{
    const double *a = ddpm_columns_at(real, column), *b = ddpm_columns_at(other, column);
    const int64_t n = real->rows, m = other->rows, codes = real->of->codes[column];
    int64_t apart = 0;
    for (int64_t i = 0; i < n; i++) counts[(int64_t)a[i]] += m;
    for (int64_t i = 0; i < m; i++) counts[(int64_t)b[i]] -= n;
    for (int64_t code = 0; code < codes; code++) apart += llabs(counts[code]);
    memset(counts, 0, (size_t)codes * sizeof *counts);
    return 1.0 - (double)apart / (2.0 * (double)n * (double)m);
}

static double gaps_of(const ddpm_columns_part *part, int64_t column)
{
    int64_t gaps = 0;
    for (int64_t i = 0; i < part->rows; i++) gaps += ddpm_columns_is_gap(part->of, column, part->first + i);
    return (double)gaps / (double)part->rows;
}

ddpm_status ddpm_shape(ddpm_comm *comm, int threads, const ddpm_columns_part *real, const ddpm_columns_part *other,
                       double *shape, double *gaps)
{
    const int64_t columns = real->of->count, rows = real->rows + other->rows;
    const int64_t rank = ddpm_comm_rank(comm), size = ddpm_comm_size(comm);
    int64_t codes = 0, *counts = NULL;
    double *sorted = NULL;
    for (int64_t j = 0; j < columns; j++) codes = ddpm_larger(codes, real->of->codes[j]);
    ddpm_status status = DDPM_NEW(&counts, threads * codes, "categories to compare");
    if (status == DDPM_OK) status = DDPM_NEW(&sorted, threads * rows, "columns to compare");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        memset(shape, 0, (size_t)columns * sizeof *shape);
        memset(gaps, 0, (size_t)columns * sizeof *gaps);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
        for (int64_t j = rank; j < columns; j += size) {
            double *a = sorted + omp_get_thread_num() * rows, *b = a + real->rows;
            gaps[j] = 1.0 - fabs(gaps_of(real, j) - gaps_of(other, j));
            if (real->of->is_category[j]) {
                shape[j] = of_categories(real, other, j, counts + omp_get_thread_num() * codes);
                continue;
            }
            const int64_t n = ddpm_columns_sorted(real, j, a), m = ddpm_columns_sorted(other, j, b);
            shape[j] = of_numbers(n, a, m, b);
        }
        ddpm_comm_sum_double(comm, shape, columns);
        ddpm_comm_sum_double(comm, gaps, columns);
    }
    ddpm_release(counts);
    ddpm_release(sorted);
    return status;
}
