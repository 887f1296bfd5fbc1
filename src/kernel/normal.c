/* Words of Philox, a group of rows at a time, through the vector form of Box and Muller's transform. */
#include "kernel/normal.h"

enum { GROUP = 256 }; /* pairs of numbers that are held at once */

/* The words of pairs pair .. pair+count-1 of a row; `pair` is even, since four words make two pairs. */
static void draw(ddpm_normal_stream stream, int64_t row, int64_t pair, int64_t count, uint32_t *a, uint32_t *b)
{
    for (int64_t p = 0; p < count; p += 2) {
        const ddpm_random4 words =
            ddpm_random_words(stream.seed, stream.purpose, stream.step, row, (uint32_t)((pair + p) / 2));
        a[p] = words.v[0];
        b[p] = words.v[1];
        if (p + 1 == count) break;
        a[p + 1] = words.v[2];
        b[p + 1] = words.v[3];
    }
}

/* Put pairs of numbers side by side: `columns` numbers to fill, the sine of the last pair is left out if they are odd.
 */
static void place(int64_t columns, int64_t count, const float *cosine, const float *sine, float *out)
{
    for (int64_t p = 0; p < count; p++) {
        out[2 * p] = cosine[p];
        if (2 * p + 1 < columns) out[2 * p + 1] = sine[p];
    }
}

void ddpm_normal_rows(const ddpm_kernels *kernels, ddpm_normal_stream stream, int64_t first, ddpm_matrix out)
{
    uint32_t a[GROUP], b[GROUP];
    float cosine[GROUP], sine[GROUP];
    const int64_t pairs = ddpm_pieces(out.columns, 2), part = ddpm_smaller(pairs, GROUP); /* of a row */
    const int64_t together = GROUP / part;                                                /* rows */

    for (int64_t row = 0; row < out.rows; row += together) {
        const int64_t rows = ddpm_smaller(out.rows - row, together);
        for (int64_t pair = 0; pair < pairs; pair += part) {
            const int64_t n = ddpm_smaller(pairs - pair, part);
            for (int64_t i = 0; i < rows; i++) draw(stream, first + row + i, pair, n, a + i * n, b + i * n);
            kernels->normal(rows * n, a, b, cosine, sine);
            for (int64_t i = 0; i < rows; i++)
                place(out.columns - 2 * pair, n, cosine + i * n, sine + i * n,
                      out.data + (row + i) * out.stride + 2 * pair);
        }
    }
}
