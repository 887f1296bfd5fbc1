/** The number of threads. Local. */
#ifndef DDPM_APP_THREADS_H
#define DDPM_APP_THREADS_H

#include "base/status.h"

/** Fix the number of threads of this process. DDPM_ERR_USAGE when OMP_NUM_THREADS asks for more than there can be. */
DDPM_MUST_CHECK ddpm_status ddpm_threads_set(void);

#endif
