#include "base/text.h"

#include "check.h"

using namespace xl_colo;

static void control_characters_become_spaces(void**)
{
    assert_text(without_controls("a\033[2J\nb\t\xc3\xa9"),
                "a [2J b \xc3\xa9");
}

static void utf8_is_told_from_other_bytes(void**)
{
    const struct {
        const char* text;
        bool valid;
    } cases[] = {
        {"", true},
        {"web1", true},
        {"g\xc3\xa4st", true},                // g, a umlaut
        {"\xe6\x97\xa5\xe6\x9c\xac", true},  // Japan
        {"\xf0\x9f\x90\xa7", true},          // a penguin
        {"\xf4\x8f\xbf\xbf", true},          // U+10FFFF
        {"\xe9", false},                      // Latin-1
        {"caf\xe9 x", false},
        {"\x80", false},                      // a byte that goes on
        {"\xc3", false},                      // cut short
        {"\xe6\x97", false},
        {"\xc0\xaf", false},                  // a slash in two bytes
        {"\xe0\x80\xaf", false},
        {"\xed\xa0\x80", false},              // a surrogate
        {"\xf4\x90\x80\x80", false},          // beyond U+10FFFF
        {"\xff", false},
    };
    for (const auto& c : cases) {
        if (is_utf8(c.text) != c.valid) {
            fail_msg("\"%s\"", c.text);
        }
    }
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_become_spaces),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
