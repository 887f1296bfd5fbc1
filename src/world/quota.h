/** How many processors' time the control group of this process may use: containers and SLURM limit it so. Local. */
#ifndef DDPM_WORLD_QUOTA_H
#define DDPM_WORLD_QUOTA_H

/** Processors, rounded up; INT_MAX without a limit.
 *  @param groups  the list of groups, /proc/self/cgroup
 *  @param mount   the folder of the groups, /sys/fs/cgroup */
int ddpm_quota_processors_in(const char *groups, const char *mount);

/** The same of this process. */
int ddpm_quota_processors(void);

#endif
