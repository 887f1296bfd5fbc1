/* Texts in one block of memory: they are copied, moved, and linked again. */
#include "expect.h"

#include "base/memory.h"
#include "base/text_list.h"

static const char *const texts[3] = {"energy", "", "\xce\xb8"};

static void expect_texts(char **block)
{
    for (int i = 0; i < 3; i++) assert_string_equal(block[i], texts[i]);
}

static void test_copy(void **state)
{
    char **block = NULL, **moved = NULL;
    (void)state;
    expect_ok(ddpm_texts_copy(3, texts, "texts", &block));
    expect_texts(block);
    const int64_t bytes = ddpm_texts_bytes(3, (const char *const *)block);
    assert_int_equal(bytes, 3 * sizeof(char *) + 7 + 1 + 3);
    expect_ok(ddpm_allocate(&moved, bytes, 1, "texts"));
    memcpy(moved, block, (size_t)bytes);
    memset(block, 'x', (size_t)bytes);
    ddpm_release(block);
    ddpm_texts_link(3, moved);
    expect_texts(moved);
    ddpm_release(moved);
}

static void test_none(void **state)
{
    char **block = NULL;
    (void)state;
    expect_ok(ddpm_texts_copy(0, NULL, "texts", &block));
    assert_int_equal(ddpm_texts_bytes(0, NULL), 0);
    ddpm_texts_link(0, block);
    ddpm_release(block);
}

/* The first of equal texts stays as it is; a number that is taken is not given again. */
static void test_number(void **state)
{
    static const char *const repeated[] = {"a", "b", "a", "a.1", "a", "b", ""};
    static const char *const expected[] = {"a", "b", "a.2", "a.1", "a.3", "b.1", ""};
    char **block = NULL;
    int64_t first = 0;
    (void)state;
    expect_ok(ddpm_texts_copy(7, repeated, "texts", &block));
    expect_ok(ddpm_texts_number(7, &block, &first));
    assert_int_equal(first, 2);
    for (int i = 0; i < 7; i++) assert_string_equal(block[i], expected[i]);
    char **before = block;
    expect_ok(ddpm_texts_number(7, &block, &first));
    assert_int_equal(first, -1);
    assert_true(block == before);
    ddpm_release(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_copy),
        TEST(test_none),
        TEST(test_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
