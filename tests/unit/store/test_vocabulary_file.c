/* A vocabulary comes back from a file and on all ranks as it was, and a forged one is refused. */
#include "ranks.h"
#include "scratch.h"

#include "base/text_list.h"
#include "store/vocabulary_check.h"
#include "store/vocabulary_file.h"

enum { D = 6, KNOTS = 2 * DDPM_VOCABULARY_KNOTS + 1 };

static double spikes[4][3] = {{-1.5, 0, 7}, {0, 2}, {1900, 2000}, {0, 1}}, knots[KNOTS];
static double rows[6] = {3, 10, 20, 30, 40, 50};
static char *colours[3] = {"red", "?", "weiß und blau"}, *sizes[2] = {"", "L"};
static char units[] = "days since 1970-01-01", format[] = "%d/%m/%Y";
static int64_t codes[3] = {-4, 0, 9};

/* Differences of a column from its twin. */
static ddpm_column_vocabulary near = {.layout = {.number = DDPM_NUMBER_FLOAT64, .gap = -1},
                                      .spikes = 1,
                                      .bins = 2,
                                      .decimals = -1,
                                      .repeats = 1,
                                      .spike = spikes[0],
                                      .knot = knots,
                                      .rows = rows};

/* A number with spikes and bins, an enumeration and a text with gaps, a date with a number for a gap, only gaps, and
 * a number that is near the first in many rows. */
static void make(ddpm_column_vocabulary column[D], ddpm_vocabulary *out)
{
    const ddpm_column_vocabulary all[D] = {
        {.layout = {.number = DDPM_NUMBER_FLOAT32, .gap = -1},
         .spikes = 3,
         .bins = 2,
         .decimals = 2,
         .step = 25,
         .repeats = 1,
         .spike = spikes[0],
         .knot = knots,
         .rows = rows},
        {.layout = {.kind = DDPM_COLUMN_CATEGORY,
                    .number = DDPM_NUMBER_INT8,
                    .count = 3,
                    .names = colours,
                    .codes = codes,
                    .is_ordered = 1,
                    .gap = 1},
         .spikes = 2,
         .spike = spikes[1],
         .rows = rows},
        {.layout = {.number = DDPM_NUMBER_INT16,
                    .has_gap_number = 1,
                    .gap_number = -999,
                    .gap = -1,
                    .units = units,
                    .format = format},
         .spikes = 2,
         .spike = spikes[2],
         .rows = rows},
        {.layout = {.kind = DDPM_COLUMN_CATEGORY, .is_text = 1, .count = 2, .names = sizes, .gap = -1},
         .spikes = 2,
         .spike = spikes[3],
         .rows = rows},
        {.layout = {.number = DDPM_NUMBER_UINT64, .gap = -1}, .decimals = -1, .rows = rows},
        {.layout = {.number = DDPM_NUMBER_FLOAT32, .gap = -1},
         .spikes = 3,
         .bins = 2,
         .decimals = DDPM_VOCABULARY_MIXED,
         .twin = 1,
         .near = &near,
         .spike = spikes[0],
         .knot = knots,
         .rows = rows},
    };
    for (int i = 0; i < KNOTS; i++) knots[i] = (double)(i / 2) - 3.25;
    memcpy(column, all, sizeof all);
    *out = (ddpm_vocabulary){D, 1, column};
}

static void expect_same_column(const ddpm_column_vocabulary *x, const ddpm_column_vocabulary *y)
{
    const ddpm_column_layout *a = &x->layout, *b = &y->layout;
    assert_true(a->kind == b->kind && a->number == b->number && a->is_text == b->is_text && a->gap == b->gap);
    assert_int_equal(a->is_ordered, b->is_ordered);
    assert_true(a->has_gap_number == b->has_gap_number && a->gap_number == b->gap_number);
    assert_true(a->count == b->count && !a->names == !b->names && !a->codes == !b->codes && !a->units == !b->units);
    for (int64_t i = 0; i < a->count; i++) assert_string_equal(a->names[i], b->names[i]);
    if (a->codes) assert_memory_equal(a->codes, b->codes, (size_t)a->count * sizeof *a->codes);
    if (a->units) assert_string_equal(a->units, b->units);
    assert_true(!a->format == !b->format && x->step == y->step);
    if (a->format) assert_string_equal(a->format, b->format);
    assert_true(x->spikes == y->spikes && x->bins == y->bins && x->decimals == y->decimals && x->repeats == y->repeats);
    assert_true(x->twin == y->twin && !x->near == !y->near);
    if (x->near) expect_same_column(x->near, y->near);
    if (x->spikes) assert_memory_equal(x->spike, y->spike, (size_t)x->spikes * sizeof *x->spike);
    if (x->bins) assert_memory_equal(x->knot, y->knot, sizeof knots);
    assert_memory_equal(x->rows, y->rows, (size_t)ddpm_column_tokens(x) * sizeof *x->rows);
}

static void expect_same(const ddpm_vocabulary *x, const ddpm_vocabulary *y)
{
    assert_int_equal(x->columns, y->columns);
    assert_int_equal(x->is_array, y->is_array);
    for (int64_t j = 0; j < x->columns; j++) expect_same_column(&x->column[j], &y->column[j]);
}

static const char *write_file(const ddpm_vocabulary *v)
{
    const char *path = in_scratch("vocabulary.h5");
    ddpm_h5 *file;
    expect_ok(ddpm_h5_create(path, 0, &file));
    expect_ok(ddpm_h5_finish(&file, ddpm_vocabulary_write(file, v)));
    return path;
}

static ddpm_status read_file(const char *path, int64_t columns, ddpm_vocabulary *out)
{
    ddpm_h5 *file;
    expect_ok(ddpm_h5_open(path, &file));
    return ddpm_h5_finish(&file, ddpm_vocabulary_read(file, path, columns, out));
}

static void test_round_trip(void **state)
{
    ddpm_column_vocabulary column[D];
    ddpm_vocabulary wrote, back;
    (void)state;
    make(column, &wrote);
    expect_ok(ddpm_vocabulary_check(&wrote, D));
    expect_ok(read_file(write_file(&wrote), D, &back));
    expect_same(&back, &wrote);
    ddpm_vocabulary_release(&back);
    expect_failure(read_file(write_file(&wrote), D + 1, &back), DDPM_ERR_DATA, "has the shape [6]; expected [7]");
    expect_failure(ddpm_vocabulary_check(&wrote, D + 1), DDPM_ERR_DATA, "has 6 columns, the model 7");
    wrote.columns = 0;
    expect_ok(read_file(write_file(&wrote), D, &back));
    assert_true(back.columns == 0 && !back.column);
}

static void test_share(void **state)
{
    ddpm_column_vocabulary column[D];
    ddpm_vocabulary expected, shared = {77, 0, NULL};
    (void)state;
    make(column, &expected);
    if (ddpm_comm_rank(comm) == 0) shared = expected;
    expect_ok(ddpm_vocabulary_share(comm, &shared));
    expect_same(&shared, &expected);
    if (ddpm_comm_rank(comm) > 0) ddpm_vocabulary_release(&shared);
    shared.columns = ddpm_comm_rank(comm);
    expect_ok(ddpm_vocabulary_share(comm, &shared));
    assert_int_equal(shared.columns, 0);
}

/* Values that a forged file may have; each would move an index out of its array. */
static void test_forged_values(void **state)
{
    const struct {
        int column, count;
        int64_t value;
        const char *says;
    } counts[] = {
        {0, DDPM_FLAT_GAP, 0, "column 0 (from 0): expected no names of a number"},
        {0, DDPM_FLAT_DECIMALS, 16, "vocabulary/decimals: element 0: expected -2 to 15, found 16"},
        {0, DDPM_FLAT_STEP, -1, "vocabulary/step: element 0: expected 0 to "},
        {0, DDPM_FLAT_RARE, 2, "vocabulary/rare: element 0: expected 0 to 1"},
        {0, DDPM_FLAT_RARE, 1, "column 0 (from 0): expected no names of a number"},
        {1, DDPM_FLAT_STEP, 2, "column 1 (from 0): expected steps of a number with decimals only"},
        {5, DDPM_FLAT_STEP, 2, "column 5 (from 0): expected steps of a number with decimals only"},
        {0, DDPM_FLAT_CODES, 1, "column 0 (from 0): expected one code, for a gap, of a whole number"},
        {1, DDPM_FLAT_GAP, 3, "column 1 (from 0): expected a gap that is the place of a name"},
        {1, DDPM_FLAT_GAP, -2, "vocabulary/gap: element 1: expected -1 to "},
        {1, DDPM_FLAT_GAP, 2, "vocabulary/spike: number 1 of column 1 (from 0) is 2: expected the place of a name"},
        {1, DDPM_FLAT_BINS, 1, "expected no bins of a category"},
        {0, DDPM_FLAT_BINS, DDPM_VOCABULARY_BINS + 1, "vocabulary/bins: element 0: expected 0 to 128, found 129"},
        {0, DDPM_FLAT_BINS, -1, "vocabulary/bins: element 0"},
        {0, DDPM_FLAT_SPIKES, -1, "vocabulary/spikes: element 0"},
        {0, DDPM_FLAT_SPIKES, DDPM_VOCABULARY_TOKENS_MAX - 1, "expected at most 16777216 tokens"},
        {5, DDPM_FLAT_TWIN, 6, "column 5 (from 0): expected a twin that comes before it"},
        {5, DDPM_FLAT_TWIN, 2, "column 5 (from 0): expected a twin that comes before it, both of several bins"},
        {5, DDPM_FLAT_NEAR_BINS, 129, "vocabulary/near_bins: element 5: expected 0 to 128, found 129"},
        {3, DDPM_FLAT_CATEGORIES, -1, "vocabulary/categories: element 3"},
    };
    const struct {
        double *at, value;
        const char *says;
    } values[] = {
        {&spikes[0][1], -1.5, "vocabulary/spike: number 1 of column 0 (from 0) is -1.5: expected numbers that ascend"},
        {&spikes[0][2], INFINITY, "vocabulary/spike: number 2 of column 0 (from 0) is inf: expected a finite"},
        {&spikes[1][1], 3, "expected the place of a name"},
        {&spikes[1][0], 0.5, "expected the place of a name"},
        {&spikes[1][0], -1, "expected the place of a name"},
        {&knots[KNOTS - 1], -9, "vocabulary/knot: number 64 of column 0"},
        {&knots[7], NAN, "vocabulary/knot: number 7 of column 0 (from 0) is nan: expected a finite number"},
        {&rows[0], -1, "vocabulary/rows: number 0 of column 0 (from 0) is -1: expected at least 0"},
    };
    ddpm_column_vocabulary column[D];
    ddpm_vocabulary v, back;
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ddpm_flat_vocabulary flat;
        make(column, &v);
        expect_ok(ddpm_flat_make(&v, &flat));
        flat.count[counts[i].count][counts[i].column] = counts[i].value;
        ddpm_status status = ddpm_flat_check_counts(&flat, D);
        if (status == DDPM_OK) status = ddpm_flat_check_values(&flat);
        expect_failure(status, DDPM_ERR_DATA, counts[i].says);
        ddpm_flat_release(&flat);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        make(column, &v);
        const double was = *values[i].at;
        *values[i].at = values[i].value;
        expect_failure(read_file(write_file(&v), D, &back), DDPM_ERR_DATA, values[i].says);
        expect_failure(ddpm_vocabulary_check(&v, D), DDPM_ERR_DATA, values[i].says);
        assert_true(back.columns == 0 && !back.column);
        *values[i].at = was;
    }
}

/* Codes and texts that do not fit what there must be. */
static void test_forged_texts(void **state)
{
    ddpm_column_vocabulary column[D];
    ddpm_vocabulary v;
    ddpm_flat_vocabulary flat;
    (void)state;
    make(column, &v);
    codes[2] = 128;
    expect_failure(ddpm_vocabulary_check(&v, D), DDPM_ERR_DATA,
                   "vocabulary/code: number 2 of column 1 (from 0) is 128");
    codes[2] = 9;
    column[3].layout.codes = codes; /* of a text */
    expect_failure(ddpm_vocabulary_check(&v, D), DDPM_ERR_DATA,
                   "expected a whole number as a code for each name of an enumeration");
    make(column, &v);
    expect_ok(ddpm_flat_make(&v, &flat));
    flat.text[DDPM_FLAT_NAME][3] = '.'; /* "red" and "?" become one */
    expect_failure(ddpm_flat_check_values(&flat), DDPM_ERR_DATA, "vocabulary/name: expected 5 texts, ");
    flat.text[DDPM_FLAT_NAME][3] = '\0';
    flat.text[DDPM_FLAT_NAME][4] = '\0';
    flat.text[DDPM_FLAT_NAME][flat.text_bytes[DDPM_FLAT_NAME] - 1] = '.'; /* as many, the last without its end */
    expect_failure(ddpm_flat_check_values(&flat), DDPM_ERR_DATA, "vocabulary/name: expected 5 texts, ");
    ddpm_flat_release(&flat);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_share),
        TEST(test_forged_values),
        TEST(test_forged_texts),
    };
    return RUN_ON_RANKS(argc, argv, tests, scratch_make, scratch_remove);
}
