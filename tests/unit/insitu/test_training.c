/* Eight threads draw rows of a model, each with a generator of its own, while its training goes on; they get the rows
 * of the model as it was. For the sanitizers and valgrind, too: tests/tsan.sh, tests/valgrind.sh. And a generator of a
 * training on nodes that each update a part of the model. */
#include "teams.h"

#include "ddpm/trainer.h"

#include <pthread.h>

enum { THREADS = 8, ROWS = 64, COLUMNS = 2, DRAWN = 20, ITERATIONS = 6 };

static const char config[] = "training: {iterations: 12, batch: 32, validate_every: 0}\n"
                             "network: {width: 16, depth: 2, time_width: 16, features: 8}\n"
                             "diffusion: {steps: 20}\n"
                             "sampling: {steps: 4}\n"
                             "parallel: {block_rows: 8}\n";

typedef struct worker {
    pthread_t thread;
    ddpm_generator *generator;
    float rows[DRAWN * COLUMNS];
    ddpm_status status;
} worker;

static void *draw(void *self)
{
    worker *w = self;
    const ddpm_view view = {w->rows, DDPM_VIEW_FLOAT, DRAWN, COLUMNS, COLUMNS, 1};
    w->status = ddpm_generator_sample(w->generator, 1, 0, NULL, &view);
    return NULL;
}

/* Each rank gives every other row. */
static void push_rows(ddpm_training *t)
{
    float row[COLUMNS];
    for (int i = 0; i < ROWS; i++) {
        fill_any(row, COLUMNS, i);
        if (i % ddpm_comm_size(comm) == ddpm_comm_rank(comm)) expect_ok(ddpm_training_push(t, i, 1, row));
    }
}

static void test_threads_while_training(void **state)
{
    worker workers[THREADS] = {0}, alone = {0};
    ddpm_training *t;
    (void)state;
    expect_ok(ddpm_training_create(MPI_COMM_WORLD, config, COLUMNS, NULL, NULL, &t));
    push_rows(t);
    expect_ok(ddpm_training_step(t, ITERATIONS, NULL));
    expect_ok(ddpm_training_generator(t, &alone.generator));
    for (int i = 0; i < THREADS; i++) expect_ok(ddpm_generator_share(alone.generator, &workers[i].generator));
    for (int i = 0; i < THREADS; i++) assert_int_equal(0, pthread_create(&workers[i].thread, NULL, draw, &workers[i]));
    expect_ok(ddpm_training_step(t, ITERATIONS, NULL));
    for (int i = 0; i < THREADS; i++) assert_int_equal(0, pthread_join(workers[i].thread, NULL));
    ddpm_training_free(t);
    draw(&alone);
    expect_ok(alone.status);
    expect_same_on_ranks(alone.rows, sizeof alone.rows, "rows");
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(DDPM_OK, workers[i].status);
        expect_bits(workers[i].rows, alone.rows, sizeof alone.rows, "rows of thread", i);
        ddpm_generator_close(workers[i].generator);
    }
    ddpm_generator_close(alone.generator);
}

/* The weights of a generator are whole: its rows are those of one node's training. @param apart  whether ranks are
 * nodes. */
static void draw_after_training(int apart, worker *out)
{
    static const char wide[] = "training: {iterations: 12, batch: 32, validate_every: 0}\n"
                               "network: {width: 96, depth: 2, time_width: 16, features: 8}\n"
                               "diffusion: {steps: 20}\n"
                               "sampling: {steps: 4}\n";
    ddpm_training *t;
    const struct rlimit before = apart ? begin_apart() : (struct rlimit){0};
    expect_ok(ddpm_training_create(MPI_COMM_WORLD, wide, COLUMNS, NULL, NULL, &t));
    if (apart) end_apart(before);
    push_rows(t);
    expect_ok(ddpm_training_step(t, ITERATIONS, NULL));
    expect_ok(ddpm_training_generator(t, &out->generator));
    ddpm_training_free(t);
    draw(out);
    expect_ok(out->status);
    ddpm_generator_close(out->generator);
}

static void test_nodes(void **state)
{
    worker together = {0}, apart = {0};
    (void)state;
    draw_after_training(0, &together);
    draw_after_training(1, &apart);
    expect_bits(apart.rows, together.rows, sizeof apart.rows, "rows", 0);
}

static void expect_usage(ddpm_status status, const char *says)
{
    assert_int_equal(DDPM_ERR_USAGE, status);
    if (!strstr(ddpm_error_message(), says)) fail_msg("expected '%s', found: %s", says, ddpm_error_message());
}

/* NULL and an empty text are told, on all ranks, and nothing waits; the trainer can be used all the same. */
static void test_null(void **state)
{
    static const char *const names[COLUMNS] = {"x"};
    ddpm_training *t;
    ddpm_generator *g;
    double loss;
    (void)state;
    expect_usage(ddpm_training_create(MPI_COMM_NULL, config, COLUMNS, NULL, NULL, &t), "a communicator");
    expect_usage(ddpm_training_create(MPI_COMM_WORLD, config, COLUMNS, NULL, NULL, NULL), "out");
    expect_usage(ddpm_training_create(MPI_COMM_WORLD, NULL, COLUMNS, NULL, NULL, &t), "config");
    expect_usage(ddpm_training_create(MPI_COMM_WORLD, config, COLUMNS, names, NULL, &t), "names[1]");
    assert_null(t);
    expect_usage(ddpm_training_push(NULL, 0, 0, NULL), "no trainer");
    expect_usage(ddpm_training_step(NULL, 1, NULL), "no trainer");
    expect_usage(ddpm_training_validate(NULL, &loss), "no trainer");
    expect_usage(ddpm_training_save(NULL, "a.h5"), "no trainer");
    expect_usage(ddpm_training_generator(NULL, &g), "no trainer");
    assert_int_equal(0, ddpm_training_iteration(NULL));
    ddpm_training_free(NULL);
    expect_ok(ddpm_training_create(MPI_COMM_WORLD, config, COLUMNS, NULL, NULL, &t));
    expect_usage(ddpm_training_push(t, 0, 1, NULL), "rows");
    expect_usage(ddpm_training_step(t, 1, NULL), "no rank has given rows");
    push_rows(t);
    expect_ok(ddpm_training_step(t, 1, NULL));
    expect_usage(ddpm_training_validate(t, NULL), "loss");
    expect_usage(ddpm_training_save(t, NULL), "path");
    expect_usage(ddpm_training_save(t, ""), "path");
    expect_usage(ddpm_training_generator(t, NULL), "out");
    expect_ok(ddpm_training_step(t, 1, &loss));
    ddpm_training_free(t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TEST(test_threads_while_training), TEST(test_nodes), TEST(test_null)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
