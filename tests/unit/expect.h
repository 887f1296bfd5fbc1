/** What all unit tests expect with: cmocka, statuses with their messages, numbers within a tolerance. */
#ifndef DDPM_TESTS_EXPECT_H
#define DDPM_TESTS_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/** Whether all memory is released; the number of allocations that are not is printed. */
static inline int expect_nothing_held(void)
{
    const long long held = (long long)ddpm_memory_balance();
    if (held != 0) fprintf(stderr, "%lld allocations were not released\n", held);
    return held == 0;
}

static inline int teardown(void **state)
{
    (void)state;
    return expect_nothing_held() ? 0 : -1;
}

/** A test in a list of cmocka's, which fails if it leaves memory allocated. The teardown of a whole group would not do:
 * cmocka's exit code does not count its failure. */
#define TEST(name) cmocka_unit_test_teardown(name, teardown)

static inline void expect_ok(ddpm_status status)
{
    if (status != DDPM_OK) fail_msg("%s", ddpm_error_message());
}

/** The failure, and words that its message must have. */
static inline void expect_failure(ddpm_status status, ddpm_status expected, const char *words)
{
    if (status == DDPM_OK) fail_msg("expected a failure that says '%s'", words);
    if (status != expected || !strstr(ddpm_error_message(), words))
        fail_msg("expected '%s' with '%s', found '%s': %s", ddpm_status_text(expected), words, ddpm_status_text(status),
                 ddpm_error_message());
}

/** |value - expected| <= tolerance; `what` and `where` are for the message. */
static inline void expect_near(double value, double expected, double tolerance, const char *what, int64_t where)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s (%lld): %.17g, expected %.17g to within %.3g", what, (long long)where, value, expected, tolerance);
}

static inline void expect_bits(const void *value, const void *expected, size_t bytes, const char *what, int64_t where)
{
    if (memcmp(value, expected, bytes) != 0) fail_msg("%s (%lld): not the same bits", what, (long long)where);
}

/** Number i of a fixed series of uniform numbers in (-1, 1). */
static inline double any_number(int64_t i)
{
    return 2.0 * ddpm_random_uniform(ddpm_random_words(1, DDPM_RANDOM_DATA, 0, i, 0).v[0]) - 1.0;
}

/** [n] of them, from number `series` million on. */
static inline void fill_any(float *out, int64_t n, int64_t series)
{
    for (int64_t i = 0; i < n; i++) out[i] = (float)any_number(series * 1000000 + i);
}

#endif
