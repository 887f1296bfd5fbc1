/* A crash inside HDF5. A hostile file can lead version 1.10.8 to memory errors and to endless loops. Then the process
 * cannot continue, since its memory may be corrupt, but it ends at once and with a message. */
#include "file/h5_handle.h"

#include "base/printable.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGVTALRM};
enum { FAULTS = sizeof faults / sizeof *faults, STACK_BYTES = 1 << 16 };

static struct sigaction before[FAULTS];
static char stack[STACK_BYTES]; /* for the handler, since endless recursion leaves no room on the process's own */
static const char *volatile reading;
static volatile int guarding, printing, broken;
static timer_t timer; /* of the computing time of the thread that reads */
static struct itimerspec call_limit;

/* Setting a timer takes longer than reading a few rows. So it runs on from call to call, and only if a call lasts from
 * one end of it to the next is it without an end. */
static volatile int ticking;
static volatile int64_t calls, timed; /* number of the last call; of the last when the timer was set */

static void start_timer(void)
{
    timed = calls;
    ticking = timer_settime(timer, 0, &call_limit, NULL) == 0;
}

const char *ddpm_h5_enter(const char *path)
{
    const char *outer = reading;
    if (!outer) calls++;
    reading = path;
    if (!outer && guarding && !ticking) start_timer();
    return outer;
}

void ddpm_h5_leave(const char *const *outer)
{
    reading = *outer;
}

static void say(const char *text)
{
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* a failure cannot be reported */
}

void ddpm_h5_broken(void)
{
    broken = 1;
}

static void on_fault(int number)
{
    static char name[4096]; /* not on the handler's small stack */
    if (number == SIGVTALRM && ticking && (!reading || timed != calls)) {
        ticking = 0;
        if (reading) start_timer();
        return;
    }
    if (broken && !reading) _exit(ddpm_status_exit_code(DDPM_ERR_IO));
    if (reading) {
        if (printing) {
            say("ddpm: ");
            say(ddpm_printable_into(name, sizeof name, (const char *)reading));
            say(number == SIGVTALRM
                    ? ": reading it was given up, since HDF5 computed for minutes in one call without an end; check "
                      "the "
                      "file with h5ls, or write it anew\n"
                    : ": HDF5 itself failed on this file; it is damaged or made for that: copy it again, or write it "
                      "anew\n");
        }
        _exit(ddpm_status_exit_code(number == SIGVTALRM ? DDPM_ERR_IO : DDPM_ERR_DATA));
    }
    for (int i = 0; i < FAULTS; i++)
        if (faults[i] == number) sigaction(number, &before[i], NULL);
    raise(number);
}

void ddpm_h5_guard(int prints, double seconds)
{
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_fault;
    action.sa_flags = SA_ONSTACK | SA_NODEFER | SA_RESTART;
    sigemptyset(&action.sa_mask);
    printing = prints;
    call_limit.it_value = (struct timespec){(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
    guarding = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
    if (sigaltstack(&other, NULL)) action.sa_flags &= ~SA_ONSTACK;
    for (int i = 0; i < FAULTS; i++) sigaction(faults[i], &action, &before[i]);
}
