/* Hides columns, turns outputs into probabilities, and measures the loss. */
#include "model/masked.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum {
    SMOOTH = DDPM_VOCABULARY_SMOOTH,
    WIDE = 64,       /* a column of so many coefficients is a group of its own */
    PANEL_MOST = 64, /* a multiple of every panel */
    SMOOTH_ROOM = (DDPM_MASKED_SMOOTH_MOST + PANEL_MOST - 1) / PANEL_MOST * PANEL_MOST
};

/* Of the exact coefficients beside smooth ones of the same tokens, which carry most of what is known. */
static const float BESIDE_SMOOTH = 0.3f;

/* The logarithm of the share of a token that no training row has. */
static const float NEVER = -80.0f;

/* Of the rows in which twins are not near, at least. */
static const double LEAST_OTHERS = 1e-3;

static const double PI = 3.14159265358979323846;

/* Function f of a rank in 0..1: a cosine, and the smaller the faster it is, so that smooth functions come first. */
static float smooth_function(int64_t f, double rank)
{
    const double frequency = (double)(f + 1);
    return (float)(cos(PI * frequency * rank) * sqrt(2.0) / (1.0 + frequency / 8.0));
}

static void set_function(ddpm_masked_column *c, int64_t token, int64_t f, float value)
{
    c->of_token.data[token * c->of_token.stride + f] = c->function.data[f * c->function.stride + token] = value;
}

/* Set F smooth functions, from number `at` on, of n tokens from `first` on, each at the middle of the ranks that its
 * rows cover. */
static void set_smooth(ddpm_masked_column *c, int64_t first, int64_t n, const double *rows, int64_t at)
{
    double all = 0.0, before = 0.0;
    for (int64_t k = 0; k < n; k++) all += rows[k];
    for (int64_t k = 0; k < n; k++) {
        const double rank = (before + 0.5 * rows[k]) / all;
        before += rows[k];
        for (int64_t f = 0; f < SMOOTH; f++) set_function(c, first + k, at + f, smooth_function(f, rank));
    }
}

/* Functions of n tokens: few have one each, and many the smooth ones. */
static int64_t count_functions(int64_t n)
{
    return ddpm_smaller(n, SMOOTH);
}

static int64_t set_some(ddpm_masked_column *c, int64_t first, int64_t n, const double *rows, int64_t at)
{
    if (n > SMOOTH) set_smooth(c, first, n, rows, at);
    for (int64_t k = 0; n <= SMOOTH && k < n; k++) set_function(c, first + k, at + k, 1.0f);
    return at + count_functions(n);
}

/* The spikes and the bins of each link's differences. */
static void set_links(const ddpm_column_vocabulary *v, ddpm_masked_column *c, int64_t at)
{
    for (int64_t i = 0; i < v->links; i++) {
        const ddpm_column_vocabulary *near = v->link[i].near;
        const int64_t first = v->link[i].first;
        at = set_some(c, first, near->spikes, near->rows + 1, at);
        at = set_some(c, first + near->spikes, near->bins, near->rows + 1 + near->spikes, at);
    }
}

static ddpm_status set_scores(const ddpm_column_vocabulary *v, ddpm_masked_column *c)
{
    const int64_t own = ddpm_column_tokens(v);
    double *score = NULL;
    DDPM_TRY(DDPM_NEW(&score, own, "scores of tokens"));
    ddpm_scores_set(v, score);
    for (int64_t k = 0; k < own; k++)
        for (int64_t f = 0; f < DDPM_SCORES_FUNCTIONS; f++)
            set_function(c, k, c->smooth - DDPM_SCORES_FUNCTIONS + f, ddpm_scores_function(f, score[k]));
    ddpm_release(score);
    return DDPM_OK;
}

/* Names that as many rows have, by powers of two, share a function. What a row shows tells much of frequent names; how
 * much is left for those that it tells nothing of, each of which is met a few times, is learned of all of them. */
static void set_rare(const ddpm_column_vocabulary *v, ddpm_masked_column *c, int64_t at)
{
    for (int64_t k = 1; k < ddpm_column_tokens(v); k++)
        for (int64_t f = 0; f < DDPM_VOCABULARY_RARE; f++)
            if (v->rows[k] >= (double)(1 << f) && v->rows[k] < (double)(2 << f)) set_function(c, k, at + f, 1.0f);
}

static int64_t count_link_functions(const ddpm_column_vocabulary *v)
{
    int64_t count = 0;
    for (int64_t i = 0; i < v->links; i++)
        count += count_functions(v->link[i].near->spikes) + count_functions(v->link[i].near->bins);
    return count;
}

/* Padded for the kernels of any processor. */
static ddpm_status create_functions(int64_t rows, int64_t columns, ddpm_matrix *out)
{
    *out = (ddpm_matrix){NULL, rows, columns, ddpm_round_up(columns, PANEL_MOST), 0};
    return DDPM_NEW(&out->data, rows * out->stride, "functions of tokens");
}

static ddpm_status create_column(const ddpm_column_vocabulary *v, ddpm_masked_column *c)
{
    const int is_smooth = ddpm_column_is_smooth(v), shares_spikes = is_smooth && v->bins == 0;
    const int64_t own = ddpm_column_tokens(v), smooth = is_smooth ? SMOOTH : 0;
    c->tokens = ddpm_column_all_tokens(v);
    c->exact = v->bins == 1 ? own : 1 + v->spikes;
    c->has_scores = v->has_scores;
    const int64_t rare = smooth + count_link_functions(v);
    c->smooth = rare + (v->has_rare ? DDPM_VOCABULARY_RARE : 0) + (c->has_scores ? DDPM_SCORES_FUNCTIONS : 0);
    c->scale = shares_spikes ? BESIDE_SMOOTH : 1.0f;
    DDPM_TRY(create_functions(c->smooth, c->tokens, &c->function));
    DDPM_TRY(create_functions(c->tokens, c->smooth, &c->of_token));
    DDPM_TRY(DDPM_NEW(&c->marginal, c->tokens, "shares of tokens"));
    const int64_t first = shares_spikes ? 1 : c->exact;
    if (smooth > 0) set_smooth(c, first, own - first, v->rows + first, 0);
    set_links(v, c, smooth);
    if (v->has_rare) set_rare(v, c, rare);
    return c->has_scores ? set_scores(v, c) : DDPM_OK;
}

/* The shares of a link's tokens beside those of the column's own, which are 1. */
static void set_link_marginal(const ddpm_column_link *link, float *marginal)
{
    const ddpm_column_vocabulary *near = link->near;
    double all = 0.0;
    for (int64_t k = 0; k < ddpm_column_tokens(near); k++) all += near->rows[k];
    const double others = fmax(near->rows[0], LEAST_OTHERS * all);
    for (int64_t k = 0; k < ddpm_link_tokens(link); k++)
        marginal[k] = near->rows[1 + k] > 0.0 ? (float)log(near->rows[1 + k] / others) : NEVER;
}

/* Set the shares of a column's tokens. @return  the entropy of its own. */
static double set_marginal(const ddpm_column_vocabulary *v, ddpm_masked_column *c)
{
    const int64_t own = ddpm_column_tokens(v);
    double all = 0.0, entropy = 0.0;
    for (int64_t i = 0; i < v->links; i++) set_link_marginal(&v->link[i], c->marginal + v->link[i].first);
    for (int64_t k = 0; k < own; k++) all += v->rows[k];
    for (int64_t k = 0; k < own; k++) {
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

/* ---- links ---- */

void ddpm_masked_tokens(const ddpm_masked *masked, const float *x, int32_t *tokens)
{
    for (int64_t j = 0; j < masked->columns; j++) tokens[j] = (int32_t)ddpm_twins_own(masked->vocabulary, x, j);
}

int64_t ddpm_masked_shown_link(const ddpm_masked *masked, int64_t column, const float *x, const uint8_t *hidden)
{
    const ddpm_column_vocabulary *v = &masked->vocabulary->column[column];
    if (v->twin == 0 || hidden[column] || hidden[v->twin - 1]) return -1;
    const ddpm_column_link *link = ddpm_twins_link_of(v, (int64_t)x[column]);
    return link && link->is_twin ? (int64_t)x[column] : -1;
}

uint32_t ddpm_masked_open(const ddpm_masked *masked, int64_t column, const int32_t *tokens, const uint8_t *hidden)
{
    const ddpm_column_vocabulary *v = &masked->vocabulary->column[column];
    uint32_t open = 0;
    for (int64_t i = 0; i < v->links; i++)
        if (!hidden[v->link[i].column] && tokens[v->link[i].column] > 0) open |= 1U << i;
    return open;
}

int64_t ddpm_masked_target(const ddpm_masked *masked, int64_t column, const float *x, const int32_t *tokens,
                           uint32_t open)
{
    const ddpm_column_vocabulary *v = &masked->vocabulary->column[column];
    for (int64_t i = 0; i < v->links && tokens[column] > v->spikes; i++) {
        const ddpm_column_link *link = &v->link[i];
        const int64_t later = link->is_twin ? column : link->column, token = (int64_t)x[later];
        const ddpm_column_link *of_later = ddpm_twins_link_of(&masked->vocabulary->column[later], token);
        if (open >> i & 1 && of_later && of_later->is_twin) return link->first + token - of_later->first;
    }
    return tokens[column];
}

/* Those of links that are not open. */
static void fill_closed(const ddpm_column_vocabulary *v, uint32_t open, float value, float *of_tokens)
{
    for (int64_t i = 0; i < v->links; i++)
        for (int64_t k = 0; !(open >> i & 1) && k < ddpm_link_tokens(&v->link[i]); k++)
            of_tokens[v->link[i].first + k] = value;
}

/* ---- logits ---- */

/* The first coefficient of a column's scores. */
static int64_t first_score(const ddpm_masked_column *c)
{
    return c->exact + c->smooth - DDPM_SCORES_FUNCTIONS;
}

/* Add smooth functions to logits, those of scores with the factors that make a Gaussian. */
static void add_scores(const ddpm_masked *masked, int64_t column, const ddpm_kernels *kernels, const float *from,
                       float *logits)
{
    const ddpm_masked_column *c = &masked->column[column];
    float factors[DDPM_MASKED_SMOOTH_MOST];
    memcpy(factors, from + c->exact, (size_t)c->smooth * sizeof *factors);
    const float constant = ddpm_scores_logits(from + first_score(c), factors + c->smooth - DDPM_SCORES_FUNCTIONS);
    kernels->add_combination(ddpm_matrix_read(c->function), factors, logits);
    for (int64_t k = 1; k < ddpm_column_tokens(&masked->vocabulary->column[column]); k++) logits[k] += constant;
}

/* The logits of a column's tokens, [K], padded, from its coefficients. */
static void fill_logits(const ddpm_masked *masked, int64_t column, const ddpm_kernels *kernels, uint32_t open,
                        const float *from, float *logits)
{
    const ddpm_masked_column *c = &masked->column[column];
    memcpy(logits, c->marginal, (size_t)c->tokens * sizeof *logits);
    for (int64_t k = 0; k < c->exact; k++) logits[k] += c->scale * from[k];
    if (c->has_scores)
        add_scores(masked, column, kernels, from, logits);
    else if (c->smooth > 0)
        kernels->add_combination(ddpm_matrix_read(c->function), from + c->exact, logits);
    fill_closed(&masked->vocabulary->column[column], open, NEVER, logits);
}

/* The gradient by a column's coefficients from that by its logits. */
static void backward_logits(const ddpm_masked *masked, int64_t column, const ddpm_kernels *kernels,
                            const float *coefficients, const float *dlogits, float *dcoefficients)
{
    const ddpm_masked_column *c = &masked->column[column];
    float smooth[SMOOTH_ROOM] = {0};
    for (int64_t k = 0; k < c->exact; k++) dcoefficients[k] = c->scale * dlogits[k];
    if (c->smooth == 0) return;
    kernels->add_combination(ddpm_matrix_read(c->of_token), dlogits, smooth);
    if (c->has_scores) {
        /* gradients by all logits add up to 0 */
        float others = dlogits[0];
        for (int64_t k = ddpm_column_tokens(&masked->vocabulary->column[column]); k < c->tokens; k++)
            others += dlogits[k];
        ddpm_scores_backward(coefficients + first_score(c), -others, smooth + c->smooth - DDPM_SCORES_FUNCTIONS);
    }
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
                               uint32_t open, const float *coefficients, double weight, float *dcoefficients,
                               float *scratch)
{
    const ddpm_masked_column *c = &masked->column[column];
    float *logits = scratch, *p = scratch + logits_room(masked);
    fill_logits(masked, column, kernels, open, coefficients, logits);
    const double loss = kernels->softmax(c->tokens, logits, p) - (double)logits[token];
    if (!dcoefficients) return loss;
    p[token] -= 1.0f;
    for (int64_t k = 0; k < c->tokens; k++) p[k] *= (float)weight;
    fill_closed(&masked->vocabulary->column[column], open, 0.0f, p);
    backward_logits(masked, column, kernels, coefficients, p, dcoefficients);
    return loss;
}

/* ---- drawing ---- */

void ddpm_masked_probabilities(const ddpm_masked *masked, const ddpm_kernels *kernels, int64_t column, uint32_t open,
                               const float *coefficients, float *p, float *scratch)
{
    fill_logits(masked, column, kernels, open, coefficients, scratch);
    kernels->softmax(masked->column[column].tokens, scratch, p);
}

void ddpm_masked_draw(const ddpm_masked *masked, int64_t column, const float *p, uint32_t open, ddpm_random4 words,
                      float *x)
{
    const ddpm_masked_column *c = &masked->column[column];
    double left = ddpm_random_uniform(words.v[0]);
    int64_t token = 0;
    while (token + 1 < c->tokens && left >= (double)p[token]) left -= (double)p[token++];
    const ddpm_column_vocabulary *vocabulary = &masked->vocabulary->column[column];
    const ddpm_column_link *link;
    while ((link = ddpm_twins_link_of(vocabulary, token)) != NULL && !(open >> (link - vocabulary->link) & 1)) token--;
    const ddpm_column_vocabulary *of_token = link ? link->near : vocabulary;
    const int64_t before = link ? link->first - 1 : 0; /* the gap of differences has no token */
    while (token > 0 && token - before > (link != NULL) && of_token->rows[token - before] == 0.0) token--;
    const double place = (double)ddpm_vocabulary_number(of_token, token - before, ddpm_random_uniform(words.v[1]));
    x[column] = ddpm_vocabulary_join(token, place - floor(place));
}
