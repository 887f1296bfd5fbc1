/* The rows of the option table for the section `sampling`: as options, and as help. */
#include "sample/sampling.h"

#include "config/table.h"

#include <string.h>

#define SECTION "sampling"

const ddpm_option *ddpm_sampling_row(int i)
{
    for (int at = 0; at < ddpm_option_count; at++)
        if (strncmp(ddpm_options[at].key, SECTION ".", sizeof SECTION) == 0 && i-- == 0) return &ddpm_options[at];
    return NULL;
}

/* ---- on a command line ---- */

const char *ddpm_sampling_option(int i)
{
    const ddpm_option *option;
    for (int at = 0; (option = ddpm_sampling_row(at)); at++)
        if (option->option && i-- == 0) return option->option;
    return i == 0 ? "set" : NULL;
}

static ddpm_status set_by_key(ddpm_config *config, const char *assignment)
{
    char quoted[DDPM_QUOTE_BYTES];
    const size_t length = sizeof SECTION - 1;
    if (strncmp(assignment, SECTION, length) == 0 && (assignment[length] == '.' || assignment[length] == '='))
        return ddpm_config_set(config, assignment);
    ddpm_config_quote(assignment, quoted);
    return ddpm_fail(DDPM_ERR_USAGE,
                     "%s: only keys of the section '" SECTION "' can be set here, as " SECTION
                     ".steps=20; the other sections say what was trained",
                     quoted);
}

static ddpm_status set(ddpm_config *config, const char *name, const char *value)
{
    char typed[DDPM_KEY_BYTES];
    const ddpm_option *option;
    if (strcmp(name, "set") == 0) return set_by_key(config, value);
    for (int i = 0; (option = ddpm_sampling_row(i)); i++) {
        if (!option->option || strcmp(option->option, name) != 0) continue;
        ddpm_option named = *option; /* so that a message names what was typed */
        snprintf(typed, sizeof typed, "--%s", name);
        named.key = typed;
        DDPM_TRY(ddpm_option_read(&named, config, value, strlen(value), 1));
        config->given[option - ddpm_options] = (ddpm_given){.assigned = 1};
        return DDPM_OK;
    }
    return ddpm_fail(DDPM_ERR_INTERNAL, "--%s is not an option of the section " SECTION, name);
}

/* Set it on a configuration of defaults, so that a mistake is found before a model is read. The keys of a file are
 * wrong configuration; those of a command line are wrong usage. */
static ddpm_status try_to_set(const char *option, const char *value)
{
    ddpm_config config;
    DDPM_TRY(ddpm_config_defaults(&config));
    const ddpm_status status = set(&config, option, value);
    ddpm_config_release(&config);
    return status == DDPM_ERR_CONFIG ? DDPM_ERR_USAGE : status;
}

ddpm_status ddpm_sampling_settings_add(ddpm_sampling_settings *settings, const char *option, const char *value)
{
    if (settings->count == DDPM_SAMPLING_SETTINGS_MAX)
        return ddpm_fail(DDPM_ERR_USAGE, "--%s: more than %d settings of sampling", option, DDPM_SAMPLING_SETTINGS_MAX);
    DDPM_TRY(try_to_set(option, value));
    settings->items[settings->count].option = option;
    settings->items[settings->count++].value = value;
    return DDPM_OK;
}

ddpm_status ddpm_sampling_settings_apply(const ddpm_sampling_settings *settings, ddpm_config *config)
{
    for (int i = 0; i < settings->count; i++)
        DDPM_TRY(set(config, settings->items[i].option, settings->items[i].value));
    ddpm_status status = ddpm_config_settle(config, NULL);
    if (status == DDPM_OK) status = ddpm_config_check_pairs(config);
    return status == DDPM_ERR_CONFIG ? DDPM_ERR_USAGE : status;
}

static int sets(const char *option, const char *value, const ddpm_option *key)
{
    const size_t length = strlen(key->key);
    if (strcmp(option, "set") != 0) return key->option && strcmp(option, key->option) == 0;
    return strncmp(value, key->key, length) == 0 && value[length] == '=';
}

int ddpm_sampling_is_given(const ddpm_config *config, const char *key)
{
    return config->given[ddpm_option_find(key)].assigned;
}

ddpm_status ddpm_sampling_settings_need_samples(const ddpm_sampling_settings *settings)
{
    const ddpm_option *weights = &ddpm_options[ddpm_option_find(SECTION ".weights")];
    for (int i = 0; i < settings->count; i++)
        if (!sets(settings->items[i].option, settings->items[i].value, weights))
            return ddpm_fail(DDPM_ERR_USAGE,
                             "--%s %s has no effect, since no samples are made (--samples 0, or --samples-file); leave "
                             "it out",
                             settings->items[i].option, settings->items[i].value);
    return DDPM_OK;
}

/* ---- as help ---- */

enum { HELP_INDENT = 21, HELP_WIDTH = 100 };

/* Print words from column HELP_INDENT on, in lines of at most HELP_WIDTH. */
static void print_words(const char *text, FILE *to)
{
    for (int at = HELP_INDENT; *text;) {
        const int length = (int)strcspn(text, " "), starts = at == HELP_INDENT;
        const int breaks = !starts && at + 1 + length > HELP_WIDTH;
        if (breaks) fprintf(to, "\n%*s", HELP_INDENT, "");
        fprintf(to, "%s%.*s", starts || breaks ? "" : " ", length, text);
        at = (breaks ? HELP_INDENT : at + !starts) + length;
        text += length + (text[length] == ' ');
    }
    fputc('\n', to);
}

void ddpm_sampling_help(FILE *to)
{
    char expected[256], name[DDPM_KEY_BYTES];
    const ddpm_option *option;
    fputs("\n"
          "How samples are made; by default, as the model's configuration says in its section " SECTION ":\n"
          "  --set " SECTION ".KEY=VALUE   set any key of the section; the options below set one key each.\n"
          "                     The last value of a key counts\n",
          to);
    for (int i = 0; (option = ddpm_sampling_row(i)); i++) {
        if (!option->option) continue;
        snprintf(name, sizeof name, "--%s X", option->option);
        ddpm_option_expected(option, expected, sizeof expected);
        fprintf(to, "  %-*s ", HELP_INDENT - 3, name);
        print_words(option->meaning, to);
        fprintf(to, "%*s%s: %s\n", HELP_INDENT, "", option->key, expected);
    }
}

const char *ddpm_sampling_name(int i)
{
    const ddpm_option *option = ddpm_sampling_row(i);
    if (!option) return NULL;
    return option->option ? option->option : option->key + sizeof SECTION;
}

const char *ddpm_sampling_weights(const ddpm_sampling *sampling)
{
    return ddpm_option_choice(&ddpm_options[ddpm_option_find(SECTION ".weights")], sampling->weights);
}
