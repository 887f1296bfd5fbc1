/* The value of an option: from a scalar's text into the struct, and back, and whether it is in range. */
#include "base/memory.h"
#include "config/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Static_assert(sizeof(ddpm_data_source) == sizeof(unsigned), "enumerations are copied as unsigned");

enum {
    EXPECTED_BYTES = 256,
    FILE_NAME_BYTES = 128, /* file systems allow 255 */
};

static void *field(const ddpm_option *option, ddpm_config *config)
{
    return (char *)config + option->offset;
}

static const void *field_of(const ddpm_option *option, const ddpm_config *config)
{
    return (const char *)config + option->offset;
}

/* ---- what is expected ---- */

static void DDPM_PRINTF(3, 4) add(char *out, size_t bytes, const char *format, ...)
{
    const size_t used = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out + used, bytes - used, format, arguments);
    va_end(arguments);
}

static void add_bounds(const ddpm_option *option, char *out, size_t bytes)
{
    const int open_min = option->flags & DDPM_OPTION_ABOVE_MIN, open_max = option->flags & DDPM_OPTION_BELOW_MAX;
    const int below = !isinf(option->max);
    if (below && !open_min && !open_max) {
        add(out, bytes, " from %.15g to %.15g", option->min, option->max);
        return;
    }
    add(out, bytes, open_min ? " above %.15g" : " of at least %.15g", option->min);
    if (below) add(out, bytes, open_max ? " and below %.15g" : " and at most %.15g", option->max);
}

void ddpm_option_expected(const ddpm_option *option, char *out, size_t bytes)
{
    out[0] = '\0';
    switch (option->type) {
    case DDPM_OPTION_BOOL:
        add(out, bytes, "true or false");
        break;
    case DDPM_OPTION_UINT:
        add(out, bytes, "an integer from 0 to %llu", (unsigned long long)UINT64_MAX);
        break;
    case DDPM_OPTION_INT:
        add(out, bytes, option->flags & DDPM_OPTION_OR_ZERO ? "0, or an integer" : "an integer");
        add_bounds(option, out, bytes);
        if (option->flags & DDPM_OPTION_AUTO) add(out, bytes, ", or auto");
        break;
    case DDPM_OPTION_REAL:
        add(out, bytes, "a number");
        add_bounds(option, out, bytes);
        if (option->flags & DDPM_OPTION_AUTO) add(out, bytes, ", or auto");
        break;
    case DDPM_OPTION_ENUM:
        for (const ddpm_choice *c = option->choices; c->name; c++)
            add(out, bytes, "%s%s", c == option->choices ? "one of " : ", ", c->name);
        break;
    case DDPM_OPTION_TEXT:
        if (option->flags & DDPM_OPTION_FILE_NAME)
            add(out, bytes, "1 to %d letters, digits, '.', '_' and '-', not '.' first", FILE_NAME_BYTES);
        else
            add(out, bytes, "a text of at most %d bytes", DDPM_CONFIG_TEXT - 1);
        break;
    case DDPM_OPTION_TEXT_LIST:
        add(out, bytes, "a list of texts of 1 to %d bytes", DDPM_CONFIG_TEXT - 1);
        break;
    case DDPM_OPTION_REAL_LIST:
        add(out, bytes, "a list of numbers");
        add_bounds(option, out, bytes);
        break;
    }
}

/* YAML reads a plain null as "no value"; a user who means the word writes it in quotes. */
static int is_null(const char *text)
{
    static const char *const names[] = {"", "~", "null", "Null", "NULL"};
    for (int i = 0; i < 5; i++)
        if (strcmp(text, names[i]) == 0) return 1;
    return 0;
}

static ddpm_status refuse(const ddpm_option *option, const char *text, size_t length, int plain)
{
    char expected[EXPECTED_BYTES], found[DDPM_QUOTE_BYTES];
    const char *note = "";
    ddpm_option_expected(option, expected, sizeof expected);
    ddpm_config_quote(text, found);
    if (strlen(text) < length)
        note = " and a zero byte";
    else if (!plain &&
             (option->type <= DDPM_OPTION_REAL /* BOOL, INT, UINT, REAL */ || option->type == DDPM_OPTION_REAL_LIST))
        note = " in quotes, which is a text";
    else if (plain && is_null(text) && option->type == DDPM_OPTION_TEXT && !(option->flags & DDPM_OPTION_FILE_NAME))
        note = "; write \"\" for an empty text";
    else if (option->type >= DDPM_OPTION_TEXT_LIST)
        note = " in it";
    if (plain && length == 0) snprintf(found, sizeof found, "nothing");
    return ddpm_fail(DDPM_ERR_CONFIG, "%s: expected %s, found %s%s", option->key, expected, found, note);
}

/* In any case: YAML has True and TRUE too, and Python writes the former. */
static int to_bool(const char *text, int *out)
{
    static const char *const names[] = {"false", "true", "no", "yes", "off", "on"}; /* those at odd places are true */
    for (int i = 0; i < 6; i++)
        if (strcasecmp(text, names[i]) == 0) {
            *out = i & 1;
            return 1;
        }
    return 0;
}

static int to_choice(const ddpm_option *option, const char *text, unsigned *out)
{
    for (const ddpm_choice *c = option->choices; c->name; c++)
        if (strcmp(c->name, text) == 0) {
            *out = c->value;
            return 1;
        }
    return 0;
}

/* ---- ranges ---- */

static int real_fits(const ddpm_option *option, double value)
{
    if (isinf(value)) return 0;
    if (value == 0 && (option->flags & DDPM_OPTION_OR_ZERO)) return 1;
    if (isnan(value) || (option->type == DDPM_OPTION_INT && value == DDPM_AUTO))
        return (option->flags & DDPM_OPTION_AUTO) != 0;
    if (option->flags & DDPM_OPTION_ABOVE_MIN ? !(value > option->min) : !(value >= option->min)) return 0;
    return option->flags & DDPM_OPTION_BELOW_MAX ? value < option->max : value <= option->max;
}

static int text_fits(const ddpm_option *option, const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t length = strnlen(text, DDPM_CONFIG_TEXT);
    if (length == DDPM_CONFIG_TEXT) return 0;
    if (option->type == DDPM_OPTION_TEXT_LIST) return length > 0;
    if (option->flags & DDPM_OPTION_FILE_NAME)
        return length > 0 && length <= FILE_NAME_BYTES && text[0] != '.' && strspn(text, safe) == length;
    return 1;
}

/* ---- text to value ---- */

/* Set the member. @return 0 if the text is refused. Only texts and choices may be in quotes, since "512" is a text in
 * YAML. */
static int set(const ddpm_option *option, void *to, const char *text, int plain)
{
    double real = NAN;
    int64_t integer = DDPM_AUTO;
    const int is_auto = (option->flags & DDPM_OPTION_AUTO) && strcmp(text, "auto") == 0;
    switch (option->type) {
    case DDPM_OPTION_BOOL:
        return plain && to_bool(text, to);
    case DDPM_OPTION_UINT:
        return plain && ddpm_config_to_uint(text, to);
    case DDPM_OPTION_ENUM:
        return to_choice(option, text, to);
    case DDPM_OPTION_INT:
        if (!plain || !(is_auto || (ddpm_config_to_int(text, &integer) && integer != DDPM_AUTO &&
                                    real_fits(option, (double)integer))))
            return 0;
        memcpy(to, &integer, sizeof integer);
        return 1;
    case DDPM_OPTION_REAL:
        if (!plain || !(is_auto || (ddpm_config_to_real(text, &real) && real_fits(option, real)))) return 0;
        memcpy(to, &real, sizeof real);
        return 1;
    case DDPM_OPTION_TEXT:
        if ((plain && is_null(text)) || !text_fits(option, text)) return 0;
        memset(to, 0, DDPM_CONFIG_TEXT);
        memcpy(to, text, strlen(text));
        return 1;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        break;
    }
    return 0;
}

ddpm_status ddpm_option_read(const ddpm_option *option, ddpm_config *config, const char *text, size_t length, int plain)
{
    if (strlen(text) != length || !set(option, field(option, config), text, plain))
        return refuse(option, text, length, plain);
    return DDPM_OK;
}

ddpm_status ddpm_option_read_before(ddpm_config *config)
{
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        if (option->before) DDPM_TRY(ddpm_option_read(option, config, option->before, strlen(option->before), 1));
    }
    return DDPM_OK;
}

/* Make space for one more item. The space is always a power of two, so the list is full when its count is 0 or a power
 * of two. */
static ddpm_status grow(ddpm_text_list *list)
{
    char **items = NULL;
    if (list->count & (list->count - 1)) return DDPM_OK;
    DDPM_TRY(DDPM_NEW(&items, list->count ? 2 * list->count : 1, "a list of the configuration"));
    if (list->count) memcpy(items, list->items, (size_t)list->count * sizeof *items);
    ddpm_release(list->items);
    list->items = items;
    return DDPM_OK;
}

ddpm_status ddpm_option_append(const ddpm_option *option, ddpm_text_list *list, const char *text, size_t length,
                               int plain)
{
    char number[DDPM_REAL_BYTES], *item = NULL;
    double real = NAN;
    int fits = strlen(text) == length;
    if (option->type == DDPM_OPTION_TEXT_LIST)
        fits = fits && !(plain && is_null(text)) && text_fits(option, text);
    else
        fits = fits && plain && ddpm_config_to_real(text, &real) && real_fits(option, real);
    if (!fits) return refuse(option, text, length, plain);
    if (option->type == DDPM_OPTION_REAL_LIST) {
        ddpm_config_format_real(real, number);
        text = number;
    }
    DDPM_TRY(grow(list));
    DDPM_TRY(DDPM_NEW(&item, (int64_t)strlen(text) + 1, "a list item of the configuration"));
    memcpy(item, text, strlen(text));
    list->items[list->count++] = item;
    return DDPM_OK;
}

void ddpm_config_list_release(ddpm_text_list *list)
{
    for (int64_t i = 0; i < list->count; i++) ddpm_release(list->items[i]);
    ddpm_release(list->items);
    *list = (ddpm_text_list){0, NULL};
}

static int list_fits(const ddpm_option *option, const ddpm_text_list *list)
{
    double real = NAN;
    for (int64_t i = 0; i < list->count; i++)
        if (option->type == DDPM_OPTION_TEXT_LIST
                ? !text_fits(option, list->items[i])
                : !ddpm_config_to_real(list->items[i], &real) || !real_fits(option, real))
            return 0;
    return 1;
}

const char *ddpm_option_choice(const ddpm_option *option, unsigned value)
{
    for (const ddpm_choice *c = option->choices; c->name; c++)
        if (c->value == value) return c->name;
    return NULL;
}

const char *ddpm_config_choice(const char *key, unsigned value)
{
    return ddpm_option_choice(&ddpm_options[ddpm_option_find(key)], value);
}

ddpm_status ddpm_option_valid(const ddpm_option *option, const ddpm_config *config)
{
    const void *at = field_of(option, config);
    char expected[EXPECTED_BYTES];
    int fits = 1;
    switch (option->type) {
    case DDPM_OPTION_BOOL:
        fits = *(const int *)at == 0 || *(const int *)at == 1;
        break;
    case DDPM_OPTION_INT:
        fits = real_fits(option, (double)*(const int64_t *)at);
        break;
    case DDPM_OPTION_UINT:
        break;
    case DDPM_OPTION_REAL:
        fits = real_fits(option, *(const double *)at);
        break;
    case DDPM_OPTION_ENUM:
        fits = ddpm_option_choice(option, *(const unsigned *)at) != NULL;
        break;
    case DDPM_OPTION_TEXT:
        fits = text_fits(option, at);
        break;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        fits = list_fits(option, at);
        break;
    }
    if (fits) return DDPM_OK;
    ddpm_option_expected(option, expected, sizeof expected);
    return ddpm_fail(DDPM_ERR_CONFIG, "%s: expected %s", option->key, expected);
}

/* ---- value to text ---- */

static void write_list(const ddpm_option *option, const ddpm_text_list *list, FILE *to)
{
    fputc('[', to);
    for (int64_t i = 0; i < list->count; i++) {
        if (i > 0) fputs(", ", to);
        if (option->type == DDPM_OPTION_TEXT_LIST)
            ddpm_config_write_text(list->items[i], to);
        else
            fputs(list->items[i], to);
    }
    fputc(']', to);
}

void ddpm_option_write(const ddpm_option *option, const ddpm_config *config, FILE *to)
{
    const void *at = field_of(option, config);
    char number[DDPM_REAL_BYTES];
    switch (option->type) {
    case DDPM_OPTION_BOOL:
        fputs(*(const int *)at ? "true" : "false", to);
        break;
    case DDPM_OPTION_INT:
        if (*(const int64_t *)at == DDPM_AUTO)
            fputs("auto", to);
        else
            fprintf(to, "%lld", (long long)*(const int64_t *)at);
        break;
    case DDPM_OPTION_UINT:
        fprintf(to, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case DDPM_OPTION_REAL:
        ddpm_config_format_real(*(const double *)at, number);
        fputs(isnan(*(const double *)at) ? "auto" : number, to);
        break;
    case DDPM_OPTION_ENUM:
        fputs(ddpm_option_choice(option, *(const unsigned *)at), to);
        break;
    case DDPM_OPTION_TEXT:
        ddpm_config_write_text(at, to);
        break;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        write_list(option, at, to);
        break;
    }
}

ddpm_status ddpm_option_text(const ddpm_option *option, const ddpm_config *config, char **out)
{
    size_t bytes = 0;
    *out = NULL;
    FILE *memory = open_memstream(out, &bytes);
    if (!memory) return ddpm_fail(DDPM_ERR_MEMORY, "comparing configurations: out of memory");
    ddpm_option_write(option, config, memory);
    if (fclose(memory) == 0) return DDPM_OK;
    free(*out);
    *out = NULL;
    return ddpm_fail(DDPM_ERR_MEMORY, "comparing configurations: out of memory");
}
