/* The section `sampling` on a command line, in help and in files: every row of the table, so that a new key is tested.
 */
#include "expect.h"

#include "base/memory.h"
#include "config/table.h"
#include "sample/sampling.h"
#include "sample/sampling_file.h"
#include "scratch.h"

#include <stdlib.h>

enum { WIDTH = 100 }; /* columns of help */

/* The row whose option or last part of the key is `name`. */
static const ddpm_option *find(const char *name)
{
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        if (strncmp(option->key, "sampling.", 9) != 0) continue;
        if (strcmp(option->option ? option->option : option->key + 9, name) == 0) return option;
    }
    fail_msg("no key of sampling is named %s", name);
    return NULL;
}

/* A value other than the default. */
static void other_value(const ddpm_option *option, char out[DDPM_KEY_BYTES])
{
    const ddpm_choice *choice = option->choices;
    switch (option->type) {
    case DDPM_OPTION_ENUM:
        while (strcmp(choice->name, option->initial) == 0) choice++;
        snprintf(out, DDPM_KEY_BYTES, "%s", choice->name);
        break;
    case DDPM_OPTION_INT:
        snprintf(out, DDPM_KEY_BYTES, "%.0f", option->max);
        break;
    default:
        snprintf(out, DDPM_KEY_BYTES, "%.17g", option->max / 2);
    }
    assert_string_not_equal(out, option->initial);
}

static void write_value(const ddpm_option *option, const ddpm_config *config, char out[DDPM_KEY_BYTES])
{
    FILE *memory = fmemopen(out, DDPM_KEY_BYTES, "w");
    assert_non_null(memory);
    ddpm_option_write(option, config, memory);
    assert_int_equal(fclose(memory), 0);
}

/* An option does what --set does with its key, to that key and to no other. */
static void test_options_are_keys(void **state)
{
    const char *name;
    int options = 0;
    (void)state;
    for (; strcmp(name = ddpm_sampling_option(options), "set") != 0; options++) {
        const ddpm_option *option = find(name);
        char value[DDPM_KEY_BYTES], assignment[2 * DDPM_KEY_BYTES], found[DDPM_KEY_BYTES], wanted[DDPM_KEY_BYTES];
        ddpm_sampling_settings by_option = {0}, by_key = {0};
        ddpm_config one, other;
        other_value(option, value);
        snprintf(assignment, sizeof assignment, "%s=%s", option->key, value);
        expect_ok(ddpm_config_defaults(&one));
        expect_ok(ddpm_config_defaults(&other));
        for (int i = 0; i < 2; i++) { /* what --eta and --guidance need */
            expect_ok(ddpm_config_set(i ? &one : &other, "sampling.method=ddim"));
            expect_ok(ddpm_config_set(i ? &one : &other, "data.condition=[label]"));
        }
        expect_ok(ddpm_sampling_settings_add(&by_option, name, value));
        expect_ok(ddpm_sampling_settings_add(&by_key, "set", assignment));
        expect_ok(ddpm_sampling_settings_apply(&by_option, &one));
        expect_ok(ddpm_sampling_settings_apply(&by_key, &other));
        assert_true(ddpm_sampling_is_given(&one, option->key) && ddpm_sampling_is_given(&other, option->key));
        for (int i = 0; i < ddpm_option_count; i++) {
            const ddpm_option *each = &ddpm_options[i];
            if (each->type == DDPM_OPTION_TEXT || !each->initial) continue;
            write_value(each, &one, found);
            write_value(each, &other, wanted);
            assert_string_equal(found, wanted);
            if (strncmp(each->key, "sampling.", 9) == 0 && each != option && each->type != DDPM_OPTION_ENUM)
                assert_string_equal(found, each->initial);
        }
        write_value(option, &one, found);
        assert_string_not_equal(found, option->initial);
    }
    assert_true(options >= 7);
    assert_null(ddpm_sampling_option(options + 1));
}

static void test_the_last_one_counts(void **state)
{
    ddpm_sampling_settings settings = {0};
    ddpm_config config;
    (void)state;
    expect_ok(ddpm_config_defaults(&config));
    expect_ok(ddpm_sampling_settings_add(&settings, "steps", "7"));
    expect_ok(ddpm_sampling_settings_add(&settings, "set", "sampling={steps: 8, eta: 0.25, method: ddim}"));
    expect_ok(ddpm_sampling_settings_add(&settings, "eta", "0.5"));
    expect_ok(ddpm_sampling_settings_apply(&settings, &config));
    assert_int_equal(config.sampling.steps, 8);
    expect_near(config.sampling.eta, 0.5, 0.0, "eta", 0);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *option, *value, *words;
    } cases[] = {
        {"steps", "-1", "--steps: expected an integer from 0 to 1000000, or auto, found '-1'"},
        {"steps", "", "--steps: expected an integer from 0 to 1000000, or auto, found nothing"},
        {"eta", "1.5", "--eta: expected a number from 0 to 1, found '1.5'"},
        {"guidance", "nan", "--guidance: expected a number from 0 to 1000, found 'nan'"},
        {"weights", "worst", "--weights: expected one of ema, raw, best, found 'worst'"},
        {"set", "sampling.steps=many", "sampling.steps=many: sampling.steps: expected an integer"},
        {"set", "sampling.stepz=5", "did you mean 'sampling.steps'?"},
        {"set", "training.batch=5", "'training.batch=5': only keys of the section 'sampling' can be set here"},
        {"set", "diffusion.steps=5", "only keys of the section 'sampling'"},
        {"set", "sampling", "only keys of the section 'sampling'"},
        {"set", "samplings.steps=5", "only keys of the section 'sampling'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ddpm_sampling_settings settings = {0};
        expect_failure(ddpm_sampling_settings_add(&settings, cases[i].option, cases[i].value), DDPM_ERR_USAGE,
                       cases[i].words);
        assert_int_equal(settings.count, 0);
    }
    ddpm_sampling_settings many = {0};
    for (int i = 0; i < DDPM_SAMPLING_SETTINGS_MAX; i++) expect_ok(ddpm_sampling_settings_add(&many, "steps", "1"));
    expect_failure(ddpm_sampling_settings_add(&many, "steps", "1"), DDPM_ERR_USAGE, "more than 64");
}

/* Every option stands there with its key, in lines that are not too long. */
static void test_help(void **state)
{
    char *text = NULL, words[DDPM_KEY_BYTES];
    size_t bytes = 0;
    (void)state;
    FILE *memory = open_memstream(&text, &bytes);
    assert_non_null(memory);
    ddpm_sampling_help(memory);
    assert_int_equal(fclose(memory), 0);
    for (int i = 0; ddpm_sampling_option(i); i++) {
        snprintf(words, sizeof words, "\n  --%s ", ddpm_sampling_option(i));
        assert_non_null(strstr(text, words));
        if (ddpm_sampling_option(i + 1)) assert_non_null(strstr(text, find(ddpm_sampling_option(i))->key));
    }
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= WIDTH);
        assert_true(*line == '\n' || line[strcspn(line, "\n") - 1] != ' ');
    }
    free(text);
}

/* Every key of the section is written, once in each form. */
static void test_files(void **state)
{
    ddpm_config config;
    ddpm_h5 *file = NULL;
    char *json = NULL, wanted[2 * DDPM_KEY_BYTES], value[DDPM_KEY_BYTES];
    const char *name;
    size_t bytes = 0;
    int keys = 0;
    (void)state;
    expect_ok(ddpm_config_defaults(&config));
    expect_ok(ddpm_config_set(&config,
                              "sampling={method: ddim, steps: 12, eta: 0.5, redraws: 3, guidance: 1.5, weights: raw}"));
    FILE *memory = open_memstream(&json, &bytes);
    assert_non_null(memory);
    ddpm_sampling_print_json(&config.sampling, memory);
    assert_int_equal(fclose(memory), 0);
    expect_ok(ddpm_h5_create(in_scratch("settings.h5"), 0, &file));
    expect_ok(ddpm_sampling_put(&config.sampling, file, "/"));
    for (; (name = ddpm_sampling_name(keys)); keys++) {
        const ddpm_option *option = find(name);
        int64_t integer;
        double real;
        char *text = NULL;
        write_value(option, &config, value);
        if (option->type == DDPM_OPTION_INT) {
            expect_ok(ddpm_h5_get_int(file, "/", name, &integer));
            assert_int_equal(integer, atoll(value));
        } else if (option->type == DDPM_OPTION_REAL) {
            expect_ok(ddpm_h5_get_real(file, "/", name, &real));
            expect_near(real, atof(value), 0.0, name, 0);
            snprintf(value, sizeof value, "%.17g", real);
        } else {
            expect_ok(ddpm_h5_get_text(file, "/", name, &text));
            assert_string_equal(text, value);
            ddpm_release(text);
        }
        snprintf(wanted, sizeof wanted, option->type == DDPM_OPTION_ENUM ? "\"%s\": \"%s\"" : "\"%s\": %s", name,
                 value);
        assert_non_null(strstr(json, wanted));
    }
    assert_true(json[0] == '{' && json[bytes - 1] == '}');
    for (int i = 0; i < ddpm_option_count; i++) keys -= strncmp(ddpm_options[i].key, "sampling.", 9) == 0;
    assert_int_equal(keys, 0);
    assert_string_equal(ddpm_sampling_weights(&config.sampling), "raw");
    expect_ok(ddpm_h5_finish(&file, DDPM_OK));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_are_keys),
        cmocka_unit_test(test_the_last_one_counts),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
