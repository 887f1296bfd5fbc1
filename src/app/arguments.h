/** What the verbs' command lines have in common, on top of getopt_long. Local. */
#ifndef DDPM_APP_ARGUMENTS_H
#define DDPM_APP_ARGUMENTS_H

#include "config/config.h"
#include "world/comm.h"

#include <getopt.h>

enum { DDPM_SETS_MAX = 256 };

/** A configuration as the command line gives it: a file, and what --set and --output put over it. */
typedef struct ddpm_config_arguments {
    const char *path; /* NULL: defaults */
    int set_count;
    const char *sets[DDPM_SETS_MAX];
    const char *output; /* of --output, NULL: none */
} ddpm_config_arguments;

/** The next option of getopt_long's table: its `val`, -1 after the last, or '?' with *status set for an unknown option,
 * or one whose value is missing. */
int ddpm_arguments_next(int argc, char **argv, const struct option *options, ddpm_status *status);

/** Exactly `count` arguments that are no options; *first is the first of them. what names them ("CHECKPOINT"). */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_rest(int argc, char **argv, int least, int most, const char *what);

DDPM_MUST_CHECK ddpm_status ddpm_arguments_set(ddpm_config_arguments *arguments, const char *assignment);

/** A whole number in a range; a finite number. option names the option for the message. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_integer(const char *option, const char *text, int64_t least, int64_t most,
                                                   int64_t *out);
DDPM_MUST_CHECK ddpm_status ddpm_arguments_seed(const char *option, const char *text, uint64_t *out);
DDPM_MUST_CHECK ddpm_status ddpm_arguments_real(const char *option, const char *text, double least, double most,
                                                double *out);

/** The index of a word in a list; the message gives the list. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_choice(const char *option, const char *text, int count,
                                                  const char *const *words, int *out);

/** Collective. Rank 0 reads the file, all parse the same text; --set; the rules across keys.
 *  @param[out] config  release with ddpm_config_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_arguments_config(ddpm_comm *comm, const ddpm_config_arguments *arguments,
                                                  ddpm_config *config);

#endif
