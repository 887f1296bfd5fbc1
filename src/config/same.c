/* Compares the science of two configurations, as on resume. */
#include "config/table.h"

#include <stdlib.h>
#include <string.h>

static int is_science(const ddpm_option *option, const ddpm_config *then)
{
    if (option->flags & DDPM_OPTION_PROLONG) return then->training.decay == DDPM_DECAY_COSINE;
    return (option->flags & DDPM_OPTION_SCIENCE) != 0;
}

static ddpm_status compare(const ddpm_option *option, const ddpm_config *then, const ddpm_config *now)
{
    enum { SHOWN = 200 }; /* bytes of a value in the message */
    char *was = NULL, *is = NULL;
    int had, has;
    DDPM_TRY(ddpm_option_has_effect(option, then, &had));
    DDPM_TRY(ddpm_option_has_effect(option, now, &has));
    if (!had && !has) return DDPM_OK;
    ddpm_status status = ddpm_option_text(option, then, &was);
    if (status == DDPM_OK) status = ddpm_option_text(option, now, &is);
    if (status == DDPM_OK && strcmp(was, is) != 0)
        status = ddpm_fail(DDPM_ERR_CONFIG,
                           "%s was %.*s%s when this run began and is %.*s%s now; restore it, or name a new run folder "
                           "(--output)",
                           option->key, SHOWN, was, strlen(was) > SHOWN ? "..." : "", SHOWN, is,
                           strlen(is) > SHOWN ? "..." : "");
    free(was);
    free(is);
    return status;
}

ddpm_status ddpm_config_same_science(const ddpm_config *then, const ddpm_config *now)
{
    for (int i = 0; i < ddpm_option_count; i++)
        if (is_science(&ddpm_options[i], then)) DDPM_TRY(compare(&ddpm_options[i], then, now));
    return DDPM_OK;
}
