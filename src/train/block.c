/* Draws, forward, loss and backward of a few rows while they stay in the cache. */
#include "train/block.h"

#include "base/memory.h"
#include "kernel/normal.h"
#include "model/classifier.h"

static ddpm_token_spec token_spec(const ddpm_model *model, int64_t block_rows, int64_t blocks)
{
    return (ddpm_token_spec){.masked = &model->masked,
                             .network = model->network,
                             .rows = blocks * block_rows,
                             .block = block_rows,
                             .backward = 1};
}

static ddpm_status create_tokens(int64_t blocks, ddpm_block *out)
{
    ddpm_token_spec spec = token_spec(out->spec.model, out->spec.batch.block_rows, blocks);
    spec.packed = out->spec.packed;
    spec.lookup = out->spec.lookup;
    DDPM_TRY(DDPM_NEW(&out->tokens, spec.rows * spec.masked->columns, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->hidden, spec.rows * spec.masked->columns, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->order, spec.masked->columns, "an order of columns"));
    return ddpm_token_pass_create(&spec, &out->pass);
}

static ddpm_status create_noise(int64_t numbers, ddpm_block *out)
{
    DDPM_TRY(DDPM_NEW(&out->noise, numbers, "a block of rows"));
    DDPM_TRY(DDPM_NEW(&out->xt, numbers, "a block of rows"));
    return DDPM_NEW(&out->target, numbers, "a block of rows");
}

ddpm_status ddpm_block_create(const ddpm_block_spec *spec, int64_t blocks, ddpm_block *out)
{
    const ddpm_model *model = spec->model;
    const int64_t rows = blocks * spec->batch.block_rows, numbers = rows * model->columns;
    *out = (ddpm_block){.spec = *spec};
    DDPM_TRY(ddpm_workspace_create(model->network, rows, spec->batch.block_rows, 1, &out->workspace));
    DDPM_TRY(DDPM_NEW(&out->x0, numbers, "a block of rows"));
    DDPM_TRY(ddpm_model_is_masked(model) ? create_tokens(blocks, out) : create_noise(numbers, out));
    DDPM_TRY(DDPM_NEW(&out->values, rows * model->condition->count, "a block of conditions"));
    DDPM_TRY(DDPM_NEW(&out->condition, rows * ddpm_condition_width(model->condition), "a block of conditions"));
    DDPM_TRY(DDPM_NEW(&out->present, rows, "a block of conditions"));
    DDPM_TRY(DDPM_NEW(&out->t, rows, "a block of rows"));
    return DDPM_NEW(&out->importance, rows, "a block of rows");
}

void ddpm_block_release(ddpm_block *block)
{
    ddpm_workspace_free(block->workspace);
    ddpm_release(block->x0);
    ddpm_release(block->noise);
    ddpm_release(block->xt);
    ddpm_release(block->target);
    ddpm_release(block->hidden);
    ddpm_release(block->tokens);
    ddpm_release(block->order);
    ddpm_token_pass_release(&block->pass);
    ddpm_release(block->values);
    ddpm_release(block->condition);
    ddpm_release(block->present);
    ddpm_release(block->t);
    ddpm_release(block->importance);
    *block = (ddpm_block){0};
}

int64_t ddpm_block_bytes(const ddpm_model *model, int64_t block_rows, int64_t blocks)
{
    const ddpm_token_spec tokens = token_spec(model, block_rows, blocks);
    const int is_masked = ddpm_model_is_masked(model);
    const int64_t noise = is_masked ? 0 : 3 * model->columns, /* x_t and the target, too */
        hidden = is_masked ? model->columns * (int64_t)(1 + sizeof(int32_t)) : 0;
    const int64_t numbers =
        model->columns + noise + model->condition->count + ddpm_condition_width(model->condition) + 3;
    return ddpm_workspace_bytes(model->network, tokens.rows, 1) + (is_masked ? ddpm_token_pass_bytes(&tokens) : 0) +
           tokens.rows * (numbers * (int64_t)sizeof(float) + hidden);
}

/* Leave out the condition of some rows, so that the network learns to do without. Which ones is a pure function of a
 * row's place in its batch. */
static void drop_conditions(ddpm_block *block, int64_t iteration, int64_t first, int64_t rows)
{
    const ddpm_block_spec *spec = &block->spec;
    const ddpm_condition *condition = spec->model->condition;
    if (condition->count == 0) return;
    for (int64_t i = 0; i < rows; i++) {
        const ddpm_random4 words = ddpm_random_words(spec->seed, DDPM_RANDOM_DROPOUT, iteration, first + i, 0);
        block->present[i] = ddpm_random_uniform(words.v[0]) >= spec->condition_dropout;
    }
    ddpm_condition_expand(condition, rows, block->values, block->present, block->condition);
}

/* The noise of an iteration's rows: their own, where they have it, and else a pure function of a row's place in its
 * batch. */
static void draw_noise(ddpm_block *block, int64_t iteration, int64_t first, int64_t rows)
{
    const ddpm_block_spec *spec = &block->spec;
    const ddpm_kernels *kernels = ddpm_network_kernels(spec->model->network);
    const ddpm_normal_stream stream = {spec->seed, DDPM_RANDOM_NOISE, iteration};
    if (ddpm_dataset_is_paired(spec->dataset))
        ddpm_dataset_fill_noise(spec->dataset, kernels, iteration * spec->batch.whole + first, rows, block->noise);
    else
        ddpm_normal_rows(kernels, stream, first, ddpm_matrix_dense(block->noise, rows, spec->model->columns));
}

/* Make x_t of x_0, t and noise, and the target. */
static void add_noise(ddpm_block *block, int64_t rows)
{
    const ddpm_model *model = block->spec.model;
    ddpm_diffusion_noise_rows(&model->diffusion, rows, model->columns, block->x0, block->noise, block->t, block->xt,
                              block->target);
}

/* Hide t columns of each row. Which ones is a pure function of (seed, purpose, step, row). */
static void hide_columns(ddpm_block *block, ddpm_purpose purpose, int64_t step, int64_t first, int64_t rows)
{
    const int64_t columns = block->spec.model->columns;
    for (int64_t i = 0; i < rows; i++) {
        ddpm_masked_hide(columns, block->spec.seed, purpose, step, first + i, block->t[i], block->hidden + i * columns,
                         block->order);
        ddpm_masked_tokens(&block->spec.model->masked, block->x0 + i * columns, block->tokens + i * columns);
    }
}

/* Rows at .. at+rows-1 of the block. */
static ddpm_token_rows tokens_at(const ddpm_block *block, int64_t at, int64_t rows, const float *importance)
{
    const int64_t columns = block->spec.model->columns;
    return (ddpm_token_rows){.x0 = block->x0 + at * columns,
                             .tokens = block->tokens + at * columns,
                             .hidden = block->hidden + at * columns,
                             .t = block->t + at,
                             .importance = importance ? importance + at : NULL,
                             .count = rows};
}

static ddpm_const_matrix forward(ddpm_block *block, int64_t rows)
{
    const ddpm_model *model = block->spec.model;
    const ddpm_token_rows tokens = tokens_at(block, 0, rows, NULL);
    if (ddpm_model_is_masked(model))
        return ddpm_token_forward(&block->pass, block->workspace, &tokens, block->condition);
    return ddpm_network_forward(model->network, block->spec.packed, block->workspace, rows, block->xt, block->condition,
                                block->t);
}

ddpm_const_matrix ddpm_block_forward(ddpm_block *block, int64_t iteration, ddpm_range rows)
{
    const ddpm_block_spec *spec = &block->spec;
    const int64_t first = spec->batch.first + rows.first, count = rows.end - rows.first;
    ddpm_dataset_draw(spec->dataset, iteration * spec->batch.whole + first, count, block->x0, block->values);
    ddpm_timesteps_draw(spec->timesteps, spec->seed, iteration, first, count, block->t, block->importance);
    if (ddpm_model_is_masked(spec->model))
        hide_columns(block, DDPM_RANDOM_NOISE, iteration, first, count);
    else {
        draw_noise(block, iteration, first, count);
        add_noise(block, count);
    }
    drop_conditions(block, iteration, first, count);
    return forward(block, count);
}

/* The loss of rows that are numbers, and its gradient by the output where doutput has data. */
static double numbers_loss(const ddpm_block *block, int64_t at, int64_t rows, ddpm_const_matrix output,
                           const float *importance, double share, ddpm_matrix doutput, float *row_loss)
{
    const ddpm_model *model = block->spec.model;
    const int64_t columns = model->columns;
    const ddpm_const_matrix out = ddpm_const_matrix_part(output, at, rows);
    const ddpm_matrix dout = doutput.data ? ddpm_matrix_part(doutput, at, rows) : doutput;
    const float *weight = importance ? importance + at : NULL;
    float *row = row_loss ? row_loss + at : NULL;
    if (ddpm_model_is_classifier(model))
        return ddpm_classifier_rows(out, block->values + at * model->condition->count, weight, share, dout, row);
    const ddpm_const_matrix target = {block->target + at * columns, rows, columns, columns, 0};
    return ddpm_objective_rows(&model->objective, out, target, block->t + at, weight, share, dout, row);
}

double ddpm_block_loss(ddpm_block *block, int64_t at, int64_t rows, ddpm_const_matrix output, double share,
                       float *row_loss)
{
    const ddpm_token_rows tokens = tokens_at(block, at, rows, NULL);
    if (!ddpm_model_is_masked(block->spec.model))
        return numbers_loss(block, at, rows, output, NULL, share, (ddpm_matrix){0}, row_loss);
    return ddpm_token_loss(&block->pass, &tokens, ddpm_const_matrix_part(output, at, rows), share, NULL,
                           (ddpm_matrix){0}, row_loss ? row_loss + at : NULL);
}

/* The loss and the gradient by the output of a block of the rows that went forward. */
typedef double (*train_function)(ddpm_block *block, int64_t at, int64_t rows, ddpm_const_matrix output, double share,
                                 ddpm_gradient *gradient, float *row_loss);

static double train_numbers(ddpm_block *block, int64_t at, int64_t rows, ddpm_const_matrix output, double share,
                            ddpm_gradient *gradient, float *row_loss)
{
    (void)gradient;
    return numbers_loss(block, at, rows, output, block->importance, share,
                        ddpm_workspace_dout(block->workspace, output.rows), row_loss);
}

static double train_tokens(ddpm_block *block, int64_t at, int64_t rows, ddpm_const_matrix output, double share,
                           ddpm_gradient *gradient, float *row_loss)
{
    const ddpm_token_rows tokens = tokens_at(block, at, rows, block->importance);
    const ddpm_matrix dunits = ddpm_workspace_dhidden(block->spec.model->network, block->workspace, output.rows);
    return ddpm_token_loss(&block->pass, &tokens, ddpm_const_matrix_part(output, at, rows), share, gradient,
                           ddpm_matrix_part(dunits, at, rows), row_loss ? row_loss + at : NULL);
}

static void backward(ddpm_block *block, int64_t rows, ddpm_gradient *gradient)
{
    const ddpm_network *network = block->spec.model->network;
    const ddpm_token_rows tokens = tokens_at(block, 0, rows, NULL);
    if (!ddpm_model_is_masked(block->spec.model)) {
        ddpm_network_backward(network, block->spec.packed, block->workspace, rows, block->t, gradient);
        return;
    }
    const ddpm_const_matrix dz =
        ddpm_network_hidden_backward(network, block->spec.packed, block->workspace, rows, block->t, gradient);
    ddpm_token_backward(&block->pass, &tokens, dz, gradient);
}

void ddpm_block_train(ddpm_block *block, int64_t iteration, ddpm_range rows, ddpm_reducer *reducer, int thread,
                      float *row_loss)
{
    const ddpm_batch *batch = &block->spec.batch;
    const int64_t count = rows.end - rows.first;
    const double share = 1.0 / (double)batch->rows;
    const ddpm_dropout dropout = {block->spec.dropout, block->spec.seed, iteration, batch->first + rows.first};
    const train_function train = ddpm_model_is_masked(block->spec.model) ? train_tokens : train_numbers;
    ddpm_gradient *gradient = ddpm_reducer_gradient(reducer, thread);
    ddpm_workspace_set_dropout(block->workspace, &dropout);
    const ddpm_const_matrix output = ddpm_block_forward(block, iteration, rows);
    float *losses = row_loss ? row_loss + rows.first : NULL;
    for (int64_t at = 0; at < count; at += batch->block_rows) {
        const int64_t here = ddpm_smaller(count - at, batch->block_rows);
        ddpm_reducer_add_loss(reducer, thread, train(block, at, here, output, share, gradient, losses));
    }
    backward(block, count, gradient);
    ddpm_workspace_set_dropout(block->workspace, &(ddpm_dropout){0});
}

/* The noise of validation rows never changes. */
static void draw_validation_noise(ddpm_block *block, int64_t first, int64_t rows)
{
    const ddpm_block_spec *spec = &block->spec;
    const int64_t held_out = ddpm_dataset_held_out(spec->dataset), columns = spec->model->columns;
    const ddpm_kernels *kernels = ddpm_network_kernels(spec->model->network);
    const ddpm_normal_stream stream = {spec->seed, DDPM_RANDOM_VALIDATION, 0};
    ddpm_normal_rows(kernels, stream, first, ddpm_matrix_dense(block->noise, rows, columns));
    for (int64_t i = 0; ddpm_dataset_is_paired(spec->dataset) && i < rows; i++)
        ddpm_dataset_fill_noise_held_out(spec->dataset, kernels, (first + i) % held_out, 1, block->noise + i * columns);
}

double ddpm_block_validate(ddpm_block *block, int64_t draws, ddpm_range rows)
{
    const ddpm_block_spec *spec = &block->spec;
    const ddpm_model *model = spec->model;
    const int64_t held_out = ddpm_dataset_held_out(spec->dataset), first = rows.first, count = rows.end - first;
    for (int64_t i = 0; i < count; i++) {
        const ddpm_random4 words = ddpm_random_words(spec->seed, DDPM_RANDOM_VALIDATION, 1, first + i, 0);
        ddpm_dataset_fill_held_out(spec->dataset, (first + i) % held_out, 1, block->x0 + i * model->columns,
                                   block->values + i * model->condition->count);
        block->t[i] = (int32_t)(1 + ddpm_random_below(words.v[0], model->diffusion.schedule.steps));
    }
    if (ddpm_model_is_masked(model))
        hide_columns(block, DDPM_RANDOM_VALIDATION, 0, first, count);
    else {
        draw_validation_noise(block, first, count);
        add_noise(block, count);
    }
    ddpm_condition_expand(model->condition, count, block->values, NULL, block->condition);
    return ddpm_block_loss(block, 0, count, forward(block, count), 1.0 / (double)draws, NULL);
}
