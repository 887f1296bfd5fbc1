/* The configuration: every row of the option table, scalars, rules across keys, resume, files. What refusals say is in
 * test_errors.c. */
#include "texts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- helpers ---- */

static void set(ddpm_config *config, const char *assignment)
{
    if (ddpm_config_set(config, assignment) != DDPM_OK) fail_msg("%s", ddpm_error_message());
}

typedef ddpm_status writer(const ddpm_config *config, FILE *to);

static ddpm_status write_reference(const ddpm_config *config, FILE *to)
{
    (void)config;
    return ddpm_config_reference(to);
}

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

static char *value_of(const ddpm_option *option, const ddpm_config *config)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    assert_non_null(memory);
    ddpm_option_write(option, config, memory);
    assert_int_equal(fclose(memory), 0);
    return text;
}

static const void *field(const ddpm_option *option, const ddpm_config *config)
{
    return (const char *)config + option->offset;
}

static size_t field_bytes(const ddpm_option *option)
{
    switch (option->type) {
    case DDPM_OPTION_BOOL:
    case DDPM_OPTION_ENUM:
        return sizeof(int);
    case DDPM_OPTION_TEXT:
        return DDPM_CONFIG_TEXT;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        return sizeof(ddpm_text_list);
    default:
        return 8;
    }
}

static int is_list(const ddpm_option *option)
{
    return option->type == DDPM_OPTION_TEXT_LIST || option->type == DDPM_OPTION_REAL_LIST;
}

/* Equal to the last bit, except that all NaN are equal. */
static void assert_same(const ddpm_config *a, const ddpm_config *b)
{
    for (int i = 0; i < ddpm_option_count; i++) {
        const ddpm_option *option = &ddpm_options[i];
        const void *x = field(option, a), *y = field(option, b);
        if (is_list(option)) {
            const ddpm_text_list *p = x, *q = y;
            assert_int_equal(p->count, q->count);
            for (int64_t j = 0; j < p->count; j++) assert_string_equal(p->items[j], q->items[j]);
        } else if (option->type == DDPM_OPTION_REAL && isnan(*(const double *)x)) {
            assert_true(isnan(*(const double *)y));
        } else if (memcmp(x, y, field_bytes(option)) != 0) {
            fail_msg("%s differs", option->key);
        }
    }
}

/* ---- random values of any option ---- */

static double random_real(const ddpm_option *option)
{
    const double edge = 1e-300, high = isinf(option->max) ? DBL_MAX : option->max;
    double value = 0;
    if (option->flags & DDPM_OPTION_AUTO && below(4) == 0) return NAN;
    if (below(4) == 0 && option->min == 0)
        return option->flags & DDPM_OPTION_ABOVE_MIN ? edge * 1e-20 : 0; /* denormal */
    do {
        if (isinf(option->max)) {
            const uint64_t bits = draw() >> 1;
            memcpy(&value, &bits, sizeof value);
        } else {
            value = option->min + (high - option->min) * ((double)(draw() >> 11) * 0x1p-53);
        }
    } while (!(value > option->min && value < high));
    return value;
}

/* Any characters of Unicode; those that need escaping are more frequent. */
static void random_text(const ddpm_option *option, char out[DDPM_CONFIG_TEXT])
{
    static const unsigned awkward[] = {1,      7,      9,      10,     13,   27,      32,      '"',
                                       '\\',   '#',    0x7f,   0x80,   0x85, 0x9f,    0xa0,    0x2028,
                                       0x2029, 0xd7ff, 0xe000, 0xfeff, '%',  '\'',    ':',     0xfffd,
                                       0xfffe, 0xffff, '&',    '*',    '!',  0x10000, 0x10ffff};
    const int safe = (option->flags & DDPM_OPTION_FILE_NAME) != 0;
    size_t length = 1 + below(safe ? 128 : below(2) ? 20 : DDPM_CONFIG_TEXT - 8), n = 0;
    memset(out, 0, DDPM_CONFIG_TEXT);
    while (n < length) {
        unsigned c = (unsigned)below(below(2) ? 0x80 : 0x110000);
        if (below(3) == 0) c = awkward[below(sizeof awkward / sizeof *awkward)];
        if (safe) c = (unsigned)"abzAZ09_-."[below(n ? 10 : 9)];
        if (c == 0 || (c >= 0xd800 && c < 0xe000)) continue;
        if (c < 0x80) {
            out[n++] = (char)c;
        } else if (c < 0x800) {
            out[n++] = (char)(0xc0 | c >> 6);
            out[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            out[n++] = (char)(0xe0 | c >> 12);
            out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            out[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            out[n++] = (char)(0xf0 | c >> 18);
            out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            out[n++] = (char)(0x80 | (c & 0x3f));
        }
    }
}

static void random_list(const ddpm_option *option, ddpm_text_list *list)
{
    ddpm_config_list_release(list);
    for (uint64_t n = below(12); n > 0; n--) {
        char text[DDPM_CONFIG_TEXT];
        if (option->type == DDPM_OPTION_REAL_LIST)
            snprintf(text, sizeof text, "%.17g", random_real(option));
        else
            random_text(option, text);
        const int plain = option->type == DDPM_OPTION_REAL_LIST;
        assert_int_equal(ddpm_option_append(option, list, text, strlen(text), plain), DDPM_OK);
    }
}

static void randomise(const ddpm_option *option, ddpm_config *config)
{
    void *to = (char *)config + option->offset;
    switch (option->type) {
    case DDPM_OPTION_BOOL:
        *(int *)to = (int)below(2);
        break;
    case DDPM_OPTION_UINT:
        *(uint64_t *)to = draw();
        break;
    case DDPM_OPTION_INT:
        *(int64_t *)to = (int64_t)option->min + (int64_t)below((uint64_t)(option->max - option->min) + 1);
        if (option->flags & DDPM_OPTION_AUTO && below(4) == 0) *(int64_t *)to = DDPM_AUTO;
        break;
    case DDPM_OPTION_REAL:
        *(double *)to = random_real(option);
        break;
    case DDPM_OPTION_ENUM: {
        uint64_t n = 0;
        while (option->choices[n].name) n++;
        *(unsigned *)to = option->choices[below(n)].value;
        break;
    }
    case DDPM_OPTION_TEXT:
        random_text(option, to);
        break;
    case DDPM_OPTION_TEXT_LIST:
    case DDPM_OPTION_REAL_LIST:
        random_list(option, to);
        break;
    }
}

/* Change the value until it is written differently. */
static void change(const ddpm_option *option, ddpm_config *config)
{
    char *before = value_of(option, config), *after = NULL;
    do {
        free(after);
        randomise(option, config);
        after = value_of(option, config);
    } while (strcmp(before, after) == 0);
    free(before);
    free(after);
}

/* ---- the table ---- */

static void test_defaults(void **state)
{
    (void)state;
    static const char golden[] =
        "# ddpm " DDPM_VERSION "\n"
        "run:\n  name: \"run\"\n  seed: 0\n  output: \"\"\n  time_limit: 0\n  stop_margin: 60\n  report_every: 100\n"
        "data:\n  source: swiss_roll\n  count: 10000\n  noise: auto\n  dimensions: 2\n  path: \"\"\n  dataset: "
        "\"data\"\n"
        "  columns: []\n  condition: []\n  pairs: false\n  standardize: column\n  validation: 0.1\n  memory: 4096\n  "
        "piece: auto\n"
        "diffusion:\n  process: auto\n  steps: 1000\n"
        "  schedule:\n    kind: log_normal\n    start: auto\n    end: auto\n    rescale: false\n    target: auto\n    "
        "limit: 6\n"
        "    offset: 0.008\n    cap: 0.999\n    zero_terminal_snr: false\n    log_mean: -1.2\n    "
        "log_deviation: 1.4\n    values: []\n"
        "  predict: velocity\n  variance: posterior\n  loss: simple\n  lambda: 0.001\n  weighting: none\n  gamma: 5\n"
        "  timesteps: uniform\n  condition_dropout: 0.1\n"
        "network:\n  kind: residual\n  width: 128\n  depth: 3\n  components: 256\n  features: auto\n  initial: "
        "variance\n"
        "  activation: silu\n  time: sinusoidal\n  time_width: 32\n  dropout: 0\n"
        "training:\n  iterations: 20000\n  batch: 256\n  balance: []\n  optimizer: adam\n  learning_rate: 0.002\n  "
        "momentum: 0.9\n"
        "  beta1: 0.9\n  beta2: 0.999\n  epsilon: 1e-08\n  weight_decay: 0\n  warmup: 0\n  decay: cosine\n"
        "  decay_every: 10000\n  decay_factor: 0.5\n  clip: 1\n  ema: 0.999\n  precision: float32\n  recover: 0\n  "
        "validate_every: 1000\n  keep_best: false\n"
        "checkpoint:\n  every: 1000\n  keep: 3\n"
        "sampling:\n  method: heun\n  steps: auto\n  spacing: log_snr\n  eta: 0\n  corrections: 0\n  correction_ratio: "
        "0.1\n  guidance: "
        "0\n"
        "  weights: ema\n  clip: none\n"
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
    } switches[] = {{"true", 1}, {"yes", 1}, {"on", 1},    {"false", 0},   {"no", 0}, {"off", 0},
                    {"1", -1},   {"0", -1},  {"True", -1}, {"'true'", -1}, {"", -1},  {"y", -1}};
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
    assert_int_equal(younger, 5);
    start(&config);
    assert_int_equal(ddpm_config_parse_saved(&config, with, strlen(with), "saved"), DDPM_OK);
    assert_true(config.network.components == 5 && config.network.features == DDPM_AUTO);
    assert_true(config.network.initial == DDPM_INITIAL_VARIANCE && config.sampling.spacing == DDPM_SPACING_KARRAS);
    start(&config);
    assert_int_equal(parse(&config, "network: {width: 5}\n"), DDPM_OK);
    assert_true(config.network.components == 256 && config.network.initial == DDPM_INITIAL_VARIANCE);
    assert_true(config.sampling.spacing == DDPM_SPACING_LOG_SNR);
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
    static const char *const run_keys[] = {
        "run.name",        "run.output",          "run.time_limit",       "run.report_every",
        "data.path",       "training.iterations", "checkpoint.every",     "checkpoint.keep",
        "sampling.steps",  "sampling.weights",    "sampling.clip",        "training.validate_every",
        "sampling.method", "sampling.eta",        "sampling.corrections", "sampling.correction_ratio",
        "run.stop_margin", "training.recover",    "sampling.guidance",    "sampling.spacing",
        "data.piece"};
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
        TEST(test_ranges),
        TEST(test_choices),
        TEST(test_integers),
        TEST(test_reals_and_switches),
        TEST(test_texts_and_lists),
        TEST(test_accepted_forms),
        TEST(test_saved_by_an_earlier_version),
        TEST(test_keys_that_are_younger),
        TEST(test_automatic_integers),
        TEST(test_rules),
        TEST(test_same_science),
        TEST(test_read_file),
        TEST(test_dump_to_a_full_disk),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
