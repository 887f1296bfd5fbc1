/** The vocabulary of rows whose columns are numbers, whole numbers and categories, with gaps: how each value becomes a
 * token, and back.
 *
 *  A column has 1 + S + B tokens. Token 0 is a gap. Tokens 1 .. S are values that come back exactly: the values of a
 * category, and of a number those that many rows share (spikes), or all of them where there are few. Tokens S+1 .. S+B
 * are bins between quantiles of the other values, so that each holds about as many training rows as any other.
 *
 *  A column may be linked to others, and then has more tokens, S+B+1 and on, of the difference from one of them
 * (model/twins.h).
 *
 *  A row of the model is [D] numbers token + u: the whole part is the token, and u, at least 0 and below 1, is where in
 * its bin the value lies, by the order of the training values. A row of a file is [D] doubles: a number itself, of a
 * category the place of its name, from 0, and NaN for a gap.
 *
 *  Local, any thread. */
#ifndef DDPM_MODEL_VOCABULARY_H
#define DDPM_MODEL_VOCABULARY_H

#include "base/number.h"
#include "base/status.h"
#include "model/decimals.h"

#include <stdint.h>

enum {
    DDPM_VOCABULARY_KNOTS = 32,  /* pieces of a bin between which a value is interpolated */
    DDPM_VOCABULARY_BINS = 128,  /* of a column, at most */
    DDPM_VOCABULARY_SHARED = 20, /* rows that have a value which many rows share, at least */
    DDPM_VOCABULARY_EXACT = 256, /* a number of at most so many different values has a token for each */
    DDPM_TWINS_MOST = 7,         /* later columns that one is the twin of */
    DDPM_VOCABULARY_SMOOTH = 24, /* functions of the rank that the bins of a column share */
    DDPM_VOCABULARY_RARE = 4,    /* functions that names share which fewer than 1 << 4 rows have */
    DDPM_VOCABULARY_MIXED = -2 /* decimals: of each value as many as its nearest knot has, which is a training value */
};

typedef enum ddpm_column_kind { DDPM_COLUMN_NUMBER, DDPM_COLUMN_CATEGORY, DDPM_COLUMN_KINDS } ddpm_column_kind;

/** What a column is in files. */
typedef struct ddpm_column_layout {
    ddpm_column_kind kind;
    ddpm_number number; /* the type of a number, or of the codes of an enumeration */
    int is_text;        /* of a category: its values are texts in files, not members of an enumeration */
    int64_t count;      /* of a category: its names */
    int is_ordered;     /* whether its names ascend, as the attribute `ordered` of its dataset says */
    char **names;       /* [count] in one block (base/text_list.h), or NULL */
    int64_t *codes;     /* [count] of an enumeration: the code of each name; or NULL */
    int has_gap_number; /* of a whole number: gap_number stands for a gap in files, which is NaN in memory */
    int64_t gap_number;
    int64_t gap;  /* the place in names of the member that stands for a gap; -1: none, a gap is NaN or an empty
                   * text. That member has no token */
    char *units;  /* of a number: the attribute `units` of its dataset, as dates have it; or NULL */
    char *format; /* likewise `format`: how its values are written as texts */
} ddpm_column_layout;

typedef struct ddpm_column_vocabulary {
    ddpm_column_layout layout;
    int64_t spikes, bins; /* S and B */
    int decimals;         /* of a number: digits behind the point that its values have; -1: any number of them; or
                           * DDPM_VOCABULARY_MIXED */
    /* Of a number with decimals: its values lie a multiple of so many of the last of them apart; or 0 or 1. */
    int64_t step;
    int repeats;    /* whether most values in bins are shared by rows: then there are none between them */
    int has_scores; /* whether the logits of its tokens have a Gaussian (model/scores.h) */
    int has_rare;   /* of a category: whether names that few rows have share functions, as there are many names */
    int64_t twin;  /* 1 + an earlier column that this one is equal to, or near, in many rows (model/twins.h); 0: none */
    int64_t links; /* to its twin, and to later columns whose twin it is */
    struct ddpm_column_link *link;       /* [links] */
    struct ddpm_column_vocabulary *near; /* with a twin: of the differences from it where the two are near; rows[0] are
                                          * those in which they are not */
    double *spike; /* [S], ascending; of a category the places of the names that training rows have */
    double *knot;  /* [B * DDPM_VOCABULARY_KNOTS + 1], ascending: quantiles of the values that are no spikes */
    double *rows;  /* [1 + S + B]: training rows with each token */
} ddpm_column_vocabulary;

/** A column of whose value this one's is the sum, or difference, with a small difference. Its tokens come after those
 * of the column itself and of the links before. */
typedef struct ddpm_column_link {
    int64_t column, first; /* its first token */
    int is_twin;           /* whether that column is the twin of this one, to which the difference is added */
    const ddpm_column_vocabulary *near; /* of the differences; borrowed from the later one of the two columns */
} ddpm_column_link;

typedef struct ddpm_vocabulary {
    int64_t columns; /* D */
    int is_array;    /* in files its columns are those of an array of numbers, not of a table */
    ddpm_column_vocabulary *column;
} ddpm_vocabulary;

/** DDPM_ERR_MEMORY.
 *  @param[out] out  columns that hold zeros; release with ddpm_vocabulary_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_allocate(int64_t columns, ddpm_vocabulary *out);
void ddpm_vocabulary_release(ddpm_vocabulary *vocabulary);

/** Give a column its arrays. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_allocate_column(int64_t spikes, int64_t bins, ddpm_column_vocabulary *out);

/** Free what a layout points to. */
void ddpm_column_layout_release(ddpm_column_layout *layout);

/** The different values of a column in ascending order: `visit` gives each of them, and how many rows have it. */
typedef struct ddpm_runs {
    void *context;
    ddpm_status (*visit)(void *context, void (*take)(void *to, double value, int64_t times), void *to);
} ddpm_runs;

/** Choose the tokens of a column from its values in training rows, which are visited three times, and count the rows of
 * each. DDPM_ERR_MEMORY, or what visiting says.
 *  @param[in,out] column  its layout is set; the rest is made.
 *  @param count  values that are no gaps.
 *  @param gaps   training rows with a gap.
 *  @param mixes  whether values may have decimals of their own. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_choose_runs(ddpm_column_vocabulary *column, int64_t count,
                                                        const ddpm_runs *runs, int64_t gaps, int mixes);

/** The same of values in memory.
 *  @param values  [count], ascending. */
DDPM_MUST_CHECK ddpm_status ddpm_vocabulary_choose(ddpm_column_vocabulary *column, int64_t count, const double *values,
                                                   int64_t gaps);

/** 1 + S + B. */
static inline int64_t ddpm_column_tokens(const ddpm_column_vocabulary *column)
{
    return 1 + column->spikes + column->bins;
}

/** Whether a column's tokens share smooth functions of their rank: a number's, where there are many. */
static inline int ddpm_column_is_smooth(const ddpm_column_vocabulary *column)
{
    return column->layout.kind == DDPM_COLUMN_NUMBER &&
           (column->bins > 1 || (column->bins == 0 && column->spikes > DDPM_VOCABULARY_SMOOTH));
}

/** Tokens of a link: those of a difference, without its gap. */
static inline int64_t ddpm_link_tokens(const ddpm_column_link *link)
{
    return ddpm_column_tokens(link->near) - 1;
}

/** With those of its links. */
static inline int64_t ddpm_column_all_tokens(const ddpm_column_vocabulary *column)
{
    if (column->links == 0) return ddpm_column_tokens(column);
    const ddpm_column_link *last = &column->link[column->links - 1];
    return last->first + ddpm_link_tokens(last);
}

/** The token and the place in it of a value, as one number; -1 where the column has no token for it: a name that no
 * training row has, or a gap where there was none. A number between the values of a column without bins gets the
 * nearest one's token. */
float ddpm_vocabulary_encode(const ddpm_column_vocabulary *column, double value);

/** A token and a place in it, 0 to 1, as one number, whose whole part is the token. */
float ddpm_vocabulary_join(int64_t token, double place);

/** The same; a token that is no bin has no places. */
float ddpm_vocabulary_number(const ddpm_column_vocabulary *column, int64_t token, double place);

/** The value of a token and a place, not one of a link; whole numbers are whole. */
double ddpm_vocabulary_decode(const ddpm_column_vocabulary *column, float number);

/** The least and the most of a column's values; of a column without any, infinity and less. */
void ddpm_vocabulary_range(const ddpm_column_vocabulary *column, double *least, double *most);

/** A value with as many decimals as the column's values have, and a whole number of steps from them. */
double ddpm_vocabulary_round(const ddpm_column_vocabulary *column, double value);

#endif
