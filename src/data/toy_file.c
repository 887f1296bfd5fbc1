/* Rows of a toy problem: each rank makes its part of them, some at a time, and all write together. */
#include "data/toy_file.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/joint_file.h"

#include <stdio.h>

enum { ROUND_ROWS = 1 << 20 };

static double noise_of(const ddpm_toy_file *toy)
{
    return ddpm_toy_noise_or(toy->kind, toy->noise);
}

/* Local, on rank 0. */
static ddpm_status declare(const void *context, ddpm_h5 *file)
{
    const ddpm_toy_file *toy = context;
    const int64_t size[2] = {toy->count, toy->dimensions};
    DDPM_TRY(ddpm_h5_declare(file, "data", DDPM_H5_FLOAT32, 2, size));
    DDPM_TRY(ddpm_h5_declare(file, "label", DDPM_H5_FLOAT32, 1, size));
    DDPM_TRY(ddpm_h5_put_names(file, "data", "columns", toy->dimensions, ddpm_toy_columns(toy->kind, toy->dimensions)));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "program", "ddpm " DDPM_VERSION));
    DDPM_TRY(ddpm_h5_put_text(file, "/", "kind", ddpm_toy_name(toy->kind)));
    DDPM_TRY(ddpm_h5_put_real(file, "/", "noise", noise_of(toy)));
    char seed[24]; /* as text, since an integer attribute is signed and a seed has all 64 bits */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)toy->seed);
    return ddpm_h5_put_text(file, "/", "seed", seed);
}

/* Collective. Every rank takes part in every round, with no rows where its part has ended. */
static ddpm_status fill(const void *context, ddpm_comm *comm, ddpm_h5 *file)
{
    const ddpm_toy_file *toy = context;
    const int64_t columns = toy->dimensions, most = ddpm_pieces(toy->count, ddpm_comm_size(comm)),
                  room = ddpm_smaller(most, ROUND_ROWS);
    const ddpm_range mine = ddpm_comm_part(comm, toy->count);
    float *rows = NULL, *labels = NULL;
    ddpm_status status = DDPM_NEW(&rows, room * columns, "rows of the file");
    if (status == DDPM_OK) status = DDPM_NEW(&labels, room, "labels of the file");
    status = ddpm_agree(comm, status);
    for (int64_t done = 0; status == DDPM_OK && done < most; done += room) {
        const int64_t first = ddpm_smaller(mine.first + done, mine.end), count = ddpm_smaller(mine.end - first, room);
        const int64_t start[2] = {first, 0}, box[2] = {count, columns};
        ddpm_toy_rows(toy->kind, toy->dimensions, noise_of(toy), toy->seed, first, count, rows, labels);
        status = ddpm_h5_write_slab(file, "data", DDPM_H5_FLOAT32, 2, start, box, rows);
        if (status == DDPM_OK) status = ddpm_h5_write_slab(file, "label", DDPM_H5_FLOAT32, 1, start, box, labels);
    }
    ddpm_release(rows);
    ddpm_release(labels);
    return status;
}

ddpm_status ddpm_toy_file_write(ddpm_comm *comm, const ddpm_toy_file *file)
{
    const ddpm_joint_file joint = {.path = file->path, .context = file, .declare = declare, .fill = fill};
    DDPM_TRY(ddpm_joint_file_write(comm, &joint));
    ddpm_log_info("finished   %lld rows of %s; see %s", (long long)file->count, ddpm_toy_name(file->kind), file->path);
    return DDPM_OK;
}
