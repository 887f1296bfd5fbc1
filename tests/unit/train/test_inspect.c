/* A block that is printed row by row shows where a number is not finite. */
#include "ranks.h"

#include "train/inspect.h"
#include "train/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of one column of the network's output: its bias is made NaN, and the other column stays finite. */
static void make_wild(const ddpm_network *network, ddpm_state *state)
{
    const ddpm_tensor *tensors;
    const int64_t count = ddpm_network_tensors(network, &tensors);
    assert_string_equal(tensors[count - 1].name, "output/bias");
    state->parameters[tensors[count - 1].offset] = NAN;
}

static void test_nan_is_shown(void **cmocka)
{
    ddpm_config config;
    ddpm_dataset *dataset;
    ddpm_model model;
    ddpm_state state;
    ddpm_stepper *stepper;
    char *text = NULL, *line;
    size_t bytes;
    (void)cmocka;
    expect_ok(ddpm_config_defaults(&config));
    expect_ok(ddpm_config_set(&config, "data.count=100"));
    const ddpm_data_spec data = ddpm_config_data(&config);
    expect_ok(ddpm_dataset_create(comm, &data, &dataset));
    expect_ok(ddpm_model_create(&config, ddpm_dataset_columns(dataset), NULL, ddpm_dataset_condition(dataset), &model));
    expect_ok(ddpm_state_create(comm, model.network, 0, 0, &state));
    ddpm_state_begin(comm, model.network, 0, &state);
    make_wild(model.network, &state);
    const ddpm_stepper_spec spec = ddpm_settings_stepper(&config);
    expect_ok(ddpm_stepper_create(comm, comm, &spec, &model, dataset, 1, NULL, &stepper));

    FILE *memory = open_memstream(&text, &bytes);
    assert_non_null(memory);
    expect_ok(ddpm_inspect_block(stepper, &state, 0, memory));
    fclose(memory);
    line = strchr(text, '\n') + 1; /* the first row, below the names of the columns */
    for (int column = 0; column < 4; column++) line = strchr(line, ',') + 1;
    assert_memory_equal(line, "nan,", 4);

    free(text);
    ddpm_stepper_free(stepper);
    ddpm_state_release(&state);
    ddpm_model_release(&model);
    ddpm_dataset_free(dataset);
    ddpm_config_release(&config);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nan_is_shown)};
    return RUN_ON_RANKS(argc, argv, tests, NULL, NULL);
}
