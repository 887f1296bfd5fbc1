/* Softmax and its cross-entropy, in double. */
#include "model/classifier.h"

#include <math.h>
#include <stddef.h>

/* ln of the sum of exp(logits). */
static double log_sum(int64_t classes, const float *logits)
{
    double largest = (double)logits[0];
    for (int64_t k = 1; k < classes; k++) largest = fmax(largest, (double)logits[k]);
    double sum = exp((double)logits[0] - largest);
    for (int64_t k = 1; k < classes; k++) sum += exp((double)logits[k] - largest);
    return largest + log(sum);
}

double ddpm_classifier_rows(ddpm_const_matrix logits, const float *labels, const float *importance, double share,
                            ddpm_matrix dlogits, float *row_loss)
{
    const int64_t classes = logits.columns;
    double total = 0.0;
    for (int64_t row = 0; row < logits.rows; row++) {
        const float *z = logits.data + row * logits.stride;
        float *dz = dlogits.data ? dlogits.data + row * dlogits.stride : NULL;
        const int64_t label = (int64_t)labels[row];
        const double scale = share * (importance ? (double)importance[row] : 1.0);
        const double all = log_sum(classes, z), loss = all - (double)z[label];
        for (int64_t k = 0; dz && k < classes; k++)
            dz[k] = (float)(scale * (exp((double)z[k] - all) - (k == label ? 1.0 : 0.0)));
        if (row_loss) row_loss[row] = (float)loss;
        total += scale * loss;
    }
    return total;
}
