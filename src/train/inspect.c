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
    const int64_t columns = model->columns, count = rows.end - rows.first;
    const ddpm_const_matrix output = ddpm_block_forward(b, iteration, rows);
    const ddpm_const_matrix xt = ddpm_model_is_masked(model)
                                     ? ddpm_matrix_read(ddpm_matrix_part(b->pass.entry, 0, count))
                                     : (ddpm_const_matrix){b->xt, count, columns, columns, 0};
    (void)ddpm_block_loss(b, 0, count, output, 1.0, loss);
    fprintf(to, "row,t,largest_x0,largest_xt,largest_output,loss\n");
    for (int64_t i = 0; i < count; i++)
        fprintf(to, "%lld,%d,%.9g,%.9g,%.9g,%.9g\n", (long long)(rows.first + i), (int)b->t[i],
                largest(columns, b->x0 + i * columns), largest(xt.columns, xt.data + i * xt.stride),
                largest(output.columns, output.data + i * output.stride), (double)loss[i]);
}

ddpm_status ddpm_inspect_block(const ddpm_stepper *stepper, const ddpm_state *state, int64_t number, FILE *to)
{
    const ddpm_batch *batch = &stepper->batch;
    const ddpm_network *network = stepper->model->network;
    const ddpm_masked *masked = &stepper->model->masked;
    ddpm_block_spec spec = stepper->thread_block[0].spec;
    ddpm_packed *packed = NULL;
    ddpm_lookup lookup = {0};
    ddpm_block block = {0};
    float *loss = NULL;
    if (number >= batch->blocks)
        return ddpm_fail(DDPM_ERR_USAGE, "--block: expected 0 to %lld, the blocks of a batch, found %lld",
                         (long long)batch->blocks - 1, (long long)number);
    ddpm_status status = ddpm_packed_make(network, DDPM_PACK_FORWARD, state->parameters, &packed);
    if (status == DDPM_OK && masked->columns > 0) {
        status = ddpm_lookup_create(masked, network, &lookup);
        if (status == DDPM_OK) ddpm_lookup_fill(&lookup, masked, network, state->parameters, 0, 1);
    }
    spec.packed = packed;
    spec.lookup = &lookup;
    if (status == DDPM_OK) status = ddpm_block_create(&spec, 1, &block);
    if (status == DDPM_OK) status = DDPM_NEW(&loss, batch->block_rows, "losses of a block");
    if (status == DDPM_OK) print(&block, state->iteration, ddpm_batch_rows(batch, number, 1), loss, to);
    ddpm_release(loss);
    ddpm_block_release(&block);
    ddpm_lookup_release(&lookup);
    ddpm_packed_free(packed);
    return status;
}
