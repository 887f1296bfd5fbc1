/* Keys that have no effect: what they need, what is said of them, and what becomes of them. */
#include "texts.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const ddpm_option *option, const ddpm_config *config, char out[DDPM_QUOTE_BYTES])
{
    char *text = NULL;
    assert_int_equal(ddpm_option_text(option, config, &text), DDPM_OK);
    snprintf(out, DDPM_QUOTE_BYTES, "%s", text);
    free(text);
    return out;
}

/* Each need names a key and values that it can have, and not its default alone, which would say nothing. */
static void test_needs(void **state)
{
    (void)state;
    int found = 0;
    for (int i = 0; i < ddpm_option_count; i++)
        for (int n = 0; n < DDPM_NEEDS && ddpm_options[i].needs[n]; n++, found++) {
            char key[DDPM_KEY_BYTES], *values = NULL;
            snprintf(key, sizeof key, "%s", ddpm_options[i].needs[n]);
            assert_non_null(values = strstr(key, ": "));
            *values = '\0';
            assert_true(ddpm_option_find(key) >= 0);
            const ddpm_option *other = &ddpm_options[ddpm_option_find(key)];
            values += 2 + (strncmp(values + 2, "not ", 4) == 0 ? 4 : 0);
            for (char *value = strtok(values, ", "); value && other->type == DDPM_OPTION_ENUM;
                 value = strtok(NULL, ", ")) {
                const ddpm_choice *choice = other->choices;
                while (choice->name && strcmp(choice->name, value) != 0) choice++;
                if (!choice->name && strcmp(value, "or") != 0) fail_msg("%s: %s", ddpm_options[i].key, value);
            }
        }
    assert_true(found > 30);
}

#define OUT(key) "; change that, or leave " key " out"

static void test_without_effect(void **state)
{
    (void)state;
    static const struct {
        const char *text, *assignments[3], *message; /* NULL: none */
    } cases[] = {
        {"sampling:\n  eta: 0.5\n",
         {NULL},
         "x.yaml:2: sampling.eta: 0.5 has no effect, since it needs sampling.method: ddim, found "
         "heun" OUT("sampling.eta")},
        {"sampling: {eta: 0.5, method: ddim}\n", {NULL}, NULL},
        {"training: {momentum: 0.5}\n",
         {NULL},
         "x.yaml:1: training.momentum: 0.5 has no effect, since it needs training.optimizer: sgd, found "
         "adam" OUT("training.momentum")},
        {"training: {momentum: 0.9, beta1: 0.9}\n", {NULL}, NULL}, /* defaults ask for nothing */
        {"diffusion: {loss: vlb, weighting: min_snr}\n",
         {NULL},
         "x.yaml:1: diffusion.weighting: min_snr has no effect, since it needs diffusion.loss: not vlb, found "
         "vlb" OUT("diffusion.weighting")},
        {"diffusion:\n  schedule:\n    kind: sigmoid\n    rescale: true\n",
         {NULL},
         "x.yaml:4: diffusion.schedule.rescale: true has no effect, since it needs diffusion.schedule.kind: linear or "
         "quadratic, found sigmoid" OUT("diffusion.schedule.rescale")},
        {"",
         {"diffusion.schedule.kind=cosine", "diffusion.schedule.start=0.001"},
         "diffusion.schedule.start: 0.001 has no effect, since it needs diffusion.schedule.kind: constant, linear, "
         "quadratic, sigmoid or tanh, found cosine" OUT("diffusion.schedule.start")},
        {"", {"diffusion.schedule={kind: quadratic, start: 0.001}"}, NULL},
        {"",
         {"diffusion.schedule={kind: constant, start: 0.001, target: 0.5}"},
         "diffusion.schedule.start: 0.001 has no effect, since it needs diffusion.schedule.target: auto, found "
         "0.5" OUT("diffusion.schedule.start")},
        {"data: {source: s_curve, path: my.h5}\n",
         {NULL},
         "x.yaml:1: data.path: \"my.h5\" has no effect, since it needs data.source: hdf5, found "
         "s_curve" OUT("data.path")},
        {"data: {source: s_curve}\n",
         {"data.path=my.h5"},
         "data.path: \"my.h5\" has no effect, since it needs data.source: hdf5, found s_curve" OUT("data.path")},
        {"data: {path: my.h5}\n", {NULL}, NULL}, /* a file that is named is the source */
        {"", {"data.path=my.h5", "data.dataset=x"}, NULL},
        {"data: {source: s_curve, path: my.h5}\n", {"data.source=hdf5"}, NULL}, /* an assignment brings the effect */
        {"data: {noise: 2, count: 7}\n", {"data.source=hdf5", "data.path=my.h5"}, NULL}, /* and takes it away */
        {"",
         {"sampling.guidance=1"},
         "sampling.guidance: 1 has no effect, since it needs data.condition: not [], found "
         "[]" OUT("sampling.guidance")},
        {"data: {validation: 0}\ntraining: {validate_every: 0}\n", {NULL}, NULL}, /* 0 asks for nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ddpm_config config;
        start(&config);
        assert_int_equal(parse(&config, cases[i].text), DDPM_OK);
        for (int a = 0; a < 3 && cases[i].assignments[a]; a++) set(&config, cases[i].assignments[a]);
        const ddpm_status status = ddpm_config_settle(&config, *cases[i].text ? "x.yaml" : NULL);
        if (!cases[i].message && status != DDPM_OK) fail_msg("%s", ddpm_error_message());
        if (cases[i].message) {
            assert_int_equal(status, DDPM_ERR_CONFIG);
            assert_string_equal(ddpm_error_message(), cases[i].message);
        }
        ddpm_config_release(&config);
    }
}

/* What an assignment has taken the effect from is not in the resolved configuration, which so can be read again. What
 * a saved configuration gives stays as it is, and does not keep a run from going on. */
static void test_resolved(void **state)
{
    (void)state;
    static const char saved[] = "diffusion: {schedule: {kind: cosine, start: 0.5}}\n";
    char value[DDPM_QUOTE_BYTES];
    ddpm_config config, then;
    start(&config);
    assert_int_equal(parse(&config, "diffusion: {schedule: {kind: log_normal, log_mean: 2}}\n"), DDPM_OK);
    set(&config, "diffusion.schedule.kind=cosine");
    assert_int_equal(ddpm_config_settle(&config, "x.yaml"), DDPM_OK);
    assert_string_equal(text_of(&ddpm_options[ddpm_option_find("diffusion.schedule.log_mean")], &config, value),
                        "-1.2");
    start(&then);
    assert_int_equal(ddpm_config_parse_saved(&then, saved, strlen(saved), "saved"), DDPM_OK);
    assert_int_equal(ddpm_config_settle(&then, NULL), DDPM_OK);
    assert_true(then.diffusion.schedule.start == 0.5);
    then.network = config.network; /* what is younger than saved configurations */
    then.data.transform = config.data.transform;
    assert_int_equal(ddpm_config_same_science(&then, &config), DDPM_OK);
    set(&config, "diffusion.schedule.offset=0.5");
    assert_int_equal(ddpm_config_same_science(&then, &config), DDPM_ERR_CONFIG);
    ddpm_config_release(&config);
    ddpm_config_release(&then);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_needs), TEST(test_without_effect), TEST(test_resolved)};
    return cmocka_run_group_tests_name("config effect", tests, NULL, NULL);
}
