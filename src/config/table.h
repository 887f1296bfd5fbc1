/** The option table behind config.h, and operations on a row of it. For the files of config/, for sample/sampling.c,
 * for app/arguments.c, which reads numbers as a configuration does, and for their tests. Local, main thread.
 */
#ifndef DDPM_CONFIG_TABLE_H
#define DDPM_CONFIG_TABLE_H

#include "base/auto.h"
#include "config/config.h"

#include <stddef.h>

typedef enum ddpm_option_type {
    DDPM_OPTION_BOOL, /* int */
    DDPM_OPTION_INT,  /* int64_t */
    DDPM_OPTION_UINT, /* uint64_t, the full range */
    DDPM_OPTION_REAL, /* double */
    DDPM_OPTION_ENUM,
    DDPM_OPTION_TEXT,      /* char [DDPM_CONFIG_TEXT] */
    DDPM_OPTION_TEXT_LIST, /* ddpm_text_list of texts that are not empty */
    DDPM_OPTION_REAL_LIST  /* ddpm_text_list of numbers in their shortest exact form */
} ddpm_option_type;

enum {
    DDPM_OPTION_SCIENCE = 1,    /* decides what is computed: must not change when a run is resumed */
    DDPM_OPTION_PROLONG = 2,    /* science only if training.decay is cosine, whose shape depends on it */
    DDPM_OPTION_ABOVE_MIN = 4,  /* min itself is excluded */
    DDPM_OPTION_BELOW_MAX = 8,  /* max itself is excluded */
    DDPM_OPTION_AUTO = 16,      /* a number that may be "auto": stored as NaN, or as the integer DDPM_AUTO */
    DDPM_OPTION_FILE_NAME = 32, /* a text that is safe as the name of a folder */
    DDPM_OPTION_OR_ZERO = 64,   /* an integer that may be 0, too, below min */
    DDPM_OPTION_OFF_AT_0 = 128, /* 0 asks for nothing, and so may be given where the key has no effect */
    DDPM_OPTION_MEANING = 256,  /* decides what the weights of a network mean */
};

/** A name of an enumeration's value. */
typedef struct ddpm_choice {
    const char *name; /* NULL ends a list */
    unsigned value;
} ddpm_choice;

enum { DDPM_NEEDS = 3 };

typedef struct ddpm_option {
    const char *key; /* "section.key" or "section.section.key" */
    ddpm_option_type type;
    unsigned flags;
    size_t offset;              /* in ddpm_config */
    const char *initial;        /* the default, as written; NULL: an empty list */
    double min, max;            /* of INT, REAL and the items of REAL_LIST; infinite: no bound */
    const ddpm_choice *choices; /* of ENUM */
    const char *meaning;        /* as it is printed, with units */
    const char *before;         /* what a saved configuration without the key stands for, since the key is younger than
                                 * it; NULL: the default */
    const char *option;         /* sets the key on the command lines of verbs that sample: "steps"; NULL: none */
    const char *needs[DDPM_NEEDS]; /* what other keys must be for this one to have an effect: "key: a, b or c" or "key:
                                    * not a", with values as they are written; NULL: nothing more */
} ddpm_option;

typedef struct ddpm_section {
    const char *key;
    const char *meaning;
} ddpm_section;

enum { DDPM_SECTION_LIMIT = 16 /* the most sections; table.c asserts that it suffices */, DDPM_KEY_BYTES = 128 };

/** Every key, in the order of the reference file; the keys of a section follow each other. */
extern const ddpm_option ddpm_options[];
extern const int ddpm_option_count;

/** Every section; one precedes those inside it. */
extern const ddpm_section ddpm_sections[];
extern const int ddpm_section_count;

/** The index of a full key, -1 when there is none. */
int ddpm_option_find(const char *key);
int ddpm_section_find(const char *key);

/** The present name of a key of an earlier version; NULL when no key had this name. */
const char *ddpm_option_renamed(const char *key);

/** The key or section that a mistyped key probably stands for; NULL when none is near. */
const char *ddpm_option_nearest(const char *key);

/** The name of an enumeration's value; NULL when it has none. */
const char *ddpm_option_choice(const ddpm_option *option, unsigned value);

/** What a value must be, as in "an integer from 1 to 128". */
void ddpm_option_expected(const ddpm_option *option, char *out, size_t bytes);

/** Set the member of an option that is not a list from a scalar. DDPM_ERR_CONFIG: "key: expected ..., found ...".
 *  @param text    ended by a zero byte.
 *  @param length  of the scalar; it is longer than text when the scalar holds a zero byte, which is refused.
 *  @param plain   whether it was written without quotes. */
DDPM_MUST_CHECK ddpm_status ddpm_option_read(const ddpm_option *option, ddpm_config *config, const char *text,
                                             size_t length, int plain);

/** Append a scalar to the list of a list option; as above. */
DDPM_MUST_CHECK ddpm_status ddpm_option_append(const ddpm_option *option, ddpm_text_list *list, const char *text,
                                               size_t length, int plain);

/** DDPM_ERR_CONFIG when the member has a value that ddpm_option_read refuses, as a struct that was filled in may have.
 */
DDPM_MUST_CHECK ddpm_status ddpm_option_valid(const ddpm_option *option, const ddpm_config *config);

/** Give the keys that are younger than saved configurations the values that these stand for without them. */
DDPM_MUST_CHECK ddpm_status ddpm_option_read_before(ddpm_config *config);

/** Write the value as YAML that reads back to the same bits. Two values are equal if they are written alike. */
void ddpm_option_write(const ddpm_option *option, const ddpm_config *config, FILE *to);

/** The same as a text; free() it. */
DDPM_MUST_CHECK ddpm_status ddpm_option_text(const ddpm_option *option, const ddpm_config *config, char **out);

/** Whether all that the key needs is there. */
DDPM_MUST_CHECK ddpm_status ddpm_option_has_effect(const ddpm_option *option, const ddpm_config *config, int *yes);

void ddpm_config_list_release(ddpm_text_list *list);

/* ---- texts (text.c) ---- */

enum { DDPM_QUOTE_BYTES = 128 };

/** 'text' in quotes for a message, shortened and without control characters. */
void ddpm_config_quote(const char *text, char out[DDPM_QUOTE_BYTES]);

/** Write a text as YAML, in quotes. What is no UTF-8 is left as it is. */
void ddpm_config_write_text(const char *text, FILE *to);

/* ---- numbers as text (number.c) ---- */

/** Whether text is a finite decimal number and nothing else; otherwise *out has no meaning. An integer may have an
 *  exponent, if its digits show that it is whole ("1e6", "1.5e3") and it is below 2^53. */
int ddpm_config_to_real(const char *text, double *out);
int ddpm_config_to_int(const char *text, int64_t *out);
int ddpm_config_to_uint(const char *text, uint64_t *out);

/** Write a number in the shortest form that reads back to the same bits. */
enum { DDPM_REAL_BYTES = 32 };
void ddpm_config_format_real(double value, char out[DDPM_REAL_BYTES]);

#endif
