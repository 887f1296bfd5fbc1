/** For tests of the model: the diffusion of a cosine schedule. */
#ifndef DDPM_TESTS_COSINE_DIFFUSION_H
#define DDPM_TESTS_COSINE_DIFFUSION_H

#include "expect.h"

#include "model/diffusion.h"

/** Release with ddpm_diffusion_release. */
static inline ddpm_diffusion cosine_diffusion(int64_t steps, int predict, int variance, int zero_terminal_snr)
{
    const ddpm_schedule_spec spec = {.kind = DDPM_SCHEDULE_COSINE,
                                     .steps = steps,
                                     .offset = 0.008,
                                     .cap = 0.999,
                                     .zero_terminal_snr = zero_terminal_snr};
    ddpm_schedule schedule;
    ddpm_diffusion d;
    expect_ok(ddpm_schedule_create(&spec, &schedule));
    expect_ok(ddpm_diffusion_create(&schedule, (ddpm_prediction)predict, (ddpm_variance)variance, &d));
    assert_null(schedule.beta); /* its tables belong to the diffusion now */
    return d;
}

#endif
