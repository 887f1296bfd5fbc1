/* Rows of the masked process do not depend on the rows that they are made with, and a lookup of a token is the product
 * of its inputs. */
#include "expect.h"
#include "token_inputs.h"

#include "base/auto.h"
#include "sample/unmask.h"

#include <math.h>

enum { D = 5, C = 2, WIDTH = 48, FORMS = 2, ROWS = DDPM_UNMASK_ROWS, VALUES = 6400, FIRST = 500 };

typedef struct fixture {
    ddpm_vocabulary vocabulary;
    ddpm_condition condition;
    ddpm_model model;
    float *parameters;
    ddpm_packed *packed;
    ddpm_lookup lookup;
    ddpm_unmask unmask;
} fixture;

static const int64_t classes[C] = {0, 0};

/* Two categories of few names, a number in bins, a number of many values, and one that is equal to the first in most
 * rows. */
static void make(ddpm_network_kind kind, fixture *f)
{
    static double category[] = {0, 0, 0, 1, 1, 2}, binned[VALUES], exact[40];
    for (int i = 0; i < VALUES; i++) binned[i] = sqrt((double)i);
    for (int i = 0; i < 40; i++) exact[i] = (double)i;
    *f = (fixture){.condition = {.count = C, .classes = (int64_t *)(uintptr_t)classes}};
    expect_ok(ddpm_vocabulary_allocate(D, &f->vocabulary));
    f->vocabulary.column[0].layout.kind = f->vocabulary.column[3].layout.kind = DDPM_COLUMN_CATEGORY;
    expect_ok(ddpm_vocabulary_choose(&f->vocabulary.column[0], 6, category, 3));
    expect_ok(ddpm_vocabulary_choose(&f->vocabulary.column[1], VALUES, binned, 0));
    expect_ok(ddpm_vocabulary_choose(&f->vocabulary.column[2], 40, exact, 5));
    expect_ok(ddpm_vocabulary_choose(&f->vocabulary.column[3], 5, category, 0));
    expect_ok(ddpm_vocabulary_choose(&f->vocabulary.column[4], VALUES, binned, 0));
    f->vocabulary.column[4].twin = 2;
    for (int i = 0; i < VALUES; i++) binned[i] = i < VALUES / 2 ? 0.0 : 1e-3 * (double)i;
    expect_ok(ddpm_twins_allocate_near(&f->vocabulary.column[4]));
    expect_ok(ddpm_vocabulary_choose(f->vocabulary.column[4].near, VALUES, binned, 900));
    expect_ok(ddpm_twins_link(&f->vocabulary));
    f->model.condition = &f->condition;
    f->model.columns = D;
    expect_ok(ddpm_masked_create(&f->vocabulary, &f->model.masked));
    const ddpm_network_spec spec = {.kind = kind,
                                    .columns = f->model.masked.inputs,
                                    .condition = ddpm_condition_width(&f->condition),
                                    .heads = 1,
                                    .classes = f->model.masked.coefficients,
                                    .width = WIDTH,
                                    .depth = 2,
                                    .activation = DDPM_ACTIVATION_SILU,
                                    .time_width = 8,
                                    .steps = D};
    expect_ok(ddpm_network_create(&spec, &f->model.network));
    const int64_t count = ddpm_network_array_length(f->model.network);
    expect_ok(DDPM_NEW(&f->parameters, count, "parameters"));
    fill_any(f->parameters, count, 5);
    for (int64_t i = 0; i < count; i++) f->parameters[i] *= 0.3f;
    expect_ok(ddpm_packed_make(f->model.network, DDPM_PACK_FORWARD, f->parameters, &f->packed));
    expect_ok(ddpm_lookup_create(&f->model.masked, f->model.network, &f->lookup));
    ddpm_lookup_fill(&f->lookup, &f->model.masked, f->model.network, f->parameters, 0, 1);
    expect_ok(ddpm_unmask_create(&f->model, f->packed, &f->lookup, ROWS, 0, DDPM_AUTO, &f->unmask));
}

static void release(fixture *f)
{
    ddpm_unmask_release(&f->unmask);
    ddpm_lookup_release(&f->lookup);
    ddpm_packed_free(f->packed);
    ddpm_release(f->parameters);
    ddpm_network_free(f->model.network);
    ddpm_masked_release(&f->model.masked);
    ddpm_vocabulary_release(&f->vocabulary);
}

static void test_lookup(void **state)
{
    static const float row[D] = {2.0f, 40.25f, 17.0f, 1.0f, 39.5f};
    fixture f;
    float *inputs = NULL, sum[WIDTH + 64];
    (void)state;
    make(DDPM_NETWORK_RESIDUAL, &f);
    expect_ok(DDPM_NEW(&inputs, f.model.masked.inputs, "a test"));
    for (int pattern = 0; pattern < 1 << D; pattern++) {
        uint8_t hidden[D];
        int32_t entries[D];
        for (int64_t j = 0; j < D; j++) {
            hidden[j] = pattern >> j & 1;
            entries[j] = hidden[j] ? ddpm_lookup_hidden(&f.lookup, &f.model.masked, j)
                                   : ddpm_lookup_shown(&f.lookup, j, (int32_t)row[j]);
        }
        token_inputs(&f.model.masked, row, hidden, inputs);
        ddpm_network_kernels(f.model.network)->sum_rows(ddpm_matrix_read(f.lookup.table), D, entries, sum);
        for (int64_t i = 0; i < WIDTH; i++) {
            double expected = 0.0;
            for (int64_t k = 0; k < f.model.masked.inputs; k++)
                expected += (double)inputs[k] * (double)f.parameters[k * WIDTH + i];
            expect_near((double)sum[i], expected, 2e-5, "sum of entries", i);
        }
    }
    ddpm_release(inputs);
    release(&f);
}

/* Of any part of the rows, with conditions of their own and with columns that are known, each row is the same. */
static void test_rows_stand_alone(void **state)
{
    static float condition[ROWS * 4 * C], known[ROWS * D], whole[ROWS * D], part[ROWS * D];
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        fixture f;
        make(form ? DDPM_NETWORK_MLP : DDPM_NETWORK_RESIDUAL, &f);
        const int64_t width = ddpm_condition_width(&f.condition);
        assert_true(width <= 4 * C);
        for (int64_t i = 0; i < ROWS * width; i++) condition[i] = (float)(i * i % 3);
        for (int64_t i = 0; i < ROWS * D; i++) known[i] = i % 7 == 0 ? (float)(1 + i % 2) : NAN;
        for (int with = 0; with < 4; with++) {
            const float *conditions = with & 1 ? condition : NULL, *given = with & 2 ? known : NULL;
            ddpm_unmask_rows(&f.unmask, 9, FIRST, ROWS, conditions, given, D, whole);
            for (int64_t first = 0, rows; first < ROWS; first += rows) {
                rows = ddpm_smaller(first % 90 + 1, ROWS - first);
                ddpm_unmask_rows(&f.unmask, 9, FIRST + first, rows, conditions ? conditions + first * width : NULL,
                                 given ? given + first * D : NULL, D, part);
                expect_bits(part, whole + first * D, (size_t)(rows * D) * sizeof *part, "rows", first);
            }
            int64_t linked = 0, earlier = 0;
            for (int64_t i = 0; i < ROWS; i++) {
                linked += ddpm_twins_link_of(&f.vocabulary.column[4], (int64_t)whole[i * D + 4]) != NULL;
                earlier += ddpm_twins_link_of(&f.vocabulary.column[1], (int64_t)whole[i * D + 1]) != NULL;
            }
            assert_true(linked > ROWS / 8); /* twins are drawn first, unless the later one is given */
            assert_true((earlier > 0) == (given != NULL));
            for (int64_t i = 0; given && i < ROWS * D; i++)
                if (!isnan(known[i])) assert_true(whole[i] == known[i]);
        }
        release(&f);
    }
}

/* Numbers of many values are drawn again, others and those that are known keep what they have, and each row is the same
 * of any part of the rows. */
static void test_redraws(void **state)
{
    static float known[ROWS * D], once[ROWS * D], again[ROWS * D], alone[D];
    fixture f;
    ddpm_unmask redrawing;
    int64_t changed = 0;
    (void)state;
    make(DDPM_NETWORK_RESIDUAL, &f);
    expect_ok(ddpm_unmask_create(&f.model, f.packed, &f.lookup, ROWS, 0, 2, &redrawing));
    for (int64_t i = 0; i < ROWS * D; i++) known[i] = i % 7 == 0 ? (float)(1 + i % 2) : NAN;
    ddpm_unmask_rows(&f.unmask, 9, FIRST, ROWS, NULL, known, D, once);
    ddpm_unmask_rows(&redrawing, 9, FIRST, ROWS, NULL, known, D, again);
    for (int64_t i = 0; i < ROWS * D; i++) {
        if (i % D != 2 || !isnan(known[i])) assert_true(once[i] == again[i]);
        changed += once[i] != again[i];
    }
    assert_true(changed > ROWS / 2);
    for (int64_t i = 0; i < ROWS; i += 100) {
        ddpm_unmask_rows(&redrawing, 9, FIRST + i, 1, NULL, known + i * D, D, alone);
        expect_bits(alone, again + i * D, sizeof alone, "a row by itself", i);
    }
    ddpm_unmask_release(&redrawing);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_lookup), TEST(test_rows_stand_alone), TEST(test_redraws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
