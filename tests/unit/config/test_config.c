/* The option table as a whole: defaults, the reference, what is written and read back, configurations of earlier
 * versions. */
#include "values.h"

#include <string.h>

typedef ddpm_status writer(const ddpm_config *config, FILE *to);

/* What a writer writes; free() it. */
static char *written(writer *write, const ddpm_config *config)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    assert_non_null(memory);
    assert_int_equal(write(config, memory), DDPM_OK);
    assert_int_equal(fclose(memory), 0);
    assert_int_equal(strlen(text), bytes);
    return text;
}

static ddpm_status write_reference(const ddpm_config *config, FILE *to)
{
    (void)config;
    return ddpm_config_reference(to);
}

static void test_defaults(void **state)
{
    (void)state;
    static const char golden[] =
        "# ddpm " DDPM_VERSION "\n"
        "run:\n  name: \"run\"\n  seed: 0\n  output: \"\"\n  time_limit: 0\n  stop_margin: 60\n  report_every: 100\n"
        "data:\n  source: swiss_roll\n  count: 10000\n  noise: auto\n  dimensions: 2\n  path: \"\"\n  dataset: "
        "\"data\"\n"
        "  columns: []\n  condition: []\n  pairs: false\n  standardize: column\n  transform: auto\n  "
        "transform_columns: []\n  exact: true\n  validation: 0.1\n  "
        "memory: 4096\n  "
        "piece: auto\n"
        "diffusion:\n  process: auto\n  steps: 1000\n"
        "  schedule:\n    kind: log_normal\n    start: auto\n    end: auto\n    rescale: false\n    target: auto\n    "
        "limit: 6\n"
        "    offset: 0.008\n    cap: 0.999\n    zero_terminal_snr: false\n    log_mean: -1.2\n    "
        "log_deviation: 1.4\n    values: []\n"
        "  predict: velocity\n  variance: posterior\n  loss: simple\n  lambda: 0.001\n  weighting: none\n  gamma: 5\n"
        "  timesteps: uniform\n  condition_dropout: 0.1\n"
        "network:\n  kind: residual\n  width: 128\n  depth: 3\n  components: 256\n  mixture: auto\n  features: auto\n  "
        "initial: "
        "variance\n"
        "  activation: silu\n  time: sinusoidal\n  time_width: 32\n  dropout: 0\n"
        "training:\n  iterations: 20000\n  start_from: \"\"\n  batch: 256\n  balance: []\n  optimizer: adam\n  "
        "learning_rate: 0.002\n  "
        "momentum: 0.9\n"
        "  beta1: 0.9\n  beta2: 0.999\n  epsilon: 1e-08\n  weight_decay: 0\n  warmup: 0\n  decay: cosine\n"
        "  decay_every: 10000\n  decay_factor: 0.5\n  clip: 1\n  ema: 0.999\n  local_steps: 1\n  workers: 1\n  "
        "outer_rate: 0.8\n  outer_momentum: 0.8\n  precision: float32\n  recover: 0\n  "
        "validate_every: 1000\n  keep_best: false\n  patience: 0\n"
        "checkpoint:\n  every: 1000\n  keep: 3\n"
        "sampling:\n  method: heun\n  steps: auto\n  spacing: auto\n  eta: 0\n  corrections: 0\n  correction_ratio: "
        "0.1\n  redraws: auto\n  guidance: "
        "0\n"
        "  weights: ema\n  clip: none\n  precision: float32\n"
        "parallel:\n  reduction: exact\n  block_rows: 0\n";
    ddpm_config config, again;
    start(&config);
    assert_int_equal(ddpm_config_check(&config), DDPM_OK);
    char *dump = written(ddpm_config_dump, &config);
    assert_string_equal(dump, golden);
    free(dump);
    char *reference = written(write_reference, NULL);
    start(&again);
    for (int i = 0; i < ddpm_option_count; i++) { /* so that a key that the reference lacks is noticed */
        if (!is_list(&ddpm_options[i])) change(&ddpm_options[i], &again);
        assert_non_null(strstr(reference, ddpm_options[i].meaning));
    }
    assert_int_equal(parse(&again, reference), DDPM_OK);
    assert_same(&config, &again);
    free(reference);
}

static void test_table_is_sound(void **state)
{
    (void)state;
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        char section[DDPM_KEY_BYTES];
        const char *dot = strrchr(option->key, '.');
        assert_non_null(dot);
        assert_true(strlen(option->key) < 64); /* longer keys are never suggested */
        snprintf(section, sizeof section, "%.*s", (int)(dot - option->key), option->key);
        assert_true(ddpm_section_find(section) >= 0);
        assert_int_equal(ddpm_option_find(option->key), i);
        assert_int_equal(ddpm_section_find(option->key), -1);
        assert_null(strchr(option->meaning, '\n'));
        assert_string_equal(ddpm_option_nearest(option->key), option->key);
        for (int j = 0; j < i; j++) { /* no two fields overlap */
            const ddpm_option *other = &ddpm_options[j];
            assert_true(option->offset >= other->offset + field_bytes(other) ||
                        other->offset >= option->offset + field_bytes(option));
        }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        ddpm_config config, again;
        start(&config);
        start(&again);
        for (int i = 0; i < ddpm_option_count; i++) {
            randomise(&ddpm_options[i], &config);
            if (ddpm_option_valid(&ddpm_options[i], &config) != DDPM_OK) fail_msg("%s", ddpm_error_message());
        }
        char *dump = written(ddpm_config_dump, &config);
        if (parse(&again, dump) != DDPM_OK) fail_msg("%s", ddpm_error_message());
        assert_same(&config, &again);
        char *dump_again = written(ddpm_config_dump, &again);
        assert_string_equal(dump, dump_again);
        free(dump);
        free(dump_again);
        ddpm_config_release(&config);
        ddpm_config_release(&again);
    }
}

/* What an earlier version wrote into a checkpoint. */
static void test_saved_by_an_earlier_version(void **state)
{
    (void)state;
    static const char *const cases[] = {"training:\n  factors: bfloat16\n", "training.factors: bfloat16\n",
                                        "training:\n  precision: bfloat16\n"};
    static const char twice[] = "training: {factors: bfloat16, precision: float32}\n";
    ddpm_config config;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(&config);
        if (ddpm_config_parse_saved(&config, cases[i], strlen(cases[i]), "saved") != DDPM_OK)
            fail_msg("%s: %s", cases[i], ddpm_error_message());
        assert_int_equal(config.training.precision, DDPM_PRECISION_BFLOAT16);
    }
    start(&config);
    assert_int_equal(ddpm_config_parse_saved(&config, twice, strlen(twice), "saved"), DDPM_ERR_CONFIG);
    assert_string_equal(ddpm_error_message(), "saved:1:31: 'training.precision' is given again; it was given on line "
                                              "1, keep one of the two");
    for (int i = 0; i < ddpm_option_count; i++) assert_null(ddpm_option_renamed(ddpm_options[i].key));
}

/* A saved configuration without a key that is younger than it means what the program did then; with the key, what it
 * says. A user's file without it means the default. */
static void test_keys_that_are_younger(void **state)
{
    static const char with[] = "network: {components: 5, features: auto, initial: variance}\n"
                               "sampling: {spacing: karras}\n";
    ddpm_config config, defaults;
    int younger = 0;
    (void)state;
    start(&defaults);
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        start(&config);
        change(option, &config);
        assert_int_equal(ddpm_config_parse_saved(&config, "", 0, "saved"), DDPM_OK);
        char *found = value_of(option, &config), *initial = value_of(option, &defaults);
        if (option->before) {
            assert_string_equal(found, option->before);
            assert_string_not_equal(found, initial);
            assert_int_equal(ddpm_option_valid(option, &config), DDPM_OK);
            younger++;
        }
        free(found);
        free(initial);
        ddpm_config_release(&config);
    }
    assert_int_equal(younger, 8);
    start(&config);
    assert_int_equal(ddpm_config_parse_saved(&config, with, strlen(with), "saved"), DDPM_OK);
    assert_true(config.network.components == 5 && config.network.features == DDPM_AUTO);
    assert_true(config.network.initial == DDPM_INITIAL_VARIANCE && config.sampling.spacing == DDPM_SPACING_KARRAS);
    start(&config);
    assert_int_equal(parse(&config, "network: {width: 5}\n"), DDPM_OK);
    assert_true(config.network.components == 256 && config.network.initial == DDPM_INITIAL_VARIANCE);
    assert_true(config.sampling.spacing == DDPM_SPACING_AUTO);
}

static void test_dump_to_a_full_disk(void **state)
{
    (void)state;
    ddpm_config config;
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    start(&config);
    assert_int_equal(ddpm_config_dump(&config, full), DDPM_ERR_IO);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_table_is_sound),
        TEST(test_round_trip),
        TEST(test_saved_by_an_earlier_version),
        TEST(test_keys_that_are_younger),
        TEST(test_dump_to_a_full_disk),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
