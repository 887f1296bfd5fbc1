/** A random forest that tells two sets of rows of equal size apart, and says so of rows that it was not trained on: the
 * classifier of a two-sample test (Lopez-Paz and Oquab 2017, arXiv:1610.06545). Its trees are those of scikit-learn's
 * RandomForestClassifier (Breiman 2001): each is grown on a bootstrap of its training rows, and a node is cut where
 * Gini's impurity falls most, among sqrt(columns) columns that are drawn for it.
 *
 *  A tree sees four of DDPM_FOREST_FOLDS folds of the rows and votes on those of the fifth. These go down with the
 * training rows while the tree grows, so no tree is kept. Values count by their order alone. A tree is a pure function
 * of the seed, its number and the rows, and votes are integers, so their sums do not depend on who grows which tree.
 *  All functions are Local, any thread with memory of its own.
 */
#ifndef DDPM_EVALUATE_FOREST_H
#define DDPM_EVALUATE_FOREST_H

#include "base/status.h"

#include <stdint.h>

enum {
    DDPM_FOREST_FOLDS = 5,
    DDPM_FOREST_LEAF = 20,  /* the fewest training rows of a leaf */
    DDPM_FOREST_PAIRED = 32 /* the most columns of a view for which gains of pairs are counted */
};

/** The rows of both sets, those of the first before those of the second. */
typedef struct ddpm_forest_table {
    int64_t rows, columns; /* rows of both sets together, below 2^31 */
    uint16_t *places;      /* [columns][rows], of a value in the order of the values of its column that differ; above
                              2^16 such values, neighbours share a place */
    int64_t *distinct;     /* [columns], the number of places */
    uint8_t *folds;        /* [rows], each set divided evenly, in an order that the seed decides */
} ddpm_forest_table;

/** Make a table whose columns are still to be filled.
 *  @param count     rows of one set, at least DDPM_FOREST_FOLDS.
 *  @param[out] out  release with ddpm_forest_table_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_forest_table_create(uint64_t seed, int64_t count, int64_t columns,
                                                     ddpm_forest_table *out);
void ddpm_forest_table_release(ddpm_forest_table *table);

/** Fill one column. All NaN are the same value, above all others; -0 is 0.
 *  @param first, second  the sets, [count][columns].
 *  @param scratch        [rows]. */
void ddpm_forest_table_fill(ddpm_forest_table *table, int64_t column, const float *first, const float *second,
                            uint64_t *scratch);

/** What a forest may use. */
typedef struct ddpm_forest_view {
    const ddpm_forest_table *table;
    int64_t count;
    const int64_t *columns; /* [count], numbers of the table's columns */
    int64_t leaf;           /* the fewest training rows of a leaf, DDPM_FOREST_LEAF or more */
} ddpm_forest_view;

/** What a thread needs to grow trees, and what its trees add up to. */
typedef struct ddpm_forest_memory {
    int64_t *votes;      /* [rows]: above 0 for the second set, below 0 for the first */
    int64_t *gains;      /* [columns of the view]: by how much cuts on this column lowered the impurity */
    int64_t *pair_gains; /* [PAIRED][PAIRED]: the same of a cut on the second column right below one on the first;
                            counted in views of at most DDPM_FOREST_PAIRED columns */
    struct ddpm_forest_node *stack;
    uint16_t *packed;            /* [rows]: weight in the bootstrap << 1 | whether of the second set */
    int32_t *rows, *held, *away; /* [rows] each: training rows, held-out rows, rows on their way to the right */
    uint32_t *entries, *sorted;  /* [rows] each */
    int32_t *order;              /* [columns] */
} ddpm_forest_memory;

/** @param rows, columns  of the table, or the most of several.
 *  @param[out] out       all sums are 0; release with ddpm_forest_memory_release, also on failure. */
DDPM_MUST_CHECK ddpm_status ddpm_forest_memory_create(int64_t rows, int64_t columns, ddpm_forest_memory *out);
void ddpm_forest_memory_release(ddpm_forest_memory *memory);

/** Grow a tree, and add its votes on the rows of fold number % DDPM_FOREST_FOLDS and its gains to the memory. */
void ddpm_forest_grow(const ddpm_forest_view *view, uint64_t seed, int64_t number, ddpm_forest_memory *memory);

/** The share of rows whose votes name the right set; a tie counts half.
 *  @param votes  [rows], the sum over all trees. */
double ddpm_forest_accuracy(const ddpm_forest_table *table, const int64_t *votes);

/** The correlation of the votes with the sets. It compares forests with less noise than their accuracies do, since a
 * vote that is nearly a tie weighs little. */
double ddpm_forest_correlation(const ddpm_forest_table *table, const int64_t *votes);

#endif
