/** A vocabulary as flat arrays, one column's values after the other's: the form in which it is written, checked and
 * sent. Local, any thread. */
#ifndef DDPM_STORE_VOCABULARY_FLAT_H
#define DDPM_STORE_VOCABULARY_FLAT_H

#include "model/vocabulary.h"

enum { DDPM_VOCABULARY_TOKENS_MAX = 1 << 24 /* of all columns together; as many names, too */ };

/** Numbers that each column has one of. */
enum {
    DDPM_FLAT_KIND,
    DDPM_FLAT_NUMBER,
    DDPM_FLAT_TEXT,
    DDPM_FLAT_CATEGORIES, /* how many names */
    DDPM_FLAT_CODES,      /* how many codes: of names, or 1 of a number that stands for a gap */
    DDPM_FLAT_GAP,
    DDPM_FLAT_SPIKES,
    DDPM_FLAT_BINS,
    DDPM_FLAT_DECIMALS,
    DDPM_FLAT_REPEATS,
    DDPM_FLAT_TWIN,
    DDPM_FLAT_NEAR_SPIKES, /* of differences from the twin */
    DDPM_FLAT_NEAR_BINS,
    DDPM_FLAT_NEAR_REPEATS,
    DDPM_FLAT_SCORES,
    DDPM_FLAT_STEP,
    DDPM_FLAT_RARE,
    DDPM_FLAT_COUNTS
};

/** The kind of a category whose names ascend, beside those of ddpm_column_kind. */
enum { DDPM_FLAT_ORDERED = DDPM_COLUMN_KINDS };

/** Arrays of a column's values, and its texts. */
enum {
    DDPM_FLAT_SPIKE,
    DDPM_FLAT_KNOT,
    DDPM_FLAT_ROWS,
    DDPM_FLAT_NEAR_SPIKE,
    DDPM_FLAT_NEAR_KNOT,
    DDPM_FLAT_NEAR_ROWS,
    DDPM_FLAT_REALS
};

enum { DDPM_FLAT_NAME, DDPM_FLAT_UNITS, DDPM_FLAT_FORMAT, DDPM_FLAT_TEXTS };

/** Those that files of before lack. */
enum {
    DDPM_FLAT_FIRST_YOUNG = DDPM_FLAT_TWIN,
    DDPM_FLAT_FIRST_YOUNG_REAL = DDPM_FLAT_NEAR_SPIKE,
    DDPM_FLAT_YOUNG_TEXT = DDPM_FLAT_FORMAT
};

typedef struct ddpm_flat_count {
    const char *name; /* in files */
    int64_t least, largest;
} ddpm_flat_count;

extern const ddpm_flat_count ddpm_flat_counts[DDPM_FLAT_COUNTS];
extern const char *const ddpm_flat_real_names[DDPM_FLAT_REALS];
extern const char *const ddpm_flat_text_names[DDPM_FLAT_TEXTS];
extern const char ddpm_flat_code_name[];

typedef struct ddpm_flat_vocabulary {
    int64_t columns, is_array;
    int64_t text_bytes[DDPM_FLAT_TEXTS];
    int64_t *count[DDPM_FLAT_COUNTS]; /* [columns], in one block of memory, that of the first */
    double *real[DDPM_FLAT_REALS];    /* of all columns, in their order */
    int64_t *code;
    char *text[DDPM_FLAT_TEXTS]; /* [text_bytes], each text with its zero byte; a column without one has "" */
} ddpm_flat_vocabulary;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  release with ddpm_flat_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_flat_make(const ddpm_vocabulary *vocabulary, ddpm_flat_vocabulary *out);
void ddpm_flat_release(ddpm_flat_vocabulary *flat);

/** Room for the counts of `columns`; and, by these counts and text_bytes, for the rest. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_flat_allocate_counts(ddpm_flat_vocabulary *flat);
DDPM_MUST_CHECK ddpm_status ddpm_flat_allocate_values(ddpm_flat_vocabulary *flat);

/** How many values column j has of an array; all columns; the sum of a count over the columns. */
int64_t ddpm_flat_reals_of(const ddpm_flat_vocabulary *f, int kind, int64_t j);
int64_t ddpm_flat_reals(const ddpm_flat_vocabulary *f, int kind);
int64_t ddpm_flat_total(const ddpm_flat_vocabulary *f, int count);

/** The way back. DDPM_ERR_MEMORY.
 *  @param flat      was checked (store/vocabulary_check.h).
 *  @param[out] out  release with ddpm_vocabulary_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_flat_build(const ddpm_flat_vocabulary *flat, ddpm_vocabulary *out);

/** Copy a vocabulary. DDPM_ERR_MEMORY. @param[out] out  release with ddpm_vocabulary_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_copy(const ddpm_vocabulary *from, ddpm_vocabulary *out);

#endif
