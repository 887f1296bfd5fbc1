/* Draws of t: that they are in range, as even as each kind promises, weighted so that the loss is unbiased, and the
 * same however a batch is cut. */
#include "expect.h"

#include "base/memory.h"
#include "model/timesteps.h"

enum { T = 13, BATCH = 1300, MOST = 130000 };

static int32_t t[MOST];
static float weight[MOST];

static ddpm_timesteps make(int kind, int64_t steps, int64_t batch)
{
    ddpm_timesteps s;
    expect_ok(ddpm_timesteps_create((ddpm_timesteps_kind)kind, steps, batch, &s));
    return s;
}

/* The loss at each t, with which warm_up() fills the history. */
static double loss_of(int64_t step)
{
    return 0.1 + 0.5 * (double)(step % 5);
}

static void warm_up(ddpm_timesteps *s)
{
    float loss[BATCH];
    for (int64_t i = 0; i < s->batch; i++) {
        t[i] = (int32_t)(1 + i % s->steps);
        loss[i] = (float)loss_of(t[i]);
    }
    for (int n = 0; !s->warm && n < 1000; n++) ddpm_timesteps_learn(s, t, loss);
    assert_true(s->warm);
}

static void test_ranges(void **state)
{
    static const int64_t steps[] = {1, 2, 3, T, 1000};
    (void)state;
    for (int kind = 0; kind < DDPM_TIMESTEPS_COUNT; kind++)
        for (int k = 0; k < 5; k++) {
            ddpm_timesteps s = make(kind, steps[k], BATCH);
            for (int warm = 0; warm <= (kind == DDPM_TIMESTEPS_IMPORTANCE); warm++) {
                if (warm) warm_up(&s);
                for (int64_t iteration = 0; iteration < 20; iteration++) {
                    ddpm_timesteps_draw(&s, 5, iteration, 0, BATCH, t, weight);
                    for (int i = 0; i < BATCH; i++) {
                        assert_in_range(t[i], 1, steps[k]);
                        assert_true(isfinite(weight[i]) && weight[i] > 0.0f);
                        if (!warm) assert_true(weight[i] == 1.0f);
                    }
                }
            }
            ddpm_timesteps_release(&s);
        }
}

/* Every kind without weights draws each t equally often. */
static void test_evenness(void **state)
{
    (void)state;
    for (int kind = 0; kind < DDPM_TIMESTEPS_COUNT; kind++) {
        ddpm_timesteps s = make(kind, T, BATCH);
        double count[T + 1] = {0};
        for (int64_t iteration = 0; iteration < MOST / BATCH; iteration++) {
            int64_t here[T + 1] = {0};
            ddpm_timesteps_draw(&s, 4, iteration, 0, BATCH, t, weight);
            for (int i = 0; i < BATCH; i++) {
                count[t[i]] += 1.0;
                here[t[i]]++;
            }
            for (int k = 1; kind == DDPM_TIMESTEPS_STRATIFIED && k <= T; k++)
                assert_in_range(here[k], BATCH / T - 1, BATCH / T + 1);
        }
        for (int k = 1; k <= T; k++) /* in pairs, two draws depend on each other */
            expect_near(count[k], MOST / T, 5.0 * sqrt(2.0 * MOST / T), "draws of", kind * 1000 + k);
        ddpm_timesteps_release(&s);
    }
}

static void test_pairs(void **state)
{
    ddpm_timesteps s = make(DDPM_TIMESTEPS_ANTITHETIC, T, BATCH);
    (void)state;
    ddpm_timesteps_draw(&s, 4, 9, 0, BATCH, t, weight);
    for (int i = 0; i < BATCH; i += 2) assert_int_equal(t[i] + t[i + 1], T + 1);
    int different = 0;
    for (int i = 2; i < BATCH; i += 2) different += t[i] != t[i - 2];
    assert_true(different > BATCH / 4);
    ddpm_timesteps_release(&s);
}

/* A batch that is smaller than T is spread over 1..T, beginning at another t in each iteration. */
static void test_strata_of_a_small_batch(void **state)
{
    enum { FEW = 7, STEPS = 1000 };
    ddpm_timesteps s = make(DDPM_TIMESTEPS_STRATIFIED, STEPS, FEW);
    int32_t last = 0;
    (void)state;
    for (int64_t iteration = 0; iteration < 50; iteration++) {
        int met[FEW] = {0};
        ddpm_timesteps_draw(&s, 4, iteration, 0, FEW, t, weight);
        const int32_t from = t[0];
        for (int i = 0; i < FEW; i++) { /* one in each seventh, counted from the first draw */
            const int64_t above = (t[i] - from + STEPS) % STEPS;
            expect_near((double)above, STEPS * (double)i / FEW, 1.0, "distance", i);
            met[(t[i] - 1) * FEW / STEPS]++;
        }
        for (int k = 0; k < FEW; k++) assert_in_range(met[k], 0, 2);
        assert_int_not_equal(from, last);
        last = from;
    }
    ddpm_timesteps_release(&s);
}

/* The mean of weight x f(t) is the mean of f over all t; and t is drawn in proportion to its losses. */
static void test_unbiased(void **state)
{
    ddpm_timesteps s = make(DDPM_TIMESTEPS_IMPORTANCE, T, BATCH);
    double sum = 0.0, squares = 0.0, expected = 0.0, total = 0.0, count[T + 1] = {0};
    (void)state;
    warm_up(&s);
    for (int64_t k = 1; k <= T; k++) {
        expected += pow((double)k, 2.0) / T;
        total += loss_of(k);
    }
    for (int64_t iteration = 0; iteration < MOST / BATCH; iteration++) {
        ddpm_timesteps_draw(&s, 4, iteration, 0, BATCH, t, weight);
        for (int i = 0; i < BATCH; i++) {
            const double p = 0.999 * loss_of(t[i]) / total + 0.001 / T, value = (double)weight[i] * t[i] * t[i];
            expect_near((double)weight[i], 1.0 / (T * p), 1e-5 / (T * p), "weight of", t[i]);
            sum += value;
            squares += value * value;
            count[t[i]] += 1.0;
        }
    }
    const double mean = sum / MOST, error = sqrt((squares / MOST - mean * mean) / MOST);
    expect_near(mean, expected, 4.5 * error, "estimate", 0);
    for (int64_t k = 1; k <= T; k++) {
        const double p = 0.999 * loss_of(k) / total + 0.001 / T;
        expect_near(count[k] / MOST, p, 5.0 * sqrt(p / MOST), "share of", k);
    }
    ddpm_timesteps_release(&s);
}

/* The history holds the last losses of each t, and a new one replaces the oldest. Draws are uniform until the history
 * of every t is full, and it stays full when the count goes back. */
static void test_history(void **state)
{
    enum { FEW = 3 };
    ddpm_timesteps s = make(DDPM_TIMESTEPS_IMPORTANCE, FEW, 1);
    (void)state;
    for (int n = 0; n < 12; n++) { /* t = 2 gets 12 losses, more than the history holds */
        const int32_t two = 2;
        const float loss = (float)(n + 1);
        ddpm_timesteps_learn(&s, &two, &loss);
    }
    assert_int_equal(s.warm, 0);
    for (int i = 0; i < DDPM_TIMESTEPS_HISTORY; i++) {
        const float expected = (float)(i < 2 ? 11 + i : i + 1);
        assert_true(s.history[DDPM_TIMESTEPS_HISTORY + i] == expected);
        assert_true(s.history[i] == 0.0f && s.history[2 * DDPM_TIMESTEPS_HISTORY + i] == 0.0f);
    }
    for (int32_t k = 1; k <= FEW; k += 2)
        for (int n = 0; n < DDPM_TIMESTEPS_HISTORY; n++) {
            const float loss = 1.0f;
            assert_int_equal(s.warm, 0);
            ddpm_timesteps_learn(&s, &k, &loss);
        }
    assert_int_equal(s.warm, 1);
    double squares = 0.0;
    for (int i = 3; i <= 12; i++) squares += i * i;
    const double root = sqrt(squares / 10.0), p = 0.999 * root / (root + 2.0) + 0.001 / FEW;
    expect_near(s.cumulative[2] - s.cumulative[1], p, 1e-12, "share of the middle one", 2);
    expect_near(s.cumulative[FEW], 1.0, 1e-12, "all", FEW);
    for (int n = 0; n < 30000; n++) {
        const int32_t two = 2;
        const float loss = (float)n;
        ddpm_timesteps_learn(&s, &two, &loss);
        assert_int_equal(s.warm, 1);
        assert_true(s.seen[1] >= DDPM_TIMESTEPS_HISTORY && s.seen[1] < 10000);
    }
    double least = INFINITY;
    for (int i = 0; i < DDPM_TIMESTEPS_HISTORY; i++) least = fmin(least, (double)s.history[DDPM_TIMESTEPS_HISTORY + i]);
    assert_true(least == 29990.0); /* the newest ones, after the count has gone back a few times */
    ddpm_timesteps_release(&s);
}

/* What is drawn is decided by history and seen alone, which a checkpoint holds. */
static void test_refresh(void **state)
{
    ddpm_timesteps s = make(DDPM_TIMESTEPS_IMPORTANCE, T, BATCH), back = make(DDPM_TIMESTEPS_IMPORTANCE, T, BATCH);
    int32_t again[BATCH];
    float weight_again[BATCH];
    (void)state;
    warm_up(&s);
    memcpy(back.history, s.history, T * DDPM_TIMESTEPS_HISTORY * sizeof *s.history);
    memcpy(back.seen, s.seen, T * sizeof *s.seen);
    ddpm_timesteps_refresh(&back);
    ddpm_timesteps_draw(&s, 4, 3, 0, BATCH, t, weight);
    ddpm_timesteps_draw(&back, 4, 3, 0, BATCH, again, weight_again);
    expect_bits(again, t, sizeof again, "draws", 0);
    expect_bits(weight_again, weight, sizeof weight_again, "weights", 0);
    ddpm_timesteps_release(&s);
    ddpm_timesteps_release(&back);
}

/* Where all losses are 0 or not finite, draws stay uniform, since no probability follows from them. */
static void test_useless_losses(void **state)
{
    static const float useless[] = {0.0f, NAN, INFINITY};
    float loss[BATCH];
    (void)state;
    for (int k = 0; k < 3; k++) {
        ddpm_timesteps s = make(DDPM_TIMESTEPS_IMPORTANCE, T, BATCH);
        for (int i = 0; i < BATCH; i++) {
            t[i] = 1 + i % T;
            loss[i] = useless[k];
        }
        ddpm_timesteps_learn(&s, t, loss);
        assert_int_equal(s.warm, 0);
        ddpm_timesteps_draw(&s, 4, 3, 0, BATCH, t, weight);
        for (int i = 0; i < BATCH; i++) assert_true(weight[i] == 1.0f);
        ddpm_timesteps_release(&s);
    }
}

static void test_any_cut(void **state)
{
    int32_t part[BATCH];
    float part_weight[BATCH];
    (void)state;
    for (int kind = 0; kind < DDPM_TIMESTEPS_COUNT; kind++) {
        ddpm_timesteps s = make(kind, T, BATCH);
        if (kind == DDPM_TIMESTEPS_IMPORTANCE) warm_up(&s);
        ddpm_timesteps_draw(&s, 4, 9, 0, BATCH, t, weight);
        for (int64_t first = 0; first < BATCH; first += 97) {
            const int64_t rows = BATCH - first < 97 ? BATCH - first : 97;
            ddpm_timesteps_draw(&s, 4, 9, first, rows, part, part_weight);
            expect_bits(part, t + first, (size_t)rows * sizeof *t, "rows", first);
            expect_bits(part_weight, weight + first, (size_t)rows * sizeof *weight, "weights", first);
        }
        ddpm_timesteps_draw(&s, 4, 10, 0, BATCH, part, part_weight);
        assert_memory_not_equal(part, t, sizeof part);
        ddpm_timesteps_draw(&s, 5, 9, 0, BATCH, part, part_weight);
        assert_memory_not_equal(part, t, sizeof part);
        ddpm_timesteps_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ranges),   TEST(test_evenness), TEST(test_pairs),   TEST(test_strata_of_a_small_batch),
        TEST(test_unbiased), TEST(test_history),  TEST(test_refresh), TEST(test_useless_losses),
        TEST(test_any_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
