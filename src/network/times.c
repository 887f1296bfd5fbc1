/* A table of what a network makes of t alone, ordered by t. */
#include "network/workspace.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Where the part of each t would be larger than this, it is computed at every evaluation. */
enum { MOST = 1 << 18 }; /* numbers, 1 MiB */

struct ddpm_times {
    int64_t count, stride;
    int32_t *t;   /* [count], ascending */
    float *parts; /* [count][stride] */
};

static int compare(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Sort the steps, and leave each once. */
static void order(ddpm_times *times)
{
    int64_t kept = 0;
    if (times->count == 0) return;
    qsort(times->t, (size_t)times->count, sizeof *times->t, compare);
    for (int64_t i = 1; i < times->count; i++)
        if (times->t[i] != times->t[kept]) times->t[++kept] = times->t[i];
    times->count = kept + 1;
}

static ddpm_status fill(const ddpm_network *network, const ddpm_packed *packed, ddpm_times *times)
{
    ddpm_workspace *w = NULL;
    DDPM_TRY(ddpm_workspace_create(network, 1, 1, 0, &w));
    for (int64_t i = 0; i < times->count; i++) {
        const ddpm_pass pass = {.net = network, .packed = packed, .w = w, .rows = 1, .t = &times->t[i]};
        memcpy(times->parts + i * times->stride, network->architecture->time_part(&pass),
               (size_t)times->stride * sizeof *times->parts);
    }
    ddpm_workspace_free(w);
    return DDPM_OK;
}

static ddpm_status build(const ddpm_network *network, const ddpm_packed *packed, int64_t numbers, const int32_t *t,
                         ddpm_times *times)
{
    DDPM_TRY(DDPM_NEW(&times->t, times->count, "steps"));
    memcpy(times->t, t, (size_t)times->count * sizeof *t);
    order(times);
    times->stride = ddpm_workspace_stride(network, numbers);
    if (numbers == 0 || times->count * times->stride > MOST) times->count = 0;
    DDPM_TRY(DDPM_NEW(&times->parts, times->count * times->stride, "steps"));
    return fill(network, packed, times);
}

ddpm_status ddpm_times_create(const ddpm_network *network, const ddpm_packed *packed, int64_t count, const int32_t *t,
                              ddpm_times **out)
{
    ddpm_times *times = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&times, 1, "steps"));
    times->count = count;
    const ddpm_status status = build(network, packed, network->architecture->time_numbers(network), t, times);
    if (status != DDPM_OK) {
        ddpm_times_free(times);
        return status;
    }
    *out = times;
    return DDPM_OK;
}

void ddpm_times_free(ddpm_times *times)
{
    if (!times) return;
    ddpm_release(times->t);
    ddpm_release(times->parts);
    ddpm_release(times);
}

float *ddpm_times_find(const ddpm_times *times, int32_t t)
{
    if (!times || times->count == 0) return NULL;
    const int32_t *found = bsearch(&t, times->t, (size_t)times->count, sizeof t, compare);
    return found ? times->parts + (found - times->t) * times->stride : NULL;
}

void ddpm_workspace_set_times(ddpm_workspace *workspace, const ddpm_times *times)
{
    workspace->times = times;
}
