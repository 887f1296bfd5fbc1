/* The verb `ddpm sample`: its command line. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "base/random.h"
#include "model/sampler.h"
#include "sample/sample.h"

/* clang-format off */
static const char help[] =
    "usage: ddpm sample CHECKPOINT --count N --output FILE.h5 [options]\n"
    "       ddpm sample CHECKPOINT --given FILE.h5[:dataset] --output FILE.h5 [options]\n"
    "\n"
    "Make N samples and write them as /samples [N][D] float32 in the units of the training data.\n"
    "CHECKPOINT is a file, or a run folder, whose latest checkpoint is taken. Sample i of a seed has the\n"
    "same bits at any N and at any number of ranks and threads.\n"
    "\n"
    "With --given, complete rows instead: entries that are NaN are unknown and made by the model, the\n"
    "others stay as they are, bit for bit, and the rows keep their order.\n"
    "\n"
    "  --count N          how many samples\n"
    "  --output FILE.h5   the file to write; it gets this name only when it is complete\n"
    "  --seed S           default: run.seed of the model's configuration\n"
    "  --trajectory M     also write M snapshots of the way from noise to data:\n"
    "                     /trajectory [M][N][D] and /trajectory_step [M]\n"
    "\n"
    "Conditions, of a model that was trained with data.condition, and classifiers:\n"
    "  --condition NAME=VALUE           a condition in its own units, the same for all samples;\n"
    "                                   give the option once for each condition\n"
    "  --conditions FILE.h5[:dataset]   conditions of each sample, a row each; --count may be left out\n"
    "  --classifier RUN   steer to the class that --condition names; RUN is a model that was trained with\n"
    "                     diffusion.predict: class on the same rows\n"
    "  --scale S          factor of the classifier's gradient; default: 1\n"
    "\n"
    "Completion:\n"
    "  --given FILE.h5[:dataset]   the rows to complete, in place of --count; columns are matched by name\n"
    "                              where both the file and the model have names\n"
    "  --draws M          complete each row M times, written as /draws [M][N][D] in place of /samples\n"
    "  --resample R       take each reverse step R times, with steps back in between (RePaint), so that\n"
    "                     the unknown entries come to agree with the known ones; default: 10\n";
/* clang-format on */

static ddpm_status parse_option(int found, const char *value, ddpm_sample_options *o)
{
    switch (found) {
    case 'c':
        return ddpm_arguments_integer("--count", value, 1, DDPM_ROWS_MAX, &o->count);
    case 'o':
        o->output = value;
        return DDPM_OK;
    case 's':
        o->has_seed = 1;
        return ddpm_arguments_seed("--seed", value, &o->seed);
    case 'n':
        if (o->condition_count == DDPM_CONDITIONS_MAX)
            return ddpm_fail(DDPM_ERR_USAGE, "--condition: at most %d", DDPM_CONDITIONS_MAX);
        o->conditions[o->condition_count++] = value;
        return DDPM_OK;
    case 'f':
        o->conditions_file = value;
        return DDPM_OK;
    case 'y':
        o->classifier = value;
        return DDPM_OK;
    case 'x':
        o->has_scale = 1;
        return ddpm_arguments_real("--scale", value, 0.0, 1e6, &o->scale);
    case 'i':
        o->given = value;
        return DDPM_OK;
    case 'd':
        return ddpm_arguments_integer("--draws", value, 1, 10000, &o->draws);
    case 'b':
        return ddpm_arguments_integer("--resample", value, 1, DDPM_SAMPLER_PASSES_MAX, &o->passes);
    default: /* 't' */
        return ddpm_arguments_integer("--trajectory", value, 1, 100000, &o->snapshots);
    }
}

/* Check --classifier and the options that go with it, and set defaults. */
static ddpm_status check_classifier(ddpm_sample_options *o)
{
    if (!o->classifier && o->has_scale) return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample': --scale is for --classifier");
    if (o->classifier && !o->conditions_file && o->condition_count == 0)
        return ddpm_fail(
            DDPM_ERR_USAGE,
            "'ddpm sample': --classifier needs a class to steer to: --condition NAME=VALUE, or --conditions");
    if (!o->has_scale) o->scale = 1.0;
    return DDPM_OK;
}

/* Check --given and the options that go with it, and set defaults. */
static ddpm_status check_given(ddpm_sample_options *o)
{
    if (!o->given && (o->draws > 0 || o->passes > 0))
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample': --draws and --resample are for the rows of --given");
    if (o->given && o->count > 0)
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample' takes --given or --count, not both: the file says how many");
    if (o->given && o->snapshots > 0)
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample' writes no --trajectory of the rows of --given");
    if (o->draws == 0) o->draws = 1;
    if (o->passes == 0) o->passes = DDPM_PASSES;
    return DDPM_OK;
}

static ddpm_status parse(int argc, char **argv, ddpm_sample_options *o)
{
    static const struct option options[] = {
        {"count", required_argument, NULL, 'c'},     {"output", required_argument, NULL, 'o'},
        {"seed", required_argument, NULL, 's'},      {"trajectory", required_argument, NULL, 't'},
        {"condition", required_argument, NULL, 'n'}, {"conditions", required_argument, NULL, 'f'},
        {"given", required_argument, NULL, 'i'},     {"draws", required_argument, NULL, 'd'},
        {"resample", required_argument, NULL, 'b'},  {"classifier", required_argument, NULL, 'y'},
        {"scale", required_argument, NULL, 'x'},     {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next_own(argc, argv, options, &o->settings, &status)) != -1;) {
        DDPM_TRY(status);
        DDPM_TRY(parse_option(found, optarg, o));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a checkpoint or run folder"));
    o->checkpoint = argv[optind];
    if (o->conditions_file && o->condition_count > 0)
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample' takes --condition or --conditions, not both");
    DDPM_TRY(check_classifier(o));
    DDPM_TRY(check_given(o));
    if (o->count == 0 && !o->conditions_file && !o->given)
        return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample' needs --count N");
    if (!o->output) return ddpm_fail(DDPM_ERR_USAGE, "'ddpm sample' needs --output FILE.h5");
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_sample_options options = {0};
    DDPM_TRY(parse(argc, argv, &options));
    return ddpm_sample(comm, &options);
}

const ddpm_verb ddpm_verb_sample = {
    .name = "sample",
    .summary = "make samples: CHECKPOINT --count N --output FILE.h5; or complete the rows of --given FILE.h5",
    .help = help,
    .run = run,
    .takes_sampling = 1,
};
