/* Draws the hidden columns of rows, one a step or several. */
#include "sample/unmask.h"

#include "base/memory.h"
#include "base/split.h"

#include <math.h>

ddpm_status ddpm_unmask_create(const ddpm_model *model, const ddpm_packed *packed, int64_t rows, int64_t steps,
                               ddpm_unmask *out)
{
    const int64_t columns = model->columns;
    *out = (ddpm_unmask){.model = model, .packed = packed, .steps = steps > 0 ? ddpm_smaller(steps, columns) : columns};
    DDPM_TRY(ddpm_workspace_create(model->network, rows, rows, 0, &out->workspace));
    DDPM_TRY(DDPM_NEW(&out->inputs, rows * model->masked.inputs, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->logits, 2 * model->masked.tokens, "logits"));
    DDPM_TRY(DDPM_NEW(&out->hidden, rows * columns, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->order, rows * columns, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->t, rows, "a block of samples"));
    return DDPM_NEW(&out->unknown, rows, "a block of samples");
}

void ddpm_unmask_release(ddpm_unmask *unmask)
{
    ddpm_workspace_free(unmask->workspace);
    ddpm_release(unmask->inputs);
    ddpm_release(unmask->logits);
    ddpm_release(unmask->hidden);
    ddpm_release(unmask->order);
    ddpm_release(unmask->t);
    ddpm_release(unmask->unknown);
    *unmask = (ddpm_unmask){0};
}

/* Hide what is not known, and keep of the order the columns that are hidden. */
static void begin_row(ddpm_unmask *u, uint64_t seed, int64_t row, int64_t i, const float *known, float *x)
{
    const int64_t columns = u->model->columns;
    int32_t *order = u->order + i * columns;
    uint8_t *hidden = u->hidden + i * columns;
    int64_t count = 0;
    ddpm_masked_order(columns, seed, DDPM_RANDOM_START, 0, row, order);
    for (int64_t at = 0; at < columns; at++) {
        const int32_t column = order[at];
        hidden[column] = !known || isnan(known[column]);
        x[column] = hidden[column] ? 0.0f : known[column];
        if (hidden[column]) order[count++] = column;
    }
    u->unknown[i] = count;
}

/* The columns of a row, as places in its order, that step `step` draws. */
static ddpm_range drawn_in(const ddpm_unmask *u, int64_t i, int64_t step)
{
    return (ddpm_range){u->unknown[i] * step / u->steps, u->unknown[i] * (step + 1) / u->steps};
}

static void draw_row(ddpm_unmask *u, uint64_t seed, int64_t step, int64_t row, int64_t i, const float *coefficients,
                     float *x)
{
    const int64_t columns = u->model->columns;
    const ddpm_range range = drawn_in(u, i, step);
    for (int64_t at = range.first; at < range.end; at++) {
        const int32_t column = u->order[i * columns + at];
        const ddpm_random4 words = ddpm_random_words(seed, DDPM_RANDOM_REVERSE, 0, row, (uint32_t)column);
        x[column] = ddpm_masked_draw(&u->model->masked, ddpm_network_kernels(u->model->network), column, coefficients,
                                     words, u->logits);
        u->hidden[i * columns + column] = 0;
    }
}

/* The network's inputs of the rows, and t. @return  whether any row has a column to be drawn in this step. */
static int show_rows(ddpm_unmask *u, int64_t step, int64_t rows, const float *x)
{
    const ddpm_masked *masked = &u->model->masked;
    const int64_t columns = masked->columns;
    int draws = 0;
    for (int64_t i = 0; i < rows; i++) {
        const ddpm_range range = drawn_in(u, i, step);
        draws |= range.end > range.first;
        u->t[i] = (int32_t)(u->unknown[i] - range.first);
        ddpm_masked_inputs(masked, x + i * columns, u->hidden + i * columns, u->inputs + i * masked->inputs);
    }
    return draws;
}

void ddpm_unmask_rows(ddpm_unmask *unmask, uint64_t seed, int64_t first, int64_t rows, const float *condition,
                      const float *known, int64_t stride, float *x)
{
    ddpm_unmask *u = unmask;
    const int64_t columns = u->model->columns;
    for (int64_t i = 0; i < rows; i++)
        begin_row(u, seed, first + i, i, known ? known + i * stride : NULL, x + i * columns);
    for (int64_t step = 0; step < u->steps; step++) {
        if (!show_rows(u, step, rows, x)) continue;
        const ddpm_const_matrix output =
            ddpm_network_forward(u->model->network, u->packed, u->workspace, rows, u->inputs, condition, u->t);
        for (int64_t i = 0; i < rows; i++)
            draw_row(u, seed, step, first + i, i, output.data + i * output.stride, x + i * columns);
    }
}
