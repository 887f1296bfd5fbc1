/** The Gaussian in the logits of a column of numbers, by which these are sharp where other columns say much.
 *
 *  The score of a token is the standard normal quantile of the middle of the ranks that its rows cover, so that scores
 * of training rows are nearly normal. The network gives a mean m and the logarithm l of a precision, and the logit of
 * each token with the score z gets ln N(z; m, e^-l) - ln N(z; 0, 1) = (l + z^2 - e^l (z - m)^2) / 2. So m = l = 0
 * leaves the shares of the tokens as they are, and a narrow Gaussian leaves no probability far away, which smooth
 * functions of the rank do. A column has it if it has smooth functions, and no value that
 * so many rows share that scores are far from normal. Local, any thread. */
#ifndef DDPM_MODEL_SCORES_H
#define DDPM_MODEL_SCORES_H

#include "model/vocabulary.h"

/** Functions of a token: z, and z^2 / 4. The column's two coefficients are m and l as outputs, and as inputs of the
 * network factors of these functions. */
enum { DDPM_SCORES_FUNCTIONS = 2 };

/** @param[out] score  [1 + S + B]: of a column's own tokens; 0 of the gap. */
void ddpm_scores_set(const ddpm_column_vocabulary *column, double *score);

static inline float ddpm_scores_function(int64_t f, double score)
{
    return (float)(f == 0 ? score : 0.25 * score * score);
}

/** What is added to the logits of tokens with a score: a constant, and the functions with factors.
 *  @param output        [DDPM_SCORES_FUNCTIONS]: m and l.
 *  @param[out] factors  [DDPM_SCORES_FUNCTIONS].
 *  @return  the constant. */
float ddpm_scores_logits(const float *output, float *factors);

/** The gradient by m and l.
 *  @param dconstant        by the constant.
 *  @param[in,out] dlogits  [DDPM_SCORES_FUNCTIONS]. In: by the factors. Out: by m and l. */
void ddpm_scores_backward(const float *output, float dconstant, float *dlogits);

#endif
