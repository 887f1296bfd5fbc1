/* Compares two configurations: their science, as on resume, or what weights mean in them. */
#include "config/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_science(const ddpm_option *option, const ddpm_config *then)
{
    if (option->flags & DDPM_OPTION_PROLONG) return then->training.decay == DDPM_DECAY_COSINE;
    return (option->flags & DDPM_OPTION_SCIENCE) != 0;
}

/* Whether an option has the same effect in both; the texts of both values.
 *  @param[out] was, is  free them; NULL where the option has no effect in either. */
static ddpm_status differ(const ddpm_option *option, const ddpm_config *then, const ddpm_config *now, char **was,
                          char **is, int *out)
{
    int had, has;
    *was = *is = NULL;
    *out = 0;
    DDPM_TRY(ddpm_option_has_effect(option, then, &had));
    DDPM_TRY(ddpm_option_has_effect(option, now, &has));
    if (!had && !has) return DDPM_OK;
    DDPM_TRY(ddpm_option_text(option, then, was));
    DDPM_TRY(ddpm_option_text(option, now, is));
    *out = strcmp(*was, *is) != 0;
    return DDPM_OK;
}

/* @param since, remedy  of the message: when the value was the former one, and what to do. */
static ddpm_status compare(const ddpm_option *option, const ddpm_config *then, const ddpm_config *now,
                           const char *since, const char *remedy)
{
    enum { SHOWN = 200 }; /* bytes of a value in the message */
    char *was = NULL, *is = NULL;
    int differs = 0;
    ddpm_status status = differ(option, then, now, &was, &is, &differs);
    if (status == DDPM_OK && differs)
        status = ddpm_fail(DDPM_ERR_CONFIG, "%s was %.*s%s %s and is %.*s%s now; %s", option->key, SHOWN, was,
                           strlen(was) > SHOWN ? "..." : "", since, SHOWN, is, strlen(is) > SHOWN ? "..." : "", remedy);
    free(was);
    free(is);
    return status;
}

static ddpm_status compare_run(const ddpm_option *option, const ddpm_config *then, const ddpm_config *now)
{
    return compare(option, then, now, "when this run began", "restore it, or name a new run folder (--output)");
}

ddpm_status ddpm_config_same_science(const ddpm_config *then, const ddpm_config *now)
{
    for (int i = 0; i < ddpm_option_count; i++)
        if (is_science(&ddpm_options[i], then)) DDPM_TRY(compare_run(&ddpm_options[i], then, now));
    return DDPM_OK;
}

ddpm_status ddpm_config_same_key(const char *key, const ddpm_config *then, const ddpm_config *now)
{
    return compare_run(&ddpm_options[ddpm_option_find(key)], then, now);
}

ddpm_status ddpm_config_same_meaning(const ddpm_config *then, const ddpm_config *now, const char *from)
{
    char since[DDPM_MESSAGE_BYTES / 4];
    snprintf(since, sizeof since, "in %s, whose weights are to be taken,", from);
    for (int i = 0; i < ddpm_option_count; i++)
        if (ddpm_options[i].flags & DDPM_OPTION_MEANING)
            DDPM_TRY(compare(
                &ddpm_options[i], then, now, since,
                "these weights mean something only with the former: set it so, or leave training.start_from out"));
    return DDPM_OK;
}
