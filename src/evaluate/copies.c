/* Exact copies of training rows, by a table that is sorted by a hash of the rows. */
#include "evaluate/copies.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

typedef struct place {
    uint64_t hash;
    int64_t row;
} place;

/* Of the values of a row, -0 being 0 and any NaN the same. */
static uint64_t hash_of(const ddpm_columns *columns, int64_t row)
{
    uint64_t hash = 0;
    for (int64_t j = 0; j < columns->count; j++) {
        const double value = columns->values[j * columns->rows + row] + 0.0, number = isnan(value) ? NAN : value;
        hash = XXH3_64bits_withSeed(&number, sizeof number, hash);
    }
    return hash;
}

static int by_hash(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int are_equal(const ddpm_columns *x, int64_t i, const ddpm_columns *y, int64_t k)
{
    for (int64_t j = 0; j < x->count; j++) {
        const double a = x->values[j * x->rows + i], b = y->values[j * y->rows + k];
        if (a != b && !(isnan(a) && isnan(b))) return 0;
    }
    return 1;
}

/* The first place with a hash of at least this. */
static int64_t find(int64_t count, const place *places, uint64_t hash)
{
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (places[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ddpm_status ddpm_copies(const ddpm_columns *training, const ddpm_columns *rows, int64_t *equal, int64_t *found)
{
    const int64_t count = training->rows;
    place *places = NULL;
    DDPM_TRY(DDPM_NEW(&places, count, "training rows"));
    for (int64_t i = 0; i < count; i++) places[i] = (place){hash_of(training, i), i};
    qsort(places, (size_t)count, sizeof *places, by_hash);
    *found = 0;
    for (int64_t i = 0; i < rows->rows; i++) {
        const uint64_t hash = hash_of(rows, i);
        equal[i] = -1;
        for (int64_t k = find(count, places, hash); equal[i] < 0 && k < count && places[k].hash == hash; k++)
            if (are_equal(rows, i, training, places[k].row)) equal[i] = places[k].row;
        *found += equal[i] >= 0;
    }
    ddpm_release(places);
    return DDPM_OK;
}
