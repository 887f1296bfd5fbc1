/* The verb `ddpm schedule`: print a schedule as CSV, and its audit. */
#include "app/arguments.h"
#include "app/verbs.h"
#include "assembly/audit.h"
#include "assembly/model.h"
#include "file/output.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const char help[] =
    "usage: ddpm schedule CONFIG [--set key=value]... [--output FILE.csv]\n"
    "\n"
    "Print the noise schedule of CONFIG as CSV, a row for each step t = 1..T, with the columns\n"
    "step,beta,alpha_bar,snr,posterior_variance. Standard error gets the audit: how far the end of the\n"
    "forward process is from pure noise; and whether the section `sampling` gives samples of the data's\n"
    "spread.\n"
    "\n"
    "  --output FILE.csv  write the table to this file instead of standard output\n"
    "  --set key=value    set a key over the configuration file; may be repeated, the last value of a key counts\n";
/* clang-format on */

static const char columns[] = "step,beta,alpha_bar,snr,posterior_variance\n";

static void print(const ddpm_schedule *s, FILE *to)
{
    fputs(columns, to);
    for (int64_t t = 1; t <= s->steps; t++)
        fprintf(to, "%lld,%.17g,%.17g,%.17g,%.17g\n", (long long)t, s->beta[t], s->alpha_bar[t],
                s->alpha_bar[t] / s->one_minus_alpha_bar[t], s->posterior_variance[t]);
}

static ddpm_status write_file(const ddpm_schedule *s, const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    DDPM_TRY(ddpm_output_prepare(path, columns));
    FILE *memory = open_memstream(&text, &bytes);
    if (!memory) return ddpm_fail(DDPM_ERR_MEMORY, "out of memory for the text of the table");
    print(s, memory);
    ddpm_status status = DDPM_OK;
    if (fclose(memory) != 0) status = ddpm_fail(DDPM_ERR_MEMORY, "out of memory for the text of the table");
    if (status == DDPM_OK) status = ddpm_output_replace(path, text, bytes);
    free(text);
    return status;
}

/* Local, on rank 0. */
static ddpm_status show(const ddpm_config *config, const char *output)
{
    ddpm_schedule schedule;
    ddpm_diffusion diffusion;
    ddpm_status status = DDPM_OK;
    if (config->diffusion.process == DDPM_PROCESS_MASKED)
        return ddpm_fail(DDPM_ERR_CONFIG,
                         "diffusion.process: masked adds no noise, and so has no beta: of D columns, 1 - t / D are "
                         "shown at step t; `ddpm schedule` is for diffusion.process: gaussian");
    DDPM_TRY(ddpm_model_schedule(config, &schedule));
    DDPM_TRY(ddpm_diffusion_create(&schedule, config->diffusion.predict, config->diffusion.variance, &diffusion));
    if (output)
        status = write_file(&diffusion.schedule, output);
    else
        print(&diffusion.schedule, stdout);
    if (status == DDPM_OK) {
        ddpm_model_report_audit(&diffusion.schedule);
        if (!config->data.pairs) ddpm_audit_report_sampling(&diffusion, &config->sampling, 0.0);
    }
    ddpm_diffusion_release(&diffusion);
    return status;
}

static ddpm_status parse(int argc, char **argv, ddpm_config_arguments *config, const char **output)
{
    static const struct option options[] = {
        {"set", required_argument, NULL, 's'}, {"output", required_argument, NULL, 'o'}, {0}};
    ddpm_status status;
    for (int found; (found = ddpm_arguments_next(argc, argv, options, &status)) != -1;) {
        DDPM_TRY(status);
        if (found == 's') DDPM_TRY(ddpm_arguments_set(config, optarg));
        if (found == 'o') *output = optarg;
    }
    DDPM_TRY(ddpm_arguments_rest(argc, argv, 1, 1, "a configuration file"));
    config->path = argv[optind];
    return DDPM_OK;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    ddpm_config_arguments arguments = {0};
    const char *output = NULL;
    ddpm_config config;
    DDPM_TRY(parse(argc, argv, &arguments, &output));
    ddpm_status status = ddpm_arguments_config(comm, &arguments, &config);
    if (status == DDPM_OK) status = DDPM_ON_RANK_0(comm, show(&config, output));
    ddpm_config_release(&config);
    return status;
}

const ddpm_verb ddpm_verb_schedule = {
    .name = "schedule",
    .summary = "print and audit a noise schedule: CONFIG [--output FILE.csv]",
    .help = help,
    .run = run,
    .is_local = 1,
};
