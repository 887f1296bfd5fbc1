/* The forward half of a training step on one block, with its numbers shown instead of summed. */
#include "ddpm/run/inspect.h"

#include "ddpm/base/memory.h"
#include "ddpm/kernel/normal.h"

#include <math.h>

typedef struct block {
    ddpm_packed *packed;
    ddpm_workspace *workspace;
    int64_t first, rows, columns;
    float *x0, *noise, *xt, *target; /* [rows][columns] */
    int32_t *t;                      /* [rows] */
} block;

static ddpm_status allocate(block *b, const ddpm_network *network)
{
    const int64_t numbers = b->rows * b->columns;
    DDPM_TRY(ddpm_packed_create(network, 0, &b->packed));
    DDPM_TRY(ddpm_workspace_create(network, b->rows, 0, &b->workspace));
    DDPM_TRY(DDPM_NEW(&b->x0, numbers, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&b->noise, numbers, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&b->xt, numbers, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&b->target, numbers, "a block of rows"));
    return DDPM_NEW(&b->t, b->rows, "a block of rows");
}

static void release(block *b)
{
    ddpm_packed_free(b->packed);
    ddpm_workspace_free(b->workspace);
    ddpm_release(b->x0);
    ddpm_release(b->noise);
    ddpm_release(b->xt);
    ddpm_release(b->target);
    ddpm_release(b->t);
}

/* NaN when one of them is. */
static double largest(int64_t n, const float *values)
{
    double most = 0.0;
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)values[i]) <= most)) most = fabs((double)values[i]);
    return most;
}

static void print(block *b, const ddpm_model *model, const ddpm_dataset *dataset, const ddpm_state *state, FILE *to)
{
    const int64_t columns = b->columns, batch = model->config->training.batch;
    const uint64_t seed = model->config->run.seed;
    int64_t stride;
    ddpm_dataset_fill(dataset, state->iteration * batch + b->first, b->rows, b->x0);
    ddpm_diffusion_draw_steps(&model->diffusion, seed, state->iteration, b->first, b->rows, b->t);
    ddpm_normal_rows(ddpm_network_kernels(model->network), seed, DDPM_RANDOM_NOISE, state->iteration, b->first, b->rows,
                     columns, b->noise);
    ddpm_diffusion_noise_rows(&model->diffusion, b->rows, columns, b->x0, b->noise, b->t, b->xt, b->target);
    ddpm_packed_fill(b->packed, model->network, state->parameters, 0, 1);
    const float *output = ddpm_network_forward(model->network, b->packed, b->workspace, b->rows, b->xt, b->t, &stride);
    fprintf(to, "row,t,largest_x0,largest_xt,largest_output,squared_error\n");
    for (int64_t i = 0; i < b->rows; i++)
        fprintf(to, "%lld,%d,%.9g,%.9g,%.9g,%.9g\n", (long long)(b->first + i), b->t[i],
                largest(columns, b->x0 + i * columns), largest(columns, b->xt + i * columns),
                largest(columns, output + i * stride),
                ddpm_loss_simple(1, columns, output + i * stride, stride, b->target + i * columns,
                                 1.0 / (double)columns, NULL));
}

ddpm_status ddpm_inspect_block(const ddpm_stepper *stepper, const ddpm_model *model, const ddpm_dataset *dataset,
                               const ddpm_state *state, int64_t number, FILE *to)
{
    const int64_t most = ddpm_stepper_block_rows(stepper), blocks = ddpm_stepper_blocks(stepper);
    const int64_t batch = model->config->training.batch;
    block b = {.first = number * most, .columns = ddpm_dataset_columns(dataset)};
    if (number >= blocks)
        return ddpm_fail(DDPM_ERR_USAGE, "--block: expected 0 to %lld, the blocks of a batch, found %lld",
                         (long long)blocks - 1, (long long)number);
    b.rows = batch - b.first < most ? batch - b.first : most;
    const ddpm_status status = allocate(&b, model->network);
    if (status == DDPM_OK) print(&b, model, dataset, state, to);
    release(&b);
    return status;
}
