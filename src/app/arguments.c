/* Command lines: options and their values, with messages that name the verb's help. */
#include "app/arguments.h"

#include "base/memory.h"
#include "config/table.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether an option with one value was given before.
 *  @param seen  whether this one was; from now on it is */
static int is_again(const struct option *option, int *seen)
{
    static const char *const repeatable[] = {"set", "condition"};
    for (size_t i = 0; i < sizeof repeatable / sizeof *repeatable; i++)
        if (strcmp(option->name, repeatable[i]) == 0) return 0;
    const int before = *seen;
    *seen = 1;
    return before && option->has_arg != no_argument;
}

int ddpm_arguments_next(int argc, char **argv, const struct option *options, ddpm_status *status)
{
    static int seen[DDPM_OPTIONS_MAX];
    int index = 0;
    opterr = 0;
    const int at = optind > 0 ? optind : 1;
    if (at == 1) memset(seen, 0, sizeof seen);
    const int found = getopt_long(argc, argv, ":", options, &index);
    /* letters after a dash are one argument, which getopt_long has not passed while letters are left */
    const int is_past = optind > at && *argv[optind - 1] == '-';
    *status = DDPM_OK;
    if (found == ':')
        *status = ddpm_fail(DDPM_ERR_USAGE, "option %s of 'ddpm %s' needs a value; see 'ddpm %s --help'",
                            argv[optind - 1], argv[0], argv[0]);
    else if (found == '?')
        *status =
            ddpm_fail(DDPM_ERR_USAGE,
                      "'ddpm %s' has no option %s, or this option takes no value, or its short form fits several; "
                      "see 'ddpm %s --help'",
                      argv[0], argv[is_past ? optind - 1 : optind], argv[0]);
    else if (found != -1 && is_again(&options[index], &seen[index]))
        *status = ddpm_fail(DDPM_ERR_USAGE, "'ddpm %s': --%s is given twice; keep one of the two", argv[0],
                            options[index].name);
    return *status == DDPM_OK ? found : '?';
}

int ddpm_arguments_next_own(int argc, char **argv, const struct option *own, ddpm_sampling_settings *settings,
                            ddpm_status *status)
{
    enum { SETTING = 256 }; /* `val` of the first option of sampling, beyond the letters of a verb's own */
    struct option all[DDPM_OPTIONS_MAX + 1] = {0};
    const char *name;
    int count = 0, found;
    for (; own[count].name; count++) all[count] = own[count];
    for (int i = 0; (name = ddpm_sampling_option(i)); i++)
        all[count++] = (struct option){name, required_argument, NULL, SETTING + i};
    while ((found = ddpm_arguments_next(argc, argv, all, status)) >= SETTING) {
        *status = ddpm_sampling_settings_add(settings, ddpm_sampling_option(found - SETTING), optarg);
        if (*status != DDPM_OK) return '?';
    }
    return found;
}

ddpm_status ddpm_arguments_rest(int argc, char **argv, int least, int most, const char *what)
{
    const int count = argc - optind;
    if (count < least)
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm %s' needs %s; see 'ddpm %s --help'", argv[0], what, argv[0]);
    if (count > most)
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm %s' does not know what to do with '%s'; see 'ddpm %s --help'", argv[0],
                         argv[optind + most], argv[0]);
    return DDPM_OK;
}

ddpm_status ddpm_arguments_set(ddpm_config_arguments *arguments, const char *assignment)
{
    if (arguments->set_count == DDPM_SETS_MAX)
        return ddpm_fail(DDPM_ERR_USAGE, "--set is given more than %d times; write a configuration file instead",
                         DDPM_SETS_MAX);
    arguments->sets[arguments->set_count++] = assignment;
    return DDPM_OK;
}

/* strtol and its kind pass over spaces, and let a minus sign after them through. */
static int begins_a_number(const char *text)
{
    return *text && !isspace((unsigned char)*text);
}

ddpm_status ddpm_arguments_integer(const char *option, const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    const int is_whole = errno == 0 && begins_a_number(text) && !*end;
    if ((is_whole || ddpm_config_to_int(text, out)) && *out >= least && *out <= most) return DDPM_OK; /* 1e6, too */
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected a whole number from %lld to %lld, found '%s'", option,
                     (long long)least, (long long)most, text);
}

ddpm_status ddpm_arguments_seed(const char *option, const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    const int is_whole = errno == 0 && begins_a_number(text) && *text != '-' && !*end;
    if (is_whole || ddpm_config_to_uint(text, out)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected a whole number from 0 to 18446744073709551615, found '%s'", option,
                     text);
}

ddpm_status ddpm_arguments_real(const char *option, const char *text, double least, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (begins_a_number(text) && !*end && isfinite(*out) && *out >= least && *out <= most) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected a number from %g to %g, found '%s'", option, least, most, text);
}

ddpm_status ddpm_arguments_choice(const char *option, const char *text, int count, const char *const *words, int *out)
{
    char list[256] = "";
    for (*out = 0; *out < count; (*out)++)
        if (strcmp(words[*out], text) == 0) return DDPM_OK;
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
    }
    return ddpm_fail(DDPM_ERR_USAGE, "%s: expected one of %s; found '%s'", option, list, text);
}

/* Collective. Read the text of a file on rank 0 and give it to all ranks. */
static ddpm_status share_file(ddpm_comm *comm, const char *path, char **text, size_t *bytes)
{
    *text = NULL;
    *bytes = 0;
    DDPM_TRY(DDPM_ON_RANK_0(comm, ddpm_config_read_file(path, text, bytes)));
    ddpm_comm_broadcast(comm, bytes, sizeof *bytes);
    ddpm_status status = DDPM_OK;
    if (!*text) status = ddpm_allocate(text, (int64_t)*bytes + 1, 1, "configuration");
    status = ddpm_agree(comm, status);
    if (status == DDPM_OK) ddpm_comm_broadcast(comm, *text, *bytes);
    return status;
}

/* Set a key that has an option of its own. */
static ddpm_status set_path(const ddpm_config *config, const char *option, const char *key, const char *path,
                            char out[DDPM_CONFIG_TEXT])
{
    if (!path) return DDPM_OK;
    if (config->given[ddpm_option_find(key)].assigned)
        return ddpm_fail(DDPM_ERR_USAGE, "%s and --set %s are both given; keep one of the two", option, key);
    if (strlen(path) >= DDPM_CONFIG_TEXT)
        return ddpm_fail(DDPM_ERR_USAGE, "%s: a path of at most %d bytes is expected", option, DDPM_CONFIG_TEXT - 1);
    memcpy(out, path, strlen(path) + 1);
    return DDPM_OK;
}

static ddpm_status apply(const ddpm_config_arguments *arguments, const char *text, size_t bytes, ddpm_config *config)
{
    if (text) DDPM_TRY(ddpm_config_parse(config, text, bytes, arguments->path));
    for (int i = 0; i < arguments->set_count; i++) DDPM_TRY(ddpm_config_set(config, arguments->sets[i]));
    DDPM_TRY(set_path(config, "--output", "run.output", arguments->output, config->run.output));
    DDPM_TRY(
        set_path(config, "--start-from", "training.start_from", arguments->start_from, config->training.start_from));
    DDPM_TRY(ddpm_config_settle(config, arguments->path));
    return ddpm_config_check(config);
}

ddpm_status ddpm_arguments_config(ddpm_comm *comm, const ddpm_config_arguments *arguments, ddpm_config *config)
{
    char *text = NULL;
    size_t bytes = 0;
    ddpm_status status = ddpm_agree(comm, ddpm_config_defaults(config));
    if (status == DDPM_OK && arguments->path) status = share_file(comm, arguments->path, &text, &bytes);
    if (status == DDPM_OK) status = ddpm_agree(comm, apply(arguments, text, bytes, config));
    ddpm_release(text);
    return status;
}
