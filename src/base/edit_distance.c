/* The table of distances between the beginnings of two names, three rows of it at a time. */
#include "base/edit_distance.h"

#include "base/split.h"

#include <string.h>

int ddpm_edit_distance(const char *a, const char *b)
{
    int64_t rows[3][DDPM_EDIT_DISTANCE_BYTES + 1];
    int64_t *before = rows[0], *last = rows[1], *row = rows[2];
    const int m = (int)strnlen(a, DDPM_EDIT_DISTANCE_BYTES), n = (int)strnlen(b, DDPM_EDIT_DISTANCE_BYTES);
    for (int j = 0; j <= n; j++) last[j] = j;
    for (int i = 1; i <= m; i++) {
        int64_t *const oldest = before;
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            row[j] = ddpm_smaller(ddpm_smaller(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = ddpm_smaller(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = oldest;
    }
    return (int)last[n];
}
