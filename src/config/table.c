/* The option table: every key with type, default, range, meaning, and whether it is science (what is computed) or run
 * (where and how). A new option is a field of ddpm_config and a row here; nothing else knows the keys by name, but for
 * the rules that span keys in check.c. */
#include "config/table.h"

#include "base/edit_distance.h"
#include "base/split.h"

#include <math.h>
#include <string.h>

static const ddpm_choice sources[] = {{"swiss_roll", DDPM_DATA_SWISS_ROLL},
                                      {"two_moons", DDPM_DATA_TWO_MOONS},
                                      {"s_curve", DDPM_DATA_S_CURVE},
                                      {"hdf5", DDPM_DATA_HDF5},
                                      {NULL, 0}};
static const ddpm_choice standardizations[] = {{"column", DDPM_STANDARDIZE_COLUMN},
                                               {"global", DDPM_STANDARDIZE_GLOBAL},
                                               {"none", DDPM_STANDARDIZE_NONE},
                                               {NULL, 0}};
static const ddpm_choice schedules[] = {
    {"constant", DDPM_SCHEDULE_CONSTANT}, {"linear", DDPM_SCHEDULE_LINEAR}, {"quadratic", DDPM_SCHEDULE_QUADRATIC},
    {"sigmoid", DDPM_SCHEDULE_SIGMOID},   {"tanh", DDPM_SCHEDULE_TANH},     {"cosine", DDPM_SCHEDULE_COSINE},
    {"harmonic", DDPM_SCHEDULE_HARMONIC}, {"table", DDPM_SCHEDULE_TABLE},   {NULL, 0}};
static const ddpm_choice predictions[] = {{"noise", DDPM_PREDICT_NOISE}, {"data", DDPM_PREDICT_DATA},
                                          {"mean", DDPM_PREDICT_MEAN},   {"velocity", DDPM_PREDICT_VELOCITY},
                                          {"class", DDPM_PREDICT_CLASS}, {NULL, 0}};
static const ddpm_choice variances[] = {{"beta", DDPM_VARIANCE_BETA},
                                        {"posterior", DDPM_VARIANCE_POSTERIOR},
                                        {"learned", DDPM_VARIANCE_LEARNED},
                                        {"learned_range", DDPM_VARIANCE_LEARNED_RANGE},
                                        {NULL, 0}};
static const ddpm_choice losses[] = {
    {"simple", DDPM_LOSS_SIMPLE}, {"vlb", DDPM_LOSS_VLB}, {"hybrid", DDPM_LOSS_HYBRID}, {NULL, 0}};
static const ddpm_choice weightings[] = {
    {"none", DDPM_WEIGHTING_NONE}, {"noise", DDPM_WEIGHTING_NOISE}, {"min_snr", DDPM_WEIGHTING_MIN_SNR}, {NULL, 0}};
static const ddpm_choice timesteps[] = {{"uniform", DDPM_TIMESTEPS_UNIFORM},
                                        {"antithetic", DDPM_TIMESTEPS_ANTITHETIC},
                                        {"stratified", DDPM_TIMESTEPS_STRATIFIED},
                                        {"importance", DDPM_TIMESTEPS_IMPORTANCE},
                                        {NULL, 0}};
static const ddpm_choice methods[] = {{"ancestral", DDPM_METHOD_ANCESTRAL},
                                      {"ddim", DDPM_METHOD_DDIM},
                                      {"dpm_solver", DDPM_METHOD_DPM_SOLVER},
                                      {NULL, 0}};
/* identity is for last layers: a network of it alone would be a straight line */
static const ddpm_choice activations[] = {{"relu", DDPM_ACTIVATION_RELU},
                                          {"leaky_relu", DDPM_ACTIVATION_LEAKY_RELU},
                                          {"silu", DDPM_ACTIVATION_SILU},
                                          {"gelu", DDPM_ACTIVATION_GELU},
                                          {"tanh", DDPM_ACTIVATION_TANH},
                                          {"softplus", DDPM_ACTIVATION_SOFTPLUS},
                                          {NULL, 0}};
static const ddpm_choice networks[] = {{"mlp", DDPM_NETWORK_MLP}, {"residual", DDPM_NETWORK_RESIDUAL}, {NULL, 0}};
static const ddpm_choice times[] = {
    {"sinusoidal", DDPM_TIME_SINUSOIDAL}, {"gain_table", DDPM_TIME_GAIN_TABLE}, {NULL, 0}};
static const ddpm_choice optimizers[] = {
    {"adam", DDPM_OPTIMIZER_ADAM}, {"adamw", DDPM_OPTIMIZER_ADAMW}, {"sgd", DDPM_OPTIMIZER_SGD}, {NULL, 0}};
static const ddpm_choice decays[] = {
    {"constant", DDPM_DECAY_CONSTANT}, {"cosine", DDPM_DECAY_COSINE}, {"step", DDPM_DECAY_STEP}, {NULL, 0}};
static const ddpm_choice weights[] = {{"ema", DDPM_WEIGHTS_EMA}, {"raw", DDPM_WEIGHTS_RAW}, {NULL, 0}};
static const ddpm_choice clips[] = {{"none", DDPM_CLIP_NONE}, {"data", DDPM_CLIP_DATA}, {NULL, 0}};
static const ddpm_choice reductions[] = {
    {"exact", DDPM_REDUCTION_EXACT}, {"float32", DDPM_REDUCTION_FLOAT32}, {NULL, 0}};

static const ddpm_choice precisions[] = {
    {"float32", DDPM_PRECISION_FLOAT32}, {"bfloat16", DDPM_PRECISION_BFLOAT16}, {NULL, 0}};

const ddpm_section ddpm_sections[] = {
    {"run", "What the run is called, and where it goes."},
    {"data", "What is learned: rows of numbers, generated or from the user's file."},
    {"diffusion", "The forward process, and what the network predicts of it."},
    {"diffusion.schedule", "beta_t, the variance of the noise added in step t = 1..T."},
    {"network", "The function of (x_t, t, condition) that is trained."},
    {"training", "How the parameters are found."},
    {"checkpoint", "Files to go on from, and to sample from."},
    {"sampling", "How samples are made, where the command line of `ddpm sample` or `ddpm evaluate` does not say it."},
    {"parallel",
     "How the work is cut and added up. With `exact`, the number of ranks and threads never changes the result."},
};
const int ddpm_section_count = sizeof ddpm_sections / sizeof *ddpm_sections;

/* clang-format off */
/* The member's path is the key, so that a row cannot name one and mean the other. */
#define FIELD(member) .key = #member, .offset = offsetof(ddpm_config, member)
/* The meaning comes last, and after it the option that a row may name. */
#define CHOICE(member, initial_, choices_, flags_, ...) \
    {FIELD(member), .type = DDPM_OPTION_ENUM, .initial = (initial_), \
     .choices = (choices_), .flags = (flags_), .meaning = __VA_ARGS__}
#define RANGE(type_, member, initial_, min_, max_, flags_, ...) \
    {FIELD(member), .type = (type_), .initial = (initial_), \
     .min = (min_), .max = (max_), .flags = (flags_), .meaning = __VA_ARGS__}
#define INT(...) RANGE(DDPM_OPTION_INT, __VA_ARGS__)
#define REAL(...) RANGE(DDPM_OPTION_REAL, __VA_ARGS__)
#define OTHER(type_, member, initial_, flags_, ...) RANGE(type_, member, initial_, 0, 0, flags_, __VA_ARGS__)
#define BOOL(...) OTHER(DDPM_OPTION_BOOL, __VA_ARGS__)
#define TEXT(...) OTHER(DDPM_OPTION_TEXT, __VA_ARGS__)

enum {
    RUN = 0,
    SCIENCE = DDPM_OPTION_SCIENCE,
    PROLONG = DDPM_OPTION_PROLONG,
    OPEN_0 = DDPM_OPTION_ABOVE_MIN,
    OPEN_1 = DDPM_OPTION_BELOW_MAX,
    OPEN = OPEN_0 | OPEN_1,
    AUTO = DDPM_OPTION_AUTO,
};
#define FOREVER 1e12 /* iterations: below the 2^40 steps of a random stream */

const ddpm_option ddpm_options[] = {
    TEXT(run.name, "run", RUN | DDPM_OPTION_FILE_NAME, "the run's name; its folder is runs/<name>"),
    OTHER(DDPM_OPTION_UINT, run.seed, "0", SCIENCE, "all random numbers follow from it"),
    TEXT(run.output, "", RUN, "the run's folder; empty: runs/<name>"),
    REAL(run.time_limit, "0", 0, INFINITY, RUN, "stop with a checkpoint after so many seconds; 0: no limit"),
    REAL(run.stop_margin, "60", 0, INFINITY, RUN,
         "stop with a checkpoint so many seconds before SLURM_JOB_END_TIME, where SLURM sets it (at half of what is left, "
         "if that is less)"),
    INT(run.report_every, "100", 1, FOREVER, RUN, "iterations between rows of metrics.csv"),

    CHOICE(data.source, "swiss_roll", sources, SCIENCE, "where the rows come from"),
    INT(data.count, "10000", 1, 1099511627776, SCIENCE, "rows to generate (not for hdf5)"),
    REAL(data.noise, "auto", 0, INFINITY, SCIENCE | AUTO,
         "standard deviation of the noise on generated rows, in the source's own units; "
         "auto: swiss_roll 0.5, two_moons 0.05, s_curve 0.05"),
    INT(data.dimensions, "2", 2, 3, SCIENCE, "columns of generated rows; 3 for swiss_roll and s_curve only"),
    /* A run key, since a file may move between two submissions; its shape and statistics are in the checkpoint. */
    TEXT(data.path, "", RUN, "the HDF5 file with the rows; needed by hdf5"),
    TEXT(data.dataset, "data", SCIENCE, "the dataset in that file"),
    OTHER(DDPM_OPTION_TEXT_LIST, data.columns, NULL, SCIENCE, "columns to use, by name or by number from 0; []: all that are not conditions"),
    OTHER(DDPM_OPTION_TEXT_LIST, data.condition, NULL, SCIENCE,
          "what the model is told of each row: datasets or columns of the file, or label of generated rows; integers are classes, "
          "class:NAME or number:NAME decide"),
    CHOICE(data.standardize, "column", standardizations, SCIENCE,
           "bring each column, or all together, to mean 0 and variance 1 before training"),
    REAL(data.validation, "0.1", 0, 0.5, SCIENCE, "share of the rows that is held out for the validation loss"),
    /* Science, since it decides whether the rows are streamed, which visits them in another order. */
    REAL(data.memory, "4096", 1, INFINITY, SCIENCE,
         "MiB of rows held in the memory of a node; larger data are streamed"),

    INT(diffusion.steps, "100", 1, 1000000, SCIENCE, "T, the steps of the forward process"),
    CHOICE(diffusion.schedule.kind, "cosine", schedules, SCIENCE, "the form of beta_t"),
    REAL(diffusion.schedule.start, "auto", 0, 1, SCIENCE | OPEN | AUTO,
         "beta at t = 1 (constant: at every t; sigmoid and tanh: the lower limit); auto: 1e-4"),
    REAL(diffusion.schedule.end, "auto", 0, 1, SCIENCE | OPEN | AUTO,
         "beta at t = T (sigmoid and tanh: the upper limit); auto: 0.02"),
    BOOL(diffusion.schedule.rescale, "false", SCIENCE,
         "linear and quadratic: multiply beta by 1000 / T, so that any T reaches the same noise"),
    REAL(diffusion.schedule.target, "auto", 0, 1, SCIENCE | OPEN | AUTO,
         "constant: the share of the signal's variance left at t = T, alpha_bar_T; auto: follow start"),
    REAL(diffusion.schedule.limit, "6", 0, 100, SCIENCE | OPEN_0,
         "sigmoid and tanh: u runs evenly from -limit to limit"),
    REAL(diffusion.schedule.offset, "0.008", 0, 1, SCIENCE, "cosine: s, which keeps the first beta from being tiny"),
    REAL(diffusion.schedule.cap, "0.999", 0, 1, SCIENCE | OPEN, "cosine and harmonic: the largest beta"),
    BOOL(diffusion.schedule.zero_terminal_snr, "false", SCIENCE,
         "shift and scale the schedule so that no signal is left at t = T; needs predict: velocity or data"),
    RANGE(DDPM_OPTION_REAL_LIST, diffusion.schedule.values, NULL, 0, 1, SCIENCE | OPEN, "table: beta_1..beta_T"),
    CHOICE(diffusion.predict, "velocity", predictions, SCIENCE, "what the network is trained to give: the noise; x_0; how the mean of x_{t-1} differs from x_t; sqrt(alpha_bar) noise "
           "- sqrt(1 - alpha_bar) x_0; or which class data.condition has, by cross-entropy, for `ddpm sample --classifier`"),
    CHOICE(diffusion.variance, "posterior", variances, SCIENCE,
           "variance of a reverse step: beta_t, or that of the posterior; or a second head of the network: bounded around "
           "beta_t, or between the two"),
    CHOICE(diffusion.loss, "simple", losses, SCIENCE,
           "squared error of the prediction; the variational bound; or both, the bound for the variance head alone"),
    REAL(diffusion.lambda, "0.001", 0, INFINITY, SCIENCE, "hybrid: weight of the bound, which counts T times"),
    CHOICE(diffusion.weighting, "none", weightings, SCIENCE,
           "weight of the squared error by t: 1; that of the noise's error; the same, cut at a signal-to-noise ratio of gamma"),
    REAL(diffusion.gamma, "5", 0, INFINITY, SCIENCE | OPEN_0, "min_snr: the ratio"),
    CHOICE(diffusion.timesteps, "uniform", timesteps, SCIENCE,
           "how t is drawn: each row alone; pairs t and T + 1 - t; evenly over the batch; by the losses met at each t"),

    REAL(diffusion.condition_dropout, "0.1", 0, 1, SCIENCE,
         "share of the rows that are trained on without their condition, as guidance needs"),

    CHOICE(network.kind, "mlp", networks, SCIENCE,
           "a multilayer perceptron; or residual blocks of two layers, whose layer norms are modulated by t and the "
           "condition"),
    INT(network.width, "128", 1, 65536, SCIENCE, "units of a hidden layer"),
    INT(network.depth, "3", 1, 128, SCIENCE, "hidden layers, or residual blocks"),
    CHOICE(network.activation, "silu", activations, SCIENCE, "what follows each hidden layer"),
    CHOICE(network.time, "sinusoidal", times, SCIENCE,
           "how the network is told t: an embedding, or (mlp) learned gains of each hidden unit at each t"),
    INT(network.time_width, "64", 2, 4096, SCIENCE,
        "sinusoidal: columns of the embedding, an even number; residual: also of the layer that blocks are modulated "
        "from"),

    INT(training.iterations, "20000", 1, FOREVER, PROLONG,
        "batches to train on; a run may be prolonged unless decay is cosine, whose shape depends on it"),
    INT(training.batch, "256", 1, 1073741824, SCIENCE, "rows of a batch, all ranks together"),
    CHOICE(training.optimizer, "adam", optimizers, SCIENCE, "how gradients become steps"),
    REAL(training.learning_rate, "0.001", 0, INFINITY, SCIENCE | OPEN_0, "the largest one, after the warm-up"),
    REAL(training.momentum, "0.9", 0, 1, SCIENCE | OPEN_1, "sgd: share of the last step kept"),
    REAL(training.beta1, "0.9", 0, 1, SCIENCE | OPEN_1, "adam and adamw: decay of the first moment"),
    REAL(training.beta2, "0.999", 0, 1, SCIENCE | OPEN_1, "adam and adamw: decay of the second moment"),
    REAL(training.epsilon, "1e-8", 0, INFINITY, SCIENCE | OPEN_0,
         "adam and adamw: added to the root of the second moment"),
    REAL(training.weight_decay, "0", 0, INFINITY, SCIENCE, "adamw: decoupled from the gradient; others: added to it"),
    INT(training.warmup, "0", 0, FOREVER, SCIENCE, "iterations in which the learning rate rises evenly from 0"),
    CHOICE(training.decay, "cosine", decays, SCIENCE, "the learning rate after the warm-up"),
    INT(training.decay_every, "10000", 1, FOREVER, SCIENCE,
        "step: iterations between two changes of the learning rate"),
    REAL(training.decay_factor, "0.5", 0, 1, SCIENCE | OPEN_0, "step: the learning rate is multiplied by it"),
    REAL(training.clip, "1", 0, INFINITY, SCIENCE,
         "largest norm of the gradient, longer ones are scaled to it; 0: none"),
    REAL(training.ema, "0.999", 0, 1, SCIENCE | OPEN_1,
         "decay of the running mean of the parameters, per iteration; 0: none"),
    CHOICE(training.precision, "float32", precisions, SCIENCE,
           "what matrix products multiply: bfloat16 is for processors with AVX512-BF16, and slow elsewhere; sums are "
           "float32"),
    INT(training.recover, "0", 0, 100, RUN,
        "times a run whose loss or gradient is not finite goes back to a regular checkpoint and on with half the "
        "learning rate; needs checkpoint.keep: 0"),
    INT(training.validate_every, "1000", 0, FOREVER, RUN, "iterations between two validation losses; 0: never"),

    INT(checkpoint.every, "1000", 1, FOREVER, RUN, "iterations between two checkpoints"),
    INT(checkpoint.keep, "3", 0, 1000000, RUN, "the newest so many are kept; 0: all"),

    CHOICE(sampling.method, "ancestral", methods, RUN, "the reverse chain; DDIM; or DPM-Solver++(2M)", .option = "sampler"),
    INT(sampling.steps, "0", 0, 1000000, RUN, "reverse steps, spread evenly over diffusion.steps; 0: all of them",
        .option = "steps"),
    REAL(sampling.eta, "0", 0, 1, RUN, "ddim: the noise of a step, as a share of the posterior's", .option = "eta"),
    INT(sampling.corrections, "0", 0, 1000, RUN, "Langevin steps after each reverse step", .option = "corrections"),
    REAL(sampling.correction_ratio, "0.1", 0, 10, RUN, "r: a Langevin step's size is 2 r^2 (1 - alpha_bar)"),
    REAL(sampling.guidance, "0", 0, 1000, RUN,
         "w of classifier-free guidance: (1 + w) times the conditional prediction less w times the unconditional one",
         .option = "guidance"),
    CHOICE(sampling.weights, "ema", weights, RUN, "the running mean of the parameters, or the last ones",
           .option = "weights"),
    CHOICE(sampling.clip, "none", clips, RUN, "whether predicted rows are clipped to the range of the training data",
           .option = "clip"),

    CHOICE(parallel.reduction, "exact", reductions, SCIENCE,
           "how ranks add gradients: exactly, or in half the bytes with rounding that depends on their number"),
    INT(parallel.block_rows, "0", 0, 4096, SCIENCE,
        "rows a thread computes at a time, from 8; 0: chosen from batch and width"),
};
/* clang-format on */
const int ddpm_option_count = sizeof ddpm_options / sizeof *ddpm_options;

/* Keys of earlier versions, and what they are called now. */
static const struct {
    const char *key, *now;
} former_keys[] = {
    {"training.factors", "training.precision"},
};

_Static_assert(sizeof ddpm_options / sizeof *ddpm_options <= DDPM_OPTION_LIMIT, "raise DDPM_OPTION_LIMIT");
_Static_assert(sizeof ddpm_sections / sizeof *ddpm_sections <= DDPM_SECTION_LIMIT, "raise DDPM_SECTION_LIMIT");

int ddpm_option_find(const char *key)
{
    for (int i = 0; i < ddpm_option_count; i++)
        if (strcmp(ddpm_options[i].key, key) == 0) return i;
    return -1;
}

int ddpm_section_find(const char *key)
{
    for (int i = 0; i < ddpm_section_count; i++)
        if (strcmp(ddpm_sections[i].key, key) == 0) return i;
    return -1;
}

const char *ddpm_option_renamed(const char *key)
{
    for (size_t i = 0; i < sizeof former_keys / sizeof *former_keys; i++)
        if (strcmp(former_keys[i].key, key) == 0) return former_keys[i].now;
    return NULL;
}

/* ---- the nearest key ---- */

enum {
    NEAR_BYTES = 64, /* longer words are not mistyped keys */
    RANK = 128,      /* above any distance */
};

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* A key is near by its whole, or by its last part: a right name in a wrong section is a common mistake, but a lesser
 * likeness. Among equals the nearer whole wins. */
static void consider(const char *key, const char *candidate, int *best, const char **nearest)
{
    const int whole = ddpm_edit_distance(key, candidate),
              part = ddpm_edit_distance(last_part(key), last_part(candidate));
    const int score = (int)ddpm_smaller(whole, 1 + part) * RANK + whole;
    if (score >= *best) return;
    *best = score;
    *nearest = candidate;
}

const char *ddpm_option_nearest(const char *key)
{
    const char *nearest = NULL;
    const size_t length = strlen(key);
    int best = (2 + (int)(strlen(last_part(key)) / 3)) * RANK;
    if (length == 0 || length > NEAR_BYTES) return NULL;
    for (int i = 0; i < ddpm_option_count; i++) consider(key, ddpm_options[i].key, &best, &nearest);
    for (int i = 0; i < ddpm_section_count; i++) consider(key, ddpm_sections[i].key, &best, &nearest);
    return nearest;
}
