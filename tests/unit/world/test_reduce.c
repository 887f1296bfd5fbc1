/* The sum of gradients over threads and ranks has the bits of a sum that each rank computes alone; repeats; refusals.
 * All of it with ranks that share memory, and then with ranks that do not. */
#include "teams.h"

#include "base/memory.h"
#include "world/reduce.h"

enum { THREADS = 3, BATCH = 40 };

static int rank, size;
static ddpm_network *network;
static const ddpm_tensor *tensors;
static int64_t tensor_count, count; /* count is of the parameters */
static float *values, *gradient, *expected;

static int make(void **state)
{
    const ddpm_network_spec spec = {.columns = 3,
                                    .heads = 1,
                                    .width = 100,
                                    .depth = 2,
                                    .activation = DDPM_ACTIVATION_SILU,
                                    .time = DDPM_TIME_SINUSOIDAL,
                                    .time_width = 8,
                                    .steps = 10};
    (void)state;
    rank = ddpm_comm_rank(comm);
    size = ddpm_comm_size(comm);
    expect_ok(ddpm_network_create(&spec, &network));
    tensor_count = ddpm_network_tensors(network, &tensors);
    count = ddpm_network_array_length(network);
    expect_ok(DDPM_NEW(&values, count, "values"));
    expect_ok(DDPM_NEW(&gradient, count, "gradient"));
    expect_ok(DDPM_NEW(&expected, count, "gradient"));
    return 0;
}

static int clean(void **state)
{
    (void)state;
    ddpm_release(values);
    ddpm_release(gradient);
    ddpm_release(expected);
    ddpm_network_free(network);
    return 0;
}

/* Contribution c of the batch, [count]. */
static void fill_contribution(int64_t c, double factor)
{
    for (int64_t i = 0; i < count; i++) values[i] = (float)(factor * any_number(c * 100003 + i));
}

static double loss_of(int64_t c, double factor)
{
    return factor * (1.5 + any_number(c));
}

/* Add this rank's contributions of the batch, which an arbitrary rule divides among ranks and threads. */
static void add_batch(ddpm_reducer *reducer, double factor)
{
    ddpm_reducer_begin(reducer);
    for (int64_t c = rank; c < BATCH; c += size) {
        const int thread = (int)(c / size % THREADS);
        fill_contribution(c, factor);
        for (int64_t i = 0; i < tensor_count; i++)
            ddpm_gradient_add(ddpm_reducer_gradient(reducer, thread), i, tensors[i].offset,
                              tensors[i].rows * tensors[i].cols, values + tensors[i].offset);
        ddpm_reducer_add_loss(reducer, thread, loss_of(c, factor));
    }
}

static void merge(ddpm_reducer *reducer, int vote)
{
    ddpm_reducer_meet(reducer, vote);
    for (int thread = THREADS - 1; thread >= 0; thread--) ddpm_reducer_merge(reducer, thread);
}

static ddpm_reduced collect(ddpm_reducer *reducer)
{
    for (int thread = 0; thread < THREADS; thread++) ddpm_reducer_collect(reducer, thread);
    const ddpm_reduced out = ddpm_reducer_finish(reducer);
    memcpy(gradient, ddpm_reducer_sums(reducer), (size_t)count * sizeof *gradient);
    ddpm_reducer_gather(reducer, 1, &gradient);
    ddpm_comm_barrier(comm); /* before others begin the next iteration */
    return out;
}

/* A whole step. @return the number of repeats. */
static int step(ddpm_reducer *reducer, double factor, int vote, ddpm_reduced *out)
{
    int repeats = -1, repeat = 1;
    while (repeat) {
        add_batch(reducer, factor);
        merge(reducer, vote);
        expect_ok(ddpm_reducer_exchange(reducer, &repeat));
        repeats++;
        assert_true(repeats < 10);
    }
    *out = collect(reducer);
    return repeats;
}

/* Expect the sums and the norm that one thread alone gets at the scales that the reducer had. */
static void expect_exact(const int32_t *exponent, double factor, const ddpm_reduced *out)
{
    double squares = 0.0;
    int64_t loss = 0, *sum = NULL;
    expect_ok(DDPM_NEW(&sum, count, "sums"));
    for (int64_t c = 0; c < BATCH; c++) {
        fill_contribution(c, factor);
        loss += llrint(ldexp((double)(float)loss_of(c, factor), exponent[tensor_count]));
        for (int64_t k = 0; k < tensor_count; k++)
            for (int64_t i = 0; i < tensors[k].rows * tensors[k].cols; i++)
                sum[tensors[k].offset + i] += llrint(ldexp((double)values[tensors[k].offset + i], exponent[k]));
    }
    memset(expected, 0, (size_t)count * sizeof *expected);
    for (int64_t k = 0; k < tensor_count; k++)
        for (int64_t i = 0; i < tensors[k].rows * tensors[k].cols; i++) {
            const int64_t at = tensors[k].offset + i;
            expected[at] = (float)ldexp((double)sum[at], -exponent[k]);
            squares += (double)expected[at] * (double)expected[at];
        }
    ddpm_release(sum);
    expect_bits(gradient, expected, (size_t)count * sizeof *gradient, "gradient", rank);
    assert_true(out->loss == ldexp((double)loss, -exponent[tensor_count]));
    expect_near(out->norm, sqrt(squares), 1e-12 * sqrt(squares), "norm", rank);
    expect_same_on_ranks(&out->norm, sizeof out->norm, "norm");
}

static double largest_of(int64_t k)
{
    double largest = 0.0;
    for (int64_t i = 0; i < tensors[k].rows * tensors[k].cols; i++)
        largest = fmax(largest, fabs((double)gradient[tensors[k].offset + i]));
    return largest;
}

/* Steps of gradients of changing size: each is exact, and the scales follow from the step before. */
static void test_exact(void **state)
{
    static const double factors[] = {1.0, 0.1, 1e-4, 1e-7, 1e-7, 3e-5, 0.01};
    ddpm_reducer *reducer = NULL;
    int64_t exponents;
    int32_t before[16];
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, BATCH, &reducer));
    int32_t *exponent = ddpm_reducer_exponents(reducer, &exponents);
    assert_int_equal(exponents, tensor_count + 1);
    for (int s = 0; s < 7; s++) {
        ddpm_reduced out;
        memcpy(before, exponent, (size_t)exponents * sizeof *before);
        const int repeats = step(reducer, factors[s], rank == 0 || s == 3, &out);
        assert_int_equal(repeats, 0);
        assert_int_equal(out.votes, s == 3 ? size : 1);
        expect_exact(before, factors[s], &out);
        for (int64_t k = 0; k < tensor_count; k++) assert_int_equal(exponent[k], 40 - ilogb(largest_of(k)));
        assert_int_equal(exponent[tensor_count], 40 - ilogb(out.loss));
        expect_same_on_ranks(exponent, (size_t)exponents * sizeof *exponent, "scales");
    }
    ddpm_reducer_free(reducer);
}

/* Contributions much larger than in the step before: all ranks repeat the step, and get the right sums. */
static void test_repeat(void **state)
{
    static const double factors[] = {1.0, 1e6, 1e-6, 1e20, 1e30};
    ddpm_reducer *reducer = NULL;
    int64_t exponents;
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, BATCH, &reducer));
    const int32_t *exponent = ddpm_reducer_exponents(reducer, &exponents);
    for (int s = 0; s < 5; s++) {
        int32_t at[16];
        int repeat = 1, repeats = -1;
        while (repeat) {
            add_batch(reducer, factors[s]);
            merge(reducer, 1);
            memcpy(at, exponent, (size_t)exponents * sizeof *at);
            expect_ok(ddpm_reducer_exchange(reducer, &repeat));
            repeats++;
            assert_true(repeats < 10);
        }
        const ddpm_reduced out = collect(reducer);
        assert_true(s % 2 == 0 && s < 4 ? repeats == 0 : repeats > 0);
        expect_same_on_ranks(&repeats, sizeof repeats, "repeats");
        expect_exact(at, factors[s], &out);
        assert_int_equal(out.votes, size); /* once a rank, however often the step was repeated */
    }
    ddpm_reducer_free(reducer);
}

/* One rank has one large contribution to one tensor: the other tensors keep their scales. */
static void test_repeat_of_one_tensor(void **state)
{
    ddpm_reducer *reducer = NULL;
    int64_t exponents;
    int repeat;
    const float large = 1e5f;
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, BATCH, &reducer));
    const int32_t *exponent = ddpm_reducer_exponents(reducer, &exponents);
    for (int pass = 0; pass < 2; pass++) {
        if (rank == size - 1) ddpm_gradient_add(ddpm_reducer_gradient(reducer, 1), 2, tensors[2].offset, 1, &large);
        merge(reducer, 0);
        expect_ok(ddpm_reducer_exchange(reducer, &repeat));
        assert_int_equal(repeat, pass == 0);
        for (int64_t k = 0; k <= tensor_count; k++) assert_int_equal(exponent[k], k == 2 ? 16 : 40);
    }
    const ddpm_reduced out = collect(reducer);
    assert_true(gradient[tensors[2].offset] == large && out.norm == (double)large && out.loss == 0.0);
    for (int64_t k = 0; k <= tensor_count; k++) assert_int_equal(exponent[k], k == 2 ? 40 - 16 : 40);
    ddpm_reducer_free(reducer);
}

/* Not a number, or infinite, on one rank alone: DDPM_ERR_NUMERIC on all, in both modes, for gradients and the loss. */
static void test_refusal(void **state)
{
    static const double wrong[] = {NAN, INFINITY, -INFINITY, 1e300 /* infinite as a float */};
    (void)state;
    for (int exact = 0; exact < 2; exact++)
        for (int w = 0; w < 4; w++)
            for (int in_loss = 0; in_loss < 2; in_loss++) {
                ddpm_reducer *reducer = NULL;
                ddpm_status status = DDPM_OK;
                const float value = (float)wrong[w];
                expect_ok(ddpm_reducer_create(comm, network, exact, THREADS, BATCH, &reducer));
                for (int tries = 0, repeat = 1; repeat && status == DDPM_OK && tries < 20; tries++) {
                    add_batch(reducer, 1.0);
                    if (rank == size / 2 && in_loss) ddpm_reducer_add_loss(reducer, 2, wrong[w]);
                    if (rank == size / 2 && !in_loss)
                        ddpm_gradient_add(ddpm_reducer_gradient(reducer, 2), 1, tensors[1].offset + 5, 1, &value);
                    merge(reducer, 0);
                    status = ddpm_reducer_exchange(reducer, &repeat);
                }
                expect_failure(status, DDPM_ERR_NUMERIC, in_loss ? "loss" : "gradient");
                ddpm_reducer_free(reducer);
            }
}

/* One team as among very many: the loss is right, nothing is known of the gradient, and all accumulators are empty. */
static void test_no_part(void **state)
{
    ddpm_reducer *reducer = NULL;
    ddpm_reduced out;
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, BATCH, &reducer));
    ddpm_reducer_take_no_part(reducer);
    for (int s = 0; s < 2 && !ddpm_comm_has_other_teams(comm); s++) {
        double loss = 0.0;
        assert_int_equal(step(reducer, 1.0, 0, &out), 0);
        for (int64_t c = 0; c < BATCH; c++) loss += loss_of(c, 1.0);
        expect_near(out.loss, loss, 1e-5 * loss, "loss", s);
        assert_true(out.norm == 0.0 && ddpm_reducer_is_divided(reducer));
        for (int thread = 0; thread < THREADS; thread++)
            for (int64_t i = 0; i < count; i++) assert_true(ddpm_reducer_gradient(reducer, thread)->fixed[i] == 0);
        ddpm_comm_barrier(comm);
    }
    ddpm_reducer_free(reducer);
}

static void test_float32(void **state)
{
    ddpm_reducer *reducer = NULL;
    ddpm_reduced out;
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 0, THREADS, BATCH, &reducer));
    for (int s = 0; s < 3; s++) {
        const double factor = pow(10.0, 3.0 - 4.0 * s);
        double loss = 0.0;
        assert_int_equal(step(reducer, factor, s == 1, &out), 0);
        memset(expected, 0, (size_t)count * sizeof *expected);
        for (int64_t c = 0; c < BATCH; c++) {
            fill_contribution(c, factor);
            loss += loss_of(c, factor);
            for (int64_t i = 0; i < count; i++) expected[i] += values[i];
        }
        for (int64_t k = 0; k < tensor_count; k++)
            for (int64_t i = 0; i < tensors[k].rows * tensors[k].cols; i++)
                expect_near((double)gradient[tensors[k].offset + i], (double)expected[tensors[k].offset + i],
                            1e-5 * factor, "float32", i);
        expect_near(out.loss, loss, 1e-5 * loss, "loss", s);
        assert_int_equal(out.votes, s == 1 ? size : 0);
        expect_same_on_ranks(&out.norm, sizeof out.norm, "norm");
    }
    ddpm_reducer_free(reducer);
}

/* As many contributions as announced, each as large as allowed, from all ranks at once: the sum does not overflow, and
 * the next larger float is refused. */
static void test_headroom(void **state)
{
    static const int64_t batches[] = {1, 4096, 8192, 10000, 12345};
    (void)state;
    for (int b = 0; b < 5; b++)
        for (int sign = -1; sign <= 1; sign += 2) {
            ddpm_reducer *reducer = NULL;
            int repeat;
            expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, batches[b], &reducer));
            const double limit = fmin(0x1p50, 0x1p62 / (double)batches[b]);
            float largest = (float)ldexp(limit, -40);
            for (int64_t i = 0; i < count; i++) values[i] = (float)sign * largest;
            for (int64_t c = rank; c < batches[b]; c += size)
                ddpm_gradient_add(ddpm_reducer_gradient(reducer, (int)(c % THREADS)), 1, tensors[1].offset,
                                  tensors[1].cols, values);
            merge(reducer, 0);
            expect_ok(ddpm_reducer_exchange(reducer, &repeat));
            assert_int_equal(repeat, 0);
            (void)collect(reducer);
            const double sum = (double)batches[b] * (double)values[0];
            for (int64_t j = 0; j < tensors[1].cols; j++)
                expect_near((double)gradient[tensors[1].offset + j], sum, 1e-7 * fabs(sum), "sum at the limit",
                            batches[b]);
            ddpm_reducer_free(reducer);

            expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, batches[b], &reducer));
            largest = (float)sign * nextafterf(largest, INFINITY);
            if (rank == size - 1)
                ddpm_gradient_add(ddpm_reducer_gradient(reducer, 0), 1, tensors[1].offset, 1, &largest);
            merge(reducer, 0);
            expect_ok(ddpm_reducer_exchange(reducer, &repeat));
            assert_int_equal(repeat, 1);
            ddpm_reducer_free(reducer);
        }
}

/* Without contributions the sums are zeros, and the scales stay. */
static void test_nothing(void **state)
{
    ddpm_reducer *reducer = NULL;
    int64_t exponents;
    int repeat;
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, BATCH, &reducer));
    const int32_t *exponent = ddpm_reducer_exponents(reducer, &exponents);
    merge(reducer, 0);
    expect_ok(ddpm_reducer_exchange(reducer, &repeat));
    assert_int_equal(repeat, 0);
    const ddpm_reduced out = collect(reducer);
    assert_true(out.loss == 0.0 && out.norm == 0.0 && out.votes == 0);
    for (int64_t k = 0; k <= tensor_count; k++) assert_int_equal(exponent[k], 40);
    ddpm_reducer_free(reducer);
}

/* What was added while a block was searched is gone on every rank: the next step has the sums of its own batch. */
static void test_emptied(void **state)
{
    ddpm_reducer *reducer = NULL;
    ddpm_reduced out;
    int64_t exponents;
    int32_t at[16];
    (void)state;
    expect_ok(ddpm_reducer_create(comm, network, 1, THREADS, BATCH, &reducer));
    memcpy(at, ddpm_reducer_exponents(reducer, &exponents), sizeof *at * (size_t)(tensor_count + 1));
    add_batch(reducer, 0.5);
    for (int thread = 0; thread < THREADS; thread++) (void)ddpm_reducer_take_nonfinite(reducer, thread);
    ddpm_comm_barrier(comm);
    assert_int_equal(step(reducer, 1.0, 0, &out), 0);
    expect_exact(at, 1.0, &out);
    ddpm_reducer_free(reducer);
}

static ddpm_comm *sharing;

static void separate(void **state)
{
    (void)state;
    begin_teams_of_one();
    sharing = comm;
    comm = each_alone;
}

static void unite(void **state)
{
    (void)state;
    comm = sharing;
    end_teams_of_one();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_repeat_of_one_tensor),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_float32),
        cmocka_unit_test(test_headroom),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_emptied),
        cmocka_unit_test(test_no_part),
        cmocka_unit_test(separate),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_repeat_of_one_tensor),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_float32),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_emptied),
        cmocka_unit_test(unite),
    };
    return RUN_ON_RANKS(argc, argv, tests, make, clean);
}
