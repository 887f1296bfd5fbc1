/* A checkpoint on every rank: the same as rank 0 read, with its model; also one of an earlier version, and a damaged
 * one. */
#include "ranks.h"
#include "scratch.h"

#include "assembly/load.h"
#include "base/log.h"

enum { D = 2, T = 4, VALUES = 2, PARAMETERS_MOST = 4096, TENSORS_MOST = 32 };

static const char network[] = "diffusion: {steps: 4, timesteps: importance}\n"
                              "network: {width: 8, depth: 2, components: 5, mixture: 2, features: 3, time_width: 4}\n"
                              "data: {condition: [kind, energy]}\n";
static const char former[] = "training: {factors: bfloat16}\n";

static float flat[4][PARAMETERS_MOST], history[T][DDPM_TIMESTEPS_HISTORY];
static double transform[4][D] = {{1, 2}, {0.5, 0.25}, {-1, -2}, {3, 4}}, beta[T + 1] = {0, 0.1, 0.2, 0.3, 0.9};
static int32_t exponents[TENSORS_MOST], seen[T] = {1, 2, 3, 4};
static int64_t classes[VALUES] = {3, 0};
static double condition_mean[VALUES] = {0, 1.5}, condition_scale[VALUES] = {1, 2.5};
static double variances[D + 1] = {2.5, 0.5, 0.5};
static float directions[D][D] = {{0.6f, 0.8f}, {-0.8f, 0.6f}};
static char *column_names[D] = {"energy", ""}, *condition_names[VALUES] = {"kind", "temperature"};

static ddpm_components all_components(void)
{
    return (ddpm_components){D, D, variances, directions[0]};
}

/* What all ranks know that rank 0 writes; the network's tensors too. */
static ddpm_checkpoint make(char *config, ddpm_config *parsed, ddpm_model *model)
{
    ddpm_checkpoint c = {
        .iteration = 11,
        .interval = {2.5, 3},
        .recoveries = 1,
        .horizon = 12,
        .returned_to = 10,
        .config = config,
        .columns = D,
        .column_names = column_names,
        .mean = transform[0],
        .scale = transform[1],
        .minimum = transform[2],
        .maximum = transform[3],
        .condition = {VALUES, classes, condition_mean, condition_scale, condition_names},
        .components = all_components(),
        .baseline = 0.75,
        .steps = T,
        .beta = beta,
        .exponent = exponents,
        .history = history[0],
        .seen = seen,
        .parameters = flat[0],
        .ema = flat[1],
        .moment1 = flat[2],
        .moment2 = flat[3],
    };
    const ddpm_tensor *tensors;
    expect_ok(ddpm_config_defaults(parsed));
    expect_ok(ddpm_config_parse(parsed, network, strlen(network), "the test's configuration"));
    expect_ok(ddpm_model_create_with_beta(parsed, D, NULL, &c.condition, T, beta, model));
    c.parameter_count = ddpm_network_array_length(model->network);
    c.exponent_count = ddpm_network_tensors(model->network, &tensors) + 1;
    assert_true(c.parameter_count <= PARAMETERS_MOST && c.exponent_count <= TENSORS_MOST);
    memset(flat, 0, sizeof flat); /* between tensors there are gaps, which are 0 */
    for (int a = 0; a < 4; a++)
        for (int64_t i = 0; i + 1 < c.exponent_count; i++)
            fill_any(flat[a] + tensors[i].offset, tensors[i].rows * tensors[i].cols, 100 * a + i);
    for (int i = 0; i < PARAMETERS_MOST; i++) flat[3][i] = fabsf(flat[3][i]); /* moments of squares */
    for (int i = 0; i < TENSORS_MOST; i++) exponents[i] = 40 - i;
    fill_any(history[0], T * DDPM_TIMESTEPS_HISTORY, 7);
    return c;
}

static void write_with(const char *name, const char *settings, const ddpm_components *components,
                       const ddpm_mixture *mixture)
{
    char config[512];
    ddpm_config parsed;
    ddpm_model model;
    const ddpm_tensor *tensors;
    snprintf(config, sizeof config, "%s%s", network, settings);
    ddpm_checkpoint c = make(config, &parsed, &model);
    const int64_t count = ddpm_network_tensors(model.network, &tensors);
    c.components = *components;
    c.mixture = *mixture;
    expect_ok(DDPM_ON_RANK_0(comm, ddpm_checkpoint_write(in_scratch(name), &c, count, tensors)));
    ddpm_model_release(&model);
    ddpm_config_release(&parsed);
}

static void write_file(const char *name, const char *settings)
{
    const ddpm_components components = all_components();
    write_with(name, settings, &components, &(ddpm_mixture){0});
}

static void expect_content(const ddpm_checkpoint *c, const char *settings, int with_moments)
{
    char config[512];
    ddpm_config parsed;
    ddpm_model model;
    snprintf(config, sizeof config, "%s%s", network, settings);
    const ddpm_checkpoint e = make(config, &parsed, &model);
    const size_t bytes = (size_t)e.parameter_count * sizeof(float);
    assert_int_equal(c->iteration, e.iteration);
    assert_true(c->interval.loss == e.interval.loss && c->interval.count == e.interval.count);
    assert_int_equal(c->recoveries, e.recoveries);
    assert_true(c->baseline == e.baseline);
    assert_int_equal(c->horizon, e.horizon);
    assert_int_equal(c->returned_to, e.returned_to);
    assert_string_equal(c->config, config);
    assert_int_equal(c->columns, D);
    for (int j = 0; j < D; j++) assert_string_equal(c->column_names[j], column_names[j]);
    expect_bits(c->mean, transform[0], sizeof transform[0], "mean", 0);
    expect_bits(c->scale, transform[1], sizeof transform[0], "scale", 0);
    expect_bits(c->minimum, transform[2], sizeof transform[0], "minimum", 0);
    expect_bits(c->maximum, transform[3], sizeof transform[0], "maximum", 0);
    assert_int_equal(c->condition.count, VALUES);
    expect_bits(c->condition.classes, classes, sizeof classes, "classes", 0);
    expect_bits(c->condition.mean, condition_mean, sizeof condition_mean, "means of conditions", 0);
    expect_bits(c->condition.scale, condition_scale, sizeof condition_scale, "scales of conditions", 0);
    for (int v = 0; v < VALUES; v++) assert_string_equal(c->condition.names[v], condition_names[v]);
    assert_int_equal(c->components.count, D);
    assert_int_equal(c->components.columns, D);
    expect_bits(c->components.variance, variances, sizeof variances, "variances of components", 0);
    expect_bits(c->components.direction, directions, sizeof directions, "components", 0);
    assert_int_equal(c->steps, T);
    expect_bits(c->beta, beta, sizeof beta, "beta", 0);
    assert_int_equal(c->exponent_count, e.exponent_count);
    expect_bits(c->exponent, exponents, (size_t)e.exponent_count * sizeof *exponents, "exponents", 0);
    expect_bits(c->history, history, sizeof history, "history", 0);
    expect_bits(c->seen, seen, sizeof seen, "seen", 0);
    assert_int_equal(c->parameter_count, e.parameter_count);
    expect_bits(c->parameters, flat[0], bytes, "parameters", 0);
    expect_bits(c->ema, flat[1], bytes, "average", 0);
    if (with_moments) {
        expect_bits(c->moment1, flat[2], bytes, "first moments", 0);
        expect_bits(c->moment2, flat[3], bytes, "second moments", 0);
    } else {
        assert_null(c->moment1);
        assert_null(c->moment2);
    }
    ddpm_model_release(&model);
    ddpm_config_release(&parsed);
}

static void test_every_rank_has_it(void **state)
{
    ddpm_loaded loaded;
    (void)state;
    write_file("whole.h5", "");
    for (int with_moments = 0; with_moments < 2; with_moments++) {
        expect_ok(ddpm_load_everywhere(comm, in_scratch("whole.h5"), with_moments, &loaded));
        expect_content(&loaded.checkpoint, "", with_moments);
        assert_int_equal(loaded.config.network.width, 8);
        assert_int_equal(ddpm_network_array_length(loaded.model.network), loaded.checkpoint.parameter_count);
        ddpm_loaded_release(&loaded);
    }
}

/* Without names, conditions, a history and components, which the configuration of an earlier version does not have. */
static void test_what_is_optional(void **state)
{
    static char config[] = "diffusion: {steps: 4}\nnetwork: {width: 8, depth: 2, time_width: 4}\n";
    const ddpm_condition none = {0};
    const ddpm_tensor *tensors;
    ddpm_config parsed;
    ddpm_model model, plain;
    ddpm_loaded loaded;
    ddpm_checkpoint c = make(config, &parsed, &model);
    (void)state;
    expect_ok(ddpm_config_parse_saved(&parsed, config, strlen(config), "the test's configuration"));
    expect_ok(ddpm_model_create_with_beta(&parsed, D, NULL, &none, T, beta, &plain));
    c.components = (ddpm_components){0};
    c.column_names = NULL;
    c.condition = none;
    c.history = NULL;
    c.seen = NULL;
    c.exponent_count = ddpm_network_tensors(plain.network, &tensors) + 1;
    expect_ok(DDPM_ON_RANK_0(comm, ddpm_checkpoint_write(in_scratch("plain.h5"), &c, c.exponent_count - 1, tensors)));
    expect_ok(ddpm_load_everywhere(comm, in_scratch("plain.h5"), 1, &loaded));
    assert_null(loaded.checkpoint.column_names);
    assert_null(loaded.checkpoint.history);
    assert_null(loaded.checkpoint.seen);
    assert_int_equal(loaded.checkpoint.condition.count, 0);
    assert_int_equal(loaded.checkpoint.components.count, 0);
    assert_int_equal(ddpm_network_get_spec(loaded.model.network)->components, 0);
    assert_int_equal(ddpm_network_get_spec(loaded.model.network)->features, 0);
    ddpm_loaded_release(&loaded);
    ddpm_model_release(&plain);
    ddpm_model_release(&model);
    ddpm_config_release(&parsed);
}

/* Its configuration has a key by the name of an earlier version. */
static void test_former_key(void **state)
{
    ddpm_loaded loaded;
    (void)state;
    write_file("former.h5", former);
    expect_ok(ddpm_load_everywhere(comm, in_scratch("former.h5"), 1, &loaded));
    expect_content(&loaded.checkpoint, former, 1);
    assert_int_equal(loaded.config.training.precision, DDPM_PRECISION_BFLOAT16);
    ddpm_loaded_release(&loaded);
}

/* The network adds the best linear prediction, by the checkpoint's components, to what its layers give. */
static void test_components_are_used(void **state)
{
    const float x[D] = {1.5f, -0.5f};
    const int32_t t[1] = {3};
    float out[2][D];
    ddpm_loaded loaded;
    (void)state;
    write_file("components.h5", "");
    expect_ok(ddpm_load_everywhere(comm, in_scratch("components.h5"), 0, &loaded));
    for (int with = 0; with < 2; with++) {
        ddpm_network_spec spec = *ddpm_network_get_spec(loaded.model.network);
        ddpm_network *plain;
        ddpm_packed *packed;
        ddpm_workspace *workspace;
        spec.components = spec.mixture = 0;
        expect_ok(ddpm_network_create(&spec, &plain));
        const ddpm_network *net = with ? loaded.model.network : plain;
        expect_ok(ddpm_packed_make(net, DDPM_PACK_FORWARD, loaded.checkpoint.parameters, &packed));
        expect_ok(ddpm_workspace_create(net, 1, 1, 0, &workspace));
        memcpy(out[with], ddpm_network_forward(net, packed, workspace, 1, x, NULL, t).data, sizeof out[with]);
        ddpm_workspace_free(workspace);
        ddpm_packed_free(packed);
        ddpm_network_free(plain);
    }
    const ddpm_diffusion *d = &loaded.model.diffusion;
    const double s = (double)d->signal[3], n = (double)d->noise[3]; /* a velocity is s noise - n x0 */
    for (int j = 0; j < D; j++) {
        double linear = 0.0;
        for (int k = 0; k < D; k++) {
            const double along = (double)directions[k][0] * (double)x[0] + (double)directions[k][1] * (double)x[1];
            linear +=
                (s * n - n * s * variances[k]) / (s * s * variances[k] + n * n) * along * (double)directions[k][j];
        }
        expect_near((double)out[1][j] - (double)out[0][j], linear, 1e-4, "linear part", j);
    }
    ddpm_loaded_release(&loaded);
}

/* A file with other components than its configuration wants. */
static void test_damaged_components(void **state)
{
    double variance[4] = {3, 2, 1, 1};
    float direction[3 * D] = {0};
    ddpm_components none = {0}, many = {3, D, variance, direction};
    ddpm_loaded loaded;
    (void)state;
    write_with("none.h5", "", &none, &(ddpm_mixture){0});
    expect_failure(ddpm_load_everywhere(comm, in_scratch("none.h5"), 0, &loaded), DDPM_ERR_DATA,
                   "expected 1 to 2 principal components of 2 columns, found 0 of 2");
    write_with("many.h5", "", &many, &(ddpm_mixture){0});
    expect_failure(ddpm_load_everywhere(comm, in_scratch("many.h5"), 0, &loaded), DDPM_ERR_DATA,
                   "expected 1 to 2 principal components of 2 columns, found 3 of 2");
}

static void write_with_mixture(const char *name, const ddpm_mixture *mixture)
{
    const ddpm_components components = all_components();
    write_with(name, "", &components, mixture);
}

/* In the place of the linear prediction, that of a mixture, whose parts are one Gaussian here. */
static void test_mixture_is_used(void **state)
{
    const float x[D] = {1.5f, -0.5f};
    const int32_t t[1] = {3};
    double weight[2] = {0.25, 0.75}, mean[2 * D] = {0}, variance[2 * D];
    float direction[2 * D * D], out[2][D];
    (void)state;
    for (int c = 0; c < 2; c++) {
        memcpy(variance + c * D, variances, D * sizeof *variance);
        memcpy(direction + c * D * D, directions, D * D * sizeof *direction);
    }
    const ddpm_mixture mixture = {2, D, 2 * D, weight, mean, variance, direction};
    write_file("linear.h5", "");
    write_with_mixture("mixture.h5", &mixture);
    for (int with = 0; with < 2; with++) {
        ddpm_loaded loaded;
        ddpm_packed *packed;
        ddpm_workspace *workspace;
        expect_ok(ddpm_load_everywhere(comm, in_scratch(with ? "mixture.h5" : "linear.h5"), 0, &loaded));
        const ddpm_network *net = loaded.model.network;
        expect_ok(ddpm_packed_make(net, DDPM_PACK_FORWARD, loaded.checkpoint.parameters, &packed));
        expect_ok(ddpm_workspace_create(net, 1, 1, 0, &workspace));
        memcpy(out[with], ddpm_network_forward(net, packed, workspace, 1, x, NULL, t).data, sizeof out[with]);
        ddpm_workspace_free(workspace);
        ddpm_packed_free(packed);
        ddpm_loaded_release(&loaded);
    }
    for (int j = 0; j < D; j++) expect_near((double)out[1][j], (double)out[0][j], 1e-5, "output", j);
}

/* A mixture that does not fit the columns, or of more Gaussians than its configuration wants. */
static void test_damaged_mixture(void **state)
{
    double weight[3] = {0.5, 0.25, 0.25}, mean[3 * D] = {0}, variance[3 * D] = {1, 1, 1, 1, 1, 1};
    float direction[3 * D * D] = {0};
    const ddpm_mixture many = {3, D, 3 * D, weight, mean, variance, direction},
                       short_of = {2, D, 3, weight, mean, variance, direction};
    ddpm_loaded loaded;
    (void)state;
    write_with_mixture("many.h5", &many);
    expect_failure(ddpm_load_everywhere(comm, in_scratch("many.h5"), 0, &loaded), DDPM_ERR_DATA,
                   "expected a mixture of at most 2 Gaussians of 2 columns, found 3 with 6 directions");
    write_with_mixture("short.h5", &short_of);
    expect_failure(ddpm_load_everywhere(comm, in_scratch("short.h5"), 0, &loaded), DDPM_ERR_DATA,
                   "found 2 with 3 directions");
}

/* Rank 0's failure is that of all. */
static void test_failures(void **state)
{
    static const char invalid[] = "training: {iterations: none}\n";
    ddpm_loaded loaded;
    (void)state;
    expect_failure(ddpm_load_everywhere(comm, in_scratch("absent.h5"), 0, &loaded), DDPM_ERR_MISSING, "absent.h5");
    write_file("damaged.h5", "");
    if (ddpm_comm_rank(comm) == 0) {
        size_t bytes;
        char *content = file_bytes(in_scratch("damaged.h5"), &bytes);
        content[bytes / 2] ^= 1;
        put_bytes(in_scratch("damaged.h5"), content, bytes);
        free(content);
    }
    expect_failure(ddpm_load_everywhere(comm, in_scratch("damaged.h5"), 1, &loaded), DDPM_ERR_DATA, "is damaged");
    assert_null(loaded.checkpoint.config);
    write_file("late.h5", "training: {iterations: 10}\n");
    expect_failure(ddpm_load_everywhere(comm, in_scratch("late.h5"), 1, &loaded), DDPM_ERR_DATA,
                   "is of iteration 11, its configuration ends at 10");
    write_file("longer.h5", "training: {iterations: 11}\n");
    expect_failure(ddpm_load_everywhere(comm, in_scratch("longer.h5"), 1, &loaded), DDPM_ERR_DATA,
                   "was shortened to 12 iterations, its configuration ends at 11");
    write_file("invalid.h5", invalid);
    expect_failure(ddpm_load_everywhere(comm, in_scratch("invalid.h5"), 1, &loaded), DDPM_ERR_CONFIG,
                   "the checkpoint's configuration:4:24: training.iterations");
}

static int set_up(void **state)
{
    int failed = 0;
    ddpm_log_enable(0);
    if (ddpm_comm_rank(comm) == 0) failed = scratch_make(state) != 0;
    ddpm_comm_broadcast(comm, scratch, sizeof scratch);
    return failed;
}

static int clean(void **state)
{
    ddpm_comm_barrier(comm);
    return ddpm_comm_rank(comm) == 0 ? scratch_remove(state) : 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rank_has_it),  cmocka_unit_test(test_what_is_optional),
        cmocka_unit_test(test_former_key),         cmocka_unit_test(test_components_are_used),
        cmocka_unit_test(test_damaged_components), cmocka_unit_test(test_mixture_is_used),
        cmocka_unit_test(test_damaged_mixture),    cmocka_unit_test(test_failures),
    };
    return RUN_ON_RANKS(argc, argv, tests, set_up, clean);
}
