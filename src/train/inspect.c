/* The forward half of a training step on one block, whose numbers are printed instead of summed. */
#include "train/inspect.h"

#include "base/memory.h"

#include <math.h>

/* The largest absolute value; NaN when one of the values is. */
static double largest(int64_t n, const float *values)
{
    double most = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double size = fabs((double)values[i]);
        if (isnan(size) || size > most) most = size;
    }
    return most;
}

static void print(ddpm_block *b, int64_t iteration, ddpm_range rows, float *loss, FILE *to)
{
    const ddpm_model *model = b->spec.model;
    const int64_t columns = model->columns, inputs = ddpm_network_get_spec(model->network)->columns;
    const int64_t count = rows.end - rows.first;
    const ddpm_const_matrix output = ddpm_block_forward(b, iteration, rows);
    (void)ddpm_block_loss(b, 0, count, output, NULL, 1.0, (ddpm_matrix){0}, loss);
    fprintf(to, "row,t,largest_x0,largest_xt,largest_output,loss\n");
    for (int64_t i = 0; i < count; i++)
        fprintf(to, "%lld,%d,%.9g,%.9g,%.9g,%.9g\n", (long long)(rows.first + i), (int)b->t[i],
                largest(columns, b->x0 + i * columns), largest(inputs, b->xt + i * inputs),
                largest(output.columns, output.data + i * output.stride), (double)loss[i]);
}

ddpm_status ddpm_inspect_block(const ddpm_stepper *stepper, const ddpm_state *state, int64_t number, FILE *to)
{
    const ddpm_batch *batch = &stepper->batch;
    const ddpm_network *network = stepper->model->network;
    ddpm_packed *packed = NULL;
    ddpm_block block = {0};
    float *loss = NULL;
    if (number >= batch->blocks)
        return ddpm_fail(DDPM_ERR_USAGE, "--block: expected 0 to %lld, the blocks of a batch, found %lld",
                         (long long)batch->blocks - 1, (long long)number);
    ddpm_status status = ddpm_packed_make(network, DDPM_PACK_FORWARD, state->parameters, &packed);
    if (status == DDPM_OK) status = ddpm_block_create(&stepper->thread_block[0].spec, packed, 1, &block);
    if (status == DDPM_OK) status = DDPM_NEW(&loss, batch->block_rows, "losses of a block");
    if (status == DDPM_OK) print(&block, state->iteration, ddpm_batch_rows(batch, number, 1), loss, to);
    ddpm_release(loss);
    ddpm_block_release(&block);
    ddpm_packed_free(packed);
    return status;
}
