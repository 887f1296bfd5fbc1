/** Values of all keys for the tests of configurations: drawn at random, compared, and each changed to another. */
#ifndef DDPM_TESTS_CONFIG_VALUES_H
#define DDPM_TESTS_CONFIG_VALUES_H

#include "texts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/** The value as it is written; free() it. */
static inline char *value_of(const ddpm_option *option, const ddpm_config *config)
{
    char *text;
    assert_int_equal(ddpm_option_text(option, config, &text), DDPM_OK);
    return text;
}

static inline const void *field(const ddpm_option *option, const ddpm_config *config)
{
    return (const char *)config + option->offset;
}

static inline size_t field_bytes(const ddpm_option *option)
{
    switch (option->type) {
    case DDPM_OPTION_BOOL:
    case DDPM_OPTION_ENUM:
        return sizeof(int);
    case DDPM_OPTION_TEXT:
        return DDPM_CONFIG_TEXT;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        return sizeof(ddpm_text_list);
    default:
        return 8;
    }
}

static inline int is_list(const ddpm_option *option)
{
    return option->type == DDPM_OPTION_TEXT_LIST || option->type == DDPM_OPTION_REAL_LIST;
}

/* Equal to the last bit, except that all NaN are equal. */
static inline void assert_same(const ddpm_config *a, const ddpm_config *b)
{
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        const void *x = field(option, a), *y = field(option, b);
        if (is_list(option)) {
            const ddpm_text_list *p = x, *q = y;
            assert_int_equal(p->count, q->count);
            for (int64_t j = 0; j < p->count; j++) assert_string_equal(p->items[j], q->items[j]);
        } else if (option->type == DDPM_OPTION_REAL && isnan(*(const double *)x)) {
            assert_true(isnan(*(const double *)y));
        } else if (memcmp(x, y, field_bytes(option)) != 0) {
            fail_msg("%s differs", option->key);
        }
    }
}

/* ---- random values of any option ---- */

static inline double random_real(const ddpm_option *option)
{
    const double edge = 1e-300, high = isinf(option->max) ? DBL_MAX : option->max;
    double value = 0;
    if (option->flags & DDPM_OPTION_AUTO && below(4) == 0) return NAN;
    if (below(4) == 0 && option->min == 0)
        return option->flags & DDPM_OPTION_ABOVE_MIN ? edge * 1e-20 : 0; /* denormal */
    do {
        if (isinf(option->max)) {
            const uint64_t bits = draw() >> 1;
            memcpy(&value, &bits, sizeof value);
        } else {
            value = option->min + (high - option->min) * ((double)(draw() >> 11) * 0x1p-53);
        }
    } while (!(value > option->min && value < high));
    return value;
}

/* Any characters of Unicode; those that need escaping are more frequent. */
static inline void random_text(const ddpm_option *option, char out[DDPM_CONFIG_TEXT])
{
    static const unsigned awkward[] = {1,      7,      9,      10,     13,   27,      32,      '"',
                                       '\\',   '#',    0x7f,   0x80,   0x85, 0x9f,    0xa0,    0x2028,
                                       0x2029, 0xd7ff, 0xe000, 0xfeff, '%',  '\'',    ':',     0xfffd,
                                       0xfffe, 0xffff, '&',    '*',    '!',  0x10000, 0x10ffff};
    const int safe = (option->flags & DDPM_OPTION_FILE_NAME) != 0;
    size_t length = 1 + below(safe ? 128 : below(2) ? 20 : DDPM_CONFIG_TEXT - 8), n = 0;
    memset(out, 0, DDPM_CONFIG_TEXT);
    while (n < length) {
        unsigned c = (unsigned)below(below(2) ? 0x80 : 0x110000);
        if (below(3) == 0) c = awkward[below(sizeof awkward / sizeof *awkward)];
        if (safe) c = (unsigned)"abzAZ09_-."[below(n ? 10 : 9)];
        if (c == 0 || (c >= 0xd800 && c < 0xe000)) continue;
        if (c < 0x80) {
            out[n++] = (char)c;
        } else if (c < 0x800) {
            out[n++] = (char)(0xc0 | c >> 6);
            out[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            out[n++] = (char)(0xe0 | c >> 12);
            out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            out[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            out[n++] = (char)(0xf0 | c >> 18);
            out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            out[n++] = (char)(0x80 | (c & 0x3f));
        }
    }
}

static inline void random_list(const ddpm_option *option, ddpm_text_list *list)
{
    ddpm_config_list_release(list);
    for (uint64_t n = below(12); n > 0; n--) {
        char text[DDPM_CONFIG_TEXT];
        if (option->type == DDPM_OPTION_REAL_LIST)
            snprintf(text, sizeof text, "%.17g", random_real(option));
        else
            random_text(option, text);
        const int plain = option->type == DDPM_OPTION_REAL_LIST;
        assert_int_equal(ddpm_option_append(option, list, text, strlen(text), plain), DDPM_OK);
    }
}

static inline void randomise(const ddpm_option *option, ddpm_config *config)
{
    void *to = (char *)config + option->offset;
    switch (option->type) {
    case DDPM_OPTION_BOOL:
        *(int *)to = (int)below(2);
        break;
    case DDPM_OPTION_UINT:
        *(uint64_t *)to = draw();
        break;
    case DDPM_OPTION_INT:
        *(int64_t *)to = (int64_t)option->min + (int64_t)below((uint64_t)(option->max - option->min) + 1);
        if (option->flags & DDPM_OPTION_AUTO && below(4) == 0) *(int64_t *)to = DDPM_AUTO;
        break;
    case DDPM_OPTION_REAL:
        *(double *)to = random_real(option);
        break;
    case DDPM_OPTION_ENUM: {
        uint64_t n = 0;
        while (option->choices[n].name) n++;
        *(unsigned *)to = option->choices[below(n)].value;
        break;
    }
    case DDPM_OPTION_TEXT:
        random_text(option, to);
        break;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        random_list(option, to);
        break;
    }
}

/* Change the value until it is written differently. */
static inline void change(const ddpm_option *option, ddpm_config *config)
{
    char *before = value_of(option, config), *after = NULL;
    do {
        free(after);
        randomise(option, config);
        after = value_of(option, config);
    } while (strcmp(before, after) == 0);
    free(before);
    free(after);
}

/* ---- the table ---- */

#endif
