/* Rules that span keys, and which keys a run may change when it goes on. */
#include "values.h"

#include <string.h>

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *assignments[4];
        const char *message; /* its beginning; NULL: allowed */
    } cases[] = {
        {{"data.source=hdf5"}, "data.path: expected the HDF5 file"},
        {{"data.source=hdf5", "data.path=x.h5"}, NULL},
        {{"data.source=two_moons", "data.dimensions=3"},
         "data.dimensions: expected 2 with data.source: two_moons, found 3"},
        {{"data.source=s_curve", "data.dimensions=3"}, NULL},
        {{"diffusion.schedule.kind=table"},
         "diffusion.schedule.values: expected 1000 numbers, one beta for each of diffusion.steps, found 0"},
        {{"diffusion.schedule={kind: table, values: [0.1, 0.2, 0.3]}", "diffusion.steps=3"}, NULL},
        {{"diffusion.schedule={kind: table, values: [0.1, 0.2, 0.3]}", "diffusion.steps=2"},
         "diffusion.schedule.values: expected 2 numbers"},
        {{"diffusion.schedule.values=[0.1, 0.2, 0.3]"}, NULL},
        {{"diffusion.schedule.zero_terminal_snr=true"}, NULL},
        {{"diffusion.schedule.zero_terminal_snr=true", "diffusion.predict=noise"},
         "diffusion.predict: expected velocity, flow or data with"},
        {{"diffusion.schedule.zero_terminal_snr=true", "diffusion.predict=mean"},
         "diffusion.predict: expected velocity"},
        {{"diffusion.schedule.zero_terminal_snr=true", "diffusion.predict=velocity"}, NULL},
        {{"diffusion.schedule.zero_terminal_snr=true", "diffusion.predict=data"}, NULL},
        {{"diffusion.schedule.zero_terminal_snr=true", "diffusion.predict=flow"}, NULL},
        {{"diffusion.predict=class", "data.condition=[label]"}, NULL},
        {{"diffusion.predict=class", "data.condition=[label]", "diffusion.schedule.zero_terminal_snr=true"}, NULL},
        {{"diffusion.predict=class"}, "data.condition: expected one name, of the class"},
        {{"diffusion.predict=class", "data.condition=[label]", "diffusion.loss=vlb"},
         "diffusion.predict: class is trained by cross-entropy"},
        {{"sampling.steps=1001"}, "sampling.steps: expected at most diffusion.steps, 1000, found 1001"},
        {{"sampling.steps=1000"}, NULL},
        {{"diffusion.steps=1"}, NULL}, /* sampling.steps is auto */
        {{"diffusion.schedule={kind: linear, rescale: true}", "diffusion.steps=20"},
         "diffusion.schedule.rescale: expected a largest beta below 1, found 0.02 * 1000 / T = 1 with diffusion.steps: "
         "20; "
         "take at least 21 steps"},
        {{"diffusion.schedule={kind: linear, rescale: true}", "diffusion.steps=21"}, NULL},
        {{"diffusion.schedule={kind: quadratic, rescale: true, start: 0.05}", "diffusion.steps=50"},
         "diffusion.schedule.rescale: expected a largest beta below 1, found 0.05"},
        {{"diffusion.schedule={kind: cosine, rescale: true}", "diffusion.steps=2"}, NULL},
        {{"diffusion.schedule={kind: linear, start: 0.5, end: 0.1}"}, NULL},
        {{"network.time_width=63"}, "network.time_width: expected an even number"},
        {{"network.kind=mlp", "network.time_width=63", "network.time=gain_table"}, NULL},
        {{"network.kind=residual", "network.time=gain_table"},
         "network.time: expected sinusoidal with network.kind: residual"},
        {{"network.kind=mlp"}, NULL},
        {{"training.iterations=1e12", "training.batch=1e8"}, "training.iterations: expected at most 2^62 rows in all"},
        {{"training.warmup=20001"}, "training.warmup: expected at most training.iterations, 20000, found 20001"},
        {{"training.warmup=20000"}, NULL},
        {{"training.local_steps=8", "training.workers=4"}, NULL},
        {{"training.local_steps=7", "training.workers=4"},
         "training.iterations: expected a multiple of training.local_steps, 7, found 20000; take 20006"},
        {{"training.local_steps=8", "training.workers=3"},
         "training.batch: expected a multiple of training.workers, 3, which divide its rows, found 256; take 258"},
        {{"training.local_steps=8", "training.workers=4", "diffusion.timesteps=importance"},
         "diffusion.timesteps: expected uniform, antithetic or stratified with training.local_steps"},
        {{"diffusion.variance=learned"}, "diffusion.loss: expected hybrid or vlb with a learned diffusion.variance"},
        {{"diffusion.variance=learned", "diffusion.loss=vlb"}, NULL},
        {{"diffusion.variance=learned_range", "diffusion.loss=hybrid"}, NULL},
        {{"diffusion.loss=hybrid"},
         "diffusion.variance: expected learned or learned_range with diffusion.loss: hybrid"},
        {{"diffusion.loss=vlb"}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ddpm_config config;
        start(&config);
        for (int j = 0; j < 4 && cases[i].assignments[j]; j++) set(&config, cases[i].assignments[j]);
        const ddpm_status status = ddpm_config_check(&config);
        assert_int_equal(status, cases[i].message ? DDPM_ERR_CONFIG : DDPM_OK);
        if (cases[i].message && strncmp(ddpm_error_message(), cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s", ddpm_error_message());
        ddpm_config_release(&config);
    }
    ddpm_config config; /* a struct filled in by hand */
    start(&config);
    config.training.ema = 1;
    assert_int_equal(ddpm_config_check(&config), DDPM_ERR_CONFIG);
    assert_string_equal(ddpm_error_message(), "training.ema: expected a number of at least 0 and below 1");
    start(&config);
    memset(config.data.path, 'x', sizeof config.data.path);
    assert_int_equal(ddpm_config_check(&config), DDPM_ERR_CONFIG);
}

static void test_same_science(void **state)
{
    (void)state;
    static const char *const run_keys[] = {"run.name",
                                           "run.output",
                                           "run.time_limit",
                                           "run.report_every",
                                           "data.path",
                                           "training.iterations",
                                           "checkpoint.every",
                                           "checkpoint.keep",
                                           "sampling.steps",
                                           "sampling.weights",
                                           "sampling.clip",
                                           "sampling.precision",
                                           "training.validate_every",
                                           "sampling.method",
                                           "sampling.eta",
                                           "sampling.corrections",
                                           "sampling.correction_ratio",
                                           "sampling.redraws",
                                           "run.stop_margin",
                                           "training.recover",
                                           "sampling.guidance",
                                           "sampling.spacing",
                                           "data.piece",
                                           "training.patience",
                                           "training.shorten",
                                           "data.exact"};
    const size_t runs = sizeof run_keys / sizeof *run_keys;
    ddpm_config then, now;
    size_t allowed = 0;
    start(&then);
    set(&then, "training.decay=constant");
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        int science = 1;
        for (size_t j = 0; j < runs; j++) science = science && strcmp(option->key, run_keys[j]) != 0;
        start(&now);
        set(&now, "training.decay=constant");
        change(option, &now);
        allowed += !science;
        int had, has; /* a key without effect may change */
        assert_int_equal(ddpm_option_has_effect(option, &then, &had), DDPM_OK);
        assert_int_equal(ddpm_option_has_effect(option, &now, &has), DDPM_OK);
        science = science && (had || has);
        assert_int_equal(ddpm_config_same_science(&then, &now), science ? DDPM_ERR_CONFIG : DDPM_OK);
        if (science) {
            char begin[DDPM_KEY_BYTES];
            snprintf(begin, sizeof begin, "%s was ", option->key);
            assert_int_equal(strncmp(ddpm_error_message(), begin, strlen(begin)), 0);
        }
        ddpm_config_release(&now);
    }
    assert_int_equal(allowed, runs);

    start(&now);
    set(&now, "training.decay=constant");
    set(&now, "training.learning_rate=0.001");
    assert_int_equal(ddpm_config_same_science(&then, &now), DDPM_ERR_CONFIG);
    assert_string_equal(ddpm_error_message(), "training.learning_rate was 0.002 when this run began and is 0.001 now; "
                                              "restore it, or name a new run folder (--output)");
    start(&then); /* decay: cosine */
    start(&now);
    set(&now, "training.iterations=30000");
    assert_int_equal(ddpm_config_same_science(&then, &now), DDPM_ERR_CONFIG);
    set(&then, "training.decay=step");
    set(&now, "training.decay=step");
    assert_int_equal(ddpm_config_same_science(&then, &now), DDPM_OK);
    set(&now, "training.decay=cosine");
    assert_int_equal(ddpm_config_same_science(&then, &now), DDPM_ERR_CONFIG);
}

/* ---- files ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rules),
        TEST(test_same_science),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
