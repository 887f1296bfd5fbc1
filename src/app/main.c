/* The program: find the verb, run it, print the error line of a failure, exit. */
#include "app/verbs.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/split.h"
#include "config/config.h"
#include "file/h5.h"
#include "kernel/simd.h"
#include "sample/sampling.h"
#include "train/stop.h"
#include "world/placement.h"
#include "world/quota.h"

#include <omp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const ddpm_verb *const verbs[] = {&ddpm_verb_train,    &ddpm_verb_sample,   &ddpm_verb_forward,
                                         &ddpm_verb_evaluate, &ddpm_verb_schedule, &ddpm_verb_data,
                                         &ddpm_verb_info,     &ddpm_verb_config,   &ddpm_verb_bench};
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

/* The number of threads that a parallel region really has. A limit (OMP_THREAD_LIMIT) may make it smaller than what was
 * asked for, and work is divided by this number. */
static int threads_granted(void)
{
    int granted = 1;
    /* unasked, OpenMP makes a thread for each processor, also where a container may use the time of a few only */
    if (!getenv("OMP_NUM_THREADS"))
        omp_set_num_threads((int)ddpm_smaller(omp_get_max_threads(), ddpm_quota_processors()));
#pragma omp parallel
#pragma omp single
    granted = omp_get_num_threads();
    return granted;
}

static ddpm_status run(ddpm_comm *comm, int argc, char **argv)
{
    const int prints = ddpm_comm_rank(comm) == 0;
    if (argc < 2) return ddpm_fail(DDPM_ERR_USAGE, "a verb is needed; 'ddpm --help' lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        if (prints) print_help();
        return DDPM_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        if (prints) print_version();
        return DDPM_OK;
    }
    for (int i = 0; i < VERBS; i++) {
        if (strcmp(argv[1], verbs[i]->name) != 0) continue;
        for (int a = 2; a < argc && strcmp(argv[a], "--") != 0; a++)
            if (strcmp(argv[a], "--help") == 0 || strcmp(argv[a], "-h") == 0) {
                if (prints) fputs(verbs[i]->help, stdout);
                if (prints && verbs[i]->takes_sampling) ddpm_sampling_help(stdout);
                return DDPM_OK;
            }
        return verbs[i]->run(comm, argc - 1, argv + 1);
    }
    return ddpm_fail(DDPM_ERR_USAGE, "there is no verb '%s'; 'ddpm --help' lists them", argv[1]);
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

/* What a write then returns becomes the message of the file that it was for. */
static void ignore_signals_of_writing(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* Local. The OpenMP library crashes when it cannot hold a table of its threads. */
static ddpm_status check_threads(void)
{
    enum { LEAST = 4096 };
    const int most = (int)ddpm_larger(LEAST, sysconf(_SC_NPROCESSORS_ONLN));
    if (omp_get_max_threads() <= most) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "OMP_NUM_THREADS: expected a number of threads from 1 to %d, found %d", most,
                     omp_get_max_threads());
}

int main(int argc, char **argv)
{
    ddpm_comm *comm = NULL;
    ddpm_stop_hold();
    ignore_signals_of_writing();
    ddpm_status status = ddpm_comm_start(&argc, &argv, &comm);
    if (!comm) {
        fprintf(stderr, "ddpm: %s\n", ddpm_error_message());
        return ddpm_status_exit_code(status);
    }
    const int prints = ddpm_comm_rank(comm) == 0;
    ddpm_log_enable(prints);
    ddpm_h5_guard(prints, HDF5_SECONDS);
    omp_set_dynamic(0);
    if (status == DDPM_OK) status = ddpm_agree(comm, check_threads());
    if (status == DDPM_OK) omp_set_num_threads(threads_granted());
    if (status == DDPM_OK) status = ddpm_placement_check(comm, ddpm_kernels_choose(DDPM_PRECISION_FLOAT32));
    if (status == DDPM_OK) status = run(comm, argc, argv);
    if (status == DDPM_OK) status = ddpm_agree(comm, flush_output());
    if (prints && status != DDPM_OK && !(status == DDPM_ERR_IO && has_no_reader()))
        ddpm_log_info("ddpm: %s", ddpm_error_message());
    ddpm_comm_stop(comm);
    return ddpm_status_exit_code(status);
}
