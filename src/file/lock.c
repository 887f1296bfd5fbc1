/* The lock of a run folder. Its holder removes its file; so a process that gets the lock checks that the file which it
 * has locked still has that name. */
#include "file/lock.h"

#include "base/log.h"
#include "base/memory.h"
#include "file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS = 50, PAUSE_NANOSECONDS = 100000000 }; /* 5 seconds in all */

struct ddpm_lock {
    int fd;
    int made_folder; /* whether the folder was not there before */
    char folder[DDPM_PATH_BYTES], path[DDPM_PATH_BYTES];
};

static ddpm_status fail_held(const ddpm_lock *lock)
{
    char holder[128] = "";
    const ssize_t bytes = pread(lock->fd, holder, sizeof holder - 1, 0);
    holder[bytes > 0 ? strcspn(holder, "\n") : 0] = '\0';
    return ddpm_fail(DDPM_ERR_USAGE,
                     "%s: another run is at work in this folder (%s); wait for it or stop it, or name another folder "
                     "(--output)",
                     lock->folder, *holder ? holder : "its lock is held");
}

/* Whether an open file is the one that has the name. */
static int has_name(int fd, const char *path)
{
    struct stat open_file, named;
    return !fstat(fd, &open_file) && !stat(path, &named) && open_file.st_dev == named.st_dev &&
           open_file.st_ino == named.st_ino;
}

/* Make the folder, and open the lock's file. Another run that ends may remove the folder in between: then *gone is set.
 */
static ddpm_status open_file(ddpm_lock *lock, int *gone)
{
    struct stat about;
    const int was_there = !stat(lock->folder, &about);
    DDPM_TRY(ddpm_file_make_folder(lock->folder));
    lock->made_folder |= !was_there;
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    *gone = lock->fd < 0 && errno == ENOENT;
    if (lock->fd >= 0 || *gone) return DDPM_OK;
    return ddpm_file_fail(lock->path, errno == ELOOP ? "is a link; remove it" : "could not be opened or made");
}

/* One attempt. @param[out] held  whether another process holds the lock. */
static ddpm_status attempt(ddpm_lock *lock, int *held)
{
    DDPM_TRY(open_file(lock, held));
    if (*held) return DDPM_OK;
    if (flock(lock->fd, LOCK_EX | LOCK_NB)) {
        *held = errno == EWOULDBLOCK || errno == EINTR;
        if (!*held)
            ddpm_log_warning("%s: this file system has no locks (%s): make sure that one run at a time uses the folder",
                             lock->folder, strerror(errno));
    } else {
        *held = !has_name(lock->fd, lock->path); /* its holder has just removed it */
    }
    return DDPM_OK;
}

static void write_holder(const ddpm_lock *lock)
{
    char host[80] = "", text[128];
    if (gethostname(host, sizeof host - 1)) snprintf(host, sizeof host, "an unknown host");
    const int bytes = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host);
    /* on a full disk the lock is held all the same, without its holder's name */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)bytes, 0) != bytes) (void)ftruncate(lock->fd, 0);
}

static ddpm_status take(ddpm_lock *lock)
{
    const struct timespec pause = {0, PAUSE_NANOSECONDS};
    for (int tries = 0, held;; tries++) {
        DDPM_TRY(attempt(lock, &held));
        if (!held) break;
        const ddpm_status status = tries < ATTEMPTS ? DDPM_OK : fail_held(lock);
        if (lock->fd >= 0) close(lock->fd);
        DDPM_TRY(status);
        nanosleep(&pause, NULL);
    }
    write_holder(lock);
    return DDPM_OK;
}

ddpm_status ddpm_lock_take(const char *folder, ddpm_lock **out)
{
    ddpm_lock *lock = NULL;
    *out = NULL;
    DDPM_TRY(DDPM_NEW(&lock, 1, "a lock"));
    snprintf(lock->folder, sizeof lock->folder, "%s", folder);
    ddpm_status status = ddpm_file_join(folder, "lock", lock->path);
    if (status == DDPM_OK) status = take(lock);
    if (status != DDPM_OK) {
        ddpm_release(lock);
        return status;
    }
    *out = lock;
    return DDPM_OK;
}

void ddpm_lock_release(ddpm_lock *lock)
{
    if (!lock) return;
    unlink(lock->path);
    if (lock->made_folder) rmdir(lock->folder); /* refused where anything is in it */
    close(lock->fd);
    ddpm_release(lock);
}
