/** Numbers in ascending order. Local, any thread. */
#ifndef DDPM_BASE_ORDER_H
#define DDPM_BASE_ORDER_H

#include <stdint.h>
#include <stdlib.h>

static inline int ddpm_compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Sort values [count], none of which is NaN. */
static inline void ddpm_sort_doubles(int64_t count, double *values)
{
    qsort(values, (size_t)count, sizeof *values, ddpm_compare_doubles);
}

#endif
