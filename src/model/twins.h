/** Columns that are equal, or nearly so, in many rows, as a sum and its only part are. Bins would lose that: what is
 * within them is drawn by itself.
 *
 *  A column may have a twin, an earlier column from which it differs in many rows by nothing, or by less than its bins
 * are wide. Then both have a link to the other: tokens of the difference, chosen as those of a column are, which stand
 * for the value of the other column plus or minus that difference. Values that are spikes have no such tokens, since
 * their own are exact. In a row of training data the later one of the two columns has the token of its link where the
 * values are near; in a row that is made, the one that was drawn later may. So a row of numbers is always a forest of
 * columns that follow from others. Local, any thread. */
#ifndef DDPM_MODEL_TWINS_H
#define DDPM_MODEL_TWINS_H

#include "model/vocabulary.h"

/** Room for the vocabulary of the differences of a column. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_twins_allocate_near(ddpm_column_vocabulary *column);

/** Make the links of columns that have twins. DDPM_ERR_MEMORY. */
DDPM_MUST_CHECK ddpm_status ddpm_twins_link(ddpm_vocabulary *vocabulary);

/** The link of a token, or NULL: it is the column's own. */
const ddpm_column_link *ddpm_twins_link_of(const ddpm_column_vocabulary *column, int64_t token);

/** The number of a column whose own number and value are these, where its twin's value is that: of its link, or its
 * own.
 */
float ddpm_twins_encode(const ddpm_column_vocabulary *column, float own, double value, double twin);

/** Set the values of columns that follow from others.
 *  @param rows     [count][D] of tokens and places.
 *  @param numbers  [count][D] of a type: the values of the other columns. */
void ddpm_twins_complete(const ddpm_vocabulary *vocabulary, int64_t count, const float *rows, ddpm_number type,
                         void *numbers);

/** The value of a column of a row, which may follow from another one. */
double ddpm_twins_value(const ddpm_vocabulary *vocabulary, const float *row, int64_t column);

/** The number of a column by itself: its own token, and the place in it. */
float ddpm_twins_own(const ddpm_vocabulary *vocabulary, const float *row, int64_t column);

/** Let all columns of rows of data have numbers by themselves.
 *  @param[in,out] rows  [count][D], in which only later columns follow from earlier ones. */
void ddpm_twins_separate(const ddpm_vocabulary *vocabulary, int64_t count, float *rows);

/** Pairs of an earlier and a later column; pair (i, j), i < j, is at j (j - 1) / 2 + i. */
static inline int64_t ddpm_twins_pairs(int64_t columns)
{
    return columns * (columns - 1) / 2;
}

/** In how many rows the columns of a pair are equal, or near, and no spikes. */
typedef struct ddpm_pair_count {
    int64_t equal, near;
} ddpm_pair_count;

/** Add a row.
 *  @param values  [D].
 *  @param[in,out] pairs  [pairs]. */
void ddpm_twins_count(const ddpm_vocabulary *vocabulary, const double *values, ddpm_pair_count *pairs);

/** The twin that a column gets by the counts of so many rows, 1 + its number; 0: none.
 *  @param shared    [D]: how many columns have each as their twin already.
 *  @param[out] by_near  whether it is that of differences, or of equal values only. */
int64_t ddpm_twins_best(int64_t column, int64_t rows, const ddpm_pair_count *pairs, const int64_t *shared,
                        int *by_near);

/** Whether the values of a column and its twin are linked: they are equal, or near, and that of the column is no spike.
 */
int ddpm_twins_is_near(const ddpm_column_vocabulary *column, double value, double twin, int by_near);

#endif
