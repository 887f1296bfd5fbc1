/** Masked diffusion of the columns of a row as tokens: the absorbing-state process of Austin et al. 2021 (D3PM) in the
 * form of Sahoo et al. 2024 (MDLM), whose limit is any-order autoregression (Hoogeboom et al. 2022).
 *
 *  The forward process hides a column a step, each as likely as any other, so that x_t has t of the D columns hidden,
 * T = D. The network reads the columns that are shown and gives the probabilities of each hidden column's tokens. Its
 * loss, D / t times the sum of their cross-entropies, t uniform in 1..D, is in the mean a bound on -log p(tokens of
 * the row). A reverse step draws one hidden column.
 *
 *  Where a column is linked to another one that is shown (model/twins.h), it may be drawn as a difference from that:
 * its link's tokens are beside its own in one softmax, so that the model is exact for rows of such tokens, in any order
 * of columns. A row is counted by the first link that is open and gives its value.
 *
 *  The network's inputs and outputs of a column are coefficients: one for each gap, spike or name, and a few cosines of
 * the rank that all its bins share, so that neighbouring bins share what is known of them. What the network gives is
 * added to the logarithm of the tokens' shares in training rows, so that an output of 0 stands for independent columns.
 * Local, any thread. */
#ifndef DDPM_MODEL_MASKED_H
#define DDPM_MODEL_MASKED_H

#include "base/random.h"
#include "kernel/simd.h"
#include "model/scores.h"
#include "model/twins.h"

/** The most smooth functions of a column, with those of its links, of spikes and of bins, and those of scores. */
enum { DDPM_MASKED_SMOOTH_MOST = DDPM_VOCABULARY_SMOOTH * (1 + 2 * (1 + DDPM_TWINS_MOST)) + DDPM_SCORES_FUNCTIONS };

/** What destroys a row. */
typedef enum ddpm_process {
    DDPM_PROCESS_GAUSSIAN, /* noise that is added */
    DDPM_PROCESS_MASKED,   /* columns that are hidden */
    DDPM_PROCESS_AUTO      /* masked where the rows are a table of numbers, categories and gaps */
} ddpm_process;

/** The coefficients of a column and what its tokens make of them. After its own tokens come those of its links, which
 * stand for the difference from another column that is shown. */
typedef struct ddpm_masked_column {
    int64_t tokens;       /* K, with those of links */
    int64_t first;        /* of its coefficients among those of all columns */
    int64_t exact;        /* E: tokens 0 .. E-1 have a coefficient each, before the smooth ones */
    int64_t smooth;       /* F: functions of the rank, those of each link's tokens, and those of scores */
    int has_scores;       /* the last functions are those of scores */
    float scale;          /* of the exact coefficients */
    ddpm_matrix function; /* [F][K], padded (kernel/simd.h): the smooth functions of each token */
    ddpm_matrix of_token; /* [K][F], padded: the same */
    float *marginal;      /* [K]: the logarithm of the token's share in training rows */
} ddpm_masked_column;

/** Columns whose outputs are computed together: of all rows; or one column of many coefficients, of those rows only
 * that hide it. */
typedef struct ddpm_masked_group {
    ddpm_range columns, coefficients;
    int is_wide;
} ddpm_masked_group;

typedef struct ddpm_masked {
    const ddpm_vocabulary *vocabulary; /* borrowed */
    int64_t columns;                   /* D */
    int64_t coefficients;              /* R, of all columns: what the network gives */
    int64_t inputs;                    /* R + D: coefficients, then for each column whether it is hidden */
    int64_t tokens;                    /* of the column that has the most */
    float input_scale;                 /* of the coefficients as inputs, which are few beside the zeros */
    double independent;                /* nats a row: the entropy of the columns' shares, which the bound starts from */
    ddpm_masked_column *column;        /* [D] */
    int64_t groups;
    ddpm_masked_group *group; /* [groups] */
} ddpm_masked;

/** DDPM_ERR_MEMORY.
 *  @param vocabulary  borrowed until ddpm_masked_release.
 *  @param[out] out    release with ddpm_masked_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_masked_create(const ddpm_vocabulary *vocabulary, ddpm_masked *out);
void ddpm_masked_release(ddpm_masked *masked);

/** The schedule of the forward process: alpha_bar_t, the share of columns that are shown, is 1 - t / D.
 *  @param[out] beta  [D + 1]. */
void ddpm_masked_schedule(int64_t columns, double *beta);

/** Bytes of its tables. */
int64_t ddpm_masked_bytes(const ddpm_masked *masked);

/** A random order of the columns, which is a pure function of (seed, purpose, step, row).
 *  @param[out] order  [D]. */
void ddpm_masked_order(int64_t columns, uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t row, int32_t *order);

/** Which columns of a row are hidden at t: t of them, which are a pure function of (seed, purpose, step, row).
 *  @param[out] hidden  [D], 1 where the column is hidden and 0 elsewhere.
 *  @param order        room for [D]. */
void ddpm_masked_hide(int64_t columns, uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t row, int64_t t,
                      uint8_t *hidden, int32_t *order);

/** Numbers of scratch memory of ddpm_masked_column_loss and ddpm_masked_probabilities. */
int64_t ddpm_masked_scratch(const ddpm_masked *masked);

/** The tokens of a row's columns by themselves, which the network is shown, in the place of those of links.
 *  @param[out] tokens  [D]. */
void ddpm_masked_tokens(const ddpm_masked *masked, const float *x, int32_t *tokens);

/** The token of a column's link to its twin, which the network is shown beside the column's own where both columns are
 * shown; -1: there is none.
 *  @param x       [D], the row.
 *  @param hidden  [D]. */
int64_t ddpm_masked_shown_link(const ddpm_masked *masked, int64_t column, const float *x, const uint8_t *hidden);

/** Which links of a hidden column are open, a bit each: the other column is shown, and is no gap.
 *  @param tokens  [D], the row's, by themselves.
 *  @param hidden  [D]. */
uint32_t ddpm_masked_open(const ddpm_masked *masked, int64_t column, const int32_t *tokens, const uint8_t *hidden);

/** The token of a hidden column that its loss is of: that of the first open link that gives its value, or its own.
 *  @param x       [D], the row.
 *  @param tokens  [D], the same by themselves. */
int64_t ddpm_masked_target(const ddpm_masked *masked, int64_t column, const float *x, const int32_t *tokens,
                           uint32_t open);

/** The cross-entropy of a hidden column, in nats.
 *  @param open                its open links; the tokens of others are never drawn.
 *  @param coefficients        the column's own, of the network's output.
 *  @param weight              of the gradient.
 *  @param[out] dcoefficients  weight times the gradient by them; NULL: it is not wanted.
 *  @param scratch             [ddpm_masked_scratch]. */
double ddpm_masked_column_loss(const ddpm_masked *masked, const ddpm_kernels *kernels, int64_t column, int64_t token,
                               uint32_t open, const float *coefficients, double weight, float *dcoefficients,
                               float *scratch);

/** The probabilities of a column's tokens.
 *  @param open          its open links.
 *  @param coefficients  the column's own, of the network's output.
 *  @param[out] p        [tokens of the column].
 *  @param scratch       [ddpm_masked_scratch]. */
void ddpm_masked_probabilities(const ddpm_masked *masked, const ddpm_kernels *kernels, int64_t column, uint32_t open,
                               const float *coefficients, float *p, float *scratch);

/** Draw a column's token and the place in it from their probabilities.
 *  @param words  random.
 *  @param[in,out] x  [D], a row: the column gets its number, which may be one of a link. */
void ddpm_masked_draw(const ddpm_masked *masked, int64_t column, const float *p, uint32_t open, ddpm_random4 words,
                      float *x);

/** The coefficients of a column, among those of all. */
static inline ddpm_range ddpm_masked_coefficients(const ddpm_masked *masked, int64_t column)
{
    const ddpm_masked_column *c = &masked->column[column];
    return (ddpm_range){c->first, c->first + c->exact + c->smooth};
}

#endif
