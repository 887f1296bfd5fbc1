/* Signals set a flag; everything else is checked between iterations. */
#include "train/stop.h"

#include "base/log.h"
#include "world/comm.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };
static struct sigaction before[SIGNALS];
static sigset_t held; /* the signal mask before ddpm_stop_begin */

static sigset_t scheduler_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return set;
}

void ddpm_stop_hold(void)
{
    const sigset_t set = scheduler_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* SIGINT after any caught signal ends the process at once: the user does not want to wait for the checkpoint. */
static void on_signal(int number)
{
    if (caught && number == SIGINT) {
        signal(number, SIG_DFL);
        raise(number);
    }
    caught = number;
}

static void set_deadline(ddpm_stop *stop, double seconds, const char *whose)
{
    const double deadline = ddpm_comm_seconds() + seconds;
    if (stop->deadline > 0.0 && stop->deadline <= deadline) return;
    stop->deadline = deadline;
    stop->limit = whose;
}

/* SLURM_JOB_END_TIME is in seconds since 1970. */
static void set_job_deadline(ddpm_stop *stop, double margin)
{
    static const char name[] = "SLURM_JOB_END_TIME";
    const char *text = getenv(name);
    char *end;
    if (!text || !*text) return;
    errno = 0;
    const long long seconds = strtoll(text, &end, 10);
    if (errno || *end || seconds <= 0) {
        ddpm_log_warning("%s: expected seconds since 1970, found '%.40s'; the end of the job is not known", name, text);
        return;
    }
    const double left = difftime((time_t)seconds, time(NULL));
    if (left < 2 * margin)
        ddpm_log_warning(
            "the SLURM job ends in %.0f s, of which run.stop_margin wants %g for the checkpoint; give the job "
            "more time, or set a smaller margin",
            fmax(left, 0.0), margin);
    set_deadline(stop, left - fmin(margin, left / 2), "the end of the SLURM job");
}

ddpm_status ddpm_stop_begin(double time_limit, double margin, const char *folder, ddpm_stop *out)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    *out = (ddpm_stop){0};
    if (time_limit > 0.0) set_deadline(out, time_limit, "run.time_limit");
    set_job_deadline(out, margin);
    if (folder) DDPM_TRY(ddpm_file_join(folder, "stop", out->file));
    caught = 0;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &action, &before[i]);
        if (signals[i] == SIGHUP && before[i].sa_handler == SIG_IGN) sigaction(SIGHUP, &before[i], NULL); /* nohup */
    }
    const sigset_t set = scheduler_signals();
    sigprocmask(SIG_UNBLOCK, &set, &held);
    return DDPM_OK;
}

static const char *reason_now(ddpm_stop *stop)
{
    if (caught == SIGTERM) return "SIGTERM";
    if (caught == SIGINT) return "SIGINT";
    if (caught == SIGUSR1) return "SIGUSR1";
    if (caught == SIGHUP) return "SIGHUP";
    if (!stop->file[0] && stop->deadline == 0.0) return NULL;
    const double now = ddpm_comm_seconds();
    if (stop->deadline > 0.0 && now >= stop->deadline) return stop->limit;
    if (!stop->file[0] || now < stop->next_look) return NULL;
    stop->next_look = now + 1.0;
    return unlink(stop->file) == 0 ? "the stop file" : NULL;
}

int ddpm_stop_wanted(ddpm_stop *stop)
{
    if (!stop->reason) stop->reason = reason_now(stop);
    return stop->reason != NULL;
}

void ddpm_stop_end(void)
{
    sigprocmask(SIG_SETMASK, &held, NULL);
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &before[i], NULL);
}
