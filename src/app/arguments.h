/** What the command lines of all verbs have in common, on top of getopt_long. Local. */
#ifndef DDPM_APP_ARGUMENTS_H
#define DDPM_APP_ARGUMENTS_H

#include "config/config.h"
#include "sample/sampling.h"
#include "world/comm.h"

#include <getopt.h>

enum { DDPM_SETS_MAX = 256 };

/** A configuration as a command line gives it: a file, and what --set and --output set over it. */
typedef struct ddpm_config_arguments {
    const char *path; /* NULL: defaults */
    int set_count;
    const char *sets[DDPM_SETS_MAX];
    const char *output;     /* of --output; NULL: none */
    const char *start_from; /* of --start-from; NULL: none */
} ddpm_config_arguments;

/** The next option of getopt_long's table, of DDPM_OPTIONS_MAX at most. One with a value is given once, but for --set
 * and --condition.
 *  @return its `val`; -1 after the last option; '?' with *status set for one that is unknown, given again or without a
 *  value. */
int ddpm_arguments_next(int argc, char **argv, const struct option *options, ddpm_status *status);

/** The same for a verb that samples. Only the verb's own options are returned; those of sampling, which are not in the
 * verb's table, are added to the settings.
 *  @param own  the verb's table, with DDPM_OWN_OPTIONS_MAX options at most. */
int ddpm_arguments_next_own(int argc, char **argv, const struct option *own, ddpm_sampling_settings *settings,
                            ddpm_status *status);

enum { DDPM_OWN_OPTIONS_MAX = 32, DDPM_OPTIONS_MAX = DDPM_OWN_OPTIONS_MAX + DDPM_SAMPLING_SETTINGS_MAX };

/** Check that least to most arguments follow the options, from argv[optind] on.
 *  @param what  names them in the message: "a configuration file". */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_rest(int argc, char **argv, int least, int most, const char *what);

/** Add a "section.key=value" of --set. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_set(ddpm_config_arguments *arguments, const char *assignment);

/** Read a whole number in a range, a seed, or a finite number in a range. DDPM_ERR_USAGE names the option. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_integer(const char *option, const char *text, int64_t least, int64_t most,
                                                   int64_t *out);
DDPM_MUST_CHECK ddpm_status ddpm_arguments_seed(const char *option, const char *text, uint64_t *out);
DDPM_MUST_CHECK ddpm_status ddpm_arguments_real(const char *option, const char *text, double least, double most,
                                                double *out);

/** Find a word in a list: *out is its index. DDPM_ERR_USAGE lists the words. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_choice(const char *option, const char *text, int count,
                                                  const char *const *words, int *out);

/** Collective. Make a configuration: rank 0 reads the file and all ranks parse its text, set what --set and --output
 * say, and check the whole.
 *  @param[out] config  release with ddpm_config_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_config(ddpm_comm *comm, const ddpm_config_arguments *arguments,
                                                  ddpm_config *config);

#endif
