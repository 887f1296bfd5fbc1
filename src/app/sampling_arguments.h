/** The options that say how to sample, for every verb that samples. Local. */
#ifndef DDPM_APP_SAMPLING_ARGUMENTS_H
#define DDPM_APP_SAMPLING_ARGUMENTS_H

#include "app/arguments.h"
#include "sample/generator.h"

/* What getopt_long says of them, beyond the letters of a verb's own options. */
enum {
    DDPM_SAMPLING_METHOD = 256,
    DDPM_SAMPLING_STEPS,
    DDPM_SAMPLING_ETA,
    DDPM_SAMPLING_CORRECTIONS,
    DDPM_SAMPLING_GUIDANCE,
    DDPM_SAMPLING_WEIGHTS,
    DDPM_SAMPLING_CLIP
};

/** Entries of a verb's table for getopt_long. */
/* clang-format off */
#define DDPM_SAMPLING_OPTIONS \
    {"sampler", required_argument, NULL, DDPM_SAMPLING_METHOD}, \
    {"steps", required_argument, NULL, DDPM_SAMPLING_STEPS}, \
    {"eta", required_argument, NULL, DDPM_SAMPLING_ETA}, \
    {"corrections", required_argument, NULL, DDPM_SAMPLING_CORRECTIONS}, \
    {"guidance", required_argument, NULL, DDPM_SAMPLING_GUIDANCE}, \
    {"weights", required_argument, NULL, DDPM_SAMPLING_WEIGHTS}, \
    {"clip", required_argument, NULL, DDPM_SAMPLING_CLIP}
/* clang-format on */

/** Lines of a verb's help. */
#define DDPM_SAMPLING_HELP                                                                              \
    "  --sampler NAME     ancestral, ddim or dpm_solver (DPM-Solver++(2M)); default: sampling.method\n" \
    "  --steps K          reverse steps, 1 to T, spread evenly; default: sampling.steps, else all T\n"  \
    "  --eta E            ddim: 0 (no noise) to 1 (the posterior's)\n"                                  \
    "  --corrections C    Langevin steps after each reverse step\n"                                     \
    "  --guidance W       classifier-free guidance: 0 follows the condition, more insists on it\n"      \
    "  --weights ema|raw  the average of the weights over training (default), or the last ones\n"       \
    "  --clip none|data   clip the predicted x0 to the training data's range in every step\n"

/** Take one of DDPM_SAMPLING_OPTIONS.
 *  @param found       which one ddpm_arguments_next found.
 *  @param[out] given  gets its value and flag; the others stay. */
DDPM_MUST_CHECK ddpm_status ddpm_sampling_arguments_parse(int found, const char *value, ddpm_sampling_given *given);

#endif
