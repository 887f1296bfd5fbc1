/* The option table: every key with type, default, range, meaning, and whether it is a key of science (it decides what
 * is computed) or of the run (where and how). A new option is a member of ddpm_config, a row here, and a line where a
 * specification is filled: parts.c, train/settings.c or assembly/model.c. A new list is also released in check.c, which
 * holds the rules that span keys. */
#include "config/table.h"

#include "base/edit_distance.h"
#include "base/split.h"
#include "fit/mixture.h"
#include "fit/principal.h"
#include "kernel/outer.h"
#include "model/toy.h"
#include "store/checkpoint.h"

#include <math.h>
#include <string.h>

#define TOY(constant, name, noise) {name, DDPM_DATA_##constant},
static const ddpm_choice sources[] = {DDPM_TOY_LIST(TOY){"hdf5", DDPM_DATA_HDF5}, {NULL, 0}};
static const ddpm_choice standardizations[] = {{"column", DDPM_STANDARDIZE_COLUMN},
                                               {"global", DDPM_STANDARDIZE_GLOBAL},
                                               {"none", DDPM_STANDARDIZE_NONE},
                                               {NULL, 0}};
#define MAP(constant, name) {name, DDPM_MAP_##constant},
static const ddpm_choice maps[] = {DDPM_MAP_LIST(MAP){NULL, 0}};
static const ddpm_choice processes[] = {
    {"auto", DDPM_PROCESS_AUTO}, {"gaussian", DDPM_PROCESS_GAUSSIAN}, {"masked", DDPM_PROCESS_MASKED}, {NULL, 0}};
static const ddpm_choice schedules[] = {{"constant", DDPM_SCHEDULE_CONSTANT},
                                        {"linear", DDPM_SCHEDULE_LINEAR},
                                        {"quadratic", DDPM_SCHEDULE_QUADRATIC},
                                        {"sigmoid", DDPM_SCHEDULE_SIGMOID},
                                        {"tanh", DDPM_SCHEDULE_TANH},
                                        {"cosine", DDPM_SCHEDULE_COSINE},
                                        {"harmonic", DDPM_SCHEDULE_HARMONIC},
                                        {"table", DDPM_SCHEDULE_TABLE},
                                        {"log_normal", DDPM_SCHEDULE_LOG_NORMAL},
                                        {NULL, 0}};
static const ddpm_choice predictions[] = {{"noise", DDPM_PREDICT_NOISE},
                                          {"data", DDPM_PREDICT_DATA},
                                          {"mean", DDPM_PREDICT_MEAN},
                                          {"velocity", DDPM_PREDICT_VELOCITY},
                                          {"flow", DDPM_PREDICT_FLOW},
                                          {"class", DDPM_PREDICT_CLASS},
                                          {NULL, 0}};
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
static const ddpm_choice methods[] = {{"ancestral", DDPM_METHOD_ANCESTRAL},   {"ddim", DDPM_METHOD_DDIM},
                                      {"dpm_solver", DDPM_METHOD_DPM_SOLVER}, {"heun", DDPM_METHOD_HEUN},
                                      {"adams", DDPM_METHOD_ADAMS},           {NULL, 0}};
/* Not identity, which is for last layers: a network of that alone is a linear function. */
static const ddpm_choice activations[] = {{"relu", DDPM_ACTIVATION_RELU},
                                          {"leaky_relu", DDPM_ACTIVATION_LEAKY_RELU},
                                          {"silu", DDPM_ACTIVATION_SILU},
                                          {"gelu", DDPM_ACTIVATION_GELU},
                                          {"tanh", DDPM_ACTIVATION_TANH},
                                          {"softplus", DDPM_ACTIVATION_SOFTPLUS},
                                          {NULL, 0}};
static const ddpm_choice networks[] = {{"mlp", DDPM_NETWORK_MLP}, {"residual", DDPM_NETWORK_RESIDUAL}, {NULL, 0}};
static const ddpm_choice initials[] = {
    {"pytorch", DDPM_INITIAL_PYTORCH}, {"variance", DDPM_INITIAL_VARIANCE}, {NULL, 0}};
static const ddpm_choice times[] = {
    {"sinusoidal", DDPM_TIME_SINUSOIDAL}, {"gain_table", DDPM_TIME_GAIN_TABLE}, {NULL, 0}};
static const ddpm_choice optimizers[] = {
    {"adam", DDPM_OPTIMIZER_ADAM}, {"adamw", DDPM_OPTIMIZER_ADAMW}, {"sgd", DDPM_OPTIMIZER_SGD}, {NULL, 0}};
static const ddpm_choice decays[] = {
    {"constant", DDPM_DECAY_CONSTANT}, {"cosine", DDPM_DECAY_COSINE}, {"step", DDPM_DECAY_STEP}, {NULL, 0}};
static const ddpm_choice spacings[] = {{"auto", DDPM_SPACING_AUTO},       {"uniform", DDPM_SPACING_UNIFORM},
                                       {"log_snr", DDPM_SPACING_LOG_SNR}, {"karras", DDPM_SPACING_KARRAS},
                                       {"angle", DDPM_SPACING_ANGLE},     {NULL, 0}};
static const ddpm_choice weights[] = {
    {"ema", DDPM_WEIGHTS_EMA}, {"raw", DDPM_WEIGHTS_RAW}, {"best", DDPM_WEIGHTS_BEST}, {NULL, 0}};
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
    {"training", "How the network is trained."},
    {"checkpoint", "Files from which a run is resumed, and samples are drawn."},
    {"sampling", "How samples are made, where the command line of `ddpm sample` or `ddpm evaluate` does not say it."},
    {"parallel", "How work is divided and gradients are added. With `exact`, the result is the same at any number of "
                 "ranks and threads."},
};
const int ddpm_section_count = sizeof ddpm_sections / sizeof *ddpm_sections;

/* clang-format off */
/* The member's path is the key, so that the two cannot differ. */
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
    MEANING = DDPM_OPTION_SCIENCE | DDPM_OPTION_MEANING,
    PROLONG = DDPM_OPTION_PROLONG,
    OPEN_0 = DDPM_OPTION_ABOVE_MIN,
    OPEN_1 = DDPM_OPTION_BELOW_MAX,
    OPEN = OPEN_0 | OPEN_1,
    AUTO = DDPM_OPTION_AUTO,
    OR_0 = DDPM_OPTION_OR_ZERO,
    OFF_0 = DDPM_OPTION_OFF_AT_0,
};
#define NEEDS(...) .needs = {__VA_ARGS__}
#define KIND "diffusion.schedule.kind: "
#define NOISE "diffusion.process: not masked"
#define GENERATED NEEDS("data.source: not hdf5")
#define ADAM NEEDS("training.optimizer: adam or adamw")
#define STEP_DECAY NEEDS("training.decay: step")
#define LOCAL NEEDS("training.local_steps: not 1")
#define NO_CLASS "diffusion.predict: not class"
#define TOY_NOISE(constant, name, noise) " " name "=" #noise
#define TEXT_OF_(value) #value
#define TEXT_OF(value) TEXT_OF_(value)
#define FLOAT_MOST 1e38 /* of a number that is used in single precision */
#define FOREVER DDPM_CHECKPOINT_ITERATIONS_MAX

const ddpm_option ddpm_options[] = {
    TEXT(run.name, "run", RUN | DDPM_OPTION_FILE_NAME, "the run's name, and that of its folder, runs/<name>"),
    OTHER(DDPM_OPTION_UINT, run.seed, "0", SCIENCE, "the seed from which all random numbers follow"),
    TEXT(run.output, "", RUN, "the run's folder; empty: runs/<name>"),
    REAL(run.time_limit, "0", 0, INFINITY, RUN, "seconds after which the run stops with a checkpoint; 0: no limit"),
    REAL(run.stop_margin, "60", 0, INFINITY, RUN,
         "seconds before the end of a SLURM job (SLURM_JOB_END_TIME) at which the run stops with a checkpoint; half of the "
         "time that is left, if that is less"),
    INT(run.report_every, "100", 1, FOREVER, RUN, "iterations between rows of metrics.csv"),

    CHOICE(data.source, "swiss_roll", sources, SCIENCE, "where the rows come from; where this is not given and data.path is, hdf5"),
    INT(data.count, "10000", 1, 1099511627776, SCIENCE, "rows to generate; not for hdf5", GENERATED),
    REAL(data.noise, "auto", 0, INFINITY, SCIENCE | AUTO,
         "standard deviation of the noise on generated rows, in the source's own units; auto:" DDPM_TOY_LIST(TOY_NOISE), GENERATED),
    INT(data.dimensions, "2", 2, 3, SCIENCE, "columns of generated rows; 3 for swiss_roll and s_curve only", GENERATED),
    /* Not science, since a file may be moved between two submissions; its statistics are compared on resume. */
    TEXT(data.path, "", RUN, "hdf5: the file with the rows", NEEDS("data.source: hdf5")),
    TEXT(data.dataset, "data", SCIENCE, "hdf5: the dataset in that file", NEEDS("data.source: hdf5")),
    OTHER(DDPM_OPTION_TEXT_LIST, data.columns, NULL, SCIENCE, "columns to use, by name or by number from 0; []: all that are not conditions"),
    OTHER(DDPM_OPTION_TEXT_LIST, data.condition, NULL, SCIENCE,
          "what the model is given of each row: datasets or columns of the file, or label of generated rows. A dataset of "
          "integers or of an enumeration, and the label of two_moons, are classes and all others are numbers, unless "
          "class:NAME or number:NAME says which"),
    BOOL(data.pairs, "false", SCIENCE,
         "hdf5: the rows are those that `ddpm sample` wrote, and each is trained with the noise that it was made from, so "
         "that a model of few diffusion.steps learns what another one does in many; needs sampling.method: ddim"),
    CHOICE(data.standardize, "column", standardizations, MEANING,
           "what is brought to mean 0 and variance 1 before training. column: each column by itself; global: all columns "
           "together; none: nothing", NEEDS(NOISE)),
    CHOICE(data.transform, "auto", maps, MEANING,
           "what columns become before training. standard: as data.standardize says; quantile: each value becomes the normal "
           "quantile of the share of rows below it, so that any column is standard normal, values that many rows share come "
           "back as such, and none lies outside the range of the rows; none: what they are; auto: quantile for columns in "
           "which many rows share values, with values far from the mean, or of which most rows are very near to each other "
           "beside one that some share, standard for others, and for all where data.standardize is not column or where sorting the rows would take more than a quarter of data.memory. "
           "Whole numbers of 64 bits that are too near to each other for double are standardised, with all their digits", .before = "standard", NEEDS(NOISE)),
    OTHER(DDPM_OPTION_TEXT_LIST, data.transform_columns, NULL, MEANING,
          "columns with another data.transform, by name or by number from 0: [delay:quantile, 3:none]", NEEDS(NOISE)),
    /* Not science, since it decides nothing where rows are not tokens; where they are, their statistics differ. */
    BOOL(data.exact, "true", RUN,
         "whether tokens tell how much numbers of a row differ that are equal or near in many rows, and each number has as many "
         "decimals as those beside it in its column, where they have not all as many", .before = "false", NEEDS("diffusion.process: not gaussian")),
    REAL(data.validation, "0.1", 0, 0.5, SCIENCE, "share of the rows that is held out for the validation loss"),
    /* Science, since rows that are streamed are visited in another order. */
    REAL(data.memory, "4096", 1, INFINITY, SCIENCE,
         "MiB of a node's memory that rows may take; larger data are streamed"),
    /* Not science, since it decides nothing where rows are held; where it does, their statistics differ. */
    INT(data.piece, "auto", 1, 1024, RUN | AUTO,
        "KiB of neighbouring rows that are streamed together; auto: so few that a window of rows, of which memory holds "
        "three, comes from a thousand places of the file", .before = "1024"),

    CHOICE(diffusion.process, "auto", processes, MEANING,
           "what destroys a row. gaussian: noise that is added; masked: columns that are hidden, one after another, as tokens "
           "(categories, values, quantiles), which takes no other keys of this section than timesteps; auto: masked for a table "
           "of numbers, categories and gaps, gaussian for an array of numbers"),
    INT(diffusion.steps, "1000", 1, 1000000, MEANING, "T, the steps of the forward process", NEEDS(NOISE)),
    CHOICE(diffusion.schedule.kind, "log_normal", schedules, MEANING, "the form of beta_t", NEEDS(NOISE)),
    REAL(diffusion.schedule.start, "auto", 0, 1, MEANING | OPEN | AUTO,
         "beta at t = 1 (constant: at every t; sigmoid and tanh: the lower limit); auto: " TEXT_OF(DDPM_SCHEDULE_START), NEEDS(KIND "constant, linear, quadratic, sigmoid or tanh", "diffusion.schedule.target: auto")),
    REAL(diffusion.schedule.end, "auto", 0, 1, MEANING | OPEN | AUTO,
         "beta at t = T (sigmoid and tanh: the upper limit); auto: " TEXT_OF(DDPM_SCHEDULE_END), NEEDS(KIND "linear, quadratic, sigmoid or tanh")),
    BOOL(diffusion.schedule.rescale, "false", MEANING,
         "linear and quadratic: multiply beta by 1000 / T, so that any T reaches the same noise", NEEDS(KIND "linear or quadratic")),
    REAL(diffusion.schedule.target, "auto", 0, 1, MEANING | OPEN | AUTO,
         "constant: the share of the signal's variance left at t = T, alpha_bar_T; auto: what follows from start", NEEDS(KIND "constant")),
    REAL(diffusion.schedule.limit, "6", 0, 100, MEANING | OPEN_0,
         "sigmoid and tanh: their argument runs evenly from -limit to limit", NEEDS(KIND "sigmoid or tanh")),
    REAL(diffusion.schedule.offset, "0.008", 0, 1, MEANING, "cosine: the offset s, which keeps beta from being tiny at t = 1", NEEDS(KIND "cosine")),
    REAL(diffusion.schedule.cap, "0.999", 0, 1, MEANING | OPEN, "cosine and harmonic: the largest beta", NEEDS(KIND "cosine or harmonic")),
    BOOL(diffusion.schedule.zero_terminal_snr, "false", MEANING,
         "shift and scale the schedule so that no signal is left at t = T; needs predict: velocity, flow or data", NEEDS(NOISE)),
    REAL(diffusion.schedule.log_mean, "-1.2", -20, 20, MEANING,
         "log_normal: mean of ln sigma, where sigma^2 = (1 - alpha_bar) / alpha_bar is the noise-to-signal ratio", NEEDS(KIND "log_normal")),
    REAL(diffusion.schedule.log_deviation, "1.4", 0, 10, MEANING | OPEN_0, "log_normal: standard deviation of ln sigma", NEEDS(KIND "log_normal")),
    RANGE(DDPM_OPTION_REAL_LIST, diffusion.schedule.values, NULL, 0, 1, MEANING | OPEN, "table: beta_1..beta_T", NEEDS(KIND "table")),
    CHOICE(diffusion.predict, "velocity", predictions, MEANING,
           "what the network is trained to predict. noise: the noise; data: x_0; mean: o in sqrt(1 - beta) x_t + sqrt(beta) o, "
           "the mean of x_{t-1}; velocity: sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x_0; flow: noise - x_0; class: the class that "
           "data.condition names, by cross-entropy, for `ddpm sample --classifier`", NEEDS(NOISE)),
    CHOICE(diffusion.variance, "posterior", variances, MEANING,
           "variance of a reverse step. beta: beta_t; posterior: that of q(x_{t-1} | x_t, x_0); learned: by a second head of "
           "the network, around beta_t; learned_range: by a second head, between beta_t and the posterior's", NEEDS(NOISE, NO_CLASS)),
    CHOICE(diffusion.loss, "simple", losses, SCIENCE,
           "simple: the squared error of the prediction; vlb: the variational bound; hybrid: both, where the bound trains the "
           "variance head alone", NEEDS(NOISE)),
    REAL(diffusion.lambda, "0.001", 0, INFINITY, SCIENCE, "hybrid: weight of the bound, the sum of T terms, which T times the term at the drawn t estimates", NEEDS("diffusion.loss: hybrid")),
    CHOICE(diffusion.weighting, "none", weightings, SCIENCE,
           "weight of the squared error at t. none: 1; noise: the one that makes it the squared error of the noise; min_snr: the "
           "same times min(SNR, gamma) / SNR, where SNR is the signal-to-noise ratio at t", NEEDS(NOISE, "diffusion.loss: not vlb")),
    REAL(diffusion.gamma, "5", 0, INFINITY, SCIENCE | OPEN_0, "min_snr: the largest signal-to-noise ratio that counts in full", NEEDS("diffusion.weighting: min_snr")),
    CHOICE(diffusion.timesteps, "uniform", timesteps, SCIENCE,
           "how t is drawn. uniform: for each row by itself; antithetic: t and T + 1 - t for two rows; stratified: evenly over "
           "the batch; importance: more often where the last losses were large"),

    REAL(diffusion.condition_dropout, "0.1", 0, 1, SCIENCE | OFF_0,
         "share of the rows that are trained on without their condition, which guidance needs", NEEDS("data.condition: not []", NO_CLASS)),

    CHOICE(network.kind, "residual", networks, MEANING,
           "mlp: a multilayer perceptron; residual: blocks of two layers, whose layer norms are modulated by t and the "
           "condition"),
    INT(network.width, "128", 1, 65536, MEANING, "units of a hidden layer"),
    INT(network.depth, "3", 1, 128, MEANING, "hidden layers, or residual blocks"),
    INT(network.components, "256", 0, DDPM_PRINCIPAL_COLUMNS_MAX, MEANING | OFF_0,
        "how many principal components of the rows the best linear prediction is computed along, to which the network's "
        "output is added, for data of at most " TEXT_OF(DDPM_PRINCIPAL_COLUMNS_MAX) " columns; 0: there is no linear prediction", .before = "0", NEEDS(NOISE, NO_CLASS)),
    INT(network.mixture, "auto", 1, DDPM_MIXTURE_MAX, MEANING | AUTO,
        "Gaussians of a mixture that is fitted to the rows before training, whose best prediction stands in the place of the "
        "linear one; 1: the linear one; auto: for rows of more than " TEXT_OF(DDPM_MIXTURE_AUTO_COLUMNS) " columns, as many up to "
        TEXT_OF(DDPM_MIXTURE_AUTO) " as predict rows best that they were not fitted to, if rows are normal within each", .before = "1", NEEDS(NOISE, NO_CLASS, "network.components: not 0")),
    INT(network.features, "auto", 0, 4096, MEANING | AUTO,
        "F: the cosine and the sine of as many random projections of x_t are inputs beside it; auto: " TEXT_OF(DDPM_FEATURES_AUTO)
        " for rows of at most " TEXT_OF(DDPM_FEATURES_COLUMNS) " columns, 0 for others and for classifiers", .before = "0", NEEDS(NOISE)),
    CHOICE(network.initial, "variance", initials, SCIENCE,
           "how parameters start. pytorch: as PyTorch's linear layers; variance: so that each layer keeps the variance of its "
           "inputs, with a last layer of zeros", .before = "pytorch"),
    CHOICE(network.activation, "silu", activations, MEANING, "the activation function after each hidden layer"),
    CHOICE(network.time, "sinusoidal", times, MEANING,
           "how t enters the network. sinusoidal: by an embedding; gain_table (mlp only): by a learned factor for each hidden "
           "unit at each t"),
    INT(network.time_width, "32", 2, 4096, MEANING,
        "sinusoidal: columns of the embedding, an even number; residual: also of the layer that blocks are modulated "
        "from", NEEDS("network.time: sinusoidal")),

    REAL(network.dropout, "0", 0, 0.9, SCIENCE,
         "share of the units of hidden layers that are left out of each row in training, against learning rows by heart"),

    INT(training.iterations, "20000", 1, FOREVER, PROLONG,
        "batches to train on; a run may be prolonged unless decay is cosine, whose shape depends on it"),
    TEXT(training.start_from, "", SCIENCE,
         "a checkpoint or run folder whose weights this run starts from, with its map of the data, its linear part or mixture, and "
         "its network; empty: random weights"),
    INT(training.batch, "256", 1, 1073741824, SCIENCE, "rows of a batch, all ranks together"),
    OTHER(DDPM_OPTION_TEXT_LIST, training.balance, NULL, SCIENCE,
          "names of conditions that are classes: each combination of these classes that training rows have is drawn equally "
          "often, and the rows that have it one after the other; []: all rows equally often. What is measured on held-out "
          "rows, their loss and the bound, stays that of the rows as they are, and samples without conditions have the "
          "classes equally often; ['weight:NAME']: rows are drawn in proportion to the numbers of that dataset, or column "
          "of the data, which is then modelled only if data.columns lists it"),
    CHOICE(training.optimizer, "adam", optimizers, SCIENCE, "the optimiser"),
    REAL(training.learning_rate, "0.002", 0, FLOAT_MOST, SCIENCE | OPEN_0, "the learning rate after the warm-up, before it decays"),
    REAL(training.momentum, "0.9", 0, 1, SCIENCE | OPEN_1, "sgd: share of the last step that is kept", NEEDS("training.optimizer: sgd")),
    REAL(training.beta1, "0.9", 0, 1, SCIENCE | OPEN_1, "adam and adamw: decay of the first moment", ADAM),
    REAL(training.beta2, "0.999", 0, 1, SCIENCE | OPEN_1, "adam and adamw: decay of the second moment", ADAM),
    REAL(training.epsilon, "1e-8", 0, FLOAT_MOST, SCIENCE | OPEN_0,
         "adam and adamw: added to the root of the second moment", ADAM),
    REAL(training.weight_decay, "0", 0, FLOAT_MOST, SCIENCE, "weight decay; adamw applies it to the parameters, the others add it to the gradient"),
    INT(training.warmup, "0", 0, FOREVER, SCIENCE, "iterations in which the learning rate rises evenly from 0"),
    CHOICE(training.decay, "cosine", decays, SCIENCE, "how the learning rate falls after the warm-up"),
    INT(training.decay_every, "10000", 1, FOREVER, SCIENCE,
        "step: iterations between two changes of the learning rate", STEP_DECAY),
    REAL(training.decay_factor, "0.5", 0, 1, SCIENCE | OPEN_0, "step: what the learning rate is multiplied by", STEP_DECAY),
    REAL(training.clip, "1", 0, INFINITY, SCIENCE,
         "largest norm of the gradient; a longer one is scaled down to it; 0: no limit"),
    REAL(training.ema, "0.999", 0, 1, SCIENCE | OPEN_1,
         "decay of the running mean of the parameters in an iteration, and (1 + n) / (10 + n) in iteration n as long as that "
         "is less, since the mean starts from untrained parameters; 0: the mean is the parameters"),
    INT(training.local_steps, "1", 1, 100000, SCIENCE,
        "H: steps that each of the workers takes by itself before the mean of what they have changed is taken by an outer "
        "optimiser (DiLoCo), which sends H times fewer messages; training.iterations must be a multiple of it, and intervals of "
        "iterations become multiples of it; 1: every step is one of all rows of a batch", NEEDS("training.workers: not 1")),
    INT(training.workers, "1", 1, DDPM_OUTER_WORKERS_MAX, SCIENCE,
        "W: the workers of local steps, each of which takes training.batch / W rows a step. Any number of ranks carries them, with "
        "the same result: best a multiple of the nodes", NEEDS("training.local_steps: not 1")),
    REAL(training.outer_rate, "0.8", 0, 10, SCIENCE | OPEN_0, "the learning rate of the outer optimiser", LOCAL),
    REAL(training.outer_momentum, "0.8", 0, 1, SCIENCE | OPEN_1, "Nesterov's momentum of the outer optimiser", LOCAL),
    CHOICE(training.precision, "float32", precisions, SCIENCE,
           "precision of the operands of matrix products, whose sums are float32; bfloat16 is for processors with "
           "AVX512-BF16, and slow elsewhere"),
    INT(training.recover, "0", 0, DDPM_CHECKPOINT_RECOVERIES_MAX, RUN,
        "how many times a run whose loss or gradient is not finite goes back to an earlier checkpoint and continues at half "
        "the learning rate; needs checkpoint.keep: 0"),
    INT(training.validate_every, "1000", 0, FOREVER, RUN | OFF_0 | AUTO,
        "iterations between two validation losses; 0: never; auto: those of " TEXT_OF(DDPM_VALIDATE_PASSES) " passes over the training "
        "rows, from " TEXT_OF(DDPM_VALIDATE_LEAST) " to " TEXT_OF(DDPM_VALIDATE_MOST) ", since few rows are learned by heart in few passes", NEEDS("data.validation: not 0")),
    BOOL(training.keep_best, "false", SCIENCE,
         "whether the running mean of the parameters with the least validation loss is kept, for sampling.weights: best", NEEDS("training.validate_every: not 0")),
    INT(training.patience, "0", 0, FOREVER, RUN | OFF_0,
        "validation losses in a row without a new least one after which the run ends; 0: it goes on to its last iteration", NEEDS("training.keep_best: true")),
    BOOL(training.shorten, "false", RUN,
         "whether a run that training.patience ends begins again, once, for half again as many iterations as the least loss was at, so that its "
         "learning rate falls to its end before the rows are learned by heart", NEEDS("training.patience: not 0", "training.decay: cosine")),

    INT(checkpoint.every, "1000", 1, FOREVER, RUN, "iterations between two checkpoints"),
    INT(checkpoint.keep, "3", 0, 1000000, RUN, "how many of the newest checkpoints are kept; 0: all"),

    CHOICE(sampling.method, "heun", methods, RUN, "ancestral: the reverse chain; ddim: DDIM; dpm_solver: DPM-Solver++(2M); heun: Heun's method for the flow, with two evaluations of the network for each step but the last; "
           "adams: Adams and Bashforth's of second order for the same flow, with one, for few steps",
           .option = "sampler", NEEDS(NOISE)),
    INT(sampling.steps, "auto", 0, 1000000, RUN | AUTO, "reverse steps; 0: all of diffusion.steps; auto: " TEXT_OF(DDPM_SAMPLING_STEPS_AUTO) " with heun, dpm_solver and adams, if diffusion.steps is not less, and all with the others",
        .option = "steps"),
    CHOICE(sampling.spacing, "auto", spacings, RUN,
           "how reverse steps are spread. uniform: evenly in t; log_snr: evenly in the logarithm of the signal-to-noise ratio; "
           "karras: evenly in the 7th root of the noise-to-signal ratio of amplitudes; angle: evenly in the 7th root of the "
           "angle whose tangent is that ratio; auto: angle with adams, log_snr with the others",
           .before = "uniform", .option = "spacing", NEEDS(NOISE)),
    REAL(sampling.eta, "0", 0, 1, RUN, "ddim: the noise of a step, as a share of the posterior's", .option = "eta", NEEDS("sampling.method: ddim")),
    INT(sampling.corrections, "0", 0, 1000, RUN, "Langevin steps after each reverse step", .option = "corrections", NEEDS(NOISE)),
    /* Where little of the data's variance is left, a step multiplies a deviation by 1 - 2 r^2. */
    REAL(sampling.correction_ratio, "0.1", 0, 1, RUN | OPEN_1,
         "r: a Langevin step's size is 2 r^2 (1 - alpha_bar); from 1 on the steps diverge", NEEDS("sampling.corrections: not 0")),
    INT(sampling.redraws, "auto", 0, 1000, RUN | AUTO,
        "how often each number of many values is hidden again and drawn given all other columns, after all are drawn; auto: once where more than three quarters of the columns are such numbers, and else not",
        NEEDS("diffusion.process: not gaussian")),
    REAL(sampling.guidance, "0", 0, 1000, RUN,
         "w of classifier-free guidance: (1 + w) times the conditional prediction less w times the unconditional one",
         .option = "guidance", NEEDS("data.condition: not []")),
    CHOICE(sampling.weights, "ema", weights, RUN,
           "ema: the running mean of the parameters; raw: the last parameters; best: the running mean that "
           "training.keep_best kept, or the last one as long as there is none",
           .option = "weights"),
    CHOICE(sampling.clip, "none", clips, RUN, "how predicted rows are clipped. none: not at all; data: to the range of the training data",
           .option = "clip", NEEDS(NOISE)),
    CHOICE(sampling.precision, "float32", precisions, RUN,
           "precision of the operands of matrix products, whose sums are float32; bfloat16 is for processors with "
           "AVX512-BF16, and slow elsewhere", .option = "precision"),

    CHOICE(parallel.reduction, "exact", reductions, SCIENCE,
           "how gradients are added over the ranks. exact: exactly; float32: in two thirds of the bytes, with rounding that depends on "
           "the number of ranks and threads"),
    INT(parallel.block_rows, "0", 8, 4096, SCIENCE | OR_0, "rows that a thread computes at a time; 0: chosen from the batch"),
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
    RANK = 128,      /* larger than any distance */
};

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* Whether one of two names begins with the other one: batch_size and batch, train and training. */
static int begins_alike(const char *a, const char *b)
{
    enum { LEAST = 4 }; /* fewer letters say little */
    const size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    return shorter >= LEAST && strncmp(a, b, shorter) == 0;
}

/* A key may be near as a whole, or by its last part, since a right name in a wrong section is a common mistake; the
 * latter counts for a little less. Among equals the key that is nearer as a whole is taken. */
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
    for (int i = 0; i < ddpm_section_count && !nearest; i++)
        if (begins_alike(last_part(key), last_part(ddpm_sections[i].key))) nearest = ddpm_sections[i].key;
    for (int i = 0; i < ddpm_option_count && !nearest; i++)
        if (begins_alike(last_part(key), last_part(ddpm_options[i].key))) nearest = ddpm_options[i].key;
    return nearest;
}
