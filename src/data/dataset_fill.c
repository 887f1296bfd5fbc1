/* Gives the rows of a data set: at positions of a run, held out, drawn by weights or by classes, and the noise of
 * pairs. */
#include "data/dataset_handle.h"

#include <string.h>

ddpm_status ddpm_dataset_prepare(ddpm_dataset *dataset, int64_t first, int64_t count)
{
    return dataset->stream ? ddpm_stream_prepare(dataset->stream, first, count) : DDPM_OK;
}

static void copy_row(const ddpm_dataset *d, int64_t row, int64_t i, float *x, float *values)
{
    const int64_t columns = d->columns, V = d->condition.count;
    memcpy(x + i * columns, ddpm_dataset_held_rows(d) + row * columns, (size_t)columns * sizeof *x);
    if (V > 0 && values) memcpy(values + i * V, ddpm_dataset_held_values(d) + row * V, (size_t)V * sizeof *values);
}

/* The places of `count` rows from a position of the run on, or of fewer where its epoch ends; return how many. `order`
 * is that of the position's epoch: it is made where `starts`, or where an epoch begins. */
static int64_t places_of(const ddpm_dataset *d, int64_t position, int64_t count, int starts, ddpm_permutation *order,
                         int64_t *places)
{
    const int64_t rows = ddpm_dataset_rows(d), at = position % rows, some = ddpm_smaller(count, rows - at);
    if (starts || at == 0) *order = ddpm_permutation_make(d->seed, DDPM_RANDOM_ORDER, position / rows, rows);
    for (int64_t i = 0; i < some; i++) places[i] = at + i;
    ddpm_permutation_map(order, some, places);
    for (int64_t i = 0; i < some; i++) places[i] += d->held_out;
    ddpm_permutation_map(&d->split, some, places);
    return some;
}

enum { TOGETHER = 32 }; /* rows are scattered over the memory, so some are prefetched before they are copied */

static void copy_rows(const ddpm_dataset *d, const int64_t *places, int64_t count, int64_t at, float *x, float *values)
{
    for (int64_t i = 0; i < count; i++) __builtin_prefetch(ddpm_dataset_held_rows(d) + places[i] * d->columns);
    for (int64_t i = 0; i < count; i++) copy_row(d, places[i], at + i, x, values);
}

int64_t ddpm_dataset_row(const ddpm_dataset *dataset, int64_t position)
{
    ddpm_permutation order;
    int64_t place;
    if (dataset->stream) return ddpm_stream_row(dataset->stream, position);
    (void)places_of(dataset, position, 1, 1, &order, &place);
    return place;
}

int64_t ddpm_dataset_row_held_out(const ddpm_dataset *dataset, int64_t i)
{
    return dataset->stream ? -1 : ddpm_permutation_at(&dataset->split, i);
}

void ddpm_dataset_fill(const ddpm_dataset *dataset, int64_t first, int64_t count, float *x, float *values)
{
    if (dataset->stream) {
        ddpm_stream_fill(dataset->stream, first, count, x, values);
        return;
    }
    int64_t places[TOGETHER];
    ddpm_permutation order;
    for (int64_t done = 0, some; done < count; done += some) {
        some = places_of(dataset, first + done, ddpm_smaller(TOGETHER, count - done), done == 0, &order, places);
        copy_rows(dataset, places, some, done, x, values);
    }
}

void ddpm_dataset_fill_held_out(const ddpm_dataset *dataset, int64_t first, int64_t count, float *x, float *values)
{
    if (dataset->stream) {
        ddpm_stream_fill_held_out(dataset->stream, first, count, x, values);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        copy_row(dataset, ddpm_permutation_at(&dataset->split, first + i), i, x, values);
}

void ddpm_dataset_draw(const ddpm_dataset *dataset, int64_t first, int64_t count, float *x, float *values)
{
    const ddpm_dataset *d = dataset;
    if (d->balance.groups == 0 && d->weights.total == 0) {
        ddpm_dataset_fill(d, first, count, x, values);
        return;
    }
    int64_t places[TOGETHER];
    for (int64_t done = 0; done < count; done += TOGETHER) {
        const int64_t some = ddpm_smaller(TOGETHER, count - done);
        if (d->weights.total > 0)
            ddpm_row_weights_places(&d->weights, first + done, some, places);
        else
            for (int64_t i = 0; i < some; i++) places[i] = ddpm_balance_place(&d->balance, first + done + i);
        copy_rows(d, places, some, done, x, values);
    }
}

/* The noise of the row at `place` of the file, as the sampler drew it. */
static void fill_noise(const ddpm_dataset *d, const ddpm_kernels *kernels, int64_t place, float *noise)
{
    const ddpm_normal_stream stream = {d->noise_seed, DDPM_RANDOM_START, 0};
    ddpm_normal_rows(kernels, stream, place, ddpm_matrix_dense(noise, 1, d->columns));
}

void ddpm_dataset_fill_noise(const ddpm_dataset *dataset, const ddpm_kernels *kernels, int64_t first, int64_t count,
                             float *noise)
{
    ddpm_permutation order;
    for (int64_t i = 0, place; i < count; i++) {
        (void)places_of(dataset, first + i, 1, i == 0, &order, &place);
        fill_noise(dataset, kernels, place, noise + i * dataset->columns);
    }
}

void ddpm_dataset_fill_noise_held_out(const ddpm_dataset *dataset, const ddpm_kernels *kernels, int64_t first,
                                      int64_t count, float *noise)
{
    for (int64_t i = 0; i < count; i++)
        fill_noise(dataset, kernels, ddpm_permutation_at(&dataset->split, first + i), noise + i * dataset->columns);
}
