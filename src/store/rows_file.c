/* In each round the threads of all ranks make rows, and then all ranks write them together. */
#include "store/rows_file.h"

#include "base/memory.h"
#include "model/twins.h"
#include "store/joint_file.h"
#include "store/table_file.h"
#include "world/progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

enum { ROUND_BYTES = 1 << 25 }; /* of a rank's memory for a round; more where each thread needs a block */

typedef struct round_memory {
    int64_t rows;  /* of a round */
    float *x;      /* [rows][D], standardised */
    float *layers; /* [M][rows][D] */
    char *own_x;   /* the same in the data's units and in the type of the file; of float32, the same memory, but for
                      tokens */
    char *own_layers;
    void *column; /* of a table: the rows of one column in its type */
} round_memory;

/* The columns of a table; its vocabulary is NULL where the rows are those of an array. */
static ddpm_table_file table_of(const ddpm_rows_file_spec *spec, const char *group)
{
    const ddpm_vocabulary *vocabulary = spec->transform->vocabulary;
    return (ddpm_table_file){group, vocabulary && !vocabulary->is_array ? vocabulary : NULL, spec->column_names};
}

static ddpm_status declare_samples(const ddpm_rows_file_spec *spec, ddpm_h5 *file)
{
    const int64_t size[2] = {spec->rows, spec->columns};
    const ddpm_table_file table = table_of(spec, "samples");
    if (table.vocabulary) return ddpm_table_file_declare(&table, file, 1, size);
    DDPM_TRY(ddpm_h5_declare(file, "samples", spec->number, 2, size));
    if (!spec->column_names) return DDPM_OK;
    return ddpm_h5_put_names(file, "samples", "columns", spec->columns, spec->column_names);
}

static ddpm_status declare_layers(const ddpm_rows_file_spec *spec, ddpm_h5 *file)
{
    const int64_t size[3] = {spec->layers, spec->rows, spec->columns};
    const ddpm_table_file table = table_of(spec, spec->layer_name);
    char steps[64];
    if (table.vocabulary) return ddpm_table_file_declare(&table, file, 2, size);
    DDPM_TRY(ddpm_h5_declare(file, spec->layer_name, spec->layer_number, 3, size));
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

/* Memory for numbers in the type of the file. */
static ddpm_status allocate_own(const ddpm_rows_file_spec *spec, int64_t count, ddpm_number type, float *standardised,
                                char **out)
{
    *out = (char *)standardised;
    if (type == DDPM_NUMBER_FLOAT32 && !spec->transform->vocabulary) return DDPM_OK;
    return ddpm_allocate(out, count, (size_t)ddpm_number_bytes(type), "rows being made");
}

static ddpm_status allocate(const ddpm_rows_file_spec *spec, int64_t most, round_memory *m)
{
    const int64_t row_bytes = (1 + spec->layers) * spec->columns * (int64_t)sizeof(float);
    const int64_t blocks = ddpm_larger(spec->threads, ROUND_BYTES / (row_bytes * spec->block_rows));
    m->rows = ddpm_larger(1, ddpm_smaller(most, blocks * spec->block_rows));
    const int64_t numbers = m->rows * spec->columns;
    DDPM_TRY(DDPM_NEW(&m->x, numbers, "rows being made"));
    DDPM_TRY(DDPM_NEW(&m->layers, spec->layers * numbers, "layers being made"));
    const ddpm_vocabulary *vocabulary = table_of(spec, "").vocabulary;
    if (vocabulary)
        DDPM_TRY(ddpm_allocate(&m->column, m->rows, (size_t)ddpm_table_file_bytes(vocabulary), "rows being made"));
    DDPM_TRY(allocate_own(spec, numbers, spec->number, m->x, &m->own_x));
    return allocate_own(spec, spec->layers * numbers, spec->layer_number, m->layers, &m->own_layers);
}

static void release(round_memory *m)
{
    if (m->own_x != (char *)m->x) ddpm_release(m->own_x);
    if (m->own_layers != (char *)m->layers) ddpm_release(m->own_layers);
    ddpm_release(m->x);
    ddpm_release(m->layers);
    ddpm_release(m->column);
}

/* Rows of a type in the memory of a round. */
static char *row_at(const ddpm_rows_file_spec *spec, char *numbers, ddpm_number type, int64_t row)
{
    return numbers + row * spec->columns * ddpm_number_bytes(type);
}

static ddpm_status fail_number(const ddpm_rows_file_spec *spec, int64_t first, int64_t i, double x)
{
    return ddpm_fail(DDPM_ERR_NUMERIC, "%s: row %lld, column %lld (from 0) of the %s came out as %g; %s", spec->path,
                     (long long)(first + i / spec->columns), (long long)(i % spec->columns), spec->unit, x,
                     spec->remedy);
}

/* Standardised rows, and rows first .. in the type of the file, must be finite; of a vocabulary they may be gaps, where
 * the column has them. */
static ddpm_status check_finite(const ddpm_rows_file_spec *spec, int64_t first, int64_t count, const float *x,
                                ddpm_number type, const char *own)
{
    const ddpm_vocabulary *vocabulary = spec->transform->vocabulary;
    for (int64_t i = 0; i < count * spec->columns; i++) {
        const double number = (double)ddpm_number_get(type, own, i);
        const int holds = vocabulary ? ddpm_table_file_holds(&vocabulary->column[i % spec->columns].layout, number)
                                     : isfinite(number);
        if (!holds) return fail_number(spec, first, i, number);
        if (!isfinite(x[i])) return fail_number(spec, first, i, (double)x[i]); /* a whole number is always finite */
    }
    return DDPM_OK;
}

/* Give rows first .. the data's units and the type of the file. */
static void finish_rows(const ddpm_rows_file_spec *spec, int64_t first, int64_t count, const float *x, ddpm_number type,
                        char *own)
{
    ddpm_transform_invert(spec->transform, type, count, x, own);
    if (!spec->adjust) return;
    spec->adjust(spec->context, first, count, type, own);
    if (spec->transform->vocabulary) ddpm_twins_complete(spec->transform->vocabulary, count, x, type, own);
}

static void make_block(const ddpm_rows_file_spec *spec, const round_memory *m, int64_t first, int64_t at, int64_t count)
{
    float *x = m->x + at * spec->columns, *layers = m->layers + at * spec->columns;
    const int64_t stride = m->rows * spec->columns;
    spec->make(spec->context, omp_get_thread_num(), first, count, x, layers, stride);
    finish_rows(spec, first, count, x, spec->number, row_at(spec, m->own_x, spec->number, at));
    for (int64_t i = 0; i < spec->layers; i++)
        finish_rows(spec, first, count, layers + i * stride, spec->layer_number,
                    row_at(spec, m->own_layers, spec->layer_number, i * m->rows + at));
}

static ddpm_status make_round(const ddpm_rows_file_spec *spec, const round_memory *m, int64_t first, int64_t count)
{
    const int64_t blocks = ddpm_pieces(count, spec->block_rows), stride = m->rows * spec->columns;
    if (spec->prepare) DDPM_TRY(spec->prepare(spec->context, first, count));
#pragma omp parallel for num_threads(spec->threads) schedule(dynamic, 1)
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t at = block * spec->block_rows;
        make_block(spec, m, first + at, at, ddpm_smaller(spec->block_rows, count - at));
    }
    DDPM_TRY(check_finite(spec, first, count, m->x, spec->number, m->own_x));
    for (int64_t i = 0; i < spec->layers; i++)
        DDPM_TRY(check_finite(spec, first, count, m->layers + i * stride, spec->layer_number,
                              row_at(spec, m->own_layers, spec->layer_number, i * m->rows)));
    return DDPM_OK;
}

/* Collective. Write rows, of a dataset or of a table's group. @param start, size  of the slab, without the columns. */
static ddpm_status write_rows(const ddpm_rows_file_spec *spec, ddpm_h5 *file, const char *name, ddpm_number type,
                              int dims, const int64_t *start, const int64_t *size, const void *own, void *column)
{
    const ddpm_table_file table = table_of(spec, name);
    const int64_t from[3] = {start[0], dims > 1 ? start[1] : 0, 0}, rows = size[dims - 1];
    const int64_t edges[3] = {size[0], dims > 1 ? rows : spec->columns, spec->columns};
    if (table.vocabulary) return ddpm_table_file_write(&table, file, dims, start, size, rows, own, column);
    return ddpm_h5_write_slab(file, name, type, dims + 1, from, edges, own);
}

/* Collective. This rank's rows of the round are first .. first+count-1; count may be 0. */
static ddpm_status write_round(const ddpm_rows_file_spec *spec, const round_memory *m, ddpm_h5 *file, int64_t first,
                               int64_t count)
{
    if (spec->with_samples)
        DDPM_TRY(write_rows(spec, file, "samples", spec->number, 1, &first, &count, m->own_x, m->column));
    for (int64_t i = 0; i < spec->layers; i++) {
        const int64_t start[2] = {i, first}, size[2] = {count > 0, count};
        DDPM_TRY(write_rows(spec, file, spec->layer_name, spec->layer_number, 2, start, size,
                            row_at(spec, m->own_layers, spec->layer_number, i * m->rows), m->column));
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
    release(&m);
    return status;
}

ddpm_status ddpm_rows_file_write(ddpm_comm *comm, const ddpm_rows_file_spec *spec)
{
    const ddpm_joint_file what = {.path = spec->path, .context = spec, .declare = declare, .fill = fill};
    return ddpm_joint_file_write(comm, &what);
}
