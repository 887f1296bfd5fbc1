/* Looks tokens up, gathers the rows that hide a column, and adds the gradients of both ends of the network. */
#include "model/token_pass.h"

#include "base/memory.h"

#include <string.h>

/* ---- memory ---- */

/* Take the next numbers of the memory; without memory they are only counted. */
static float *take(const ddpm_token_pass *pass, int64_t numbers, int64_t *used)
{
    enum { LINE = DDPM_ALIGNMENT / (int)sizeof(float) };
    float *taken = pass->numbers ? pass->numbers + *used : NULL;
    *used += ddpm_round_up(numbers, LINE);
    return taken;
}

static ddpm_matrix take_matrix(const ddpm_token_pass *pass, int64_t rows, int64_t columns, int64_t *used)
{
    const int64_t stride = ddpm_round_up(columns, ddpm_network_kernels(pass->spec.network)->panel);
    return (ddpm_matrix){take(pass, rows * stride, used), rows, columns, stride, 0};
}

/* The most outputs of a group, with those before them. */
static int64_t most_outputs(const ddpm_token_spec *spec)
{
    int64_t most = 0;
    for (int64_t g = 0; g < spec->masked->groups; g++) {
        const ddpm_range range = spec->masked->group[g].coefficients;
        most = ddpm_larger(most, range.end - range.first + ddpm_network_outputs_before(spec->network, range));
    }
    return most;
}

/* The most inputs of a row that are not one token's: the smooth ones of a column, or which columns are hidden. */
static int64_t most_inputs(const ddpm_masked *masked)
{
    return ddpm_larger(masked->columns, DDPM_MASKED_SMOOTH_MOST);
}

/* @return  how many numbers there are. */
static int64_t lay_out(ddpm_token_pass *pass)
{
    const ddpm_token_spec *s = &pass->spec;
    const ddpm_kernels *kernels = ddpm_network_kernels(s->network);
    const int64_t width = ddpm_network_get_spec(s->network)->width, outputs = most_outputs(s),
                  inputs = most_inputs(s->masked);
    int64_t used = 0, scratch = ddpm_product_scratch(kernels, s->block, width, outputs);
    pass->entry = take_matrix(pass, s->rows, width, &used);
    pass->gathered = take_matrix(pass, s->block, width, &used);
    pass->output = take_matrix(pass, s->block, outputs, &used);
    pass->logits = take(pass, ddpm_masked_scratch(s->masked), &used);
    if (s->backward) {
        pass->dgathered = take_matrix(pass, s->block, width, &used);
        pass->doutput = take_matrix(pass, s->block, outputs, &used);
        pass->input = take_matrix(pass, s->rows, inputs, &used);
        pass->row = take_matrix(pass, 1, width, &used).data;
        pass->sums = take_matrix(pass, 1, outputs, &used).data;
        scratch = ddpm_larger(scratch, ddpm_product_scratch(kernels, s->rows, inputs, width));
    }
    pass->scratch = take(pass, scratch, &used);
    return used;
}

static int64_t count_integers(const ddpm_token_spec *spec)
{
    return 2 * spec->masked->columns + 3 * spec->block + spec->masked->tokens;
}

ddpm_status ddpm_token_pass_create(const ddpm_token_spec *spec, ddpm_token_pass *out)
{
    *out = (ddpm_token_pass){.spec = *spec};
    DDPM_TRY(DDPM_NEW(&out->numbers, lay_out(out), "activations"));
    (void)lay_out(out);
    DDPM_TRY(DDPM_NEW(&out->integers, count_integers(spec), "activations"));
    out->entries = out->integers;
    out->place = out->entries + 2 * spec->masked->columns;
    out->next = out->place + spec->block;
    out->alike = out->next + spec->block;
    out->head = out->alike + spec->block;
    for (int64_t k = 0; k < spec->masked->tokens; k++) out->head[k] = -1;
    return DDPM_NEW(&out->loss, spec->block, "activations");
}

void ddpm_token_pass_release(ddpm_token_pass *pass)
{
    ddpm_release(pass->numbers);
    ddpm_release(pass->integers);
    ddpm_release(pass->loss);
    *pass = (ddpm_token_pass){0};
}

int64_t ddpm_token_pass_bytes(const ddpm_token_spec *spec)
{
    ddpm_token_pass counted = {.spec = *spec};
    return lay_out(&counted) * (int64_t)sizeof(float) + count_integers(spec) * (int64_t)sizeof(int32_t) +
           spec->block * (int64_t)sizeof(double);
}

/* ---- forward ---- */

ddpm_const_matrix ddpm_token_forward(ddpm_token_pass *pass, ddpm_workspace *workspace, const ddpm_token_rows *rows,
                                     const float *condition)
{
    const ddpm_token_spec *s = &pass->spec;
    const int64_t columns = s->masked->columns;
    for (int64_t i = 0; i < rows->count; i++) {
        for (int64_t j = 0; j < columns; j++)
            pass->entries[j] = rows->hidden[i * columns + j]
                                   ? ddpm_lookup_hidden(s->lookup, s->masked, j)
                                   : ddpm_lookup_shown(s->lookup, j, rows->tokens[i * columns + j]);
        int64_t count = columns;
        for (int64_t j = 0; j < columns; j++) {
            const int64_t link =
                ddpm_masked_shown_link(s->masked, j, rows->x0 + i * columns, rows->hidden + i * columns);
            if (link >= 0) pass->entries[count++] = ddpm_lookup_shown(s->lookup, j, (int32_t)link);
        }
        ddpm_network_kernels(s->network)
            ->sum_rows(ddpm_matrix_read(s->lookup->table), count, pass->entries,
                       pass->entry.data + i * pass->entry.stride);
    }
    return ddpm_network_hidden(s->network, s->packed, workspace,
                               ddpm_matrix_read(ddpm_matrix_part(pass->entry, 0, rows->count)), condition, rows->t);
}

/* ---- the loss ---- */

/* The rows that a group computes outputs of: all, or those that hide its column. @return  their number. */
static int64_t choose_rows(const ddpm_token_pass *pass, const ddpm_token_rows *rows, const ddpm_masked_group *group)
{
    int64_t count = 0;
    for (int64_t i = 0; i < rows->count; i++)
        if (!group->is_wide || rows->hidden[i * pass->spec.masked->columns + group->columns.first])
            pass->place[count++] = (int32_t)i;
    return count;
}

static ddpm_const_matrix gather(const ddpm_token_pass *pass, ddpm_const_matrix units, int64_t count)
{
    if (count == units.rows) return units;
    for (int64_t i = 0; i < count; i++)
        memcpy(pass->gathered.data + i * pass->gathered.stride, units.data + pass->place[i] * units.stride,
               (size_t)units.columns * sizeof *units.data);
    return (ddpm_const_matrix){pass->gathered.data, count, units.columns, pass->gathered.stride, 0};
}

/* Each row gains what its columns of a group add to its gradient by the units. */
static void scatter(const ddpm_token_pass *pass, int64_t count, ddpm_matrix dunits)
{
    for (int64_t i = 0; i < count; i++) {
        const float *restrict from = pass->dgathered.data + i * pass->dgathered.stride;
        float *restrict to = dunits.data + pass->place[i] * dunits.stride;
        for (int64_t j = 0; j < dunits.columns; j++) to[j] += from[j];
    }
}

/* D / t and, times it, the weight of a row in the loss. */
static double bound_of(const ddpm_token_pass *pass, const ddpm_token_rows *rows, int64_t row)
{
    return (double)pass->spec.masked->columns / (double)rows->t[row];
}

static double weight_of(const ddpm_token_pass *pass, const ddpm_token_rows *rows, int64_t row, double share)
{
    return share * (rows->importance ? (double)rows->importance[row] : 1.0) * bound_of(pass, rows, row);
}

/* Add the losses of a row's hidden columns of a group, and set their gradients. */
static void add_losses(ddpm_token_pass *pass, const ddpm_token_rows *rows, const ddpm_masked_group *group, int64_t row,
                       const float *output, double weight, float *doutput)
{
    const ddpm_masked *masked = pass->spec.masked;
    const ddpm_kernels *kernels = ddpm_network_kernels(pass->spec.network);
    const float *x0 = rows->x0 + row * masked->columns;
    const int32_t *tokens = rows->tokens + row * masked->columns;
    const uint8_t *hidden = rows->hidden + row * masked->columns;
    for (int64_t j = group->columns.first; j < group->columns.end; j++) {
        const int64_t own = masked->column[j].first - group->coefficients.first;
        if (!hidden[j]) continue;
        const uint32_t open = ddpm_masked_open(masked, j, tokens, hidden);
        pass->loss[row] +=
            ddpm_masked_column_loss(masked, kernels, j, ddpm_masked_target(masked, j, x0, tokens, open), open,
                                    output + own, weight, doutput ? doutput + own : NULL, pass->logits);
    }
}

static void group_loss(ddpm_token_pass *pass, const ddpm_token_rows *rows, const ddpm_masked_group *group,
                       ddpm_const_matrix units, double share, ddpm_gradient *gradient, ddpm_matrix dunits)
{
    const ddpm_token_spec *s = &pass->spec;
    const ddpm_range outputs = group->coefficients;
    const int64_t count = choose_rows(pass, rows, group), before = ddpm_network_outputs_before(s->network, outputs),
                  all = before + outputs.end - outputs.first;
    if (count == 0) return;
    const ddpm_const_matrix x = gather(pass, units, count),
                            output = ddpm_network_some_outputs(s->network, s->packed, x, outputs, pass->output,
                                                               pass->scratch);
    for (int64_t i = 0; i < count; i++) {
        float *doutput = gradient ? pass->doutput.data + i * pass->doutput.stride : NULL;
        if (doutput) memset(doutput, 0, (size_t)all * sizeof *doutput);
        add_losses(pass, rows, group, pass->place[i], output.data + i * output.stride,
                   weight_of(pass, rows, pass->place[i], share), doutput ? doutput + before : NULL);
    }
    if (!gradient) return;
    ddpm_network_some_outputs_backward(
        s->network, s->packed, x, outputs, (ddpm_const_matrix){pass->doutput.data, count, all, pass->doutput.stride, 0},
        ddpm_matrix_part(pass->dgathered, 0, count), gradient, pass->sums, pass->scratch);
    scatter(pass, count, dunits);
}

double ddpm_token_loss(ddpm_token_pass *pass, const ddpm_token_rows *rows, ddpm_const_matrix units, double share,
                       ddpm_gradient *gradient, ddpm_matrix dunits, float *row_loss)
{
    double total = 0.0;
    for (int64_t i = 0; i < rows->count; i++) {
        pass->loss[i] = 0.0;
        if (gradient) memset(dunits.data + i * dunits.stride, 0, (size_t)dunits.columns * sizeof *dunits.data);
    }
    for (int64_t g = 0; g < pass->spec.masked->groups; g++)
        group_loss(pass, rows, &pass->spec.masked->group[g], units, share, gradient, dunits);
    for (int64_t i = 0; i < rows->count; i++) {
        if (row_loss) row_loss[i] = (float)(bound_of(pass, rows, i) * pass->loss[i]);
        total += weight_of(pass, rows, i, share) * pass->loss[i];
    }
    return total;
}

/* ---- the gradient of the first layer ---- */

/* Rows of the weight that all rows may have to do with: a product. */
static void add_product(ddpm_token_pass *pass, int64_t first, int64_t inputs, ddpm_const_matrix dz,
                        ddpm_gradient *gradient)
{
    const ddpm_tensor *tensors;
    const int64_t entry = ddpm_network_entry(pass->spec.network), width = dz.columns;
    (void)ddpm_network_tensors(pass->spec.network, &tensors);
    const ddpm_const_matrix x = {pass->input.data, dz.rows, inputs, pass->input.stride, 0};
    ddpm_gradient_add_product(gradient, entry, tensors[entry].offset + first * width, width, x, dz, pass->spec.block,
                              pass->scratch);
}

static void add_hidden(ddpm_token_pass *pass, const ddpm_token_rows *rows, ddpm_const_matrix dz,
                       ddpm_gradient *gradient)
{
    const ddpm_masked *masked = pass->spec.masked;
    for (int64_t i = 0; i < rows->count; i++)
        for (int64_t j = 0; j < masked->columns; j++)
            pass->input.data[i * pass->input.stride + j] =
                rows->hidden[i * masked->columns + j] ? masked->input_scale : 0.0f;
    add_product(pass, masked->coefficients, masked->columns, dz, gradient);
}

static void add_smooth(ddpm_token_pass *pass, const ddpm_token_rows *rows, int64_t column, ddpm_const_matrix dz,
                       ddpm_gradient *gradient)
{
    const ddpm_masked *masked = pass->spec.masked;
    const ddpm_masked_column *c = &masked->column[column];
    if (c->smooth == 0) return;
    for (int64_t i = 0; i < rows->count; i++) {
        const int64_t at = i * masked->columns + column, token = rows->tokens[at];
        const float *functions = c->of_token.data + token * c->of_token.stride,
                    scale = rows->hidden[at] ? 0.0f : masked->input_scale;
        for (int64_t f = 0; f < c->smooth; f++) pass->input.data[i * pass->input.stride + f] = scale * functions[f];
        const int64_t link =
            ddpm_masked_shown_link(masked, column, rows->x0 + i * masked->columns, rows->hidden + i * masked->columns);
        for (int64_t f = 0; link >= 0 && f < c->smooth; f++)
            pass->input.data[i * pass->input.stride + f] += scale * c->of_token.data[link * c->of_token.stride + f];
    }
    add_product(pass, c->first + c->exact, c->smooth, dz, gradient);
}

/* A row of the weight that belongs to one token: the sum over the rows of a block that show it. */
static void add_tokens(ddpm_token_pass *pass, const ddpm_token_rows *rows, ddpm_range block, int64_t column,
                       ddpm_const_matrix dz, ddpm_gradient *gradient)
{
    const ddpm_masked *masked = pass->spec.masked;
    const ddpm_masked_column *c = &masked->column[column];
    const ddpm_kernels *kernels = ddpm_network_kernels(pass->spec.network);
    const ddpm_tensor *tensors;
    const int64_t entry = ddpm_network_entry(pass->spec.network), count = block.end - block.first;
    const float scale = c->scale * masked->input_scale;
    (void)ddpm_network_tensors(pass->spec.network, &tensors);
    for (int64_t i = count; i-- > 0;) {
        const int64_t at = (block.first + i) * masked->columns + column, token = rows->tokens[at];
        if (rows->hidden[at] || token >= c->exact) continue;
        pass->next[i] = pass->head[token];
        pass->head[token] = (int32_t)i;
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = (block.first + i) * masked->columns + column, token = rows->tokens[at];
        int64_t found = 0;
        if (rows->hidden[at] || token >= c->exact || pass->head[token] != (int32_t)i) continue;
        for (int32_t row = (int32_t)i; row >= 0; row = pass->next[row]) pass->alike[found++] = row;
        pass->head[token] = -1;
        kernels->sum_rows(ddpm_const_matrix_part(dz, block.first, count), found, pass->alike, pass->row);
        for (int64_t j = 0; j < dz.columns; j++) pass->row[j] *= scale;
        ddpm_gradient_add(gradient, entry, tensors[entry].offset + (c->first + token) * dz.columns, dz.columns,
                          pass->row);
    }
}

void ddpm_token_backward(ddpm_token_pass *pass, const ddpm_token_rows *rows, ddpm_const_matrix dz,
                         ddpm_gradient *gradient)
{
    const int64_t columns = pass->spec.masked->columns, block = pass->spec.block;
    add_hidden(pass, rows, dz, gradient);
    for (int64_t j = 0; j < columns; j++) {
        add_smooth(pass, rows, j, dz, gradient);
        for (int64_t at = 0; at < rows->count; at += block)
            add_tokens(pass, rows, (ddpm_range){at, ddpm_smaller(at + block, rows->count)}, j, dz, gradient);
    }
}
