/* Scores of tokens by their ranks, and the Gaussian of them. */
#include "model/scores.h"

#include "model/normal_distribution.h"

#include <math.h>

/* Precisions e^l beyond these are taken for them: a tenth of the marginal one's, and a standard deviation of 0.03,
 * about what the middle one of the most bins is wide. */
static const float LEAST = -2.3f, MOST = 7.0f;

/* The value of a token, or one in the middle of its bin. */
static double value_of(const ddpm_column_vocabulary *column, int64_t token)
{
    const int64_t bin = token - 1 - column->spikes;
    return bin < 0 ? column->spike[token - 1] : column->knot[bin * DDPM_VOCABULARY_KNOTS + DDPM_VOCABULARY_KNOTS / 2];
}

void ddpm_scores_set(const ddpm_column_vocabulary *column, double *score)
{
    const int64_t bins_from = 1 + column->spikes, tokens = ddpm_column_tokens(column);
    int64_t spike = 1, bin = bins_from;
    double all = 0.0, before = 0.0;
    for (int64_t k = 1; k < tokens; k++) all += column->rows[k];
    score[0] = 0.0;
    while (spike < bins_from || bin < tokens) { /* both ascend */
        const int is_spike = bin == tokens || (spike < bins_from && value_of(column, spike) <= value_of(column, bin));
        const int64_t token = is_spike ? spike++ : bin++;
        const double share = (before + 0.5 * column->rows[token]) / fmax(all, 1.0), least = 0.5 / fmax(all, 1.0);
        before += column->rows[token];
        score[token] = ddpm_normal_quantile(fmin(fmax(share, least), 1.0 - least));
    }
}

static float log_precision(const float *output)
{
    return fminf(fmaxf(output[1], LEAST), MOST);
}

float ddpm_scores_logits(const float *output, float *factors)
{
    const float m = output[0], l = log_precision(output), precision = expf(l);
    factors[0] = precision * m;
    factors[1] = 2.0f * (1.0f - precision);
    return 0.5f * (l - precision * m * m);
}

void ddpm_scores_backward(const float *output, float dconstant, float *dlogits)
{
    const float m = output[0], l = log_precision(output), precision = expf(l), by_z = dlogits[0],
                by_square = dlogits[1],
                dl = dconstant * 0.5f * (1.0f - precision * m * m) + precision * (m * by_z - 2.0f * by_square);
    dlogits[0] = precision * (by_z - m * dconstant);
    /* a gradient that leads back between the bounds is kept */
    dlogits[1] = (output[1] > MOST && dl < 0.0f) || (output[1] < LEAST && dl > 0.0f) ? 0.0f : dl;
}
