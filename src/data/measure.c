/* Measures means, deviations and ranges of columns. */
#include "data/measure.h"

#include "base/memory.h"

#include <math.h>

enum {
    PIECES = 256,          /* at most; it does not depend on the ranks, nor does the order of additions */
    PIECE_TABLE = 1 << 22, /* limit of pieces x columns */
    FIELDS = 5             /* numbers in `moments` */
};

/* Of a column in a piece; m2 is the sum of squared deviations from the mean (Chan et al. 1983). All are 0 on the ranks
 * that did not compute the piece, so that a sum over the ranks copies them to all ranks. */
typedef struct moments {
    double count, mean, m2, minimum, maximum;
} moments;

static void add_value(moments *m, double value)
{
    const double x = value + 0.0; /* no negative zero, whose sign a sum over ranks would lose */
    const double delta = x - m->mean;
    m->minimum = m->count == 0.0 ? x : fmin(m->minimum, x);
    m->maximum = m->count == 0.0 ? x : fmax(m->maximum, x);
    m->count += 1.0;
    m->mean += delta / m->count;
    m->m2 += delta * (x - m->mean);
}

static void join(moments *into, const moments *from)
{
    if (from->count == 0.0) return;
    if (into->count == 0.0) {
        *into = *from;
        return;
    }
    const double count = into->count + from->count, delta = from->mean - into->mean;
    into->minimum = fmin(into->minimum, from->minimum);
    into->maximum = fmax(into->maximum, from->maximum);
    into->m2 += from->m2 + delta * delta * into->count * from->count / count;
    into->mean += delta * from->count / count;
    into->count = count;
}

static ddpm_status measure_piece(const ddpm_row_reader *reader, ddpm_range part, moments *out)
{
    for (int64_t start = part.first; start < part.end; start += reader->most) {
        const int64_t count = ddpm_smaller(reader->most, part.end - start);
        const float *rows;
        DDPM_TRY(reader->read(reader->context, start, count, &rows));
        for (int64_t i = 0; i < count; i++) {
            if (!reader->takes_part(reader->context, start + i)) continue;
            for (int64_t j = 0; j < reader->columns; j++) add_value(&out[j], (double)rows[i * reader->columns + j]);
        }
    }
    return DDPM_OK;
}

static void set_column(ddpm_transform *out, int64_t j, const moments *of_scale, const moments *of_column)
{
    const double deviation = sqrt(of_scale->m2 / of_scale->count);
    out->mean[j] = of_scale->mean;
    out->scale[j] = deviation > 0.0 ? deviation : 1.0;
    out->minimum[j] = (of_column->minimum - out->mean[j]) / out->scale[j];
    out->maximum[j] = (of_column->maximum - out->mean[j]) / out->scale[j];
}

/* Join the pieces, in the first row of the table, and make the transform. */
static void finish(ddpm_standardize how, int64_t pieces, int64_t columns, moments *table, ddpm_transform *out)
{
    moments all = {0};
    const moments unit = {.count = 1.0, .m2 = 1.0};
    for (int64_t p = 1; p < pieces; p++)
        for (int64_t j = 0; j < columns; j++) join(&table[j], &table[p * columns + j]);
    for (int64_t j = 0; j < columns; j++) join(&all, &table[j]);
    for (int64_t j = 0; j < columns; j++) {
        const moments *of_scale = how == DDPM_STANDARDIZE_COLUMN   ? &table[j]
                                  : how == DDPM_STANDARDIZE_GLOBAL ? &all
                                                                   : &unit;
        set_column(out, j, of_scale, &table[j]);
    }
}

/* Measure this rank's part of the pieces. */
static ddpm_status measure_share(ddpm_comm *comm, const ddpm_row_reader *reader, int64_t pieces, moments *table)
{
    const ddpm_range mine = ddpm_comm_part(comm, pieces);
    for (int64_t p = mine.first; p < mine.end; p++)
        DDPM_TRY(measure_piece(reader, ddpm_part(reader->count, p, pieces), table + p * reader->columns));
    return DDPM_OK;
}

ddpm_status ddpm_transform_measure(ddpm_comm *comm, ddpm_standardize how, const ddpm_row_reader *reader,
                                   ddpm_transform *out)
{
    const int64_t columns = reader->columns;
    const int64_t allowed = ddpm_larger(1, ddpm_smaller(PIECES, PIECE_TABLE / columns));
    const int64_t pieces = ddpm_smaller(allowed, reader->count);
    moments *table = NULL;
    ddpm_status status = ddpm_transform_allocate(columns, out);
    if (status == DDPM_OK) status = DDPM_NEW(&table, pieces * columns, "column statistics");
    if (status == DDPM_OK) status = measure_share(comm, reader, pieces, table);
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        ddpm_comm_sum_double(comm, (double *)table, pieces * columns * FIELDS);
        finish(how, pieces, columns, table, out);
    } else {
        ddpm_transform_release(out);
    }
    ddpm_release(table);
    return status;
}
