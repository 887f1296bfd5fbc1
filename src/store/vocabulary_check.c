/* What is checked of a vocabulary that came from elsewhere. */
#include "store/vocabulary_check.h"

#include "model/twins.h"

#include <math.h>

static ddpm_status check_counts(const ddpm_flat_vocabulary *f)
{
    int64_t tokens = 0, names = 0;
    for (int i = 0; i < DDPM_FLAT_COUNTS; i++)
        for (int64_t j = 0; j < f->columns; j++)
            if (f->count[i][j] < ddpm_flat_counts[i].least || f->count[i][j] > ddpm_flat_counts[i].largest)
                return ddpm_fail(DDPM_ERR_DATA, "%s: element %lld: expected %lld to %lld, found %lld",
                                 ddpm_flat_counts[i].name, (long long)j, (long long)ddpm_flat_counts[i].least,
                                 (long long)ddpm_flat_counts[i].largest, (long long)f->count[i][j]);
    for (int64_t j = 0; j < f->columns; j++) {
        tokens += ddpm_flat_reals_of(f, DDPM_FLAT_ROWS, j) + 2 * ddpm_flat_reals_of(f, DDPM_FLAT_NEAR_ROWS, j);
        names += f->count[DDPM_FLAT_CATEGORIES][j];
    }
    if (tokens > DDPM_VOCABULARY_TOKENS_MAX || names > DDPM_VOCABULARY_TOKENS_MAX)
        return ddpm_fail(DDPM_ERR_DATA,
                         "the vocabulary: expected at most %d tokens and as many names, found %lld and %lld",
                         DDPM_VOCABULARY_TOKENS_MAX, (long long)tokens, (long long)names);
    return DDPM_OK;
}

static ddpm_status fail_column(int64_t j, const char *expected)
{
    return ddpm_fail(DDPM_ERR_DATA, "the vocabulary of column %lld (from 0): expected %s", (long long)j, expected);
}

/* A twin comes before the column, both have several bins, and few columns share it. */
static ddpm_status check_twin(const ddpm_flat_vocabulary *f, int64_t j)
{
    const int64_t twin = f->count[DDPM_FLAT_TWIN][j] - 1, *bins = f->count[DDPM_FLAT_BINS];
    int64_t shared = 0;
    if (twin < 0) return DDPM_OK;
    if (f->count[DDPM_FLAT_NEAR_SPIKES][j] + f->count[DDPM_FLAT_NEAR_BINS][j] == 0)
        return fail_column(j, "differences from its twin");
    for (int64_t i = 0; i <= j; i++) shared += f->count[DDPM_FLAT_TWIN][i] == twin + 1;
    if (twin < j && bins[twin] > 1 && bins[j] > 1 && shared <= DDPM_TWINS_MOST) return DDPM_OK;
    return fail_column(j, "a twin that comes before it, both of several bins, and few columns of the same twin");
}

/* How the counts of a column go together. */
static ddpm_status check_column(const ddpm_flat_vocabulary *f, int64_t j)
{
    const int64_t names = f->count[DDPM_FLAT_CATEGORIES][j], codes = f->count[DDPM_FLAT_CODES][j],
                  gap = f->count[DDPM_FLAT_GAP][j];
    const int is_whole = ddpm_number_is_integer((ddpm_number)f->count[DDPM_FLAT_NUMBER][j]);
    const ddpm_column_vocabulary column = {
        .layout.kind = f->count[DDPM_FLAT_KIND][j] == DDPM_COLUMN_NUMBER ? DDPM_COLUMN_NUMBER : DDPM_COLUMN_CATEGORY,
        .spikes = f->count[DDPM_FLAT_SPIKES][j],
        .bins = f->count[DDPM_FLAT_BINS][j]};
    DDPM_TRY(check_twin(f, j));
    if (f->count[DDPM_FLAT_STEP][j] > 1 &&
        (column.layout.kind != DDPM_COLUMN_NUMBER || f->count[DDPM_FLAT_DECIMALS][j] < 0))
        return fail_column(j, "steps of a number with decimals only");
    if (f->count[DDPM_FLAT_SCORES][j] && !ddpm_column_is_smooth(&column))
        return fail_column(j, "scores of a number of many tokens only");
    if (f->count[DDPM_FLAT_KIND][j] == DDPM_COLUMN_NUMBER) {
        if (names > 0 || f->count[DDPM_FLAT_TEXT][j] || gap >= 0 || f->count[DDPM_FLAT_RARE][j])
            return fail_column(j, "no names of a number");
        if (codes > is_whole) return fail_column(j, "one code, for a gap, of a whole number, and none of others");
        return DDPM_OK;
    }
    if (f->count[DDPM_FLAT_BINS][j] > 0) return fail_column(j, "no bins of a category");
    if (codes != (f->count[DDPM_FLAT_TEXT][j] ? 0 : names) || (codes > 0 && !is_whole))
        return fail_column(j, "a whole number as a code for each name of an enumeration, and none for texts");
    if (gap >= names) return fail_column(j, "a gap that is the place of a name");
    return DDPM_OK;
}

static ddpm_status fail_value(const char *name, int64_t j, int64_t n, double x, const char *expected)
{
    return ddpm_fail(DDPM_ERR_DATA, "%s: number %lld of column %lld (from 0) is %g: expected %s", name, (long long)n,
                     (long long)j, x, expected);
}

/* Finite, and ascending where they must: two spikes are never the same, two knots may be. */
static ddpm_status check_reals(const ddpm_flat_vocabulary *f, int kind)
{
    const double *x = f->real[kind];
    const int is_rows = kind == DDPM_FLAT_ROWS || kind == DDPM_FLAT_NEAR_ROWS,
              is_spike = kind == DDPM_FLAT_SPIKE || kind == DDPM_FLAT_NEAR_SPIKE;
    for (int64_t j = 0; j < f->columns; j++)
        for (int64_t n = 0; n < ddpm_flat_reals_of(f, kind, j); n++, x++) {
            if (!isfinite(*x)) return fail_value(ddpm_flat_real_names[kind], j, n, *x, "a finite number");
            if (is_rows && *x < 0) return fail_value(ddpm_flat_real_names[kind], j, n, *x, "at least 0");
            if (!is_rows && n > 0 && (is_spike ? *x <= x[-1] : *x < x[-1]))
                return fail_value(ddpm_flat_real_names[kind], j, n, *x, "numbers that ascend");
            if (kind == DDPM_FLAT_SPIKE && f->count[DDPM_FLAT_KIND][j] != DDPM_COLUMN_NUMBER &&
                (*x != floor(*x) || *x < 0 || *x >= (double)f->count[DDPM_FLAT_CATEGORIES][j] ||
                 *x == (double)f->count[DDPM_FLAT_GAP][j]))
                return fail_value(ddpm_flat_real_names[kind], j, n, *x, "the place of a name that is no gap");
        }
    return DDPM_OK;
}

static ddpm_status check_codes(const ddpm_flat_vocabulary *f)
{
    const int64_t *code = f->code;
    for (int64_t j = 0; j < f->columns; j++)
        for (int64_t n = 0; n < f->count[DDPM_FLAT_CODES][j]; n++, code++) {
            const ddpm_number type = (ddpm_number)f->count[DDPM_FLAT_NUMBER][j];
            int64_t number[1];
            ddpm_number_set(type, (long double)*code, number, 0);
            if (type != DDPM_NUMBER_UINT64 && ddpm_number_get(type, number, 0) != (long double)*code)
                return fail_value(ddpm_flat_code_name, j, n, (double)*code, "a number of the column's type");
        }
    return DDPM_OK;
}

/* As many texts as there must be, the last one ended. */
static ddpm_status check_texts(const ddpm_flat_vocabulary *f, int which)
{
    const int64_t expected = which == DDPM_FLAT_NAME ? ddpm_flat_total(f, DDPM_FLAT_CATEGORIES) : f->columns,
                  bytes = f->text_bytes[which];
    int64_t found = 0;
    for (int64_t i = 0; i < bytes; i++) found += f->text[which][i] == '\0';
    if (found == expected && (bytes == 0 || f->text[which][bytes - 1] == '\0')) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_DATA, "%s: expected %lld texts, each ended by a zero byte, found %lld",
                     ddpm_flat_text_names[which], (long long)expected, (long long)found);
}

ddpm_status ddpm_flat_check_values(const ddpm_flat_vocabulary *f)
{
    for (int i = 0; i < DDPM_FLAT_REALS; i++) DDPM_TRY(check_reals(f, i));
    DDPM_TRY(check_codes(f));
    for (int i = 0; i < DDPM_FLAT_TEXTS; i++) DDPM_TRY(check_texts(f, i));
    return DDPM_OK;
}

ddpm_status ddpm_flat_check_counts(const ddpm_flat_vocabulary *f, int64_t columns)
{
    if (f->columns != columns)
        return ddpm_fail(DDPM_ERR_DATA, "the vocabulary has %lld columns, the model %lld", (long long)f->columns,
                         (long long)columns);
    DDPM_TRY(check_counts(f));
    for (int64_t j = 0; j < columns; j++) DDPM_TRY(check_column(f, j));
    return DDPM_OK;
}

ddpm_status ddpm_vocabulary_check(const ddpm_vocabulary *vocabulary, int64_t columns)
{
    ddpm_flat_vocabulary f = {0};
    if (vocabulary->columns == 0) return DDPM_OK;
    ddpm_status status = ddpm_flat_make(vocabulary, &f);
    if (status == DDPM_OK) status = ddpm_flat_check_counts(&f, columns);
    if (status == DDPM_OK) status = ddpm_flat_check_values(&f);
    ddpm_flat_release(&f);
    return status;
}
