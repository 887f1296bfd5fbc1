/** The values of a column in ascending order, of any number of rows, in memory that does not grow with them. Local.
 *
 *  Values of which few are different are counted. Others are read again and again: first to count them by the leading
 * bits of their sort keys, then a range of values at a time, as many as the memory holds, which are sorted. So the
 * order is exact, and depends on nothing but the values. */
#ifndef DDPM_DATA_ORDERED_H
#define DDPM_DATA_ORDERED_H

#include "model/vocabulary.h"

/** Where the values come from, none of which is NaN or -0. Each call gives all of them, in any number of pieces. */
typedef struct ddpm_values {
    void *context;
    ddpm_status (*read)(void *context, void (*take)(void *to, int64_t count, const double *values), void *to);
} ddpm_values;

typedef struct ddpm_ordered ddpm_ordered;

/** Read the values for the first time.
 *  @param most      values that are held at a time, at 16 bytes each.
 *  @param[out] out  free with ddpm_ordered_free. */
DDPM_MUST_CHECK ddpm_status ddpm_ordered_create(const ddpm_values *values, int64_t most, ddpm_ordered **out);
void ddpm_ordered_free(ddpm_ordered *ordered);

/** How many there are. */
int64_t ddpm_ordered_count(const ddpm_ordered *ordered);

/** The different values in ascending order, and how often each comes (model/vocabulary.h). */
ddpm_runs ddpm_ordered_runs(ddpm_ordered *ordered);

#endif
