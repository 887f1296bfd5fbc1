/* The forward half of a training step on one block, with its numbers shown instead of summed. */
#include "train/inspect.h"

#include "base/memory.h"
#include "train/block.h"

#include <math.h>

/* NaN when one of them is. */
static double largest(int64_t n, const float *values)
{
    double most = 0.0;
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)values[i]) <= most)) most = fabs((double)values[i]);
    return most;
}

static void print(ddpm_block *b, const ddpm_timesteps *timesteps, int64_t iteration, int64_t first, int64_t rows,
                  float *loss, FILE *to)
{
    const int64_t columns = ddpm_dataset_columns(b->dataset);
    const int64_t outputs = ddpm_model_is_classifier(b->model) ? b->model->condition->classes[0] : columns;
    int64_t stride;
    const float *output = ddpm_block_forward(b, timesteps, iteration, first, rows, &stride);
    (void)ddpm_block_loss(b, 0, rows, output, stride, NULL, 1.0, NULL, loss);
    fprintf(to, "row,t,largest_x0,largest_xt,largest_output,loss\n");
    for (int64_t i = 0; i < rows; i++)
        fprintf(to, "%lld,%d,%.9g,%.9g,%.9g,%.9g\n", (long long)(first + i), (int)b->t[i],
                largest(columns, b->x0 + i * columns), largest(columns, b->xt + i * columns),
                largest(outputs, output + i * stride), (double)loss[i]);
}

ddpm_status ddpm_inspect_block(ddpm_stepper *stepper, const ddpm_model *model, const ddpm_dataset *dataset,
                               const ddpm_state *state, int64_t number, FILE *to)
{
    const int64_t most = ddpm_stepper_block_rows(stepper), blocks = ddpm_stepper_blocks(stepper);
    const int64_t left = model->config->training.batch - number * most, rows = left < most ? left : most;
    ddpm_packed *packed = NULL;
    ddpm_block block = {0};
    float *loss = NULL;
    if (number >= blocks)
        return ddpm_fail(DDPM_ERR_USAGE, "--block: expected 0 to %lld, the blocks of a batch, found %lld",
                         (long long)blocks - 1, (long long)number);
    ddpm_status status = ddpm_packed_create(model->network, DDPM_PACK_FORWARD, &packed);
    if (status == DDPM_OK) status = ddpm_block_create(model, dataset, packed, rows, rows, &block);
    if (status == DDPM_OK) status = DDPM_NEW(&loss, rows, "losses of a block");
    if (status == DDPM_OK) {
        ddpm_packed_fill(packed, model->network, state->parameters, 0, 1);
        print(&block, ddpm_stepper_timesteps(stepper), state->iteration, number * most, rows, loss, to);
    }
    ddpm_release(loss);
    ddpm_block_release(&block);
    ddpm_packed_free(packed);
    return status;
}
