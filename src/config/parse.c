/* Reads YAML into the struct, by libyaml's events; no other file includes yaml.h.
 * A configuration is a small part of YAML: sections of keys with scalars and lists. Anchors, aliases, tags, further
 * documents, and sections that the table does not have are refused as soon as they are met, so that no input makes the
 * reader's memory or recursion grow. */
#include "base/memory.h"
#include "config/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    ddpm_config *config;
    const char *text;
    size_t bytes;
    const char *name;       /* the file's; NULL: an assignment of the command line */
    const char *assignment; /* quoted; used without a name */
    int accepts_former;     /* whether a key may have the name that it had in an earlier version */
    size_t key_line[DDPM_OPTION_LIMIT], section_line[DDPM_SECTION_LIMIT]; /* where it was given, from 1; 0: not yet */
} reader;

/* Put the place before a message; for an assignment, which is short, the assignment itself. */
static ddpm_status DDPM_PRINTF(4, 5)
    fail_at(const reader *r, yaml_mark_t mark, ddpm_status status, const char *format, ...)
{
    char message[DDPM_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (!r->name) return ddpm_fail(status, "%s: %s", r->assignment, message);
    return ddpm_fail(status, "%s:%zu:%zu: %s", r->name, mark.line + 1, mark.column + 1, message);
}

/* For errors of libyaml's reader, which come with an offset in bytes. */
static yaml_mark_t place(const reader *r, size_t offset)
{
    yaml_mark_t mark = {0, 0, 0};
    for (size_t i = 0; i < offset && i < r->bytes; i++) {
        if (r->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)r->text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static ddpm_status fail_syntax(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "unknown problem";
    if (p->error == YAML_MEMORY_ERROR)
        return ddpm_fail(DDPM_ERR_MEMORY, "%s: out of memory while reading YAML", r->name ? r->name : "a setting");
    if (p->error == YAML_READER_ERROR)
        return fail_at(r, place(r, p->problem_offset), DDPM_ERR_CONFIG, "not plain UTF-8 text: %s (found 0x%02X)",
                       problem, (unsigned)p->problem_value);
    const int is_tab = p->error == YAML_SCANNER_ERROR && p->problem_mark.index == p->mark.index &&
                       p->buffer.pointer < p->buffer.last && *p->buffer.pointer == '\t';
    return fail_at(r, p->problem_mark, DDPM_ERR_CONFIG, "not valid YAML: %s%s%s%s", problem, p->context ? " " : "",
                   p->context ? p->context : "", is_tab ? "; it is a tab, indent with spaces" : "");
}

/* Go to the next event; refuse anchors, aliases and tags. */
static ddpm_status next(reader *r)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) return fail_syntax(r);
    const yaml_event_t *e = &r->event;
    if (e->type == YAML_ALIAS_EVENT) anchor = e->data.alias.anchor;
    if (e->type == YAML_SCALAR_EVENT) anchor = e->data.scalar.anchor, tag = e->data.scalar.tag;
    if (e->type == YAML_SEQUENCE_START_EVENT) anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag;
    if (e->type == YAML_MAPPING_START_EVENT) anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag;
    if (anchor)
        return fail_at(r, e->start_mark, DDPM_ERR_CONFIG,
                       "anchors (&) and aliases (*) are not used here; write the value out, in quotes if the value "
                       "itself begins with & or *");
    if (tag)
        return fail_at(
            r, e->start_mark, DDPM_ERR_CONFIG,
            "tags (!) are not used here; write the value alone, in quotes if the value itself begins with !");
    return DDPM_OK;
}

static const char *scalar_text(const reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

static int is_plain(const reader *r)
{
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* The current event, for "found ..." in a message. */
static const char *found(const reader *r, char out[DDPM_QUOTE_BYTES])
{
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        if (is_plain(r) && r->event.data.scalar.length == 0) return "nothing";
        ddpm_config_quote(scalar_text(r), out);
        return out;
    case YAML_MAPPING_START_EVENT:
        return "a mapping";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    default:
        return "nothing";
    }
}

static ddpm_status fail_expected(const reader *r, const ddpm_option *option, const char *where)
{
    char expected[256], quoted[DDPM_QUOTE_BYTES];
    ddpm_option_expected(option, expected, sizeof expected);
    return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "%s: expected %s, found %s%s", option->key, expected,
                   found(r, quoted), where);
}

static ddpm_status fail_unknown(const reader *r, const char *key)
{
    char quoted[DDPM_QUOTE_BYTES];
    const char *nearest = ddpm_option_nearest(key), *now = ddpm_option_renamed(key);
    ddpm_config_quote(key, quoted);
    if (now) return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "%s is now called %s", key, now);
    return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "unknown key %s%s%s%s ('ddpm config' lists all keys)",
                   quoted, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static ddpm_status read_section(reader *r, const char *section);

static ddpm_status read_scalar(reader *r, const ddpm_option *option)
{
    if (r->event.type != YAML_SCALAR_EVENT) return fail_expected(r, option, "");
    const ddpm_status status =
        ddpm_option_read(option, r->config, scalar_text(r), r->event.data.scalar.length, is_plain(r));
    return status == DDPM_OK ? DDPM_OK : fail_at(r, r->event.start_mark, status, "%s", ddpm_error_message());
}

static ddpm_status read_items(reader *r, const ddpm_option *option, ddpm_text_list *list)
{
    if (r->event.type == YAML_SCALAR_EVENT)
        return fail_expected(r, option, "; a list stands in brackets, also one of one: [a]");
    if (r->event.type != YAML_SEQUENCE_START_EVENT) return fail_expected(r, option, "");
    for (;;) {
        DDPM_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return DDPM_OK;
        if (r->event.type != YAML_SCALAR_EVENT) return fail_expected(r, option, " in it");
        const ddpm_status status =
            ddpm_option_append(option, list, scalar_text(r), r->event.data.scalar.length, is_plain(r));
        if (status != DDPM_OK) return fail_at(r, r->event.start_mark, status, "%s", ddpm_error_message());
    }
}

static ddpm_status read_list(reader *r, const ddpm_option *option)
{
    ddpm_text_list list = {0, NULL}, *field = (void *)((char *)r->config + option->offset);
    const ddpm_status status = read_items(r, option, &list);
    if (status == DDPM_OK) {
        ddpm_config_list_release(field);
        *field = list;
    } else {
        ddpm_config_list_release(&list);
    }
    return status;
}

/* The current event is the value of a known key or section. */
static ddpm_status read_value(reader *r, const char *key)
{
    const int at = ddpm_option_find(key);
    if (at < 0) return read_section(r, key);
    const ddpm_option *option = &ddpm_options[at];
    if (option->type == DDPM_OPTION_TEXT_LIST || option->type == DDPM_OPTION_REAL_LIST) return read_list(r, option);
    return read_scalar(r, option);
}

/* The current event is a key inside a section. @param[out] key  its full name; it is known, and given for the first
 * time. */
static ddpm_status read_key(reader *r, const char *section, char key[DDPM_KEY_BYTES])
{
    char quoted[DDPM_QUOTE_BYTES];
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "expected the name of a key, found %s",
                       found(r, quoted));
    if (strlen(scalar_text(r)) != r->event.data.scalar.length)
        return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "expected the name of a key, found a zero byte in it");
    /* a key too long for the array is cut, and so is unknown */
    snprintf(key, DDPM_KEY_BYTES, "%s%s%s", section, *section ? "." : "", scalar_text(r));
    const char *now = r->accepts_former ? ddpm_option_renamed(key) : NULL;
    if (now) snprintf(key, DDPM_KEY_BYTES, "%s", now);
    const int option = ddpm_option_find(key), group = ddpm_section_find(key);
    if (option < 0 && group < 0) return fail_unknown(r, key);
    size_t *line = option >= 0 ? &r->key_line[option] : &r->section_line[group];
    if (*line)
        return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG,
                       "'%s' is given again; it was given on line %zu, keep one of the two", key, *line);
    *line = r->event.start_mark.line + 1;
    return DDPM_OK;
}

/* The current event is the value of a section; the section "" is the whole file. Recursion is at most as deep as the
 * table, since an unknown key ends it. */
static ddpm_status read_section(reader *r, const char *section)
{
    char key[DDPM_KEY_BYTES], quoted[DDPM_QUOTE_BYTES];
    const yaml_event_t *e = &r->event;
    if (e->type == YAML_SCALAR_EVENT && is_plain(r) && e->data.scalar.length == 0)
        return DDPM_OK; /* all keys are commented out */
    if (e->type != YAML_MAPPING_START_EVENT && *section)
        return fail_at(r, e->start_mark, DDPM_ERR_CONFIG,
                       "'%s' is a section: expected keys below it, as 'key: value', found %s", section,
                       found(r, quoted));
    if (e->type != YAML_MAPPING_START_EVENT)
        return fail_at(r, e->start_mark, DDPM_ERR_CONFIG, "expected sections, such as 'training:', found %s",
                       found(r, quoted));
    for (;;) {
        DDPM_TRY(next(r));
        if (e->type == YAML_MAPPING_END_EVENT) return DDPM_OK;
        DDPM_TRY(read_key(r, section, key));
        DDPM_TRY(next(r));
        DDPM_TRY(read_value(r, key));
    }
}

/* Read a document, or none, as the value of `key`. */
static ddpm_status read_stream(reader *r, const char *key)
{
    DDPM_TRY(next(r)); /* the stream's start */
    DDPM_TRY(next(r));
    if (r->event.type == YAML_STREAM_END_EVENT) {
        if (!*key) return DDPM_OK; /* an empty file */
        return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "expected a value after '=', found nothing");
    }
    DDPM_TRY(next(r)); /* past the document's start */
    DDPM_TRY(read_value(r, key));
    DDPM_TRY(next(r)); /* the document's end */
    DDPM_TRY(next(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, r->event.start_mark, DDPM_ERR_CONFIG, "a second document begins here; expected one in all");
    return DDPM_OK;
}

static ddpm_status read_text(reader *r, const char *key)
{
    if (!yaml_parser_initialize(&r->parser)) return ddpm_fail(DDPM_ERR_MEMORY, "out of memory while reading YAML");
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->bytes);
    const ddpm_status status = read_stream(r, key);
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
    return status;
}

ddpm_status ddpm_config_parse(ddpm_config *config, const char *text, size_t bytes, const char *name)
{
    reader r = {.config = config, .text = text, .bytes = bytes, .name = name};
    DDPM_TRY(read_text(&r, ""));
    for (int i = 0; i < ddpm_option_count; i++) {
        if (!r.key_line[i]) continue;
        config->given[i] = (ddpm_given){.line = (int64_t)r.key_line[i]};
        DDPM_TRY(ddpm_option_has_effect(&ddpm_options[i], config, &config->given[i].worked));
    }
    return DDPM_OK;
}

ddpm_status ddpm_config_parse_saved(ddpm_config *config, const char *text, size_t bytes, const char *name)
{
    reader r = {.config = config, .text = text, .bytes = bytes, .name = name, .accepts_former = 1};
    DDPM_TRY(ddpm_option_read_before(config));
    return read_text(&r, "");
}

/* The value of a text: the bytes as they are. Quoted, they go the way of all values, which checks them. */
static ddpm_status read_bytes(reader *r, const char *key)
{
    char *quoted = NULL;
    FILE *memory = open_memstream(&quoted, &r->bytes);
    if (memory) ddpm_config_write_text(r->text, memory);
    if (!memory || fclose(memory) != 0) {
        free(quoted);
        return ddpm_fail(DDPM_ERR_MEMORY, "out of memory while reading a setting");
    }
    r->text = quoted;
    const ddpm_status status = read_text(r, key);
    free(quoted);
    return status;
}

ddpm_status ddpm_config_set(ddpm_config *config, const char *assignment)
{
    char key[DDPM_KEY_BYTES], quoted[DDPM_QUOTE_BYTES], shown[DDPM_QUOTE_BYTES];
    const char *equals = strchr(assignment, '=');
    const size_t length = equals ? (size_t)(equals - assignment) : 0;
    ddpm_config_quote(assignment, quoted);
    snprintf(shown, sizeof shown, "%.*s", (int)strlen(quoted) - 2, quoted + 1); /* without the quotes */
    if (!equals) return ddpm_fail(DDPM_ERR_CONFIG, "%s: expected section.key=value, found no '='", quoted);
    reader r = {.config = config, .text = equals + 1, .bytes = strlen(equals + 1), .assignment = shown};
    snprintf(key, sizeof key, "%.*s", (int)(length < sizeof key ? length : sizeof key - 1), assignment);
    const int option = ddpm_option_find(key);
    if (option < 0 && ddpm_section_find(key) < 0) return fail_unknown(&r, key);
    const int is_text = option >= 0 && ddpm_options[option].type == DDPM_OPTION_TEXT;
    if (r.bytes == 0 && !is_text) r.text = "\"\"", r.bytes = 2; /* in a shell, this is an empty text */
    DDPM_TRY(is_text ? read_bytes(&r, key) : read_text(&r, key));
    for (int i = 0; i < ddpm_option_count; i++)
        if (r.key_line[i] || i == ddpm_option_find(key)) config->given[i] = (ddpm_given){.assigned = 1};
    return DDPM_OK;
}

const char *ddpm_config_library(void)
{
    return yaml_get_version_string();
}
