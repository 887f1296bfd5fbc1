/* Opens checkpoints and run folders. */
#include "library/opening.h"

#include "assembly/load.h"
#include "file/h5.h"

#include <pthread.h>

const char ddpm_opening_bytes_name[] = "the checkpoint in memory";

/* HDF5 is not built for threads, so that a process reads one checkpoint at a time.
 * @param path  NULL: the bytes. */
static ddpm_status load_alone(const char *path, const void *bytes, size_t count, ddpm_loaded *out)
{
    static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
    *out = (ddpm_loaded){0};
    if (pthread_mutex_lock(&reading) != 0) return ddpm_fail(DDPM_ERR_INTERNAL, "a lock could not be taken");
    const ddpm_h5_voice voice = ddpm_h5_voice_of_process();
    const ddpm_status status = path ? ddpm_load(path, 0, out) : ddpm_load_bytes(bytes, count, out);
    ddpm_h5_give_voice(&voice);
    (void)pthread_mutex_unlock(&reading);
    return status;
}

ddpm_status ddpm_opening_file(const char *path, ddpm_loaded *out)
{
    return load_alone(path, NULL, 0, out);
}

ddpm_status ddpm_opening_bytes(const void *bytes, size_t count, ddpm_loaded *out)
{
    return load_alone(NULL, bytes, count, out);
}
