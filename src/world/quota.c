/* Reads the limits of control groups: cpu.max in version 2, cpu.cfs_quota_us and cpu.cfs_period_us in version 1. */
#include "world/quota.h"

#include "base/split.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 4096, PATH_ROOM = 3 * LINE_BYTES };

/* The whole numbers at the start of a file. @return how many there are. */
static int read_numbers(const char *folder, const char *name, double numbers[2])
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    const int found = fscanf(file, "%lf %lf", &numbers[0], &numbers[1]);
    (void)fclose(file);
    return found;
}

/* The limit of one group: there is none where cpu.max says "max", or the quota is -1. */
static int limit_of(const char *folder)
{
    double numbers[2], period[2];
    const int found = read_numbers(folder, "cpu.max", numbers);
    if (found < 2) {
        if (read_numbers(folder, "cpu.cfs_quota_us", numbers) < 1 ||
            read_numbers(folder, "cpu.cfs_period_us", period) < 1)
            return INT_MAX;
        numbers[1] = period[0];
    }
    if (!(numbers[0] > 0 && numbers[1] > 0 && numbers[0] / numbers[1] < INT_MAX)) return INT_MAX;
    return (int)ddpm_larger(1, (int64_t)ceil(numbers[0] / numbers[1]));
}

/* The least limit of a group and those above it: each holds for all below. */
static int least_limit(const char *mount, const char *controller, const char *group)
{
    char folder[2 * LINE_BYTES + 64];
    int least = INT_MAX;
    snprintf(folder, sizeof folder, "%.*s%s%s", LINE_BYTES, mount, controller, group);
    for (const size_t top = strlen(mount) + strlen(controller); strlen(folder) >= top;) {
        least = (int)ddpm_smaller(least, limit_of(folder));
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < top) break;
        *slash = '\0';
    }
    return least;
}

int ddpm_quota_processors_in(const char *groups, const char *mount)
{
    char line[LINE_BYTES];
    int least = INT_MAX;
    FILE *file = fopen(groups, "re");
    while (file && fgets(line, sizeof line, file)) { /* number:controllers:group */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        if (!controllers[1])
            least = (int)ddpm_smaller(least, least_limit(mount, "", group));
        else if (strcmp(controllers, ":cpu") == 0 || strstr(controllers, ":cpu,") || strstr(controllers, ",cpu,") ||
                 (strlen(controllers) > 4 && strcmp(controllers + strlen(controllers) - 4, ",cpu") == 0))
            least = (int)ddpm_smaller(least, least_limit(mount, "/cpu", group));
    }
    if (file) (void)fclose(file);
    return least;
}

int ddpm_quota_processors(void)
{
    return ddpm_quota_processors_in("/proc/self/cgroup", "/sys/fs/cgroup");
}
