/* The audit of a sampler, and a search for settings near the user's that pass it. */
#include "assembly/audit.h"

#include "base/log.h"
#include "base/split.h"
#include "config/config.h"

#include <math.h>
#include <stdio.h>

enum { ADVICE_BYTES = 256 };

/* @return  whether the audit could be made. */
static int audit(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, double classifier,
                 ddpm_sampler_audit *out)
{
    ddpm_sampler_spec spec = {.sampling = *sampling, .columns = 1};
    ddpm_sampler sampler;
    spec.sampling.steps = ddpm_sampling_steps(sampling, diffusion->schedule.steps);
    if (ddpm_sampler_create(diffusion, &spec, &sampler) != DDPM_OK) return 0;
    *out = ddpm_sampler_audit_of(&sampler, classifier);
    ddpm_sampler_release(&sampler);
    return 1;
}

static int is_right(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, double classifier)
{
    ddpm_sampler_audit found;
    return audit(diffusion, sampling, classifier, &found) && found.is_right;
}

/* Find settings that are right: with the user's method and steps, then with more steps, then with another method.
 * @return  whether there are any. */
static int find_better(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, double classifier,
                       ddpm_sampling *out)
{
    static const ddpm_method methods[] = {DDPM_METHOD_HEUN, DDPM_METHOD_DPM_SOLVER, DDPM_METHOD_ANCESTRAL};
    static const ddpm_spacing spacings[] = {DDPM_SPACING_KARRAS, DDPM_SPACING_LOG_SNR, DDPM_SPACING_ANGLE};
    const int64_t T = diffusion->schedule.steps, steps = ddpm_sampling_steps(sampling, T);
    for (int m = -1; m < (int)(sizeof methods / sizeof *methods); m++)
        for (int64_t K = m < 0 ? steps : ddpm_smaller(DDPM_SAMPLING_STEPS_AUTO, T);; K = ddpm_smaller(2 * K, T)) {
            for (size_t s = 0; s < sizeof spacings / sizeof *spacings; s++) {
                *out = *sampling;
                out->steps = K;
                out->spacing = spacings[s];
                if (m >= 0) out->method = methods[m];
                if (is_right(diffusion, out, classifier)) return 1;
            }
            if (K == T) break;
        }
    return 0;
}

static void describe_better(const ddpm_sampling *from, const ddpm_sampling *to, int64_t steps, char out[ADVICE_BYTES])
{
    size_t used = (size_t)snprintf(out, ADVICE_BYTES, "take");
    if (to->method != from->method)
        used += (size_t)snprintf(out + used, ADVICE_BYTES - used, " sampling.method: %s,",
                                 ddpm_config_choice("sampling.method", to->method));
    if (to->spacing != ddpm_sampling_spacing(from))
        used += (size_t)snprintf(out + used, ADVICE_BYTES - used, " sampling.spacing: %s,",
                                 ddpm_config_choice("sampling.spacing", to->spacing));
    if (to->steps != steps || to->method != from->method)
        used += (size_t)snprintf(out + used, ADVICE_BYTES - used, " sampling.steps: %lld,", (long long)to->steps);
    out[used - 1] = '\0';
}

void ddpm_audit_report_sampling(const ddpm_diffusion *diffusion, const ddpm_sampling *sampling, double classifier)
{
    const int64_t steps = ddpm_sampling_steps(sampling, diffusion->schedule.steps);
    char advice[ADVICE_BYTES] =
        "no sampling method avoids it: take another diffusion.schedule, such as kind: log_normal "
        "with diffusion.steps: 1000";
    ddpm_sampler_audit found;
    ddpm_sampling better;
    if (diffusion->predict == DDPM_PREDICT_CLASS || !audit(diffusion, sampling, classifier, &found) || found.is_right)
        return;
    if (find_better(diffusion, sampling, classifier, &better)) describe_better(sampling, &better, steps, advice);
    const char *method = ddpm_config_choice("sampling.method", sampling->method);
    if (fabs(found.wide - 1.0) > DDPM_AUDIT_LIMIT || fabs(found.narrow - 1.0) > DDPM_AUDIT_LIMIT)
        ddpm_log_warning(
            "sampling: with %lld steps of %s, the samples of a perfect network have a standard deviation of "
            "%.3g where normal data have 1, and of %.3g where they have %g; %s",
            (long long)steps, method, found.wide, found.deviation * found.narrow, found.deviation, advice);
    else if (fabs(found.mean - DDPM_AUDIT_MEAN) > DDPM_AUDIT_LIMIT)
        ddpm_log_warning(
            "sampling: with %lld steps of %s, the samples of a perfect network have a mean of %.3g where normal "
            "data have %g; %s",
            (long long)steps, method, found.mean, DDPM_AUDIT_MEAN, advice);
    else
        ddpm_log_warning("sampling: with %lld steps of %s, errors of %g in what the network predicts%s turn a standard "
                         "deviation of 1 into %.3g; %s",
                         (long long)steps, method, DDPM_AUDIT_ERROR,
                         classifier > 0.0 ? " and in the classifier's gradient" : "", found.erring, advice);
}
