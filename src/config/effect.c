/* What a key needs to have an effect (the column `needs` of the table), and what is done about keys that have none. */
#include "base/memory.h"
#include "config/table.h"

#include <stdlib.h>
#include <string.h>

/* Whether "key: a, b or c" or "key: not a" holds. @param[out] found  the key's value; free() it. */
static ddpm_status holds(const char *need, const ddpm_config *config, int *yes, char **found)
{
    char key[DDPM_KEY_BYTES];
    const char *value = strstr(need, ": ") + 2;
    snprintf(key, sizeof key, "%.*s", (int)(value - need - 2), need);
    *yes = 0;
    DDPM_TRY(ddpm_option_text(&ddpm_options[ddpm_option_find(key)], config, found));
    if (strncmp(value, "not ", 4) == 0) {
        *yes = strcmp(value + 4, *found) != 0;
        return DDPM_OK;
    }
    for (; *value; value += strspn(value, ", ")) {
        const size_t length = strcspn(value, ", ");
        if (strncmp(value, *found, length) == 0 && !(*found)[length]) *yes = 1;
        value += length;
    }
    return DDPM_OK;
}

/* The first need that is not met; NULL: there is none. @param[out] found  the value in its place, or NULL; free() it.
 */
static ddpm_status find_unmet(const ddpm_option *option, const ddpm_config *config, const char **unmet, char **found)
{
    *unmet = NULL;
    *found = NULL;
    for (int i = 0; i < DDPM_NEEDS && option->needs[i]; i++) {
        int yes;
        DDPM_TRY(holds(option->needs[i], config, &yes, found));
        if (!yes) {
            *unmet = option->needs[i];
            return DDPM_OK;
        }
        free(*found);
        *found = NULL;
    }
    return DDPM_OK;
}

ddpm_status ddpm_option_has_effect(const ddpm_option *option, const ddpm_config *config, int *yes)
{
    const char *unmet;
    char *found;
    DDPM_TRY(find_unmet(option, config, &unmet, &found));
    free(found);
    *yes = !unmet;
    return DDPM_OK;
}

/* Whether the value asks for something: it is not the default, nor a 0 that stands for "not at all". */
static ddpm_status asks(const ddpm_option *option, const ddpm_config *config, const ddpm_config *initial, int *yes)
{
    char *text = NULL, *usual = NULL;
    ddpm_status status = ddpm_option_text(option, config, &text);
    if (status == DDPM_OK) status = ddpm_option_text(option, initial, &usual);
    *yes = status == DDPM_OK && strcmp(text, usual) != 0 &&
           !((option->flags & DDPM_OPTION_OFF_AT_0) && strcmp(text, "0") == 0);
    free(text);
    free(usual);
    return status;
}

/* A key of the file whose effect an assignment took away gets its default. */
static ddpm_status reset(const ddpm_option *option, ddpm_config *config, const ddpm_config *initial, int *changed)
{
    int has, asking;
    DDPM_TRY(ddpm_option_has_effect(option, config, &has));
    DDPM_TRY(asks(option, config, initial, &asking));
    if (has || !asking) return DDPM_OK;
    *changed = 1;
    if (!option->initial) { /* an empty list */
        ddpm_config_list_release((void *)((char *)config + option->offset));
        return DDPM_OK;
    }
    return ddpm_option_read(option, config, option->initial, strlen(option->initial), option->type != DDPM_OPTION_TEXT);
}

static ddpm_status refuse(const ddpm_option *option, const ddpm_config *config, int64_t line, const char *name)
{
    const char *unmet;
    char *found = NULL, *value = NULL, place[DDPM_MESSAGE_BYTES] = "";
    ddpm_status status = find_unmet(option, config, &unmet, &found);
    if (status == DDPM_OK) status = ddpm_option_text(option, config, &value);
    if (line > 0) snprintf(place, sizeof place, "%s:%lld: ", name, (long long)line);
    if (status == DDPM_OK)
        status = ddpm_fail(DDPM_ERR_CONFIG,
                           "%s%s: %.80s has no effect, since it needs %s, found %.80s; change that, or leave "
                           "%s out",
                           place, option->key, value, unmet, found, option->key);
    free(found);
    free(value);
    return status;
}

/* Rows whose file is named are those that are wanted. */
static void choose_source(ddpm_config *config)
{
    const ddpm_given *given = &config->given[ddpm_option_find("data.source")];
    if (config->data.path[0] && given->line == 0 && !given->assigned) config->data.source = DDPM_DATA_HDF5;
}

static ddpm_status settle(ddpm_config *config, const ddpm_config *initial, const char *name)
{
    for (int changed = 1; changed;) {
        changed = 0;
        for (int i = 0; i < ddpm_option_count; i++)
            if (config->given[i].line > 0 && config->given[i].worked)
                DDPM_TRY(reset(&ddpm_options[i], config, initial, &changed));
    }
    for (int i = 0; i < ddpm_option_count; i++) {
        int has, asking;
        if (config->given[i].line == 0 && !config->given[i].assigned) continue;
        DDPM_TRY(ddpm_option_has_effect(&ddpm_options[i], config, &has));
        DDPM_TRY(asks(&ddpm_options[i], config, initial, &asking));
        if (!has && asking) return refuse(&ddpm_options[i], config, config->given[i].line, name);
    }
    return DDPM_OK;
}

ddpm_status ddpm_config_settle(ddpm_config *config, const char *name)
{
    ddpm_config initial;
    choose_source(config);
    ddpm_status status = ddpm_config_defaults(&initial);
    if (status == DDPM_OK) status = settle(config, &initial, name);
    ddpm_config_release(&initial);
    return status;
}
