/** Requests to stop: SIGTERM, SIGINT, SIGUSR1 (what a scheduler sends before its time limit), run.time_limit, the end
 * of a SLURM job, and a file named "stop" in the run folder. Local, main thread; a request on one rank reaches all
 * through the vote of the next iteration. */
#ifndef DDPM_TRAIN_STOP_H
#define DDPM_TRAIN_STOP_H

#include "base/status.h"
#include "file/file.h"

typedef struct ddpm_stop {
    double deadline;            /* seconds of ddpm_comm_seconds; 0: none */
    const char *limit;          /* whose deadline that is */
    double next_look;           /* at the stop file */
    char file[DDPM_PATH_BYTES]; /* empty: none is looked for */
    const char *reason;         /* of the request, NULL: none so far */
} ddpm_stop;

/** From here on SIGUSR1 waits until ddpm_stop_begin: a scheduler may send it to a rank that is still starting, and it
 * would end the process. For main, before MPI and its threads are there. */
void ddpm_stop_hold(void);

/** Catch the signals until ddpm_stop_end.
 *  @param time_limit  seconds from now, 0: none.
 *  @param margin      seconds before the end of a SLURM job (SLURM_JOB_END_TIME, where it is set); at most half of what
 *                     is left now, so that a short job does something too.
 *  @param folder      the run folder, or NULL on ranks that do not look for the stop file. */
DDPM_MUST_CHECK ddpm_status ddpm_stop_begin(double time_limit, double margin, const char *folder, ddpm_stop *out);

/** Whether this rank has a reason to stop; a stop file is removed once seen. Looks at the file system once a second at
 * most. */
int ddpm_stop_wanted(ddpm_stop *stop);

/** Let the signals do again what they did before. */
void ddpm_stop_end(ddpm_stop *stop);

#endif
