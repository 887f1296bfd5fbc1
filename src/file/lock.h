/** One run a folder: a lock that the kernel gives up when the process that holds it ends, however it ends. Local: rank
 * 0. Main thread.
 *
 *  flock(2) on FOLDER/lock, which names the holder. Linux carries it over NFS (to the server, where its lock service
 *  runs) and Lustre (mounted with -o flock); where a file system has no locks, a warning says so and the run goes on.
 */
#ifndef DDPM_FILE_LOCK_H
#define DDPM_FILE_LOCK_H

#include "base/status.h"

typedef struct ddpm_lock ddpm_lock;

/** Make the folder and lock it. A holder is given some seconds: one that has just been killed takes a moment to die.
 *  DDPM_ERR_USAGE names host and process of one that stays; DDPM_ERR_IO. */
DDPM_MUST_CHECK ddpm_status ddpm_lock_take(const char *folder, ddpm_lock **out);

/** Give it up; the lock's file goes, and the folder if nothing else is in it. NULL is allowed. */
void ddpm_lock_release(ddpm_lock *lock);

#endif
