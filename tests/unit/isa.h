/** Tests of kernels run once for every instruction set that this processor has. */
#ifndef DDPM_TESTS_ISA_H
#define DDPM_TESTS_ISA_H

#include "expect.h"

#include "kernel/simd.h"

#include <stdlib.h>

static const ddpm_kernels *kernels; /* under test */

/** Run the group for each; the number of failed tests. */
#define RUN_ON_EVERY_ISA_WITH(precision, tests)                                                 \
    ({                                                                                          \
        const char *const names_[] = {"baseline", "avx2", "avx512"};                            \
        int failed_ = 0;                                                                        \
        for (int i_ = 0; i_ < 3; i_++) {                                                        \
            setenv("DDPM_ISA", names_[i_], 1);                                                  \
            kernels = ddpm_kernels_choose(precision);                                           \
            if (kernels) failed_ += cmocka_run_group_tests_name(names_[i_], tests, NULL, NULL); \
        }                                                                                       \
        failed_;                                                                                \
    })
#define RUN_ON_EVERY_ISA(tests) RUN_ON_EVERY_ISA_WITH(DDPM_PRECISION_FLOAT32, tests)

#endif
