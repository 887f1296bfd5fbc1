/* Words of Philox, a group of rows at a time, through the vector form of Box and Muller's transform. */
#include "kernel/normal.h"

enum { GROUP = 256 }; /* pairs of numbers held at once */

/* Pairs p0 .. p0+pairs-1 of one row (p0 even): four words make two pairs. */
static void draw(uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t row, int64_t p0, int64_t pairs, uint32_t *a,
                 uint32_t *b)
{
    for (int64_t p = 0; p < pairs; p += 2) {
        const ddpm_random4 words = ddpm_random_words(seed, purpose, step, row, (uint32_t)((p0 + p) / 2));
        a[p] = words.v[0];
        b[p] = words.v[1];
        if (p + 1 == pairs) break;
        a[p + 1] = words.v[2];
        b[p + 1] = words.v[3];
    }
}

/* out [columns] of one row from its pairs p0 on. */
static void place(int64_t columns, int64_t p0, int64_t pairs, const float *cosine, const float *sine, float *out)
{
    for (int64_t p = 0; p < pairs; p++) {
        const int64_t column = 2 * (p0 + p);
        out[column] = cosine[p];
        if (column + 1 < columns) out[column + 1] = sine[p];
    }
}

void ddpm_normal_rows(const ddpm_kernels *kernels, uint64_t seed, ddpm_purpose purpose, int64_t step, int64_t first,
                      int64_t rows, int64_t columns, float *out)
{
    uint32_t a[GROUP], b[GROUP];
    float cosine[GROUP], sine[GROUP];
    const int64_t pairs = (columns + 1) / 2;
    const int64_t part = pairs < GROUP ? pairs : GROUP; /* of a row */
    const int64_t together = GROUP / part;              /* rows */

    for (int64_t row = 0; row < rows; row += together) {
        const int64_t count = rows - row < together ? rows - row : together;
        for (int64_t p0 = 0; p0 < pairs; p0 += part) {
            const int64_t n = pairs - p0 < part ? pairs - p0 : part;
            for (int64_t i = 0; i < count; i++) draw(seed, purpose, step, first + row + i, p0, n, a + i * n, b + i * n);
            kernels->normal(count * n, a, b, cosine, sine);
            for (int64_t i = 0; i < count; i++)
                place(columns, p0, n, cosine + i * n, sine + i * n, out + (row + i) * columns);
        }
    }
}
