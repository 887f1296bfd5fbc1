/* Writes the configuration as YAML: the resolved values, or the commented reference. parse.c can read both. */
#include "config/table.h"

#include <errno.h>
#include <string.h>

/* How many bytes two keys share as whole sections, dots included: those of "a.b." for a.b.c and a.b.d. */
static size_t shared_sections(const char *a, const char *b)
{
    size_t shared = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.') shared = i + 1;
    return shared;
}

static int indent(FILE *to, const char *key)
{
    int spaces = 0;
    for (const char *c = key; *c; c++) spaces += *c == '.' ? 2 : 0;
    return fprintf(to, "%*s", spaces, "");
}

/* Write the names of the sections of a key that the key before it was not in. */
static void open_sections(const char *before, const char *key, int commented, FILE *to)
{
    char section[DDPM_KEY_BYTES];
    for (const char *dot = strchr(key + shared_sections(before, key), '.'); dot; dot = strchr(dot + 1, '.')) {
        snprintf(section, sizeof section, "%.*s", (int)(dot - key), key);
        const char *nested = strrchr(section, '.');
        if (commented && !nested) fputc('\n', to);
        if (commented) {
            indent(to, section);
            fprintf(to, "# %s\n", ddpm_sections[ddpm_section_find(section)].meaning);
        }
        indent(to, section);
        fprintf(to, "%s:\n", nested ? nested + 1 : section);
    }
}

static void write_comment(const ddpm_option *option, FILE *to)
{
    char expected[256];
    const char *mark = option->flags & DDPM_OPTION_SCIENCE   ? "; science"
                       : option->flags & DDPM_OPTION_PROLONG ? "; science with decay: cosine"
                                                             : "";
    ddpm_option_expected(option, expected, sizeof expected);
    indent(to, option->key);
    fprintf(to, "# %s (%s%s)\n", option->meaning, expected, mark);
}

static ddpm_status write_all(const ddpm_config *config, int commented, FILE *to)
{
    const char *before = "";
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        open_sections(before, option->key, commented, to);
        if (commented) write_comment(option, to);
        indent(to, option->key);
        fprintf(to, "%s: ", strrchr(option->key, '.') + 1);
        ddpm_option_write(option, config, to);
        fputc('\n', to);
        before = option->key;
    }
    if (fflush(to) != 0 || ferror(to))
        return ddpm_fail(DDPM_ERR_IO, "the configuration could not be written: %s", strerror(errno));
    return DDPM_OK;
}

ddpm_status ddpm_config_dump(const ddpm_config *config, FILE *to)
{
    fputs("# ddpm " DDPM_VERSION "\n", to);
    return write_all(config, 0, to);
}

ddpm_status ddpm_config_text(const ddpm_config *config, char **text)
{
    size_t bytes = 0;
    FILE *memory = open_memstream(text, &bytes);
    if (!memory) return ddpm_fail(DDPM_ERR_MEMORY, "the configuration's text could not be made");
    const ddpm_status status = ddpm_config_dump(config, memory);
    if (fclose(memory) != 0 && status == DDPM_OK)
        return ddpm_fail(DDPM_ERR_MEMORY, "the configuration's text could not be made");
    return status;
}

ddpm_status ddpm_config_reference(FILE *to)
{
    ddpm_config config;
    DDPM_TRY(ddpm_config_defaults(&config));
    fputs(
        "# ddpm " DDPM_VERSION "\n"
        "# Every key with its default, which it has where a configuration leaves it out.\n"
        "# A key marked 'science' decides what is computed, and cannot change when a run is resumed; the others can.\n",
        to);
    const ddpm_status status = write_all(&config, 1, to);
    ddpm_config_release(&config);
    return status;
}
