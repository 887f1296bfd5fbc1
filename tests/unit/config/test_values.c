/* Values of each type: which are taken, how they may be written, and files of them. What refusals say is in
 * test_errors.c. */
#include "values.h"

#include <string.h>
#include <unistd.h>

static void try_number(const ddpm_option *option, double value, int expected)
{
    char assignment[256];
    ddpm_config config;
    start(&config);
    snprintf(assignment, sizeof assignment, "%s=%.17g", option->key, value);
    if ((ddpm_config_set(&config, assignment) == DDPM_OK) != expected) fail_msg("%s", assignment);
    if (option->type == DDPM_OPTION_INT && value == DDPM_AUTO) return; /* in a struct, it stands for auto */
    if (option->type == DDPM_OPTION_INT)
        *(int64_t *)((char *)&config + option->offset) = (int64_t)value;
    else
        *(double *)((char *)&config + option->offset) = value;
    assert_int_equal(ddpm_option_valid(option, &config) == DDPM_OK, expected);
}

static void test_ranges(void **state)
{
    (void)state;
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        const int real = option->type == DDPM_OPTION_REAL;
        if (!real && option->type != DDPM_OPTION_INT) continue;
        try_number(option, option->min, !(option->flags & DDPM_OPTION_ABOVE_MIN));
        if (option->flags & DDPM_OPTION_OR_ZERO) try_number(option, 0, 1);
        try_number(option, real ? nextafter(option->min, -INFINITY) : option->min - 1, 0);
        try_number(option, real ? nextafter(option->min, INFINITY) : option->min + 1, 1);
        if (isinf(option->max)) {
            try_number(option, DBL_MAX, 1);
        } else {
            try_number(option, option->max, !(option->flags & DDPM_OPTION_BELOW_MAX));
            try_number(option, real ? nextafter(option->max, INFINITY) : option->max + 1, 0);
        }
    }
}

static void test_choices(void **state)
{
    (void)state;
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        if (option->type != DDPM_OPTION_ENUM) continue;
        for (const ddpm_choice *c = option->choices; c->name; c++) {
            char assignment[256];
            ddpm_config config;
            start(&config);
            snprintf(assignment, sizeof assignment, "%s=%s", option->key, c->name);
            set(&config, assignment);
            assert_int_equal(*(const unsigned *)field(option, &config), c->value);
            snprintf(assignment, sizeof assignment, "%s=%sx", option->key, c->name);
            assert_int_equal(ddpm_config_set(&config, assignment), DDPM_ERR_CONFIG);
            *(unsigned *)((char *)&config + option->offset) = 1000;
            assert_int_equal(ddpm_option_valid(option, &config), DDPM_ERR_CONFIG);
        }
    }
    ddpm_config config;
    start(&config);
    assert_int_equal(ddpm_config_set(&config, "network.activation=identity"), DDPM_ERR_CONFIG);
}

/* ---- scalars ---- */

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value; /* -1: refused */
    } cases[] = {
        {"512", 512},     {"+512", 512},
        {"1e6", 1000000}, {"1E6", 1000000},
        {"1.5e3", 1500},  {"1e+2", 100},
        {"1e0", 1},       {"1_000", -1},
        {"1,000", -1},    {"0x10", -1},
        {"010", -1},      {"1.0", -1},
        {"1.5", -1},      {"1.5e0", -1},
        {"1.25e1", -1},   {"10e-1", -1},
        {"1e", -1},       {"1e+", -1},
        {"e3", -1},       {".", -1},
        {"-", -1},        {"'512'", -1},
        {"\"512\"", -1},  {"auto", -1},
        {"1e400", -1},    {"1e99999999999999999999", -1},
        {"1e-400", -1},   {"true", -1},
        {"5 6", -1},      {"99999999999999999999999", -1},
        {"-5", -1},       {"~", -1},
        {"null", -1},     {"|\n  5", -1},
        {"1e6x", -1},     {"1.e3", 1000},
        {".5e1", 5},      {"-1e3", -1},
        {"0b1", -1},      {"1:30", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        ddpm_config config;
        start(&config);
        snprintf(text, sizeof text, "training:\n  batch: %s\n", cases[i].text);
        const ddpm_status status = parse(&config, text);
        if ((status == DDPM_OK) != (cases[i].value >= 0)) fail_msg("%s", cases[i].text);
        if (status == DDPM_OK)
            assert_int_equal(config.training.batch, cases[i].value);
        else
            assert_int_equal(config.training.batch, 256);
    }
}

static void test_reals_and_switches(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value; /* NaN: refused */
    } reals[] = {{"0.25", 0.25}, {".25", 0.25}, {"25e-2", 0.25}, {"+5.", 5},     {"1e-3", 1e-3},    {"7", 7},
                 {"nan", NAN},   {".nan", NAN}, {"inf", NAN},    {".inf", NAN},  {"-.inf", NAN},    {"1e999", NAN},
                 {"0x1p3", NAN}, {"0.5f", NAN}, {"0,5", NAN},    {"1 2", NAN},   {"'0.5'", NAN},    {"auto", NAN},
                 {"00.5", NAN},  {"--1", NAN},  {"1e5e5", NAN},  {"1.2.3", NAN}, {"infinity", NAN}, {"-1e-300", NAN}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        char text[128];
        ddpm_config config;
        start(&config);
        snprintf(text, sizeof text, "training:\n  clip: %s\n", reals[i].text);
        const ddpm_status status = parse(&config, text);
        if ((status == DDPM_OK) != !isnan(reals[i].value)) fail_msg("%s", reals[i].text);
        if (status == DDPM_OK) assert_true(config.training.clip == reals[i].value);
    }
    static const struct {
        const char *text;
        int value; /* -1: refused */
    } switches[] = {{"true", 1},  {"yes", 1}, {"on", 1}, {"True", 1},  {"false", 0},   {"no", 0}, {"off", 0},
                    {"FALSE", 0}, {"1", -1},  {"0", -1}, {"yess", -1}, {"'true'", -1}, {"", -1},  {"y", -1}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        char text[128];
        ddpm_config config;
        start(&config);
        config.diffusion.schedule.rescale = 1 - (switches[i].value == 1);
        snprintf(text, sizeof text, "diffusion: {schedule: {rescale: %s}}\n", switches[i].text);
        assert_int_equal(parse(&config, text) == DDPM_OK, switches[i].value >= 0);
        if (switches[i].value >= 0) assert_int_equal(config.diffusion.schedule.rescale, switches[i].value);
    }
}

static void test_texts_and_lists(void **state)
{
    (void)state;
    ddpm_config config;
    char text[2 * DDPM_CONFIG_TEXT];
    start(&config);
    assert_int_equal(parse(&config, "data:\n  path: /a b/c.h5\n  dataset: 5\n  columns: [energy, 3, \"x, y\", 'null']\n"
                                    "diffusion: {schedule: {values: [0.10, 1e-1, 0.3]}}\n"),
                     DDPM_OK);
    assert_string_equal(config.data.path, "/a b/c.h5");
    assert_string_equal(config.data.dataset, "5");
    assert_int_equal(config.data.columns.count, 4);
    assert_string_equal(config.data.columns.items[2], "x, y");
    assert_string_equal(config.diffusion.schedule.values.items[0], "0.1");
    double table[3];
    const ddpm_schedule_spec spec = ddpm_config_schedule(&config, table);
    assert_int_equal(spec.table_count, 3);
    assert_true(spec.table == table && table[0] == 0.1 && table[1] == 0.1 && table[2] == 0.3);
    assert_int_equal(spec.kind, DDPM_SCHEDULE_LOG_NORMAL);
    assert_int_equal(spec.steps, 1000);
    assert_true(isnan(spec.start) && isnan(spec.end) && isnan(spec.target));
    assert_true(spec.limit == 6 && spec.offset == 0.008 && spec.cap == 0.999);
    assert_true(spec.log_mean == -1.2 && spec.log_deviation == 1.4);

    set(&config, "data.columns=[a]"); /* replaces, does not append */
    assert_int_equal(config.data.columns.count, 1);
    config.data.columns.items[0][0] = '\0';
    assert_int_equal(ddpm_config_check(&config), DDPM_ERR_CONFIG);
    set(&config, "data.columns=[]");
    assert_int_equal(config.data.columns.count, 0);
    set(&config, "run.seed=1e3");
    assert_int_equal(config.run.seed, 1000);
    assert_int_equal(ddpm_config_set(&config, "run.seed=1.5"), DDPM_ERR_CONFIG);
    set(&config, "run.seed=9e15");
    assert_int_equal(ddpm_config_set(&config, "run.seed=1e16"), DDPM_ERR_CONFIG); /* a double skips integers there */

    memcpy(text, "data.path=", 10);
    memset(text + 10, 'p', DDPM_CONFIG_TEXT);
    text[10 + DDPM_CONFIG_TEXT - 1] = '\0'; /* the longest */
    set(&config, text);
    text[10 + DDPM_CONFIG_TEXT - 1] = 'p';
    text[10 + DDPM_CONFIG_TEXT] = '\0';
    assert_int_equal(ddpm_config_set(&config, text), DDPM_ERR_CONFIG);
    ddpm_config_release(&config);
}

static void test_accepted_forms(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "\n\n",
                                        "# nothing\n",
                                        "---\n",
                                        "--- {}\n...\n",
                                        "{}",
                                        "training:\n",
                                        "training: {}\n",
                                        "%YAML 1.1\n---\nrun: {seed: 0}\n",
                                        "\xef\xbb\xbfrun: {seed: 0}\n",
                                        "run:\r\n  seed: 0\r\n",
                                        "\"run\": {'seed': 0}\n",
                                        "run.seed: 0\n",
                                        "diffusion: {schedule.kind: log_normal}\n",
                                        "training: {decay: \"cosine\"}\n"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ddpm_config config, defaults;
        start(&config);
        start(&defaults);
        if (parse(&config, cases[i]) != DDPM_OK) fail_msg("%s: %s", cases[i], ddpm_error_message());
        assert_same(&config, &defaults);
    }
}

/* "auto" is a value of an integer only where the table says so, and no number means it. */
static void test_automatic_integers(void **state)
{
    ddpm_config config;
    (void)state;
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        const int is_open = (option->flags & DDPM_OPTION_AUTO) != 0;
        char assignment[128];
        if (option->type != DDPM_OPTION_INT) continue;
        start(&config);
        snprintf(assignment, sizeof assignment, "%s=auto", option->key);
        assert_int_equal(ddpm_config_set(&config, assignment) == DDPM_OK, is_open);
        if (is_open) assert_int_equal(*(const int64_t *)field(option, &config), DDPM_AUTO);
        snprintf(assignment, sizeof assignment, "%s=%d", option->key, (int)DDPM_AUTO);
        assert_int_equal(ddpm_config_set(&config, assignment), DDPM_ERR_CONFIG);
        *(int64_t *)((char *)&config + option->offset) = DDPM_AUTO;
        assert_int_equal(ddpm_option_valid(option, &config) == DDPM_OK, is_open);
    }
}

/* ---- rules across keys, and resume ---- */

static void test_read_file(void **state)
{
    (void)state;
    char path[] = "/tmp/ddpm-test-config-XXXXXX", pipe_path[64], *text = NULL, *large = malloc((1 << 20) + 1);
    size_t bytes = 0;
    int ends[2];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_non_null(large);
    memset(large, '#', (1 << 20) + 1);
    assert_int_equal(ddpm_config_read_file(path, &text, &bytes), DDPM_OK);
    assert_true(bytes == 0 && text[0] == '\0');
    ddpm_release(text);
    assert_int_equal(write(fd, large, 1 << 20), 1 << 20);
    assert_int_equal(ddpm_config_read_file(path, &text, &bytes), DDPM_OK);
    assert_int_equal(bytes, 1 << 20);
    assert_int_equal(strlen(text), 1 << 20);
    ddpm_release(text);
    assert_int_equal(write(fd, large, 1), 1);
    assert_int_equal(ddpm_config_read_file(path, &text, &bytes), DDPM_ERR_CONFIG);
    assert_true(text == NULL && bytes == 0 && strstr(ddpm_error_message(), path));
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ddpm_config_read_file(path, &text, &bytes), DDPM_ERR_MISSING);
    assert_int_equal(ddpm_config_read_file("/tmp", &text, &bytes), DDPM_ERR_MISSING);
    free(large);

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "run: {}", 7), 7);
    assert_int_equal(close(ends[1]), 0);
    snprintf(pipe_path, sizeof pipe_path, "/dev/fd/%d", ends[0]);
    assert_int_equal(ddpm_config_read_file(pipe_path, &text, &bytes), DDPM_OK);
    assert_string_equal(text, "run: {}");
    ddpm_release(text);
    assert_int_equal(close(ends[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ranges),
        TEST(test_choices),
        TEST(test_integers),
        TEST(test_reals_and_switches),
        TEST(test_texts_and_lists),
        TEST(test_accepted_forms),
        TEST(test_automatic_integers),
        TEST(test_read_file),
    };
    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
