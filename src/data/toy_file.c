/* Rows of a generator, written by all ranks. */
#include "data/toy_file.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/joint_file.h"

#include <math.h>
#include <stdio.h>

enum { ROUND_ROWS = 1 << 20 };

static double noise_of(const ddpm_generate_options *o)
{
    return isnan(o->noise) ? ddpm_toy_noise(o->kind) : o->noise;
}

/* Rank 0. */
static ddpm_status declare(const void *context, ddpm_h5 *file)
{
    const ddpm_generate_options *o = context;
    const int64_t size[2] = {o->count, o->dimensions};
    DDPM_TRY(ddpm_h5_declare(file, "data", DDPM_H5_FLOAT32, 2, size));
    DDPM_TRY(ddpm_h5_declare(file, "label", DDPM_H5_FLOAT32, 1, size));
    DDPM_TRY(ddpm_h5_put_names(file, "data", "columns", o->dimensions, ddpm_toy_columns(o->kind, o->dimensions)));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "kind", ddpm_toy_name(o->kind)));
    DDPM_TRY(ddpm_h5_put_real(file, "/", "noise", noise_of(o)));
    char seed[24]; /* text: all 64 bits */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    return ddpm_h5_put_text(file, "/", "seed", seed);
}

/* Collective. */
static ddpm_status fill(const void *context, ddpm_comm *comm, ddpm_h5 *file)
{
    const ddpm_generate_options *o = context;
    const int64_t rank = ddpm_comm_rank(comm), size = ddpm_comm_size(comm), columns = o->dimensions;
    const int64_t begin = o->count * rank / size, end = o->count * (rank + 1) / size,
                  most = (o->count + size - 1) / size;
    const int64_t room = most < ROUND_ROWS ? most : ROUND_ROWS;
    float *rows = NULL, *labels = NULL;
    ddpm_status status = DDPM_NEW(&rows, room * columns, "rows being made");
    if (status == DDPM_OK) status = DDPM_NEW(&labels, room, "labels being made");
    status = ddpm_agree(comm, status);
    for (int64_t done = 0; status == DDPM_OK && done < most; done += room) {
        const int64_t first = begin + done < end ? begin + done : end, count = end - first < room ? end - first : room;
        const int64_t start[2] = {first, 0}, box[2] = {count, columns};
        ddpm_toy_rows(o->kind, o->dimensions, noise_of(o), o->seed, first, count, rows, labels);
        status = ddpm_h5_write_slab(file, "data", 2, start, box, rows);
        if (status == DDPM_OK) status = ddpm_h5_write_slab(file, "label", 1, start, box, labels);
    }
    ddpm_release(rows);
    ddpm_release(labels);
    return status;
}

ddpm_status ddpm_generate(ddpm_comm *comm, const ddpm_generate_options *options)
{
    const ddpm_joint_file what = {.path = options->output, .context = options, .declare = declare, .fill = fill};
    DDPM_TRY(ddpm_joint_file_write(comm, &what));
    ddpm_log_info("finished   %lld rows of %s; see %s", (long long)options->count, ddpm_toy_name(options->kind),
                  options->output);
    return DDPM_OK;
}
