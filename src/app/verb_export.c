/* The verb `ddpm export`: a model for other programs. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "assembly/load.h"
#include "exchange/export.h"
#include "file/output.h"
#include "sample/sampling.h"

#include <string.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm export CHECKPOINT|RUN --output FILE [--format safetensors|onnx] [--weights ema|raw|best]\n"
    "\n"
    "Write a trained network for other programs.\n"
    "\n"
    "  --output FILE     the file to write\n"
    "  --format          safetensors  the default, unless FILE ends in .onnx: weights named and laid out as PyTorch's\n"
    "                                 layers (layers.N.weight [outputs][inputs]), and beside them all that says what they\n"
    "                                 mean: transform, schedule, conditions, linear part or mixture, frequencies,\n"
    "                                 vocabulary, and the configuration\n"
    "                    onnx         one evaluation of the network as a graph: inputs x [rows][D], standardised, t [rows],\n"
    "                                 int64, and condition [rows][C] where there are conditions; output `output`; not of a\n"
    "                                 model of tokens (diffusion.process: masked)\n"
    "  --weights         those to write; without it, those that 'ddpm sample' takes\n"
    "\n"
    "'ddpm import' makes a checkpoint of a safetensors file; analysis/README.md has the way to and from PyTorch.\n";
/* clang-format on */

typedef struct arguments {
    const char *model, *output;
    int format;
    ddpm_sampling_settings settings; /* the weights, over the model's own */
} arguments;

enum { SAFETENSORS, ONNX, FORMATS };

static const char *const formats[FORMATS] = {"safetensors", "onnx"};

/* The format in which the name ends, which programs go by, or `otherwise`. */
static int format_of_name(const char *path, int otherwise)
{
    const char *dot = strrchr(path, '.');
    for (int format = 0; dot && format < FORMATS; format++)
        if (strcmp(dot + 1, formats[format]) == 0) return format;
    return otherwise;
}

static ddpm_status choose_format(arguments *a)
{
    if (a->format < 0) a->format = format_of_name(a->output, SAFETENSORS);
    if (format_of_name(a->output, a->format) == a->format) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE,
                     "--format %s: the name of its file, '%s', ends in that of the other one; change one of the two",
                     formats[a->format], a->output);
}

static ddpm_status parse(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"weights", required_argument, NULL, 'w'},
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 'o') a->output = optarg;
        if (found == 'f') DDPM_TRY(ddpm_arguments_choice("--format", optarg, FORMATS, formats, &a->format));
        if (found == 'w') DDPM_TRY(ddpm_sampling_settings_add(&a->settings, "weights", optarg));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a checkpoint or a run folder"));
    a->model = argv[optind];
    if (a->output) return choose_format(a);
    return ddpm_fail(DDPM_ERR_USAGE, "'ddpm export' needs --output FILE; see 'ddpm export --help'");
}

/* Local: rank 0. */
static ddpm_status write(const arguments *a)
{
    ddpm_loaded loaded;
    DDPM_TRY(ddpm_load(a->model, 0, &loaded));
    ddpm_loaded_name_process(&loaded);
    ddpm_status status = ddpm_sampling_settings_apply(&a->settings, &loaded.config);
    const ddpm_weights weights = loaded.config.sampling.weights;
    if (status == DDPM_OK)
        status = a->format == ONNX ? ddpm_output_prepare(a->output, DDPM_ONNX_BEGINS)
                                   : ddpm_output_prepare_behind(a->output, 8, DDPM_SAFETENSORS_BEGINS);
    if (status == DDPM_OK)
        status = a->format == ONNX ? ddpm_export_onnx(&loaded, a->model, weights, a->output)
                                   : ddpm_export_safetensors(&loaded, weights, a->output);
    ddpm_loaded_release(&loaded);
    return status;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    arguments a = {.format = -1};
    DDPM_TRY(parse(argc, argv, &a));
    return DDPM_ON_RANK_0(comm, write(&a));
}

const ddpm_verb ddpm_verb_export = {
    .name = "export",
    .summary = "write a network for other programs: CHECKPOINT|RUN --output FILE [--format safetensors|onnx]",
    .help = help,
    .run = run,
    .is_local = 1,
};
