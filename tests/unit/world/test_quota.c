/* The limits of control groups, of both versions, in files like those of the kernel. */
#include "scratch.h"

#include "world/quota.h"

#include <limits.h>

static int with(const char *groups)
{
    put_bytes(in_scratch("groups"), groups, strlen(groups));
    return ddpm_quota_processors_in(in_scratch("groups"), scratch);
}

static void put(const char *name, const char *text)
{
    put_bytes(in_scratch(name), text, strlen(text));
}

static void test_version_2(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch("job"), 0777), 0);
    assert_int_equal(mkdir(in_scratch("job/step"), 0777), 0);
    assert_int_equal(with("0::/job/step\n"), INT_MAX); /* no such file */
    put("job/step/cpu.max", "max 100000\n");
    assert_int_equal(with("0::/job/step\n"), INT_MAX);
    put("job/cpu.max", "250000 100000\n"); /* the limit of a group above holds, too */
    assert_int_equal(with("0::/job/step\n"), 3);
    put("job/step/cpu.max", "50000 100000\n");
    assert_int_equal(with("0::/job/step\n"), 1);
    assert_int_equal(with("0::/job\n"), 3);
    put("cpu.max", "400000 100000\n"); /* as in a container, which sees its own group as the root */
    assert_int_equal(with("0::/\n"), 4);
}

static void test_version_1(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch("cpu"), 0777), 0);
    assert_int_equal(mkdir(in_scratch("cpu/box"), 0777), 0);
    put("cpu/box/cpu.cfs_period_us", "100000\n");
    put("cpu/box/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(with("4:memory:/x\n3:cpu,cpuacct:/box\n"), INT_MAX);
    put("cpu/box/cpu.cfs_quota_us", "200000\n");
    assert_int_equal(with("4:memory:/x\n3:cpu,cpuacct:/box\n"), 2);
    assert_int_equal(with("3:cpuset:/box\n"), INT_MAX);
}

static void test_nothing_to_read(void **state)
{
    (void)state;
    assert_int_equal(ddpm_quota_processors_in(in_scratch("absent"), scratch), INT_MAX);
    assert_int_equal(with("nonsense\n"), INT_MAX);
    assert_true(ddpm_quota_processors() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_2),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
