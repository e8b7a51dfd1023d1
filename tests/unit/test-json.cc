#include "base/json.h"

#include "check.h"

using namespace xl_colo;

namespace {

std::string repeated(const std::string& what, size_t times)
{
    std::string text;
    for (size_t i = 0; i < times; ++i) {
        text += what;
    }
    return text;
}

}  // namespace

// A peer's HELLO holds a million of them. The whole process died of it.
static void nesting_has_an_end(void**)
{
    const auto nested = [](size_t depth) {
        return "{\"a\":" + repeated("[", depth - 1) +
               repeated("]", depth - 1) + "}";
    };
    assert_true(bool(Json::parse(nested(64))));
    for (const size_t depth : {size_t{65}, size_t{500'000}}) {
        const auto json = Json::parse(nested(depth));
        assert_true(json.error().kind() == ErrorKind::protocol);
        assert_contains(json.error().text(), "nested");
    }
    // Cut short, which yajl refuses when it has taken them all.
    assert_false(bool(Json::parse("{\"a\":" + repeated("[", 1'000'000))));
}

static void brackets_in_a_text_are_none(void**)
{
    const std::string text = repeated("[{", 100) + "\\\"" + repeated("[", 100);
    const auto json = Json::parse("{\"a\":\"" + text + "\"}");
    assert_true(bool(json));
    assert_true(json->has("a"));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(brackets_in_a_text_are_none),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
