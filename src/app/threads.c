/* Threads of OpenMP: those that were asked for, as far as they can be had. */
#include "app/threads.h"

#include "base/split.h"
#include "world/quota.h"

#include <omp.h>
#include <stdlib.h>
#include <unistd.h>

/* The OpenMP library crashes when it cannot hold a table of its threads. */
static ddpm_status check(void)
{
    enum { LEAST = 4096 };
    const int most = (int)ddpm_larger(LEAST, sysconf(_SC_NPROCESSORS_ONLN));
    if (omp_get_max_threads() <= most) return DDPM_OK;
    return ddpm_fail(DDPM_ERR_USAGE, "OMP_NUM_THREADS: expected a number of threads from 1 to %d, found %d", most,
                     omp_get_max_threads());
}

/* The number of threads that a parallel region really has. A limit (OMP_THREAD_LIMIT) may make it smaller than what was
 * asked for, and work is divided by this number. */
static int granted(void)
{
    int threads = 1;
    /* unasked, OpenMP makes a thread for each processor, also where a container may use the time of a few only */
    if (!getenv("OMP_NUM_THREADS"))
        omp_set_num_threads((int)ddpm_smaller(omp_get_max_threads(), ddpm_quota_processors()));
#pragma omp parallel
#pragma omp single
    threads = omp_get_num_threads();
    return threads;
}

ddpm_status ddpm_threads_set(void)
{
    omp_set_dynamic(0);
    DDPM_TRY(check());
    omp_set_num_threads(granted());
    return DDPM_OK;
}
