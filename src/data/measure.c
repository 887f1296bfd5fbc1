/* Measures means, deviations and ranges of columns. */
#include "data/measure.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

enum {
    PIECES = 256, /* at most; it does not depend on the number of ranks, so neither does the order of additions */
    PIECE_TABLE = 1 << 22, /* limit of pieces x columns */
    FIELDS = 5             /* numbers in `moments` */
};

/* What a mean lacks is kept if it is more than this share of a deviation, the precision of a standardised number. */
static const double SEEN = 0x1p-24;

/* Of a column in a piece; m2 is the sum of squared deviations from the mean (Chan et al. 1983). All are 0 on the ranks
 * that did not compute the piece, so that a sum over the ranks copies them to all ranks. */
typedef struct moments {
    double count, mean, m2, minimum, maximum;
} moments;

static void add_value(moments *m, double value)
{
    const double x = value + 0.0; /* no negative zero, whose sign a sum over ranks would lose */
    const double delta = x - m->mean;
    if (m->count == 0.0 || x < m->minimum) m->minimum = x;
    if (m->count == 0.0 || x > m->maximum) m->maximum = x;
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

/* What the threads of a measurement share. */
typedef struct measurement {
    ddpm_comm *comm;
    ddpm_standardize how;
    const ddpm_row_reader *reader;
    int64_t pieces;
    moments *table;    /* [pieces][columns], relative to the reference */
    double *reference; /* [columns] */
    double *rows;      /* [most][columns] */
} measurement;

static ddpm_status allocate(measurement *m)
{
    const int64_t columns = m->reader->columns;
    DDPM_TRY(DDPM_NEW(&m->table, m->pieces * columns, "column statistics"));
    DDPM_TRY(DDPM_NEW(&m->reference, columns, "column statistics"));
    if (m->reader->read_narrow) return DDPM_OK;
    return DDPM_NEW(&m->rows, m->reader->most * columns, "rows to measure");
}

/* Measure wide columns from the first row on. Columns with one mean need one reference. */
static ddpm_status choose_reference(measurement *m)
{
    const ddpm_row_reader *reader = m->reader;
    int64_t wide = 0;
    for (int64_t j = 0; reader->is_wide && j < reader->columns; j++) wide += reader->is_wide(reader->context, j);
    if (wide == 0 || m->how == DDPM_STANDARDIZE_NONE) return DDPM_OK;
    DDPM_TRY(reader->read(reader->context, NULL, 0, 1, m->rows));
    for (int64_t j = 0; j < reader->columns; j++)
        if (reader->is_wide(reader->context, j)) m->reference[j] = m->rows[m->how == DDPM_STANDARDIZE_GLOBAL ? 0 : j];
    return DDPM_OK;
}

static ddpm_status measure_rows(const measurement *m, int64_t first, int64_t count, moments *out)
{
    const ddpm_row_reader *reader = m->reader;
    const int64_t columns = reader->columns;
    const float *narrow = NULL;
    DDPM_TRY(reader->read_narrow ? reader->read_narrow(reader->context, first, count, &narrow)
                                 : reader->read(reader->context, m->reference, first, count, m->rows));
    for (int64_t i = 0; i < count; i++) {
        if (!reader->takes_part(reader->context, first + i)) continue;
        if (narrow)
            for (int64_t j = 0; j < columns; j++) add_value(&out[j], (double)narrow[i * columns + j]);
        else
            for (int64_t j = 0; j < columns; j++) add_value(&out[j], m->rows[i * columns + j]);
    }
    return DDPM_OK;
}

static ddpm_status measure_piece(const measurement *m, ddpm_range part, moments *out)
{
    const int64_t most = m->reader->most;
    for (int64_t start = part.first; start < part.end; start += most)
        DDPM_TRY(measure_rows(m, start, ddpm_smaller(most, part.end - start), out));
    return DDPM_OK;
}

/* The sum of two numbers, and what is lost of it by rounding (Knuth). */
static double add_exactly(double a, double b, double *lost)
{
    const double sum = a + b, of_b = sum - a;
    *lost = (a - (sum - of_b)) + (b - of_b);
    return sum;
}

static ddpm_status set_column(const measurement *m, int64_t j, const moments *of_scale, const moments *of_column,
                              ddpm_transform *out)
{
    const double deviation = sqrt(of_scale->m2 / of_scale->count);
    double lost = 0.0;
    if (!isfinite(deviation) || (deviation == 0.0 && of_column->minimum < of_column->maximum)) {
        char name[DDPM_MESSAGE_BYTES / 2];
        snprintf(name, sizeof name, "column %lld (from 0)", (long long)j);
        if (m->reader->name) m->reader->name(m->reader->context, j, name, sizeof name);
        return ddpm_fail(
            DDPM_ERR_DATA,
            "%s has numbers from %g to %g, whose variance float64 cannot hold; remove what is no measurement, or give "
            "them in another unit",
            name, of_column->minimum + m->reference[j], of_column->maximum + m->reference[j]);
    }
    out->scale[j] = deviation > 0.0 ? deviation : 1.0;
    out->mean[j] = m->reference[j] == 0.0 ? of_scale->mean : add_exactly(m->reference[j], of_scale->mean, &lost);
    out->minimum[j] = (of_column->minimum - of_scale->mean) / out->scale[j];
    out->maximum[j] = (of_column->maximum - of_scale->mean) / out->scale[j];
    if (fabs(lost) > SEEN * out->scale[j]) {
        if (!out->remainder) DDPM_TRY(DDPM_NEW(&out->remainder, out->columns, "column means"));
        out->remainder[j] = lost;
    }
    return DDPM_OK;
}

/* Join the pieces, in the first row of the table, and make the transform. */
static ddpm_status finish(measurement *m, ddpm_transform *out)
{
    const int64_t columns = m->reader->columns;
    moments all = {0}, *table = m->table;
    const moments unit = {.count = 1.0, .m2 = 1.0};
    for (int64_t p = 1; p < m->pieces; p++)
        for (int64_t j = 0; j < columns; j++) join(&table[j], &table[p * columns + j]);
    for (int64_t j = 0; j < columns; j++) join(&all, &table[j]);
    for (int64_t j = 0; j < columns; j++) {
        const moments *of_scale = m->how == DDPM_STANDARDIZE_COLUMN   ? &table[j]
                                  : m->how == DDPM_STANDARDIZE_GLOBAL ? &all
                                                                      : &unit;
        DDPM_TRY(set_column(m, j, of_scale, &table[j], out));
    }
    return DDPM_OK;
}

/* Measure this rank's part of the pieces. */
static ddpm_status measure_share(measurement *m)
{
    const ddpm_range mine = ddpm_comm_part(m->comm, m->pieces);
    DDPM_TRY(choose_reference(m));
    for (int64_t p = mine.first; p < mine.end; p++)
        DDPM_TRY(measure_piece(m, ddpm_part(m->reader->count, p, m->pieces), m->table + p * m->reader->columns));
    return DDPM_OK;
}

ddpm_status ddpm_transform_measure(ddpm_comm *comm, ddpm_standardize how, const ddpm_row_reader *reader,
                                   ddpm_transform *out)
{
    const int64_t allowed = ddpm_larger(1, ddpm_smaller(PIECES, PIECE_TABLE / reader->columns));
    measurement m = {.comm = comm, .how = how, .reader = reader, .pieces = ddpm_smaller(allowed, reader->count)};
    ddpm_status status = ddpm_transform_allocate(reader->columns, out);
    if (status == DDPM_OK) status = allocate(&m);
    if (status == DDPM_OK) status = measure_share(&m);
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) {
        ddpm_comm_sum_double(comm, (double *)m.table, m.pieces * reader->columns * FIELDS);
        status = ddpm_agree(comm, finish(&m, out));
    }
    if (status != DDPM_OK) ddpm_transform_release(out);
    ddpm_release(m.table);
    ddpm_release(m.reference);
    ddpm_release(m.rows);
    return status;
}
