/* In each round the threads of all ranks make rows, and then all ranks write them together. */
#include "store/rows_file.h"

#include "base/memory.h"
#include "store/joint_file.h"
#include "world/progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

enum { ROUND_BYTES = 1 << 25 }; /* of a rank's memory for a round; more where each thread needs a block */

typedef struct round_memory {
    int64_t rows;  /* of a round */
    float *x;      /* [rows][D] */
    float *layers; /* [M][rows][D] */
} round_memory;

static ddpm_status declare_samples(const ddpm_rows_file_spec *spec, ddpm_h5 *file)
{
    const int64_t size[2] = {spec->rows, spec->columns};
    DDPM_TRY(ddpm_h5_declare(file, "samples", DDPM_H5_FLOAT32, 2, size));
    if (!spec->column_names) return DDPM_OK;
    return ddpm_h5_put_names(file, "samples", "columns", spec->columns, spec->column_names);
}

static ddpm_status declare_layers(const ddpm_rows_file_spec *spec, ddpm_h5 *file)
{
    const int64_t size[3] = {spec->layers, spec->rows, spec->columns};
    char steps[64];
    DDPM_TRY(ddpm_h5_declare(file, spec->layer_name, DDPM_H5_FLOAT32, 3, size));
    snprintf(steps, sizeof steps, "%s_step", spec->layer_name);
    if (spec->layer_step) DDPM_TRY(ddpm_h5_write(file, steps, DDPM_H5_INT32, 1, &spec->layers, spec->layer_step));
    if (!spec->column_names) return DDPM_OK;
    return ddpm_h5_put_names(file, spec->layer_name, "columns", spec->columns, spec->column_names);
}

/* Rank 0. */
static ddpm_status declare(const void *context, ddpm_h5 *file)
{
    const ddpm_rows_file_spec *spec = context;
    if (spec->with_samples) DDPM_TRY(declare_samples(spec, file));
    if (spec->layers > 0) DDPM_TRY(declare_layers(spec, file));
    return spec->describe(file, spec->context);
}

static ddpm_status allocate(const ddpm_rows_file_spec *spec, int64_t most, round_memory *m)
{
    const int64_t row_bytes = (1 + spec->layers) * spec->columns * (int64_t)sizeof(float);
    const int64_t blocks = ddpm_larger(spec->threads, ROUND_BYTES / (row_bytes * spec->block_rows));
    m->rows = ddpm_larger(1, ddpm_smaller(most, blocks * spec->block_rows));
    DDPM_TRY(DDPM_NEW(&m->x, m->rows * spec->columns, "rows being made"));
    return DDPM_NEW(&m->layers, spec->layers * m->rows * spec->columns, "layers being made");
}

/* Rows first .. of x, [count][D], must be finite. */
static ddpm_status check_finite(const ddpm_rows_file_spec *spec, int64_t first, int64_t count, const float *x)
{
    for (int64_t i = 0; i < count * spec->columns; i++)
        if (!isfinite(x[i]))
            return ddpm_fail(DDPM_ERR_NUMERIC, "%s: row %lld, column %lld (from 0) of the %s came out as %g; %s",
                             spec->path, (long long)(first + i / spec->columns), (long long)(i % spec->columns),
                             spec->unit, (double)x[i], spec->remedy);
    return DDPM_OK;
}

static void make_block(const ddpm_rows_file_spec *spec, int64_t first, int64_t count, float *x, float *layers,
                       int64_t stride)
{
    spec->make(spec->context, omp_get_thread_num(), first, count, x, layers, stride);
    ddpm_transform_invert(spec->transform, count, x);
    for (int64_t i = 0; i < spec->layers; i++) ddpm_transform_invert(spec->transform, count, layers + i * stride);
    if (spec->adjust) spec->adjust(spec->context, first, count, x, layers, stride);
}

static ddpm_status make_round(const ddpm_rows_file_spec *spec, const round_memory *m, int64_t first, int64_t count)
{
    const int64_t blocks = ddpm_pieces(count, spec->block_rows), stride = m->rows * spec->columns;
    if (spec->prepare) DDPM_TRY(spec->prepare(spec->context, first, count));
#pragma omp parallel for num_threads(spec->threads) schedule(dynamic, 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t at = block * spec->block_rows;
        make_block(spec, first + at, ddpm_smaller(spec->block_rows, count - at), m->x + at * spec->columns,
                   m->layers + at * spec->columns, stride);
    }
    DDPM_TRY(check_finite(spec, first, count, m->x));
    for (int64_t i = 0; i < spec->layers; i++) DDPM_TRY(check_finite(spec, first, count, m->layers + i * stride));
    return DDPM_OK;
}

/* Collective. This rank's rows of the round are first .. first+count-1; count may be 0. */
static ddpm_status write_round(const ddpm_rows_file_spec *spec, const round_memory *m, ddpm_h5 *file, int64_t first,
                               int64_t count)
{
    if (spec->with_samples) {
        const int64_t start[2] = {first, 0}, size[2] = {count, spec->columns};
        DDPM_TRY(ddpm_h5_write_slab(file, "samples", 2, start, size, m->x));
    }
    for (int64_t i = 0; i < spec->layers; i++) {
        const int64_t start[3] = {i, first, 0}, size[3] = {count > 0, count, spec->columns};
        DDPM_TRY(ddpm_h5_write_slab(file, spec->layer_name, 3, start, size, m->layers + i * m->rows * spec->columns));
    }
    return DDPM_OK;
}

/* Collective. */
static ddpm_status fill(const void *context, ddpm_comm *comm, ddpm_h5 *file)
{
    const ddpm_rows_file_spec *spec = context;
    const int64_t blocks = ddpm_pieces(spec->rows, spec->block_rows);
    const ddpm_range mine = ddpm_comm_part(comm, blocks);
    const int64_t begin = mine.first * spec->block_rows, end = ddpm_smaller(spec->rows, mine.end * spec->block_rows);
    /* all ranks take as many rounds as the one with the most rows, since they write together */
    const int64_t most = ddpm_pieces(blocks, ddpm_comm_size(comm)) * spec->block_rows;
    round_memory m = {0};
    ddpm_progress progress = ddpm_progress_begin(spec->unit, most);
    ddpm_status status = ddpm_agree(comm, allocate(spec, most, &m));
    for (int64_t done = 0; status == DDPM_OK && done < most; done += m.rows) {
        const int64_t first = ddpm_smaller(end, begin + done), count = ddpm_smaller(m.rows, end - first);
        status = ddpm_agree(comm, make_round(spec, &m, first, count));
        if (status == DDPM_OK) status = write_round(spec, &m, file, first, count);
        const double spent = ddpm_comm_seconds() - progress.start;
        ddpm_progress_bar(&progress, ddpm_smaller(most, done + m.rows), (double)(done + m.rows) / spent,
                          "of this rank");
    }
    ddpm_release(m.x);
    ddpm_release(m.layers);
    return status;
}

ddpm_status ddpm_rows_file_write(ddpm_comm *comm, const ddpm_rows_file_spec *spec)
{
    const ddpm_joint_file what = {.path = spec->path, .context = spec, .declare = declare, .fill = fill};
    return ddpm_joint_file_write(comm, &what);
}
