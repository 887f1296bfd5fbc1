/** Tests that run on any number of ranks: cmocka between the start and the end of MPI. Every rank runs every test, and
 * all ranks call what is collective, so an assertion that fails on one rank alone may leave the others waiting: the
 * time limit of the test ends that. */
#ifndef DDPM_TESTS_RANKS_H
#define DDPM_TESTS_RANKS_H

#include "expect.h"

#include "base/memory.h"
#include "world/comm.h"

#include <stdio.h>

static ddpm_comm *comm;

/** The body of main: cmocka_run_group_tests between start and stop, after which no memory is held. */
#define RUN_ON_RANKS(argc, argv, tests, setup, teardown)              \
    ({                                                                \
        int failed_ = 1;                                              \
        if (ddpm_comm_start(&(argc), &(argv), &comm) == DDPM_OK) {    \
            failed_ = cmocka_run_group_tests(tests, setup, teardown); \
            ddpm_comm_stop(comm);                                     \
            failed_ += !expect_nothing_held();                        \
        }                                                             \
        failed_;                                                      \
    })

/** The same bytes on all ranks as on rank 0. */
static inline void expect_same_on_ranks(const void *data, size_t bytes, const char *what)
{
    static char first[1 << 16];
    assert_true(bytes <= sizeof first);
    memcpy(first, data, bytes);
    ddpm_comm_broadcast(comm, first, bytes);
    expect_bits(data, first, bytes, what, ddpm_comm_rank(comm));
}

#endif
