/* A lookup of tokens, and outputs of those columns only that are hidden, have the loss and the gradients of the whole
 * network with all of its inputs and outputs. */
#include "expect.h"
#include "token_inputs.h"

#include "base/memory.h"
#include "model/token_pass.h"

#include <math.h>

enum { D = 7, WIDTH = 40, ROWS = 24, BLOCK = 10, VALUES = 6400, NAMES = 150, TENSORS_MAX = 32, BITS = 30 };

/* Networks of the same parameters: one that reads inputs, and one that looks them up. */
typedef struct fixture {
    ddpm_vocabulary vocabulary;
    ddpm_masked masked;
    ddpm_network *whole, *entered;
    float *parameters;
    ddpm_packed *whole_packed, *packed;
    ddpm_lookup lookup;
    ddpm_token_pass pass;
    ddpm_workspace *whole_workspace, *workspace;
    int64_t count; /* parameters */
} fixture;

/* Sums of gradients. */
typedef struct sums {
    ddpm_gradient gradient;
    int32_t exponent[TENSORS_MAX];
    int64_t refused[TENSORS_MAX];
} sums;

/* Two narrow categories, a number in bins, a wide category, a number of many values, one more category, and a
 * number in bins that is equal to the other one, or near it, in many rows. */
static void choose(ddpm_vocabulary *v)
{
    static double narrow[] = {0, 0, 0, 1, 1, 2}, binned[VALUES], wide[2 * NAMES], exact[120];
    for (int i = 0; i < VALUES; i++) binned[i] = sqrt((double)i);
    for (int i = 0; i < 2 * NAMES; i++) wide[i] = (double)(i / 2);
    for (int i = 0; i < 120; i++) exact[i] = (double)i;
    expect_ok(ddpm_vocabulary_allocate(D, v));
    for (int j = 0; j < D; j++)
        if (j % 2 != 0 || j == 0) v->column[j].layout.kind = DDPM_COLUMN_CATEGORY;
    expect_ok(ddpm_vocabulary_choose(&v->column[0], 6, narrow, 3));
    expect_ok(ddpm_vocabulary_choose(&v->column[1], 5, narrow, 0));
    expect_ok(ddpm_vocabulary_choose(&v->column[2], VALUES, binned, 0));
    expect_ok(ddpm_vocabulary_choose(&v->column[3], 2 * NAMES, wide, 9));
    expect_ok(ddpm_vocabulary_choose(&v->column[4], 120, exact, 5));
    expect_ok(ddpm_vocabulary_choose(&v->column[5], 6, narrow, 1));
    expect_ok(ddpm_vocabulary_choose(&v->column[6], VALUES, binned, 0));
    v->column[6].twin = 3;
    for (int i = 0; i < VALUES; i++) binned[i] = i < 900 ? 0.0 : 1e-3 * (double)i;
    expect_ok(ddpm_twins_allocate_near(&v->column[6]));
    expect_ok(ddpm_vocabulary_choose(v->column[6].near, VALUES, binned, 800));
    expect_ok(ddpm_twins_link(v));
}

static void make(ddpm_network_kind kind, ddpm_time time, fixture *f)
{
    *f = (fixture){0};
    choose(&f->vocabulary);
    expect_ok(ddpm_masked_create(&f->vocabulary, &f->masked));
    ddpm_network_spec spec = {.kind = kind,
                              .time = time,
                              .columns = f->masked.inputs,
                              .condition = 2,
                              .heads = 1,
                              .classes = f->masked.coefficients,
                              .width = WIDTH,
                              .depth = 2,
                              .activation = DDPM_ACTIVATION_SILU,
                              .time_width = 8,
                              .steps = D};
    expect_ok(ddpm_network_create(&spec, &f->whole));
    spec.is_entered = 1;
    expect_ok(ddpm_network_create(&spec, &f->entered));
    f->count = ddpm_network_array_length(f->whole);
    assert_int_equal(ddpm_network_array_length(f->entered), f->count);
    expect_ok(DDPM_NEW(&f->parameters, f->count, "parameters"));
    fill_any(f->parameters, f->count, 5);
    for (int64_t i = 0; i < f->count; i++) f->parameters[i] *= 0.2f;
    expect_ok(ddpm_packed_make(f->whole, DDPM_PACK_TRAINING, f->parameters, &f->whole_packed));
    expect_ok(ddpm_packed_make(f->entered, DDPM_PACK_TRAINING, f->parameters, &f->packed));
    expect_ok(ddpm_lookup_create(&f->masked, f->entered, &f->lookup));
    for (int part = 0; part < 3; part++) /* the work is shared in parts */
        ddpm_lookup_fill(&f->lookup, &f->masked, f->entered, f->parameters, part, 3);
    const ddpm_token_spec tokens = {&f->masked, f->entered, f->packed, &f->lookup, ROWS, BLOCK, 1};
    expect_ok(ddpm_token_pass_create(&tokens, &f->pass));
    expect_ok(ddpm_workspace_create(f->whole, ROWS, BLOCK, 1, &f->whole_workspace));
    expect_ok(ddpm_workspace_create(f->entered, ROWS, BLOCK, 1, &f->workspace));
    assert_true(ddpm_workspace_bytes(f->entered, ROWS, 1) < ddpm_workspace_bytes(f->whole, ROWS, 1));
}

static void release(fixture *f)
{
    ddpm_workspace_free(f->whole_workspace);
    ddpm_workspace_free(f->workspace);
    ddpm_token_pass_release(&f->pass);
    ddpm_lookup_release(&f->lookup);
    ddpm_packed_free(f->packed);
    ddpm_packed_free(f->whole_packed);
    ddpm_release(f->parameters);
    ddpm_network_free(f->whole);
    ddpm_network_free(f->entered);
    ddpm_masked_release(&f->masked);
    ddpm_vocabulary_release(&f->vocabulary);
}

static void sums_make(const fixture *f, sums *s)
{
    *s = (sums){.gradient = {.kernels = ddpm_network_kernels(f->whole), .limit = 0x1p50}};
    s->gradient.exponent = s->exponent;
    s->gradient.refused = s->refused;
    for (int i = 0; i < TENSORS_MAX; i++) s->exponent[i] = BITS;
    expect_ok(DDPM_NEW(&s->gradient.fixed, f->count, "sums"));
}

static float x0[ROWS * D], importance[ROWS], condition[ROWS * 2];
static uint8_t hidden[ROWS * D];
static int32_t t[ROWS], tokens[ROWS * D];

static void make_rows(const ddpm_masked *m)
{
    int32_t order[D];
    fill_any(condition, ROWS * 2, 8);
    for (int64_t i = 0; i < ROWS; i++) {
        t[i] = (int32_t)(1 + i % D);
        importance[i] = 0.5f + (float)(i % 3);
        ddpm_masked_hide(D, 5, DDPM_RANDOM_NOISE, 3, i, t[i], hidden + i * D, order);
        for (int64_t j = 0; j < D; j++) {
            const int64_t token = (i * i + j) % ddpm_column_tokens(&m->vocabulary->column[j]);
            x0[i * D + j] = ddpm_vocabulary_number(&m->vocabulary->column[j], token, 0.25);
        }
        if (i % 3 == 0 && x0[i * D + 2] >= 1.0f)
            x0[i * D + 6] = (float)(m->vocabulary->column[6].link[0].first + i % 7) + 0.5f;
        ddpm_masked_tokens(m, x0 + i * D, tokens + i * D);
    }
}

/* The loss with all inputs and outputs, and its gradients. */
static double whole_loss(fixture *f, ddpm_gradient *gradient)
{
    const ddpm_masked *m = &f->masked;
    float *inputs = NULL, *scratch = NULL;
    double total = 0.0;
    expect_ok(DDPM_NEW(&inputs, ROWS * m->inputs, "a test"));
    expect_ok(DDPM_NEW(&scratch, ddpm_masked_scratch(m), "a test"));
    for (int64_t i = 0; i < ROWS; i++) token_inputs(m, x0 + i * D, hidden + i * D, inputs + i * m->inputs);
    const ddpm_const_matrix output =
        ddpm_network_forward(f->whole, f->whole_packed, f->whole_workspace, ROWS, inputs, condition, t);
    const ddpm_matrix dout = ddpm_workspace_dout(f->whole_workspace, ROWS);
    for (int64_t i = 0; i < ROWS; i++) {
        const double weight = 0.1 * (double)importance[i] * D / (double)t[i];
        float *d = dout.data + i * dout.stride;
        memset(d, 0, (size_t)m->coefficients * sizeof *d);
        for (int64_t j = 0; j < D; j++) {
            if (!hidden[i * D + j]) continue;
            const uint32_t open = ddpm_masked_open(m, j, tokens + i * D, hidden + i * D);
            total += weight * ddpm_masked_column_loss(m, ddpm_network_kernels(f->whole), j,
                                                      ddpm_masked_target(m, j, x0 + i * D, tokens + i * D, open), open,
                                                      output.data + i * output.stride + m->column[j].first, weight,
                                                      d + m->column[j].first, scratch);
        }
    }
    ddpm_network_backward(f->whole, f->whole_packed, f->whole_workspace, ROWS, t, gradient);
    ddpm_release(inputs);
    ddpm_release(scratch);
    return total;
}

static double token_loss(fixture *f, ddpm_gradient *gradient)
{
    const ddpm_token_rows rows = {x0, tokens, hidden, t, importance, ROWS};
    const ddpm_const_matrix units = ddpm_token_forward(&f->pass, f->workspace, &rows, condition);
    const ddpm_matrix dunits = ddpm_workspace_dhidden(f->entered, f->workspace, ROWS);
    double total = 0.0, without = 0.0;
    for (int64_t at = 0; at < ROWS; at += BLOCK) {
        const int64_t count = ddpm_smaller(BLOCK, ROWS - at);
        const ddpm_token_rows block = {x0 + at * D, tokens + at * D, hidden + at * D, t + at, importance + at, count};
        float row_loss[BLOCK];
        double sum = 0.0;
        const double loss = ddpm_token_loss(&f->pass, &block, ddpm_const_matrix_part(units, at, count), 0.1, gradient,
                                            ddpm_matrix_part(dunits, at, count), row_loss);
        without += ddpm_token_loss(&f->pass, &block, ddpm_const_matrix_part(units, at, count), 0.1, NULL,
                                   (ddpm_matrix){0}, NULL);
        for (int64_t i = 0; i < count; i++) sum += 0.1 * (double)importance[at + i] * (double)row_loss[i];
        expect_near(sum, loss, 1e-4, "losses of rows", at);
        total += loss;
    }
    assert_true(without == total);
    const ddpm_const_matrix dz = ddpm_network_hidden_backward(f->entered, f->packed, f->workspace, ROWS, t, gradient);
    ddpm_token_backward(&f->pass, &rows, dz, gradient);
    return total;
}

static void test_gradients(void **state)
{
    static const struct {
        ddpm_network_kind kind;
        ddpm_time time;
    } forms[] = {{DDPM_NETWORK_RESIDUAL, DDPM_TIME_SINUSOIDAL},
                 {DDPM_NETWORK_MLP, DDPM_TIME_SINUSOIDAL},
                 {DDPM_NETWORK_MLP, DDPM_TIME_GAIN_TABLE}};
    (void)state;
    for (int form = 0; form < 3; form++) {
        fixture f;
        sums whole, part;
        const ddpm_tensor *tensors;
        make(forms[form].kind, forms[form].time, &f);
        make_rows(&f.masked);
        sums_make(&f, &whole);
        sums_make(&f, &part);
        expect_near(token_loss(&f, &part.gradient), whole_loss(&f, &whole.gradient), 1e-4, "loss", form);
        const int64_t count = ddpm_network_tensors(f.whole, &tensors);
        for (int64_t i = 0; i < count; i++) {
            double largest = 0.0;
            assert_int_equal(part.refused[i], 0);
            for (int64_t e = 0; e < tensors[i].rows * tensors[i].cols; e++)
                largest = fmax(largest, fabs((double)whole.gradient.fixed[tensors[i].offset + e]));
            assert_true(largest > 0.0);
            for (int64_t e = 0; e < tensors[i].rows * tensors[i].cols; e++)
                expect_near((double)part.gradient.fixed[tensors[i].offset + e],
                            (double)whole.gradient.fixed[tensors[i].offset + e], 2e-5 * largest, tensors[i].name, e);
        }
        ddpm_release(whole.gradient.fixed);
        ddpm_release(part.gradient.fixed);
        release(&f);
    }
}

/* A row has the same loss whichever rows are with it. */
static void test_rows_stand_alone(void **state)
{
    fixture f;
    (void)state;
    make(DDPM_NETWORK_RESIDUAL, DDPM_TIME_SINUSOIDAL, &f);
    make_rows(&f.masked);
    float together[BLOCK], alone;
    const ddpm_token_rows all = {x0, tokens, hidden, t, NULL, BLOCK};
    (void)ddpm_token_loss(&f.pass, &all, ddpm_token_forward(&f.pass, f.workspace, &all, condition), 1.0, NULL,
                          (ddpm_matrix){0}, together);
    for (int64_t i = 0; i < BLOCK; i++) {
        const ddpm_token_rows one = {x0 + i * D, tokens + i * D, hidden + i * D, t + i, NULL, 1};
        (void)ddpm_token_loss(&f.pass, &one, ddpm_token_forward(&f.pass, f.workspace, &one, condition + 2 * i), 1.0,
                              NULL, (ddpm_matrix){0}, &alone);
        expect_bits(&alone, together + i, sizeof alone, "loss of a row", i);
    }
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_gradients), TEST(test_rows_stand_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
