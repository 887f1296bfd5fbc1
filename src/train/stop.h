/** Requests to stop: SIGTERM, SIGINT, SIGUSR1 (which a scheduler sends before its time limit), SIGHUP (which a closed
 * terminal sends, unless nohup has it ignored), run.time_limit, the end of a SLURM job, and a file named "stop" in the
 * run folder. Local, main thread. Each rank votes in every iteration, so a request on one rank reaches all of them. */
#ifndef DDPM_TRAIN_STOP_H
#define DDPM_TRAIN_STOP_H

#include "base/status.h"
#include "file/file.h"

typedef struct ddpm_stop {
    double deadline;            /* in seconds of ddpm_comm_seconds; 0: none */
    const char *limit;          /* what sets the deadline */
    double next_look;           /* when the stop file is looked for again */
    char file[DDPM_PATH_BYTES]; /* the stop file; empty: this rank does not look for it */
    const char *reason;         /* of the request; NULL: there is none so far */
} ddpm_stop;

/** Block SIGUSR1 until ddpm_stop_begin: a scheduler may send it to a rank that is still starting, where it would end
 * the process. To be called by main before MPI and its threads are started. */
void ddpm_stop_hold(void);

/** Catch the signals until ddpm_stop_end.
 *  @param time_limit  seconds from now; 0: none.
 *  @param margin      how many seconds before the end of a SLURM job (SLURM_JOB_END_TIME, where it is set) to stop; at
 *                     most half of the time that is left now is used, so that a short job does some work too.
 *  @param folder      the run folder, or NULL on ranks that do not look for the stop file. */
DDPM_MUST_CHECK ddpm_status ddpm_stop_begin(double time_limit, double margin, const char *folder, ddpm_stop *out);

/** Whether this rank has a reason to stop. A stop file is removed when it is found; it is looked for at most once a
 * second. */
int ddpm_stop_wanted(ddpm_stop *stop);

/** Restore what the signals did before. */
void ddpm_stop_end(void);

#endif
