/* A round against its workers' steps, which a stepper takes by itself one worker after the other, and their mean in
 * double precision. */
#include "teams_training.h"

#include "train/round.h"
#include "train/step.h"
#include "world/transfer.h"

#include <math.h>
#include <string.h>

enum { STEPS = 3, ROUNDS = 2, WORKERS = 2, KINDS = 3 };

static const char *const settings[] = {"data.count=200",        "network.width=16",          "network.depth=1",
                                       "training.batch=96",     "parallel.block_rows=16",    "training.local_steps=3",
                                       "training.workers=2",    "training.outer_rate=0.5",   "training.ema=0.9",
                                       "training.iterations=6", "training.weight_decay=0.01"};

static int64_t count;

static int make(void **state)
{
    (void)state;
    begin_training(sizeof settings / sizeof *settings, settings);
    count = ddpm_network_array_length(model.network);
    return 0;
}

static float *array_of(const ddpm_state *state, int kind)
{
    float *const arrays[KINDS] = {state->parameters, state->moment1, state->moment2};
    return arrays[kind];
}

/* The reference of a round: *common becomes what it leaves behind. @param own  room for a worker. */
static double round_by_hand(ddpm_stepper *stepper, ddpm_state *common, ddpm_state *own, double *sums, double *velocity)
{
    const double rate = config.training.outer_rate, momentum = config.training.outer_momentum;
    double loss = 0.0, decay = 1.0;
    memset(sums, 0, (size_t)(KINDS * count) * sizeof *sums);
    for (int w = 0; w < WORKERS; w++) {
        for (int kind = 0; own->sets && kind < KINDS; kind++)
            memcpy(array_of(own, kind), array_of(common, kind), (size_t)count * sizeof(float));
        own->iteration = common->iteration;
        ddpm_comm_barrier(comm);
        ddpm_stepper_set_worker(stepper, w);
        for (int i = 0; i < STEPS; i++) {
            ddpm_reduced found;
            expect_ok(ddpm_stepper_iterate(stepper, own, 0, &found));
            loss += found.loss / (STEPS * WORKERS);
        }
        for (int kind = 0; kind < KINDS; kind++)
            for (int64_t i = 0; i < count; i++) {
                const double value = (double)array_of(own, kind)[i];
                sums[kind * count + i] += (kind == 2 ? sqrt(value) : value) / WORKERS;
            }
        ddpm_comm_barrier(comm);
    }
    for (int i = 0; i < STEPS; i++) decay *= ddpm_update_decay(&stepper->spec.update, common->iteration + i);
    for (int64_t i = 0; common->sets && i < count; i++) {
        const double change = sums[i] - (double)common->parameters[i];
        velocity[i] = momentum * velocity[i] + change;
        common->parameters[i] = (float)((double)common->parameters[i] + rate * (change + momentum * velocity[i]));
        common->moment1[i] = (float)sums[count + i];
        common->moment2[i] = (float)(sums[2 * count + i] * sums[2 * count + i]);
        common->ema[i] = (float)(decay * (double)common->ema[i] + (1.0 - decay) * (double)common->parameters[i]);
    }
    common->iteration += STEPS;
    ddpm_comm_barrier(comm);
    return loss;
}

static void test_rounds(void **cmocka)
{
    const ddpm_trainer_spec spec = ddpm_settings_trainer(&config);
    ddpm_state state, expected, own;
    ddpm_round *round;
    ddpm_stepper *stepper, *alone;
    double *sums, *velocity;
    (void)cmocka;
    expect_ok(DDPM_NEW(&sums, KINDS * count, "sums"));
    expect_ok(DDPM_NEW(&velocity, count, "velocity"));
    expect_ok(ddpm_state_create(comm, model.network, 0, 1, &state));
    expect_ok(ddpm_state_create(comm, model.network, 0, 0, &expected));
    expect_ok(ddpm_state_create(comm, model.network, 0, 0, &own));
    ddpm_state_begin(comm, model.network, 1, &state);
    ddpm_state_begin(comm, model.network, 1, &expected);
    expect_ok(ddpm_round_create(comm, &spec.local, model.network, 1, &round));
    expect_ok(ddpm_stepper_create(comm, ddpm_round_comm(round, NULL), &spec.step, &model, dataset, 1, NULL, &stepper));
    expect_ok(ddpm_stepper_create(comm, comm, &spec.step, &model, dataset, 1, NULL, &alone));
    assert_int_equal(stepper->batch.rows, 48);

    for (int i = 1; i <= ROUNDS; i++) {
        ddpm_reduced found;
        const double loss = round_by_hand(alone, &expected, &own, sums, velocity);
        expect_ok(ddpm_round_iterate(round, stepper, &state, NULL, &found));
        assert_int_equal(state.iteration, i * STEPS);
        expect_near(found.loss, loss, 1e-6, "loss", i);
        for (int64_t j = 0; j < count; j++) {
            expect_near((double)state.parameters[j], (double)expected.parameters[j], 2e-6, "parameter", j);
            expect_near((double)state.ema[j], (double)expected.ema[j], 2e-6, "average", j);
            expect_near((double)state.moment1[j], (double)expected.moment1[j], 1e-6, "moment", j);
            expect_near((double)state.moment2[j], (double)expected.moment2[j], 1e-6, "moment", j);
        }
        expect_same_on_ranks(state.parameters, (size_t)ddpm_smaller(count, 4096) * sizeof(float), "parameters");
    }

    ddpm_stepper_free(stepper);
    ddpm_stepper_free(alone);
    ddpm_round_free(round);
    ddpm_state_release(&state);
    ddpm_state_release(&expected);
    ddpm_state_release(&own);
    ddpm_release(sums);
    ddpm_release(velocity);
}

/* What a few rounds leave behind of a network with so many parameters that teams divide the sums. */
static void train(ddpm_comm *of, const ddpm_model *large, const ddpm_trainer_spec *spec, ddpm_state *state)
{
    ddpm_round *round;
    ddpm_stepper *stepper;
    expect_ok(ddpm_state_create(of, large->network, 0, 1, state));
    ddpm_state_begin(of, large->network, 1, state);
    expect_ok(ddpm_round_create(of, &spec->local, large->network, 1, &round));
    expect_ok(ddpm_stepper_create(of, ddpm_round_comm(round, NULL), &spec->step, large, dataset, 1, NULL, &stepper));
    for (int i = 0; i < ROUNDS; i++) {
        ddpm_reduced found;
        expect_ok(ddpm_round_iterate(round, stepper, state, NULL, &found));
    }
    ddpm_stepper_free(stepper);
    ddpm_round_free(round);
}

/* The sums that teams divide among themselves, and those of one team. */
static void test_teams(void **cmocka)
{
    ddpm_config wide = config;
    ddpm_model large;
    ddpm_state together, apart;
    (void)cmocka;
    wide.network.width = 128;
    wide.training.workers = 6; /* each team has one at least, so that no group reaches beyond it */
    const ddpm_trainer_spec spec = ddpm_settings_trainer(&wide);
    expect_ok(ddpm_model_create(&wide, ddpm_dataset_columns(dataset), NULL, ddpm_dataset_condition(dataset), &large));
    const size_t bytes = (size_t)ddpm_network_array_length(large.network) * sizeof(float);
    assert_int_equal(ddpm_transfer_suits(each_alone, (int64_t)bytes), ddpm_comm_size(comm) > 1);
    train(comm, &large, &spec, &together);
    train(each_alone, &large, &spec, &apart);
    assert_memory_equal(together.parameters, apart.parameters, bytes);
    assert_memory_equal(together.ema, apart.ema, bytes);
    assert_memory_equal(together.velocity, apart.velocity, bytes);
    assert_memory_equal(together.moment1, apart.moment1, bytes);
    assert_memory_equal(together.moment2, apart.moment2, bytes);
    ddpm_state_release(&together);
    ddpm_state_release(&apart);
    ddpm_model_release(&large);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounds), cmocka_unit_test(test_teams)};
    return RUN_ON_RANKS(argc, argv, tests, make, end_training);
}
