/* The program: find the verb, run it, print the error line of a failure, exit. */
#include "app/threads.h"
#include "app/verbs.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/config.h"
#include "file/h5.h"
#include "file/output.h"
#include "kernel/simd.h"
#include "sample/sampling.h"
#include "train/stop.h"
#include "world/placement.h"

#include <omp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const ddpm_verb *const verbs[] = {
    &ddpm_verb_train, &ddpm_verb_sample, &ddpm_verb_forward, &ddpm_verb_evaluate, &ddpm_verb_schedule, &ddpm_verb_data,
    &ddpm_verb_info,  &ddpm_verb_config, &ddpm_verb_bench,   &ddpm_verb_export,   &ddpm_verb_import};
enum {
    VERBS = sizeof verbs / sizeof *verbs,
    HDF5_SECONDS = 120 /* of computing in one call of HDF5, more than any takes */
};

static void print_help(void)
{
    printf("ddpm " DDPM_VERSION
           ": denoising diffusion probabilistic models on HDF5 arrays, over MPI ranks and OpenMP threads\n"
           "\n"
           "usage: ddpm VERB ...\n"
           "\n"
           "'ddpm VERB --help' explains a verb. Every verb runs alone, under mpirun and under srun.\n"
           "\n");
    for (int i = 0; i < VERBS; i++) printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\nexit codes:\n");
    for (int status = 0; status < DDPM_STATUS_COUNT; status++)
        printf("%5d  %s\n", ddpm_status_exit_code((ddpm_status)status), ddpm_status_text((ddpm_status)status));
}

static void print_version(void)
{
    const ddpm_kernels *kernels = ddpm_kernels_choose(DDPM_PRECISION_FLOAT32);
    printf("ddpm " DDPM_VERSION "\n%s\n%s\nlibyaml %s\nOpenMP %d, %d threads here\n%s kernels\n", ddpm_comm_library(),
           ddpm_h5_library(), ddpm_config_library(), _OPENMP, omp_get_max_threads(),
           kernels ? kernels->name : "no usable (DDPM_ISA names none that this processor can run)");
}

static const ddpm_verb *find_verb(int argc, char **argv)
{
    for (int i = 0; argc > 1 && i < VERBS; i++)
        if (strcmp(argv[1], verbs[i]->name) == 0) return verbs[i];
    return NULL;
}

static int is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Whether the arguments of a verb ask for its help. */
static int asks_for_help(int argc, char **argv)
{
    for (int a = 2; a < argc && strcmp(argv[a], "--") != 0; a++)
        if (is_help(argv[a])) return 1;
    return 0;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    const int prints = ddpm_comm_rank(comm) == 0;
    const ddpm_verb *verb = find_verb(argc, argv);
    if (argc < 2) return ddpm_fail(DDPM_ERR_USAGE, "a verb is needed; 'ddpm --help' lists them");
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
        if (prints) print_help();
        return DDPM_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        if (prints) print_version();
        return DDPM_OK;
    }
    if (!verb) return ddpm_fail(DDPM_ERR_USAGE, "there is no verb '%s'; 'ddpm --help' lists them", argv[1]);
    if (!asks_for_help(argc, argv)) return verb->run(comm, argc - 1, argv + 1);
    if (prints) fputs(verb->help, stdout);
    if (prints && verb->takes_sampling) ddpm_sampling_help(stdout);
    return DDPM_OK;
}

/* Start MPI, except for a rank alone that has no use for it: that is the dearest part of a short command. */
static ddpm_status start(int *argc, char ***argv, ddpm_comm **comm)
{
    const ddpm_verb *verb = find_verb(*argc, *argv);
    if (ddpm_comm_has_launcher() || (verb && !verb->is_local && !asks_for_help(*argc, *argv)))
        return ddpm_comm_start(argc, argv, comm);
    ddpm_comm_start_alone(comm);
    return DDPM_OK;
}

/* Whether the reader of standard output has ended, as that of `ddpm config | head -1` does. It needs no message. */
static int has_no_reader(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

/* Local. A verb whose output could not be printed has failed. */
static ddpm_status flush_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_IO, "standard output could not be written: its disk may be full");
}

/* A file that is not whole is of no use. */
static void end_without_it(int number)
{
    ddpm_output_abandon();
    signal(number, SIG_DFL);
    raise(number);
}

/* What a write returns becomes the message of the file that it was for. While it trains, the program catches what ends
 * it itself (train/stop.h). */
static void set_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 2; i++)
        if (signal(ending[i], end_without_it) == SIG_IGN) signal(ending[i], SIG_IGN); /* as nohup wants it */
}

int main(int argc, char **argv)
{
    ddpm_comm *comm = NULL;
    ddpm_stop_hold();
    set_signals();
    ddpm_status status = start(&argc, &argv, &comm);
    if (!comm) {
        fprintf(stderr, "ddpm: %s\n", ddpm_error_message());
        return ddpm_status_exit_code(status);
    }
    const int prints = ddpm_comm_rank(comm) == 0;
    ddpm_log_enable(prints);
    ddpm_h5_guard(prints, HDF5_SECONDS);
    if (status == DDPM_OK) status = ddpm_agree(comm, ddpm_threads_set());
    if (status == DDPM_OK) status = ddpm_placement_check(comm, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32));
    if (status == DDPM_OK) status = run(comm, argc, argv);
    if (status == DDPM_OK) status = ddpm_agree(comm, flush_output());
    if (prints && status != DDPM_OK && !(status == DDPM_ERR_IO && has_no_reader()))
        ddpm_log_info("ddpm: %s", ddpm_error_message());
    ddpm_comm_stop(comm);
    return ddpm_status_exit_code(status);
}
