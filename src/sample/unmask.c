/* Draws the hidden columns of rows, one a step or several. */
#include "sample/unmask.h"

#include "base/auto.h"
#include "base/memory.h"
#include "base/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOGETHER = 128 }; /* most rows that go through the network together */

/* A row in a step, as it is sorted: by what it shows, and by its condition. */
typedef struct ddpm_unmask_row {
    const int32_t *shown;
    const float *condition; /* NULL: none */
    size_t shown_bytes, condition_bytes;
    int64_t row, hidden; /* which one, and how many columns it hides */
    ddpm_range drawn;    /* the columns that it draws, as places in its order */
    int64_t place;       /* of the rows that go through the network together, the one that is alike */
} sorted_row;

/* The rows of a call. */
typedef struct rows_call {
    uint64_t seed;
    int64_t first, rows, step, sweep;
    const float *condition;
    float *x;
} rows_call;

static ddpm_status create_matrix(const ddpm_model *model, int64_t columns, ddpm_matrix *out)
{
    const int64_t stride = ddpm_round_up(columns, ddpm_network_kernels(model->network)->panel);
    *out = (ddpm_matrix){NULL, TOGETHER, columns, stride, 0};
    return DDPM_NEW(&out->data, TOGETHER * stride, "a block of samples");
}

/* The most outputs of a column, with those before it. */
static int64_t most_outputs(const ddpm_model *model)
{
    int64_t most = 0;
    for (int64_t j = 0; j < model->columns; j++) {
        const ddpm_range range = ddpm_masked_coefficients(&model->masked, j);
        most = ddpm_larger(most, range.end - range.first + ddpm_network_outputs_before(model->network, range));
    }
    return most;
}

/* Whether a column is drawn again: its value is near what many others say, and no other column follows from it. */
static int is_redrawn(const ddpm_column_vocabulary *column)
{
    return column->has_scores && column->links == 0;
}

/* Once, where most columns are drawn again: beside few of them, they hardly depend on each other. */
static int64_t redraws_of(const ddpm_masked *masked)
{
    int64_t count = 0;
    for (int64_t j = 0; j < masked->columns; j++) count += is_redrawn(&masked->vocabulary->column[j]);
    return 4 * count > 3 * masked->columns;
}

ddpm_status ddpm_unmask_create(const ddpm_model *model, const ddpm_packed *packed, const ddpm_lookup *lookup,
                               int64_t rows, int64_t steps, int64_t redraws, ddpm_unmask *out)
{
    const int64_t columns = model->columns, width = ddpm_network_get_spec(model->network)->width;
    *out = (ddpm_unmask){.model = model,
                         .packed = packed,
                         .lookup = lookup,
                         .steps = steps > 0 ? ddpm_smaller(steps, columns) : columns,
                         .redraws = redraws == DDPM_AUTO ? redraws_of(&model->masked) : redraws};
    for (int64_t j = 0; j < columns; j++) out->entries += 1 + (model->masked.vocabulary->column[j].twin > 0);
    DDPM_TRY(DDPM_NEW(&out->shown, rows * out->entries, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->list, out->entries, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->order, rows * columns, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->unknown, rows, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->sorted, rows, "a block of samples"));
    DDPM_TRY(ddpm_workspace_create(model->network, TOGETHER, TOGETHER, 0, &out->workspace));
    DDPM_TRY(create_matrix(model, width, &out->entry));
    DDPM_TRY(create_matrix(model, width, &out->drawn));
    DDPM_TRY(create_matrix(model, most_outputs(model), &out->output));
    DDPM_TRY(DDPM_NEW(&out->condition, TOGETHER * ddpm_condition_width(model->condition), "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->p, model->masked.tokens, "logits"));
    DDPM_TRY(DDPM_NEW(&out->scratch, ddpm_masked_scratch(&model->masked), "logits"));
    DDPM_TRY(DDPM_NEW(&out->tokens, columns, "a block of samples"));
    DDPM_TRY(DDPM_NEW(&out->hidden, columns, "a block of samples"));
    return DDPM_NEW(&out->t, TOGETHER, "a block of samples");
}

void ddpm_unmask_release(ddpm_unmask *unmask)
{
    ddpm_release(unmask->shown);
    ddpm_release(unmask->list);
    ddpm_release(unmask->order);
    ddpm_release(unmask->unknown);
    ddpm_release(unmask->sorted);
    ddpm_workspace_free(unmask->workspace);
    ddpm_release(unmask->entry.data);
    ddpm_release(unmask->drawn.data);
    ddpm_release(unmask->output.data);
    ddpm_release(unmask->condition);
    ddpm_release(unmask->p);
    ddpm_release(unmask->scratch);
    ddpm_release(unmask->hidden);
    ddpm_release(unmask->tokens);
    ddpm_release(unmask->t);
    *unmask = (ddpm_unmask){0};
}

/* Which of the random orders a row has. */
static int64_t order_of(int64_t row)
{
    return row < DDPM_UNMASK_OWN ? row : DDPM_UNMASK_OWN + row / DDPM_UNMASK_ROWS;
}

/* After the entries of all columns come those of links to twins, where they are shown; -1: not so. */
static void show_links(ddpm_unmask *u, int64_t i, const float *x)
{
    const ddpm_masked *masked = &u->model->masked;
    int32_t *shown = u->shown + i * u->entries, *at = shown + masked->columns;
    if (u->entries == masked->columns) return;
    for (int64_t j = 0; j < masked->columns; j++) u->hidden[j] = shown[j] == ddpm_lookup_hidden(u->lookup, masked, j);
    for (int64_t j = 0; j < masked->columns; j++) {
        if (masked->vocabulary->column[j].twin == 0) continue;
        const int64_t link = ddpm_masked_shown_link(masked, j, x, u->hidden);
        *at++ = link < 0 ? -1 : ddpm_lookup_shown(u->lookup, j, (int32_t)link);
    }
}

/* Let each column come after its twin, whose value it then can follow. */
static void put_twins_first(const ddpm_vocabulary *v, int32_t *order)
{
    for (int64_t at = 0; at < v->columns; at++)
        for (int64_t later = at + 1; later < v->columns; later++) {
            if (v->column[order[at]].twin != order[later] + 1) continue;
            const int32_t column = order[at];
            order[at] = order[later];
            order[later] = column;
            later = at; /* the twin may have one, too */
        }
}

/* Hide what is not known, and keep of the order the columns that are hidden. */
static void begin_row(ddpm_unmask *u, uint64_t seed, int64_t row, int64_t i, const float *known, float *x)
{
    const int64_t columns = u->model->columns;
    int32_t *order = u->order + i * columns, *shown = u->shown + i * u->entries;
    int64_t count = 0;
    ddpm_masked_order(columns, seed, DDPM_RANDOM_START, 0, order_of(row), order);
    put_twins_first(u->model->masked.vocabulary, order);
    for (int64_t at = 0; at < columns; at++) {
        const int32_t column = order[at];
        const int is_hidden = !known || isnan(known[column]);
        /* what is known follows from nothing */
        x[column] = is_hidden ? 0.0f : ddpm_twins_own(u->model->masked.vocabulary, known, column);
        shown[column] = is_hidden ? ddpm_lookup_hidden(u->lookup, &u->model->masked, column)
                                  : ddpm_lookup_shown(u->lookup, column, (int32_t)x[column]);
        if (is_hidden) order[count++] = column;
    }
    u->unknown[i] = count;
    show_links(u, i, x);
}

/* The columns of a row, as places in its order, that step `step` draws. */
static ddpm_range drawn_in(const ddpm_unmask *u, int64_t i, int64_t step)
{
    return (ddpm_range){u->unknown[i] * step / u->steps, u->unknown[i] * (step + 1) / u->steps};
}

/* Hide again the column at a place of a row's order. @return  that place, or none. */
static ddpm_range hide_again(ddpm_unmask *u, int64_t i, int64_t place)
{
    const ddpm_masked *masked = &u->model->masked;
    const int32_t column = place < u->unknown[i] ? u->order[i * masked->columns + place] : -1;
    if (column < 0 || !is_redrawn(&masked->vocabulary->column[column])) return (ddpm_range){0, 0};
    u->shown[i * u->entries + column] = ddpm_lookup_hidden(u->lookup, masked, column);
    return (ddpm_range){place, place + 1};
}

static int draws(const ddpm_unmask *u, const sorted_row *row, int64_t column)
{
    for (int64_t at = row->drawn.first; at < row->drawn.end; at++)
        if (u->order[row->row * u->model->columns + at] == column) return 1;
    return 0;
}

/* ---- rows that are alike ---- */

static int compare(const void *left, const void *right)
{
    const sorted_row *a = left, *b = right;
    const int by_shown = memcmp(a->shown, b->shown, a->shown_bytes);
    if (by_shown != 0 || !a->condition) return by_shown;
    return memcmp(a->condition, b->condition, a->condition_bytes);
}

/* Sort the rows that draw anything in a step. @return  their number. */
static int64_t sort_rows(ddpm_unmask *u, const rows_call *call)
{
    const int64_t C = ddpm_condition_width(u->model->condition);
    int64_t count = 0;
    for (int64_t i = 0; i < call->rows; i++) {
        const ddpm_range range = call->sweep > 0 ? hide_again(u, i, call->step) : drawn_in(u, i, call->step);
        if (range.end > range.first)
            u->sorted[count++] = (sorted_row){.shown = u->shown + i * u->entries,
                                              .condition = call->condition ? call->condition + i * C : NULL,
                                              .shown_bytes = (size_t)u->entries * sizeof *u->shown,
                                              .condition_bytes = (size_t)C * sizeof *call->condition,
                                              .row = i,
                                              .hidden = call->sweep > 0 ? 1 : u->unknown[i] - range.first,
                                              .drawn = range};
    }
    qsort(u->sorted, (size_t)count, sizeof *u->sorted, compare);
    return count;
}

/* List what a row shows. @return  how many entries there are. */
static int64_t list_shown(const ddpm_unmask *u, const int32_t *shown)
{
    int64_t count = 0;
    for (int64_t j = 0; j < u->entries; j++)
        if (shown[j] >= 0) u->list[count++] = shown[j];
    return count;
}

/* Take sorted rows from `first` on, as many as have TOGETHER different ones among them, and make what the network reads
 * of each different one.
 *  @param[out] end  of the rows that are taken.
 *  @return  how many are different. */
static int64_t take_rows(ddpm_unmask *u, int64_t first, int64_t count, int64_t *end)
{
    const int64_t C = ddpm_condition_width(u->model->condition);
    const ddpm_kernels *kernels = ddpm_network_kernels(u->model->network);
    int64_t different = 0;
    for (*end = first; *end < count; (*end)++) {
        sorted_row *row = &u->sorted[*end];
        if (*end == first || compare(row - 1, row) != 0) {
            if (different == TOGETHER) break;
            const int64_t entries = list_shown(u, row->shown);
            kernels->sum_rows(ddpm_matrix_read(u->lookup->table), entries, u->list,
                              u->entry.data + different * u->entry.stride);
            u->t[different] = (int32_t)row->hidden;
            if (row->condition) memcpy(u->condition + different * C, row->condition, row->condition_bytes);
            different++;
        }
        row->place = different - 1;
    }
    return different;
}

/* ---- drawing ---- */

/* The links of a column that are open to a row as the step began: what it draws together is not yet shown. */
static uint32_t open_links(ddpm_unmask *u, const sorted_row *row, int64_t column)
{
    const ddpm_masked *masked = &u->model->masked;
    if (masked->vocabulary->column[column].links == 0) return 0;
    for (int64_t j = 0; j < masked->columns; j++) {
        u->hidden[j] = row->shown[j] == ddpm_lookup_hidden(u->lookup, masked, j) || draws(u, row, j);
        u->tokens[j] = (int32_t)(row->shown[j] - u->lookup->first[j]);
    }
    return ddpm_masked_open(masked, column, u->tokens, u->hidden);
}

/* Draw a column of those rows first .. end-1 of the sorted ones for which it is due. */
static void draw_column(ddpm_unmask *u, const rows_call *call, int64_t column, ddpm_const_matrix hidden, int64_t first,
                        int64_t end)
{
    const ddpm_masked *masked = &u->model->masked;
    const int64_t columns = masked->columns;
    int64_t count = 0, place = -1, at = -1;
    for (int64_t i = first; i < end; i++) {
        const sorted_row *row = &u->sorted[i];
        if (row->place == place || !draws(u, row, column)) continue;
        place = row->place;
        memcpy(u->drawn.data + count++ * u->drawn.stride, hidden.data + place * hidden.stride,
               (size_t)hidden.columns * sizeof *hidden.data);
    }
    if (count == 0) return;
    const ddpm_const_matrix output = ddpm_network_some_outputs(
        u->model->network, u->packed, (ddpm_const_matrix){u->drawn.data, count, u->drawn.columns, u->drawn.stride, 0},
        ddpm_masked_coefficients(masked, column), u->output, NULL);
    place = -1;
    uint32_t open = 0;
    for (int64_t i = first; i < end; i++) {
        const sorted_row *row = &u->sorted[i];
        float *x = call->x + row->row * columns;
        if (!draws(u, row, column)) continue;
        if (row->place != place) {
            open = open_links(u, row, column);
            ddpm_masked_probabilities(masked, ddpm_network_kernels(u->model->network), column, open,
                                      output.data + ++at * output.stride, u->p, u->scratch);
        }
        place = row->place;
        const ddpm_random4 words =
            ddpm_random_words(call->seed, DDPM_RANDOM_REVERSE, call->sweep, call->first + row->row, (uint32_t)column);
        ddpm_masked_draw(masked, column, u->p, open, words, x);
        u->shown[row->row * u->entries + column] =
            ddpm_lookup_shown(u->lookup, column, (int32_t)ddpm_twins_own(masked->vocabulary, x, column));
    }
}

static void run_step(ddpm_unmask *u, const rows_call *call)
{
    const int64_t count = sort_rows(u, call);
    for (int64_t first = 0, end; first < count; first = end) {
        const int64_t different = take_rows(u, first, count, &end);
        const ddpm_const_matrix entry = {u->entry.data, different, u->entry.columns, u->entry.stride, 0},
                                hidden = ddpm_network_hidden(u->model->network, u->packed, u->workspace, entry,
                                                             call->condition ? u->condition : NULL, u->t);
        for (int64_t j = 0; j < u->model->columns; j++) draw_column(u, call, j, hidden, first, end);
        for (int64_t i = first; i < end; i++)
            show_links(u, u->sorted[i].row, call->x + u->sorted[i].row * u->model->columns);
    }
}

void ddpm_unmask_rows(ddpm_unmask *unmask, uint64_t seed, int64_t first, int64_t rows, const float *condition,
                      const float *known, int64_t stride, float *x)
{
    const int64_t columns = unmask->model->columns;
    rows_call call = {.seed = seed, .first = first, .rows = rows, .condition = condition, .x = x};
    for (int64_t i = 0; i < rows; i++)
        begin_row(unmask, seed, first + i, i, known ? known + i * stride : NULL, x + i * columns);
    for (; call.step < unmask->steps; call.step++) run_step(unmask, &call);
    for (call.sweep = 1; call.sweep <= unmask->redraws; call.sweep++)
        for (call.step = 0; call.step < columns; call.step++) run_step(unmask, &call);
}
