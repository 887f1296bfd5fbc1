/* A text is one line, and nothing in it acts on a terminal. */
#include "expect.h"

#include "base/printable.h"

#include <string.h>

static void test_texts(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"energy θ 漢 🙂 a\\b", "energy θ 漢 🙂 a\\b"},
        {"a\nddpm: b", "a\\nddpm: b"},
        {"\x1b[2J\r\t\x7f", "\\x1b[2J\\x0d\\x09\\x7f"},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"}, /* an escape of eight bits */
        {"\xe2\x80\xae"
         "abc",
         "\\xe2\\x80\\xaeabc"},     /* from right to left */
        {"\xff\xc3", "\\xff\\xc3"}, /* no UTF-8, and a character that is cut short */
        {"\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(ddpm_printable(cases[i][0]), cases[i][1]);
}

static void test_cells(void **state)
{
    (void)state;
    assert_string_equal(ddpm_padded("abc", 5), "abc  ");
    assert_string_equal(ddpm_padded("größe", 6), "größe ");
    assert_string_equal(ddpm_padded("価格", 6), "価格  "); /* two cells each */
    assert_string_equal(ddpm_padded("e\xcc\x81", 3), "e\xcc\x81  ");
    assert_string_equal(ddpm_padded("a\nb", 5), "a\\nb ");
    assert_string_equal(ddpm_padded("longer", 5), "longer");
}

static void test_room(void **state)
{
    char out[8];
    (void)state;
    assert_string_equal(ddpm_printable_into(out, sizeof out, "1234567"), "1234567");
    assert_string_equal(ddpm_printable_into(out, sizeof out, "12345678"), "1234567");
    assert_string_equal(ddpm_printable_into(out, sizeof out, "12345\n6"), "12345\\n");
    assert_string_equal(ddpm_printable_into(out, sizeof out, "12345\r6"), "12345");
    assert_string_equal(ddpm_printable_into(out, sizeof out, "123456θ"), "123456");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_cells),
                                       cmocka_unit_test(test_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
