/* The verb `ddpm data`: its command line. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "base/random.h"
#include "data/toy_file.h"

#include <math.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm data KIND --count N --output FILE.h5 [--noise X] [--dimensions 2|3] [--seed S]\n"
    "\n"
    "Write a toy data set: /data [N][D] float32, and /label [N], which is the position along the curve or\n"
    "the number of the moon, in the units of scikit-learn's generators.\n"
    "KIND is swiss_roll, two_moons or s_curve.\n"
    "\n"
    "  --count N          how many rows\n"
    "  --output FILE.h5   the file to write; it gets this name only when it is complete\n"
    "  --noise X          standard deviation of the noise on every coordinate;\n"
    "                     default: that of data.noise (see 'ddpm config')\n"
    "  --dimensions 2|3   write the (x, z) plane, or all three coordinates of the roll or S; default: 2\n"
    "  --seed S           default: 0\n";
/* clang-format on */

static ddpm_status parse(int argc, char **argv, ddpm_toy_file *o)
{
    static const struct option options[] = {
        {"count", required_argument, NULL, 'c'},      {"output", required_argument, NULL, 'o'},
        {"noise", required_argument, NULL, 'n'},      {"seed", required_argument, NULL, 's'},
        {"dimensions", required_argument, NULL, 'd'}, {0}};
    const char *kinds[DDPM_TOY_COUNT];
    int64_t dimensions = 2;
    int kind = 0;
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 'c') DDPM_TRY(ddpm_arguments_integer("--count", optarg, 1, DDPM_ROWS_MAX, &o->count));
        if (found == 'o') o->path = optarg;
        if (found == 'n') DDPM_TRY(ddpm_arguments_real("--noise", optarg, 0.0, 1e30, &o->noise));
        if (found == 's') DDPM_TRY(ddpm_arguments_seed("--seed", optarg, &o->seed));
        if (found == 'd') DDPM_TRY(ddpm_arguments_integer("--dimensions", optarg, 2, 3, &dimensions));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a kind: swiss_roll, two_moons or s_curve"));
    for (int i = 0; i < DDPM_TOY_COUNT; i++) kinds[i] = ddpm_toy_name((ddpm_toy)i);
    DDPM_TRY(ddpm_arguments_choice("KIND", argv[optind], DDPM_TOY_COUNT, kinds, &kind));
    o->kind = (ddpm_toy)kind;
    o->dimensions = (int)dimensions;
    if (o->kind == DDPM_TOY_TWO_MOONS && dimensions == 3)
        return ddpm_fail(DDPM_ERR_USAGE, "--dimensions: expected 2 for two_moons, found 3");
    if (o->count == 0) return ddpm_fail(DDPM_ERR_USAGE, "'ddpm data' needs --count N");
    if (!o->path) return ddpm_fail(DDPM_ERR_USAGE, "'ddpm data' needs --output FILE.h5");
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_toy_file options = {.noise = NAN};
    DDPM_TRY(parse(argc, argv, &options));
    return ddpm_toy_file_write(comm, &options);
}

const ddpm_verb ddpm_verb_data = {
    .name = "data",
    .summary = "write a toy data set: KIND --count N --output FILE.h5",
    .help = help,
    .run = run,
};
