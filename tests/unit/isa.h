/** Tests of kernels run once for every instruction set that this processor has. */
#ifndef DDPM_TESTS_ISA_H
#define DDPM_TESTS_ISA_H

#include "expect.h"

#include "kernel/simd.h"

#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77 }; /* the exit code by which CTest knows that a part was skipped (tests/skipped.py) */

static const ddpm_kernels *kernels; /* under test */
static int kernels_skipped;         /* how many this processor cannot run */

/** Choose the kernels under test; 0 where this processor cannot run them, which is printed. */
static inline int kernels_take(const char *name, ddpm_precision precision)
{
    setenv("DDPM_ISA", name, 1);
    kernels = ddpm_kernels_choose(precision);
    if (!kernels) {
        printf("skipped: kernels %s%s: this processor has no such instructions\n", name,
               precision == DDPM_PRECISION_BFLOAT16 ? " with bfloat16 operands" : "");
        kernels_skipped++;
    }
    return kernels != NULL;
}

/** The exit code of a program in which so many tests failed. */
static inline int kernels_exit(int failed)
{
    return failed ? 1 : kernels_skipped ? SKIPPED : 0;
}

/** Run the group for each; the number of failed tests. */
#define COUNT_ON_EVERY_ISA(precision, tests)                                           \
    ({                                                                                 \
        const char *const names_[] = {"baseline", "avx2", "avx512"};                   \
        int failed_ = 0;                                                               \
        for (int i_ = 0; i_ < 3; i_++)                                                 \
            if (kernels_take(names_[i_], precision))                                   \
                failed_ += cmocka_run_group_tests_name(names_[i_], tests, NULL, NULL); \
        failed_;                                                                       \
    })
#define RUN_ON_EVERY_ISA(tests) kernels_exit(COUNT_ON_EVERY_ISA(DDPM_PRECISION_FLOAT32, tests))

#endif
