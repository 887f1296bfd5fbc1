/* What the configuration refuses, what it says then, and that no input does harm. */
#include "texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        {"training.factors=float32", "training.factors=float32: training.factors is now called training.precision"},
        {"batch=5", "batch=5: unknown key 'batch'; did you mean 'training.batch'?" ALL},
        {"training.batch", "'training.batch': expected section.key=value, found no '='"},
        {"", "'': expected section.key=value, found no '='"},
        {"=5", "=5: unknown key ''" ALL},
        {"training=5", "training=5: 'training' is a section: expected keys below it, as 'key: value', found '5'"},
        {"training={batch: 1, batch: 2}", "training={batch: 1, batch: 2}: 'training.batch' is given again; it was "
                                          "given on line 1, keep one of the two"},
        {"data.columns=[a", "data.columns=[a: not valid YAML: did not find expected ',' or ']' while parsing a flow "
                            "sequence"},
        {"training.batch=1\n---\n2", "training.batch=1?---?2: a second document begins here; expected one in all"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages), TEST(test_quote),     TEST(test_set),
        TEST(test_hostile),  TEST(test_mutations), TEST(test_nearest),
    };
    return cmocka_run_group_tests_name("config errors", tests, NULL, NULL);
}
