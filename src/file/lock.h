/** A lock that keeps a second run out of a folder. The kernel releases it when the process that holds it ends, in
 * whatever way. Local: rank 0, main thread.
 *
 *  It is flock(2) on FOLDER/lock, a file that names the holder. It works over NFS, where the server's lock service
 * runs, and on Lustre mounted with -o flock. On a file system without locks a warning says so, and the run continues.
 */
#ifndef DDPM_FILE_LOCK_H
#define DDPM_FILE_LOCK_H

#include "base/status.h"

typedef struct ddpm_lock ddpm_lock;

/** Make the folder and lock it. If the lock is held, wait some seconds, since a process that was just killed takes a
 * moment to end. DDPM_ERR_USAGE, naming the holder's host and process, when it is held still; DDPM_ERR_IO. */
DDPM_MUST_CHECK ddpm_status ddpm_lock_take(const char *folder, ddpm_lock **out);

/** Release the lock and remove its file, and the folder if it was made for the lock and nothing else is in it. NULL is
 * allowed. */
void ddpm_lock_release(ddpm_lock *lock);

#endif
