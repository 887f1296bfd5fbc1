/* The verb `ddpm import`: a checkpoint of weights from another program. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "exchange/import_file.h"
#include "file/output.h"

/* clang-format off */
static const char help[] =
    "usage: ddpm import FILE.safetensors --output FILE.h5 [--config CONFIG] [--set key=value]...\n"
    "\n"
    "Make a checkpoint of weights that another program trained or changed, from which 'ddpm sample' draws and\n"
    "'ddpm train --start-from' goes on. Names and shapes are those that 'ddpm export' writes. transform.mean and\n"
    "transform.scale must be there, so that no network is used with another scaling than its own.\n"
    "\n"
    "  --output FILE.h5  the checkpoint\n"
    "  --config CONFIG   the configuration of the network and the diffusion; a file of 'ddpm export' has its own, with\n"
    "                    which another must agree in what the weights mean\n"
    "  --set key=value   use this value in place of CONFIG's; may be repeated, the last value of a key counts\n";
/* clang-format on */

static ddpm_status parse(int argc, char **argv, ddpm_config_arguments *config, const char **output)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 'o') *output = optarg;
        if (found == 'c') config->path = optarg;
        if (found == 's') DDPM_TRY(ddpm_arguments_set(config, optarg));
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a safetensors file"));
    if (*output && (config->path || config->set_count == 0)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "'ddpm import' needs %s; see 'ddpm import --help'",
                     *output ? "--config CONFIG for --set" : "--output FILE.h5");
}

/* Local: rank 0. */
static ddpm_status make(const char *from, const ddpm_config *config, const char *output)
{
    ddpm_safetensors *file = NULL;
    DDPM_TRY(ddpm_safetensors_open(from, &file));
    ddpm_status status = ddpm_output_prepare(output, NULL);
    if (status == DDPM_OK) status = ddpm_import_safetensors(file, from, config, output);
    ddpm_safetensors_close(file);
    return status;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_config_arguments arguments = {0};
    const char *output = NULL;
    ddpm_config config = {0};
    DDPM_TRY(parse(argc, argv, &arguments, &output));
    ddpm_status status = arguments.path ? ddpm_arguments_config(comm, &arguments, &config) : DDPM_OK;
    if (status == DDPM_OK) status = DDPM_ON_RANK_0(comm, make(argv[optind], arguments.path ? &config : NULL, output));
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_import = {
    .name = "import",
    .summary = "make a checkpoint of another program's weights: FILE.safetensors --output FILE.h5",
    .help = help,
    .run = run,
    .is_local = 1,
};
