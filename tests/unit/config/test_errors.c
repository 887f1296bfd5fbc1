/* What the configuration refuses, what it says then, and that no input does harm. */
#include "texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set(ddpm_config *config, const char *assignment)
{
    if (ddpm_config_set(config, assignment) != DDPM_OK) fail_msg("%s", ddpm_error_message());
}

static char *reference_text(void)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    assert_non_null(memory);
    assert_int_equal(ddpm_config_reference(memory), DDPM_OK);
    assert_int_equal(fclose(memory), 0);
    return text;
}

/* ---- messages ---- */

#define BATCH "training.batch: expected an integer from 1 to 1073741824, found "
#define ALL " ('ddpm config' lists all keys)"
#define ANCHOR                                                                                                         \
    "anchors (&) and aliases (*) are not used here; write the value out, in quotes if the value itself begins with & " \
    "or *"
#define TAG "tags (!) are not used here; write the value alone, in quotes if the value itself begins with !"
#define COLUMNS "data.columns: expected a list of texts of 1 to 1023 bytes, found "
#define VALUES "diffusion.schedule.values: expected a list of numbers above 0 and below 1, found "
#define NAME "run.name: expected 1 to 128 letters, digits, '.', '_' and '-', not '.' first, found "

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message; /* after "x.yaml:" */
    } cases[] = {
        {"training:\n  learning_rat: 1\n",
         "2:3: unknown key 'training.learning_rat'; did you mean 'training.learning_rate'?" ALL},
        {"learning_rate: 1\n", "1:1: unknown key 'learning_rate'; did you mean 'training.learning_rate'?" ALL},
        {"\n# c\ntrainign:\n  batch: 1\n", "3:1: unknown key 'trainign'; did you mean 'training'?" ALL},
        {"training: {batch: 1, bacth: 2}\n", "1:22: unknown key 'training.bacth'; did you mean 'training.batch'?" ALL},
        {"network: {batch: 1}\n", "1:11: unknown key 'network.batch'; did you mean 'training.batch'?" ALL},
        {"schedule:\n  kind: linear\n", "1:1: unknown key 'schedule'; did you mean 'diffusion.schedule'?" ALL},
        {"parallel: {block_rows: 7}\n",
         "1:24: parallel.block_rows: expected 0, or an integer from 8 to 4096, found '7'"},
        {"frobnicate: 1\n", "1:1: unknown key 'frobnicate'" ALL},
        {"training:\n  factors: bfloat16\n", "2:3: training.factors is now called training.precision"},
        {"training.factors: bfloat16\n", "1:1: training.factors is now called training.precision"},
        {"'': 1\n", "1:1: unknown key ''" ALL},
        {"<<: {a: b}\n", "1:1: unknown key '<<'" ALL},
        {"training.batch.more: 1\n", "1:1: unknown key 'training.batch.more'" ALL},
        {"training:\n  batch: 1\n  ema: 0\n  batch: 2\n",
         "4:3: 'training.batch' is given again; it was given on line 2, keep one of the two"},
        {"training:\n  batch: 1\ntraining:\n  ema: 0\n",
         "3:1: 'training' is given again; it was given on line 1, keep one of the two"},
        {"training.batch: 1\ntraining:\n  batch: 1\n",
         "3:3: 'training.batch' is given again; it was given on line 1, keep one of the two"},
        {"training:\n  batch: abc\n", "2:10: " BATCH "'abc'"},
        {"training:\n  batch: 0\n", "2:10: " BATCH "'0'"},
        {"training:\n  batch: \"512\"\n", "2:10: " BATCH "'512' in quotes, which is a text"},
        {"training:\n  batch:\n  ema: 0\n", "2:9: " BATCH "nothing"},
        {"training:\n  batch:\n    x: 0\n", "3:5: " BATCH "a mapping"},
        {"training:\n  batch: [1]\n", "2:10: " BATCH "a list"},
        {"training:\n  batch: \"a\\0b\"\n", "2:10: " BATCH "'a' and a zero byte"},
        {"\"training\\0\": 1\n", "1:1: expected the name of a key, found a zero byte in it"},
        {"training: 5\n", "1:11: 'training' is a section: expected keys below it, as 'key: value', found '5'"},
        {"training: [a]\n", "1:11: 'training' is a section: expected keys below it, as 'key: value', found a list"},
        {"training: ''\n", "1:11: 'training' is a section: expected keys below it, as 'key: value', found ''"},
        {"diffusion: {schedule: x}\n",
         "1:23: 'diffusion.schedule' is a section: expected keys below it, as 'key: value', found 'x'"},
        {"hello\n", "1:1: expected sections, such as 'training:', found 'hello'"},
        {"- a\n", "1:1: expected sections, such as 'training:', found a list"},
        {"? [a]\n: b\n", "1:3: expected the name of a key, found a list"},
        {"training: &a {batch: 1}\n", "1:11: " ANCHOR},
        {"training: {batch: &a 1}\n", "1:19: " ANCHOR},
        {"&a training: {batch: 1}\n", "1:1: " ANCHOR},
        {"training: *a\n", "1:11: " ANCHOR},
        {"data: {columns: &a []}\n", "1:17: " ANCHOR},
        {"training: !x {batch: 1}\n", "1:11: " TAG},
        {"training: {batch: !!int 1}\n", "1:19: " TAG},
        {"data: {columns: !!seq []}\n", "1:17: " TAG},
        {"run: {seed: 1}\n---\nrun: {seed: 1}\n", "2:1: a second document begins here; expected one in all"},
        {"run: {seed: 18446744073709551616}\n",
         "1:13: run.seed: expected an integer from 0 to 18446744073709551615, found '18446744073709551616'"},
        {"run:\n  name: a/b\n", "2:9: " NAME "'a/b'"},
        {"run:\n  name: ..\n", "2:9: " NAME "'..'"},
        {"run:\n  name: \"\"\n", "2:9: " NAME "''"},
        {"run:\n  output:\n",
         "2:10: run.output: expected a text of at most 1023 bytes, found nothing; write \"\" for an "
         "empty text"},
        {"run: {output: ~}\n",
         "1:15: run.output: expected a text of at most 1023 bytes, found '~'; write \"\" for an empty "
         "text"},
        {"data: {noise: -1}\n", "1:15: data.noise: expected a number of at least 0, or auto, found '-1'"},
        {"training: {decay: \"a\\nb\"}\n", "1:19: training.decay: expected one of constant, cosine, step, found 'a?b'"},
        {"data: {columns: a}\n", "1:17: " COLUMNS "'a'; a list stands in brackets, also one of one: [a]"},
        {"data: {columns: {a: b}}\n", "1:17: " COLUMNS "a mapping"},
        {"data: {columns: [a, [b]]}\n", "1:21: " COLUMNS "a list in it"},
        {"data: {columns: [a, '']}\n", "1:21: " COLUMNS "'' in it"},
        {"data: {columns: [a: b]}\n", "1:18: " COLUMNS "a mapping in it"},
        {"diffusion: {schedule: {values: [0.5, 1]}}\n", "1:38: " VALUES "'1' in it"},
        {"diffusion: {schedule: {values: ['0.5']}}\n", "1:33: " VALUES "'0.5' in quotes, which is a text"},
        {"run: {\n", "2:1: not valid YAML: did not find expected node content while parsing a flow node"},
        {"run:\n\tname: b\n",
         "2:1: not valid YAML: found character that cannot start any token while scanning for the next token; it is a "
         "tab, indent with spaces"},
        {"run:\n  name: a: b\n", "2:10: not valid YAML: mapping values are not allowed in this context"},
        {"run:\n  output: a\xff\n", "2:12: not plain UTF-8 text: invalid leading UTF-8 octet (found 0xFF)"},
        {"# \xc3\xa9\nrun:\n  output: \xc3\xa9\xc3(\n",
         "3:13: not plain UTF-8 text: invalid trailing UTF-8 octet (found 0x28)"},
        {"run:\n  name: a\x01\n", "2:10: not plain UTF-8 text: control characters are not allowed (found 0x01)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[512];
        ddpm_config config;
        start(&config);
        snprintf(expected, sizeof expected, "x.yaml:%s", cases[i].message);
        if (parse(&config, cases[i].text) != DDPM_ERR_CONFIG) fail_msg("accepted: %s", cases[i].text);
        assert_string_equal(ddpm_error_message(), expected);
        ddpm_config_release(&config);
    }
}

static void test_set(void **state)
{
    (void)state;
    ddpm_config config;
    start(&config);
    assert_int_equal(parse(&config, "training: {batch: 8}\n"), DDPM_OK);
    set(&config, "training.batch=512");
    assert_int_equal(config.training.batch, 512);
    set(&config, "training.batch=64");
    assert_int_equal(config.training.batch, 64);
    set(&config, "data.path=a=b=c");
    assert_string_equal(config.data.path, "a=b=c");
    set(&config, "data.path=");
    assert_string_equal(config.data.path, "");
    set(&config, "diffusion.schedule={kind: linear, end: 0.5}");
    assert_int_equal(config.diffusion.schedule.kind, DDPM_SCHEDULE_LINEAR);
    assert_true(config.diffusion.schedule.end == 0.5);
    set(&config, "diffusion.schedule.end=auto");
    assert_true(isnan(config.diffusion.schedule.end));
    set(&config, "run.seed=18446744073709551615");
    assert_true(config.run.seed == UINT64_MAX);

    static const struct {
        const char *text, *message;
    } cases[] = {
        {"training.batch=x", "training.batch=x: " BATCH "'x'"},
        {"training.batch=", "training.batch=: " BATCH "'' in quotes, which is a text"},
        {"training.batch= ", "training.batch= : expected a value after '=', found nothing"},
        {"training.batch=#5", "training.batch=#5: expected a value after '=', found nothing"},
        {"training.bach=5", "training.bach=5: unknown key 'training.bach'; did you mean 'training.batch'?" ALL},
        {"training.factors=float32",
         "training.factors=float32: training.factors is now called training.precision"},
        {"batch=5", "batch=5: unknown key 'batch'; did you mean 'training.batch'?" ALL},
        {"training.batch", "'training.batch': expected section.key=value, found no '='"},
        {"", "'': expected section.key=value, found no '='"},
        {"=5", "=5: unknown key ''" ALL},
        {"training=5", "training=5: 'training' is a section: expected keys below it, as 'key: value', found '5'"},
        {"training={batch: 1, batch: 2}",
         "training={batch: 1, batch: 2}: 'training.batch' is given again; it was "
         "given on line 1, keep one of the two"},
        {"data.columns=[a",
         "data.columns=[a: not valid YAML: did not find expected ',' or ']' while parsing a flow "
         "sequence"},
        {"training.batch=1\n---\n2",
         "training.batch=1?---?2: a second document begins here; expected one in all"},
        {"training.batch=*a", "training.batch=*a: " ANCHOR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ddpm_config_set(&config, cases[i].text) != DDPM_ERR_CONFIG) fail_msg("accepted: %s", cases[i].text);
        assert_string_equal(ddpm_error_message(), cases[i].message);
    }
    ddpm_config_release(&config);
}

/* ---- hostile input ---- */

static char *repeat(const char *head, const char *unit, size_t times)
{
    const size_t h = strlen(head), u = strlen(unit);
    char *text = malloc(h + u * times + 1);
    assert_non_null(text);
    memcpy(text, head, h);
    for (size_t i = 0; i < times; i++) memcpy(text + h + i * u, unit, u);
    text[h + u * times] = '\0';
    return text;
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit;
        size_t times;
    } cases[] = {
        {"", "[", 10000},
        {"", "{", 10000},
        {"", "- ", 10000},
        {"", "? ", 10000},
        {"training: ", "{batch: ", 10000},
        {"training: {batch: ", "[", 10000},
        {"data: {columns: ", "[", 10000},
        {"run: {output: ", "x", 1 << 20},
        {"run: {output: \"", "\\x41", 1 << 18},
        {"", "x", 1 << 20},
        {"? ", "x", 1 << 20},
        {"training: {batch: ", "9", 1 << 20},
        {"training: {ema: 0.", "9", 1 << 20},
        {"data: {columns: [", "a,", 1 << 19},
        {"run: {name: '", "\xc3\xa9", 1 << 19},
        {"", "\x80", 1 << 10},
        {"a: &a [x]\n", "b: &b [*a,*a,*a,*a]\n", 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ddpm_config config;
        start(&config);
        char *text = repeat(cases[i].head, cases[i].unit, cases[i].times);
        assert_int_equal(parse(&config, text), DDPM_ERR_CONFIG);
        assert_int_equal(strncmp(ddpm_error_message(), "x.yaml:", 7), 0);
        assert_true(strlen(ddpm_error_message()) < 500);
        ddpm_config_set(&config, text) == DDPM_OK ? fail() : (void)0;
        assert_true(strlen(ddpm_error_message()) < 500);
        free(text);
        ddpm_config_release(&config);
    }
    const char utf16[] = "\xff\xfer\0u\0n\0:\0\n\0";
    const char zero[] = "run: {seed: 1}\n\0run: {seed: 2}\n";
    ddpm_config config;
    start(&config);
    assert_int_equal(ddpm_config_parse(&config, utf16, sizeof utf16 - 1, "x.yaml"), DDPM_ERR_CONFIG);
    assert_int_equal(ddpm_config_parse(&config, zero, sizeof zero - 1, "x.yaml"), DDPM_ERR_CONFIG);
    assert_string_equal(ddpm_error_message(),
                        "x.yaml:2:1: not plain UTF-8 text: control characters are not allowed (found 0x00)");
}

/* Any bytes lead to a valid configuration, or to a message that says where the error is. */
static void test_mutations(void **state)
{
    (void)state;
    char *reference = reference_text();
    const size_t bytes = strlen(reference);
    char *copy = malloc(bytes);
    assert_non_null(copy);
    for (int round = 0; round < 1500; round++) {
        static const char special[] = "[]{}:,#&*!|>'\"%@`- \n\t?\x80\xff.0e";
        ddpm_config config;
        start(&config);
        memcpy(copy, reference, bytes);
        for (uint64_t n = 1 + below(6); n > 0; n--)
            copy[below(bytes)] = below(2) ? special[below(sizeof special)] : (char)draw();
        const ddpm_status status = ddpm_config_parse(&config, copy, bytes - (below(3) ? 0 : below(bytes)), "x.yaml");
        if (status == DDPM_OK)
            for (int i = 0; i < ddpm_option_count; i++)
                assert_int_equal(ddpm_option_valid(&ddpm_options[i], &config), DDPM_OK);
        else
            assert_true(status == DDPM_ERR_CONFIG && strncmp(ddpm_error_message(), "x.yaml:", 7) == 0);
        ddpm_config_release(&config);
    }
    free(copy);
    free(reference);
}

static void test_quote(void **state)
{
    (void)state;
    char out[DDPM_QUOTE_BYTES], *text = repeat("a", "\xe2\x82\xac", 50); /* a character of 3 bytes across the cut */
    ddpm_config_quote("a\nb\x7f", out);
    assert_string_equal(out, "'a?b?'");
    ddpm_config_quote(text, out);
    assert_int_equal(strlen(out), 1 + 79 + 3 + 1);
    assert_int_equal(strncmp(out + 1, text, 79), 0);
    assert_string_equal(out + 1 + 79, "...'");
    free(text);
}

static void test_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *key, *nearest;
    } cases[] = {{"training.learning_rat", "training.learning_rate"},
                 {"training.leraning_rate", "training.learning_rate"},
                 {"learning_rate", "training.learning_rate"},
                 {"model.learning_rate", "training.learning_rate"},
                 {"diffusion.kind", "diffusion.schedule.kind"},
                 {"training.batch_size", "training.batch"},
                 {"train", "training"},
                 {"training.iter", "training.iterations"},
                 {"training.epochs", NULL},
                 {"seed", "run.seed"},
                 {"x", NULL},
                 {"", NULL},
                 {"optimizer.optimizer", "training.optimizer"},
                 {"training.optimiser", "training.optimizer"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = ddpm_option_nearest(cases[i].key);
        if (!cases[i].nearest)
            assert_null(nearest);
        else if (!nearest || strcmp(nearest, cases[i].nearest) != 0)
            fail_msg("%s: %s", cases[i].key, nearest);
    }
    for (int i = 0; i < ddpm_option_count; i++) { /* a letter dropped, doubled or swapped still finds the key */
        const char *key = ddpm_options[i].key;
        const size_t n = strlen(key), at = 1 + below(n - 2);
        char wrong[DDPM_KEY_BYTES];
        snprintf(wrong, sizeof wrong, "%.*s%c%s", (int)at, key, key[at], key + at);
        assert_string_equal(ddpm_option_nearest(wrong), key);
        snprintf(wrong, sizeof wrong, "%.*s%c%c%s", (int)at - 1, key, key[at], key[at - 1], key + at + 1);
        assert_non_null(ddpm_option_nearest(wrong));
    }
}

/* ---- what has no effect ---- */

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
         "sampling.guidance (--guidance): 1 has no effect, since it needs data.condition: not [], found "
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
    const struct CMUnitTest tests[] = {
        TEST(test_messages), TEST(test_quote),          TEST(test_set),
        TEST(test_hostile),  TEST(test_mutations),      TEST(test_nearest),
        TEST(test_needs),    TEST(test_without_effect), TEST(test_resolved),
    };
    return cmocka_run_group_tests_name("config errors", tests, NULL, NULL);
}
