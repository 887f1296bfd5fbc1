/* ddpm sample */
#include "ddpm/app/arguments.h"
#include "ddpm/app/verbs.h"
#include "ddpm/run/sample.h"

static const char help[] =
    "usage: ddpm sample CHECKPOINT --count N --output FILE.h5 [options]\n\n"
    "Make N samples and write them as /samples [N][D] float32 in the units of the training data. CHECKPOINT is a file, "
    "or a run folder\n"
    "(its latest). Sample i of a seed is the same whatever N, ranks and threads are.\n"
    "With --given, complete rows of which some entries are known (NaN: unknown) instead, in their order; what is known "
    "comes back unchanged.\n\n"
    "  --count N          how many\n"
    "  --output FILE.h5   where to; the file has this name only once it is whole\n"
    "  --seed S           default: run.seed of the model's configuration\n"
    "  --sampler NAME     ancestral, ddim or dpm_solver (DPM-Solver++(2M)); default: sampling.method\n"
    "  --steps K          reverse steps, 1 to T, spread evenly; default: sampling.steps, else all T\n"
    "  --eta E            ddim: 0 (no noise) to 1 (the posterior's)\n"
    "  --corrections C    Langevin steps after each reverse step\n"
    "  --condition N=V    a condition that the model was trained with (data.condition), in its own units; repeatable\n"
    "  --conditions FILE.h5[:dataset]   conditions, a row each; --count may be left out\n"
    "  --guidance W       classifier-free guidance: 0 follows the condition, more insists on it\n"
    "  --classifier RUN   a model trained with diffusion.predict: class on the same rows steers to the class that "
    "--condition names,\n"
    "                     for a model that was trained with or without conditions\n"
    "  --scale S          of the classifier's gradient; default: 1\n"
    "  --given FILE.h5[:dataset]   rows to complete, in place of --count; columns are matched by name where both have "
    "names\n"
    "  --draws M          M completions of each row, written as /draws [M][N][D] in place of /samples\n"
    "  --resample R       steps back and forth, which bring what is made into line with what is known (RePaint); "
    "default: 10\n"
    "  --weights ema|raw  the average of the weights over training (default), or the last ones\n"
    "  --clip none|data   clip the predicted x0 to the training data's range in every step\n"
    "  --trajectory M     also write M snapshots of the way from noise to data: /trajectory [M][N][D], "
    "/trajectory_step [M]\n";

static ddpm_status parse_option(int found, const char *value, ddpm_sample_options *o)
{
    static const char *const weights[] = {"ema", "raw"}, *const clips[] = {"none", "data"};
    int choice = 0;
    switch (found) {
    case 'c':
        return ddpm_arguments_integer("--count", value, 1, INT64_C(1) << 47, &o->count);
    case 'o':
        o->output = value;
        return DDPM_OK;
    case 's':
        o->has_seed = 1;
        return ddpm_arguments_seed("--seed", value, &o->seed);
    case 'k':
        o->sampling.has_steps = 1;
        return ddpm_arguments_integer("--steps", value, 1, 1000000, &o->sampling.values.steps);
    case 'a': {
        const char *methods[DDPM_METHOD_COUNT];
        for (int i = 0; i < DDPM_METHOD_COUNT; i++) methods[i] = ddpm_method_name((ddpm_method)i);
        o->sampling.has_method = 1;
        DDPM_TRY(ddpm_arguments_choice("--sampler", value, DDPM_METHOD_COUNT, methods, &choice));
        o->sampling.values.method = (ddpm_method)choice;
        return DDPM_OK;
    }
    case 'e':
        o->sampling.has_eta = 1;
        return ddpm_arguments_real("--eta", value, 0.0, 1.0, &o->sampling.values.eta);
    case 'r':
        o->sampling.has_corrections = 1;
        return ddpm_arguments_integer("--corrections", value, 0, 1000, &o->sampling.values.corrections);
    case 'n':
        if (o->condition_count == DDPM_CONDITIONS_MAX)
            return ddpm_fail(DDPM_ERR_USAGE, "--condition: at most %d", DDPM_CONDITIONS_MAX);
        o->conditions[o->condition_count++] = value;
        return DDPM_OK;
    case 'f':
        o->conditions_file = value;
        return DDPM_OK;
    case 'g':
        o->sampling.has_guidance = 1;
        return ddpm_arguments_real("--guidance", value, 0.0, 1000.0, &o->sampling.values.guidance);
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
    case 'w':
        o->sampling.has_weights = 1;
        DDPM_TRY(ddpm_arguments_choice("--weights", value, 2, weights, &choice));
        o->sampling.values.weights = choice == 0 ? DDPM_WEIGHTS_EMA : DDPM_WEIGHTS_RAW;
        return DDPM_OK;
    case 'l':
        o->sampling.has_clip = 1;
        DDPM_TRY(ddpm_arguments_choice("--clip", value, 2, clips, &choice));
        o->sampling.values.clip = choice == 0 ? DDPM_CLIP_NONE : DDPM_CLIP_DATA;
        return DDPM_OK;
    default:
        return ddpm_arguments_integer("--trajectory", value, 1, 100000, &o->snapshots);
    }
}

/* --classifier and what goes with it; sets what it leaves open. */
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

/* --given and what goes with it; sets what it leaves open. */
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
    static const struct option options[] = {{"count", required_argument, NULL, 'c'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"steps", required_argument, NULL, 'k'},
                                            {"weights", required_argument, NULL, 'w'},
                                            {"clip", required_argument, NULL, 'l'},
                                            {"trajectory", required_argument, NULL, 't'},
                                            {"condition", required_argument, NULL, 'n'},
                                            {"conditions", required_argument, NULL, 'f'},
                                            {"guidance", required_argument, NULL, 'g'},
                                            {"sampler", required_argument, NULL, 'a'},
                                            {"eta", required_argument, NULL, 'e'},
                                            {"corrections", required_argument, NULL, 'r'},
                                            {"given", required_argument, NULL, 'i'},
                                            {"draws", required_argument, NULL, 'd'},
                                            {"resample", required_argument, NULL, 'b'},
                                            {"classifier", required_argument, NULL, 'y'},
                                            {"scale", required_argument, NULL, 'x'},
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
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
    "sample", "make samples: CHECKPOINT --count N --output FILE.h5; or complete the rows of --given FILE.h5", help,
    run};
