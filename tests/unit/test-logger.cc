#include "xen/logger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "check.h"
#include "fake_log.h"
#include "hypervisor/host.h"

using namespace xl_colo;

namespace {

// A file that takes what is logged to its descriptor.
class LogFile {
public:
    explicit LogFile(const std::string& path)
        : path_(path), fd_(open(path.c_str(), O_RDWR | O_CREAT, 0600))
    {
    }
    int fd() const { return fd_.get(); }
    std::string text() const
    {
        std::ostringstream out;
        out << std::ifstream(path_).rdbuf();
        return out.str();
    }

private:
    std::string path_;
    UniqueFd fd_;
};

}  // namespace

static void what_a_library_says_becomes_one_line_of_ours(void**)
{
    FakeLog log;
    LogAdapter adapter(log);
    xtl_log(adapter.get(), XTL_ERROR, ENOMEM, "xc", "no %d pages", 3);
    xtl_log(adapter.get(), XTL_DETAIL, -1, nullptr, "two\nlines\n");
    const auto lines = log.lines();
    assert_int_equal(lines.size(), 2);
    assert_text(lines[0].text, "xc: no 3 pages: Cannot allocate memory");
    assert_text(lines[1].text, "two lines");
}

static void levels_keep_their_meaning(void**)
{
    const struct {
        xentoollog_level xen;
        LogLevel ours;
    } cases[] = {
        {XTL_DEBUG, LogLevel::debug},   {XTL_VERBOSE, LogLevel::debug},
        {XTL_DETAIL, LogLevel::detail}, {XTL_INFO, LogLevel::info},
        {XTL_NOTICE, LogLevel::notice}, {XTL_WARN, LogLevel::warn},
        {XTL_ERROR, LogLevel::error},   {XTL_CRITICAL, LogLevel::error},
    };
    for (const auto& c : cases) {
        FakeLog log;
        LogAdapter adapter(log);
        xtl_log(adapter.get(), c.xen, -1, "xl", "x");
        assert_int_equal(log.lines().at(0).level, c.ours);
    }
}

static void an_expected_failure_is_only_a_detail(void**)
{
    FakeLog log;
    LogAdapter adapter(log);
    adapter.expect_failure();
    xtl_log(adapter.get(), XTL_ERROR, -1, "xc", "Save failed");
    xtl_log(adapter.get(), XTL_DEBUG, -1, "xc", "cache");
    adapter.expect_failure(false);
    xtl_log(adapter.get(), XTL_ERROR, -1, "xc", "Save failed");
    assert_int_equal(log.lines()[0].level, LogLevel::detail);
    assert_int_equal(log.lines()[1].level, LogLevel::debug);
    assert_int_equal(log.lines()[2].level, LogLevel::error);
}

static void lines_carry_role_and_level(void**)
{
    std::string text;
    {
        ScratchFolder folder;
        const LogFile file(folder.path() + "/log");
        auto log = make_xentoollog(file.fd(), "colo primary", LogLevel::info,
                                   false);
        log->error("domain 7: cannot suspend (rc -3)");
        log->info("100 % done");
        log->debug("not shown");
        log->progress("memory", 1, 2);
        text = file.text();
    }
    assert_text(text, "colo primary: error: domain 7: cannot suspend (rc -3)\n"
                      "colo primary: info: 100 % done\n");
}

static void progress_is_shown_where_it_was_asked_for(void**)
{
    std::string text;
    {
        ScratchFolder folder;
        const LogFile file(folder.path() + "/log");
        auto log =
            make_xentoollog(file.fd(), "colo", LogLevel::info, true);
        log->progress("memory", 0, 200);
        log->progress("memory", 100, 200);
        text = file.text();
    }
    assert_contains(text, "memory: 100/200");
    assert_contains(text, "50%");
}

// A session in the background points its stderr to a file.
static void messages_follow_the_descriptor(void**)
{
    std::string before, after;
    {
        ScratchFolder folder;
        const LogFile first(folder.path() + "/first");
        const LogFile second(folder.path() + "/second");
        auto log = make_xentoollog(first.fd(), "colo", LogLevel::info, false);
        log->info("here");
        dup2(second.fd(), first.fd());
        log->info("there");
        before = first.text();
        after = second.text();
    }
    assert_text(before, "colo: info: here\n");
    assert_text(after, "colo: info: there\n");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_a_library_says_becomes_one_line_of_ours),
        cmocka_unit_test(levels_keep_their_meaning),
        cmocka_unit_test(an_expected_failure_is_only_a_detail),
        cmocka_unit_test(lines_carry_role_and_level),
        cmocka_unit_test(progress_is_shown_where_it_was_asked_for),
        cmocka_unit_test(messages_follow_the_descriptor),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
