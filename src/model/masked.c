/* Hides columns, turns outputs into probabilities, and measures the loss. */
#include "model/masked.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum {
    SMOOTH = DDPM_VOCABULARY_SMOOTH,
    SHARED_FROM = SMOOTH, /* a number of more spikes than this has smooth functions of their rank, too */
    WIDE = 64,            /* a column of so many coefficients is a group of its own */
    PANEL_MOST = 64       /* a multiple of every panel */
};

/* Of the exact coefficients beside smooth ones of the same tokens, which carry most of what is known. */
static const float BESIDE_SMOOTH = 0.3f;

/* The logarithm of the share of a token that no training row has. */
static const float NEVER = -80.0f;

static const double PI = 3.14159265358979323846;

/* Function f of a rank in 0..1: a cosine, and the smaller the faster it is, so that smooth functions come first. */
static float smooth_function(int64_t f, double rank)
{
    const double frequency = (double)(f + 1);
    return (float)(cos(PI * frequency * rank) * sqrt(2.0) / (1.0 + frequency / 8.0));
}

/* Set the smooth functions of the tokens from `first` on, each at the middle of the ranks that it covers. */
static void set_functions(const double *rows, int64_t first, ddpm_masked_column *c)
{
    double all = 0.0, before = 0.0;
    for (int64_t k = first; k < c->tokens; k++) all += rows[k];
    for (int64_t k = first; k < c->tokens; k++) {
        const double rank = (before + 0.5 * rows[k]) / all;
        before += rows[k];
        for (int64_t f = 0; f < c->smooth; f++)
            c->of_token.data[k * c->of_token.stride + f] = c->function.data[f * c->function.stride + k] =
                smooth_function(f, rank);
    }
}

/* Padded for the kernels of any processor. */
static ddpm_status create_functions(int64_t rows, int64_t columns, ddpm_matrix *out)
{
    *out = (ddpm_matrix){NULL, rows, columns, ddpm_round_up(columns, PANEL_MOST)};
    return DDPM_NEW(&out->data, rows * out->stride, "functions of tokens");
}

static ddpm_status create_column(const ddpm_column_vocabulary *v, ddpm_masked_column *c)
{
    const int shares_spikes = v->bins == 0 && v->layout.kind == DDPM_COLUMN_NUMBER && v->spikes > SHARED_FROM;
    c->tokens = ddpm_column_tokens(v);
    c->exact = v->bins == 1 ? c->tokens : 1 + v->spikes;
    c->smooth = v->bins > 1 || shares_spikes ? SMOOTH : 0;
    c->scale = shares_spikes ? BESIDE_SMOOTH : 1.0f;
    DDPM_TRY(create_functions(c->smooth, c->tokens, &c->function));
    DDPM_TRY(create_functions(c->tokens, c->smooth, &c->of_token));
    DDPM_TRY(DDPM_NEW(&c->marginal, c->tokens, "shares of tokens"));
    if (c->smooth > 0) set_functions(v->rows, shares_spikes ? 1 : c->exact, c);
    return DDPM_OK;
}

/* Set the shares of a column's tokens. @return  their entropy. */
static double set_marginal(const ddpm_column_vocabulary *v, ddpm_masked_column *c)
{
    double all = 0.0, entropy = 0.0;
    for (int64_t k = 0; k < c->tokens; k++) all += v->rows[k];
    for (int64_t k = 0; k < c->tokens; k++) {
        const double share = v->rows[k] / all;
        c->marginal[k] = share > 0.0 ? (float)log(share) : NEVER;
        if (share > 0.0) entropy -= share * log(share);
    }
    return entropy;
}

static int is_wide(const ddpm_masked_column *c)
{
    return c->exact + c->smooth >= WIDE;
}

/* Narrow columns that follow each other are a group. */
static ddpm_status create_groups(ddpm_masked *masked)
{
    DDPM_TRY(DDPM_NEW(&masked->group, masked->columns, "columns of tokens"));
    for (int64_t j = 0; j < masked->columns; j++) {
        ddpm_masked_group *group = &masked->group[masked->groups];
        const int wide = is_wide(&masked->column[j]);
        if (wide || masked->groups == 0 || group[-1].is_wide) {
            *group = (ddpm_masked_group){{j, j}, ddpm_masked_coefficients(masked, j), wide};
            masked->groups++;
        } else
            group--;
        group->columns.end = j + 1;
        group->coefficients.end = ddpm_masked_coefficients(masked, j).end;
    }
    return DDPM_OK;
}

ddpm_status ddpm_masked_create(const ddpm_vocabulary *vocabulary, ddpm_masked *out)
{
    *out = (ddpm_masked){.vocabulary = vocabulary, .columns = vocabulary->columns};
    DDPM_TRY(DDPM_NEW(&out->column, out->columns, "columns of tokens"));
    for (int64_t j = 0; j < out->columns; j++) {
        ddpm_masked_column *c = &out->column[j];
        DDPM_TRY(create_column(&vocabulary->column[j], c));
        out->independent += set_marginal(&vocabulary->column[j], c);
        c->first = out->coefficients;
        out->coefficients += c->exact + c->smooth;
        out->tokens = ddpm_larger(out->tokens, c->tokens);
    }
    out->inputs = out->coefficients + out->columns;
    out->input_scale = (float)sqrt((double)out->inputs / (double)out->columns);
    return create_groups(out);
}

void ddpm_masked_release(ddpm_masked *masked)
{
    for (int64_t j = 0; masked->column && j < masked->columns; j++) {
        ddpm_release(masked->column[j].function.data);
        ddpm_release(masked->column[j].of_token.data);
        ddpm_release(masked->column[j].marginal);
    }
    ddpm_release(masked->column);
    ddpm_release(masked->group);
    *masked = (ddpm_masked){0};
}

int64_t ddpm_masked_bytes(const ddpm_masked *masked)
{
    int64_t numbers = 0;
    for (int64_t j = 0; j < masked->columns; j++) {
        const ddpm_masked_column *c = &masked->column[j];
        numbers += c->function.rows * c->function.stride + c->of_token.rows * c->of_token.stride + c->tokens;
    }
    return numbers * (int64_t)sizeof(float) +
           masked->columns * (int64_t)(sizeof *masked->column + sizeof *masked->group);
}

void ddpm_masked_schedule(int64_t columns, double *beta)
{
    beta[0] = 0.0;
    for (int64_t t = 1; t <= columns; t++) beta[t] = 1.0 / (double)(columns - t + 1);
}

/* ---- hiding ---- */

void ddpm_masked_order(int64_t columns, uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t row, int32_t *order)
{
    ddpm_random4 words = {{0}};
    for (int64_t i = 0; i < columns; i++) order[i] = (int32_t)i;
    for (int64_t i = 0; i + 1 < columns; i++) { /* Fisher and Yates */
        if (i % 4 == 0) words = ddpm_random_words(seed, purpose, step, row, (uint32_t)(i / 4));
        const int64_t other = i + ddpm_random_below(words.v[i % 4], columns - i);
        const int32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

void ddpm_masked_hide(int64_t columns, uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t row, int64_t t,
                      uint8_t *hidden, int32_t *order)
{
    ddpm_masked_order(columns, seed, purpose, step, row, order);
    memset(hidden, 0, (size_t)columns);
    for (int64_t i = 0; i < t; i++) hidden[order[i]] = 1;
}

/* ---- logits ---- */

/* The logits of a column's tokens, [K], padded, from its coefficients. */
static void fill_logits(const ddpm_masked_column *c, const ddpm_kernels *kernels, const float *from, float *logits)
{
    memcpy(logits, c->marginal, (size_t)c->tokens * sizeof *logits);
    for (int64_t k = 0; k < c->exact; k++) logits[k] += c->scale * from[k];
    if (c->smooth > 0) kernels->add_combination(ddpm_matrix_read(c->function), from + c->exact, logits);
}

/* The gradient by a column's coefficients from that by its logits. */
static void backward_logits(const ddpm_masked_column *c, const ddpm_kernels *kernels, const float *dlogits,
                            float *dcoefficients)
{
    float smooth[PANEL_MOST] = {0};
    for (int64_t k = 0; k < c->exact; k++) dcoefficients[k] = c->scale * dlogits[k];
    if (c->smooth == 0) return;
    kernels->add_combination(ddpm_matrix_read(c->of_token), dlogits, smooth);
    memcpy(dcoefficients + c->exact, smooth, (size_t)c->smooth * sizeof *smooth);
}

/* ---- the loss ---- */

/* Of a column's logits, padded. */
static int64_t logits_room(const ddpm_masked *masked)
{
    return ddpm_round_up(masked->tokens, PANEL_MOST);
}

int64_t ddpm_masked_scratch(const ddpm_masked *masked)
{
    return 2 * logits_room(masked);
}

double ddpm_masked_column_loss(const ddpm_masked *masked, const ddpm_kernels *kernels, int64_t column, int64_t token,
                               const float *coefficients, double weight, float *dcoefficients, float *scratch)
{
    const ddpm_masked_column *c = &masked->column[column];
    float *logits = scratch, *p = scratch + logits_room(masked);
    fill_logits(c, kernels, coefficients, logits);
    const double loss = kernels->softmax(c->tokens, logits, p) - (double)logits[token];
    if (!dcoefficients) return loss;
    p[token] -= 1.0f;
    for (int64_t k = 0; k < c->tokens; k++) p[k] *= (float)weight;
    backward_logits(c, kernels, p, dcoefficients);
    return loss;
}

/* ---- drawing ---- */

void ddpm_masked_probabilities(const ddpm_masked *masked, const ddpm_kernels *kernels, int64_t column,
                               const float *coefficients, float *p, float *scratch)
{
    fill_logits(&masked->column[column], kernels, coefficients, scratch);
    kernels->softmax(masked->column[column].tokens, scratch, p);
}

float ddpm_masked_draw(const ddpm_masked *masked, int64_t column, const float *p, ddpm_random4 words)
{
    const ddpm_masked_column *c = &masked->column[column];
    double left = ddpm_random_uniform(words.v[0]);
    int64_t token = 0;
    while (token + 1 < c->tokens && left >= (double)p[token]) left -= (double)p[token++];
    const ddpm_column_vocabulary *vocabulary = &masked->vocabulary->column[column];
    while (token > 0 && vocabulary->rows[token] == 0.0) token--; /* where rounding left no other */
    return ddpm_vocabulary_number(vocabulary, token, ddpm_random_uniform(words.v[1]));
}
