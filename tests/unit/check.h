// cmocka for our tests. A failing assert longjmps past destructors, so a test
// runs its code, lets threads and processes go, and asserts then.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

// After the streams: cmocka makes fail() a macro.
extern "C" {
#include <cmocka.h>
}

// cmocka's own macros want integers and C strings.
#define assert_text(actual, expected)                             \
    do {                                                          \
        const std::string actual_text(actual);                    \
        const std::string expected_text(expected);                \
        assert_string_equal(actual_text.c_str(),                  \
                            expected_text.c_str());               \
        assert_int_equal(actual_text.size(), expected_text.size()); \
    } while (0)
#define assert_contains(text, part)                               \
    do {                                                          \
        if (std::string(text).find(part) == std::string::npos) {  \
            fail_msg("\"%s\" is not in \"%s\"",                   \
                     std::string(part).c_str(),                   \
                     std::string(text).c_str());                  \
        }                                                         \
    } while (0)

// Compares with tests/unit/golden/<name>. With UPDATE_GOLDEN in the environment
// it writes that file instead: look at the difference before committing it.
inline void assert_golden(const std::string& actual, const std::string& name)
{
    const char* top = std::getenv("srcdir");
    const std::string path =
        std::string(top ? top : ".") + "/tests/unit/golden/" + name;
    if (std::getenv("UPDATE_GOLDEN")) {
        std::ofstream(path) << actual;
    }
    std::ostringstream expected;
    expected << std::ifstream(path).rdbuf();
    assert_string_equal(actual.c_str(), expected.str().c_str());
}

// An empty folder of this process's own, gone with the object.
class ScratchFolder {
public:
    ScratchFolder()
    {
        std::string name =
            std::filesystem::temp_directory_path() / "xl-colo-test-XXXXXX";
        path_ = mkdtemp(name.data());
    }
    ~ScratchFolder() { std::filesystem::remove_all(path_); }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};
