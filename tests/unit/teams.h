/** Ranks of one node that share no memory, each a team of its own, as the nodes of a cluster are: a limit on the size
 * of files, which holds for files in memory too, keeps them apart. */
#ifndef DDPM_TESTS_TEAMS_H
#define DDPM_TESTS_TEAMS_H

#include "ranks.h"

#include "world/comm_mpi.h"

#include <signal.h>
#include <sys/resource.h>

static ddpm_comm *each_alone;

/** Between these two, ranks that begin to work together are teams of one. */
static inline struct rlimit begin_apart(void)
{
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){1 << 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    return before;
}

static inline void end_apart(struct rlimit before)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static inline void begin_teams_of_one(void)
{
    const struct rlimit before = begin_apart();
    expect_ok(ddpm_comm_adopt(MPI_COMM_WORLD, &each_alone));
    end_apart(before);
}

static inline void end_teams_of_one(void)
{
    ddpm_comm_leave(each_alone);
}

#endif
