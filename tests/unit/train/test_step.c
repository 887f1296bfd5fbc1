/* Iterations of teams that each update a part of the state, against those of one team: the same bits, once the parts
 * are gathered; and what is in parts is not taken for the whole. */
#include "teams_training.h"

#include "train/snapshot.h"
#include "train/step.h"

enum { ITERATIONS = 3 };

static const char *const settings[] = {"data.count=200",        "network.width=99", "network.depth=1",
                                       "training.batch=96",     "training.ema=0.9", "training.iterations=6",
                                       "parallel.block_rows=16"};

static size_t bytes; /* of an array of the state */

static int make(void **state)
{
    (void)state;
    begin_training(sizeof settings / sizeof *settings, settings);
    bytes = (size_t)ddpm_network_array_length(model.network) * sizeof(float);
    return 0;
}

static void train(ddpm_comm *of, const ddpm_stepper_spec *spec, ddpm_state *state, ddpm_stepper **stepper)
{
    expect_ok(ddpm_state_create(of, model.network, 0, 0, state));
    ddpm_state_begin(of, model.network, 1, state);
    expect_ok(ddpm_stepper_create(of, of, spec, &model, dataset, 1, NULL, stepper));
    for (int i = 0; i < ITERATIONS; i++) {
        ddpm_reduced found;
        expect_ok(ddpm_stepper_iterate(*stepper, state, 0, &found));
    }
}

/* With a gradient that is clipped in every iteration, and with one that never is. */
static void test_parts(void **cmocka)
{
    static const double clips[] = {1e-3, 0.0};
    const unsigned divided = ddpm_comm_size(comm) > 1 ? DDPM_STATE_ALL : 0;
    (void)cmocka;
    for (int c = 0; c < 2; c++)
        for (int o = 0; o < DDPM_OPTIMIZER_COUNT; o++) {
            ddpm_stepper_spec spec = ddpm_settings_stepper(&config);
            ddpm_state together, apart;
            ddpm_stepper *one, *several;
            spec.update.clip = clips[c];
            spec.update.optimizer = (ddpm_optimizer)o;
            train(comm, &spec, &together, &one);
            train(each_alone, &spec, &apart, &several);
            assert_int_equal(together.in_parts, 0);
            assert_int_equal(apart.in_parts, divided);
            expect_bits(apart.parameters, together.parameters, bytes, "parameters", o);
            if (divided) {
                const ddpm_checkpoint parts = ddpm_snapshot_take(several, &apart);
                assert_memory_not_equal(apart.moment1, together.moment1, bytes);
                assert_true(!parts.ema && !parts.moment1 && !parts.moment2);
            }
            ddpm_stepper_gather(several, &apart, DDPM_STATE_AVERAGE);
            assert_int_equal(apart.in_parts, divided & DDPM_STATE_MOMENTS);
            ddpm_stepper_gather(several, &apart, DDPM_STATE_ALL);
            const ddpm_checkpoint whole = ddpm_snapshot_take(several, &apart);
            expect_bits(whole.ema, together.ema, bytes, "average", o);
            expect_bits(whole.moment1, together.moment1, bytes, "first moments", o);
            expect_bits(whole.moment2, together.moment2, bytes, "second moments", o);
            ddpm_stepper_free(one);
            ddpm_stepper_free(several);
            ddpm_state_release(&together);
            ddpm_state_release(&apart);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts)};
    return RUN_ON_RANKS(argc, argv, tests, make, end_training);
}
