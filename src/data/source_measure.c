/* Measures the columns of a source. */
#include "data/source_measure.h"

#include "base/memory.h"

#include <stdio.h>

typedef struct measured_source {
    ddpm_source *source;
    void *numbers; /* [most][columns] of the holder's type */
    int (*takes_part)(void *context, int64_t row);
    void *context;
} measured_source;

static ddpm_status read_narrow(void *context, int64_t first, int64_t count, const float **rows)
{
    measured_source *m = context;
    *rows = m->numbers;
    return ddpm_source_read(m->source, DDPM_GAPS_NONE, first, count, m->numbers);
}

static ddpm_status read_measured(void *context, const double *reference, int64_t first, int64_t count, double *rows)
{
    const measured_source *m = context;
    const ddpm_number holder = ddpm_source_holder(m->source);
    const int64_t columns = ddpm_source_columns(m->source);
    DDPM_TRY(ddpm_source_read(m->source, DDPM_GAPS_NONE, first, count, m->numbers));
    for (int64_t i = 0; i < count * columns; i++)
        rows[i] =
            (double)(ddpm_number_get(holder, m->numbers, i) - (reference ? (long double)reference[i % columns] : 0.0L));
    return DDPM_OK;
}

static int measured_takes_part(void *context, int64_t row)
{
    const measured_source *m = context;
    return m->takes_part(m->context, row);
}

static int measured_is_wide(const void *context, int64_t column)
{
    (void)context;
    (void)column;
    return 1;
}

static void name_column(const void *context, int64_t column, char *out, size_t bytes)
{
    ddpm_source_name_column(((const measured_source *)context)->source, column, out, bytes);
}

ddpm_status ddpm_source_measure(ddpm_comm *comm, ddpm_standardize how, ddpm_source *source,
                                int (*takes_part)(void *context, int64_t row), void *context, ddpm_transform *out)
{
    measured_source m = {.source = source, .takes_part = takes_part, .context = context};
    const int64_t most = ddpm_source_room(source), columns = ddpm_source_columns(source);
    const ddpm_number holder = ddpm_source_holder(source);
    const int is_narrow = holder == DDPM_NUMBER_FLOAT32;
    const ddpm_row_reader reader = {.count = ddpm_source_rows(source),
                                    .columns = columns,
                                    .most = most,
                                    .context = &m,
                                    .read = read_measured,
                                    .read_narrow = is_narrow ? read_narrow : NULL,
                                    .takes_part = measured_takes_part,
                                    .is_wide = is_narrow ? NULL : measured_is_wide,
                                    .name = name_column};
    ddpm_status status =
        ddpm_allocate(&m.numbers, most * columns, (size_t)ddpm_number_bytes(holder), "rows to measure");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) status = ddpm_transform_measure(comm, how, &reader, out);
    ddpm_release(m.numbers);
    return status;
}
