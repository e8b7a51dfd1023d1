#include "migration/callout.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>

#include "check.h"
#include "hex.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

constexpr const char* arguments =
    "--restore-domain 27 -1 5 3 0 4 0 768 0";  // all callbacks of a restore

// The helper as libxl runs it: its stdin and stdout are libxl's pipes.
class Helper {
public:
    // `socket` goes into the environment, unless it is null.
    explicit Helper(const char* socket, const std::string& words = arguments)
    {
        int in[2];
        int out[2];
        if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
            std::abort();
        }
        pid_ = fork();
        if (pid_ == 0) {
            dup2(in[0], 0);
            dup2(out[1], 1);
            if (socket) {
                setenv(callout_socket_variable, socket, 1);
            } else {
                unsetenv(callout_socket_variable);
            }
            const std::string program = std::getenv("XL_COLO_SAVE_HELPER");
            const std::string line = "exec " + program + " " + words +
                                     (socket ? "" : " 2>/dev/null");
            execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
            _exit(127);
        }
        to_.reset(in[1]);
        from_.reset(out[0]);
        close(in[0]);
        close(out[1]);
    }
    ~Helper()
    {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }

    // As libxl reads a message: the length, then so many bytes.
    Buffer message()
    {
        Buffer bytes(2);
        if (!read_all(bytes.data(), 2)) {
            return {};
        }
        uint16_t length = 0;
        std::memcpy(&length, bytes.data(), 2);
        bytes.resize(2u + length);
        return read_all(bytes.data() + 2, length) ? bytes : Buffer{};
    }
    void reply(int value)
    {
        (void)!write(to_.get(), &value, sizeof(value));
    }
    void close_stdin() { to_.reset(); }
    void kill_now() { kill(pid_, SIGKILL); }
    int status()
    {
        int status = 0;
        waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    bool read_all(uint8_t* to, size_t length)
    {
        while (length > 0) {
            const ssize_t r = read(from_.get(), to, length);
            if (r <= 0) {
                return false;
            }
            to += r;
            length -= static_cast<size_t>(r);
        }
        return true;
    }

    pid_t pid_;
    UniqueFd to_;
    UniqueFd from_;
};

// What a case needs: a listener, a helper that has connected to it.
struct Connected {
    explicit Connected(const std::string& words = arguments)
        : path(folder.path() + "/save"),
          listener(CalloutListener::listen(path)),
          helper(path.c_str(), words),
          callout(listener->accept(-1, 30s))
    {
    }

    ScratchFolder folder;
    std::string path;
    Result<CalloutListener> listener;
    Helper helper;
    Result<std::unique_ptr<Callout>> callout;
};

std::string text_of(const Result<CalloutArguments>& parsed)
{
    if (!parsed) {
        return parsed.error().text();
    }
    return std::to_string(parsed->domid.value()) + " " +
           std::to_string(parsed->store_evtchn) + " " +
           std::to_string(parsed->store_domid) + " " +
           std::to_string(parsed->console_evtchn) + " " +
           std::to_string(parsed->console_domid) + " " +
           std::to_string(parsed->callbacks) + " " +
           std::to_string(parsed->stream_type);
}

}  // namespace

// Written by hand from libxl_save_msgs_gen.pl, for a little-endian machine.
static void messages_are_those_of_libxls_generator(void**)
{
    assert_golden(
        "# static_data_done: missing = 3\n" + hex(static_data_done_message(3)) +
            "# restore_results: store = 0xfeffc, console = 0xfefff\n" +
            hex(restore_results_message(0xfeffc, 0xfefff)) +
            "# complete: retval = 0, errnoval = 0\n" +
            hex(complete_message(0, 0)) +
            "# complete: retval = -1, errnoval = 28\n" +
            hex(complete_message(-1, 28)),
        "callout-messages.txt");
}

static void the_helpers_line_is_read_or_refused(void**)
{
    const struct {
        const char* line;
        const char* meaning;  // nullptr: refused
    } cases[] = {
        {"--restore-domain 27 -1 5 3 0 4 0 768 0", "5 3 0 4 0 768 0"},
        {"--restore-domain 27 -1 5 4294967295 0 4 0 768 0",
         "5 4294967295 0 4 0 768 0"},
        {"--restore-domain 27 -1 5 4294967296 0 4 0 768 0", nullptr},
        {"--restore-domain 27 -1 5 -3 0 4 0 768 0", nullptr},
        {"--restore-domain 27 -1 5 3x 0 4 0 768 0", nullptr},
        {"--restore-domain 27 -1 5  0 4 0 768 0", nullptr},
        {"--restore-domain 27 -1 5 3 0 4 0 768", nullptr},
        {"--restore-domain 27 -1 5 3 0 4 0 768 0 1", nullptr},
        {"--save-domain 27 -1 5 1 768 0", nullptr},
        {"", nullptr},
    };
    for (const auto& c : cases) {
        const std::string refusal =
            "save helper was run with \"" + std::string(c.line) + "\"";
        assert_text(text_of(parse_callout_line(c.line)),
                    c.meaning ? c.meaning : refusal);
    }
}

static void a_restore_goes_through_the_helper(void**)
{
    std::string given;
    Buffer first, second, third;
    int answer = -1;
    bool restored = false;
    int status = -1;
    {
        Connected c;
        given = text_of((*c.callout)->arguments());
        std::thread libxl([&] {
            first = c.helper.message();
            c.helper.reply(0);
            second = c.helper.message();
            third = c.helper.message();
            c.helper.reply(0);
        });
        answer = (*c.callout)->static_data_done(2).value();
        restored = static_cast<bool>(
            (*c.callout)->restored(Pfn{0xfeffc}, Pfn{0xfefff}));
        libxl.join();
        status = c.helper.status();
    }
    assert_text(given, "5 3 0 4 0 768 0");
    assert_int_equal(answer, 0);
    assert_true(restored);
    assert_true(first == static_data_done_message(2));
    assert_true(second == restore_results_message(0xfeffc, 0xfefff));
    assert_true(third == complete_message(0, 0));
    assert_int_equal(status, 0);
}

static void libxls_no_to_static_data_is_passed_on(void**)
{
    int answer = 0;
    {
        Connected c;
        std::thread libxl([&] {
            c.helper.message();
            c.helper.reply(-6);
        });
        answer = (*c.callout)->static_data_done(1).value();
        libxl.join();
    }
    assert_int_equal(answer, -6);
}

static void a_libxl_that_does_not_ask_for_static_data_gets_none(void**)
{
    int answer = -1;
    Buffer first;
    {
        Connected c("--restore-domain 27 -1 5 3 0 4 0 512 0");
        answer = (*c.callout)->static_data_done(1).value();
        std::thread libxl([&] {
            first = c.helper.message();
            c.helper.message();
            c.helper.reply(0);
        });
        (void)(*c.callout)->restored(Pfn{1}, Pfn{2});
        libxl.join();
    }
    assert_int_equal(answer, 0);
    assert_true(first == restore_results_message(1, 2));
}

static void a_helper_that_ends_is_an_error(void**)
{
    std::string killed, left;
    {
        Connected c;
        c.helper.kill_now();
        auto r = (*c.callout)->restored(Pfn{1}, Pfn{2});
        killed = r ? "restored" : r.error().text();
    }
    {
        Connected c;
        std::thread libxl([&] {
            c.helper.message();
            c.helper.close_stdin();
        });
        auto r = (*c.callout)->static_data_done(0);
        left = r ? "answered" : r.error().text();
        libxl.join();
    }
    assert_string_not_equal(killed.c_str(), "restored");
    assert_contains(left, "the helper has ended");
}

static void a_cancelled_helper_ends_without_a_result(void**)
{
    Buffer message{1};
    int status = -1;
    {
        Connected c;
        (*c.callout)->cancel();
        message = c.helper.message();
        status = c.helper.status();
    }
    assert_true(message.empty());
    assert_int_equal(status, 0);
}

static void libxls_failure_ends_the_wait_for_a_helper(void**)
{
    ErrorKind gave_up{}, silence{};
    {
        ScratchFolder folder;
        auto listener = CalloutListener::listen(folder.path() + "/save");
        UniqueFd event(eventfd(1, EFD_CLOEXEC));
        gave_up = listener->accept(event.get(), 30s).error().kind();
        silence = listener->accept(-1, 0s).error().kind();
    }
    assert_int_equal(gave_up, ErrorKind::aborted);
    assert_int_equal(silence, ErrorKind::timeout);
}

static void a_helper_run_for_something_else_is_refused(void**)
{
    std::string text;
    {
        Connected c("--save-domain 27 -1 5 1 768 0");
        text = c.callout ? "accepted" : c.callout.error().text();
    }
    assert_contains(text, "--save-domain");
}

static void a_helper_without_its_process_fails(void**)
{
    Helper no_variable(nullptr);
    assert_int_equal(no_variable.status(), 1);
    Helper nobody_there("/nonexistent/save", std::string(arguments) +
                                                 " 2>/dev/null");
    assert_int_equal(nobody_there.status(), 1);
}

static void the_socket_goes_with_the_listener(void**)
{
    bool during = false, after = true, twice = false;
    {
        ScratchFolder folder;
        const std::string path = folder.path() + "/save";
        {
            auto listener = CalloutListener::listen(path);
            during = std::filesystem::exists(path);
            // A process that was killed leaves its socket behind.
            twice = static_cast<bool>(CalloutListener::listen(path));
        }
        after = std::filesystem::exists(path);
    }
    assert_true(during);
    assert_true(twice);
    assert_false(after);
}

int main()
{
    const char* helper = std::getenv("XL_COLO_SAVE_HELPER");
    if (!helper || access(helper, X_OK) != 0) {
        std::fprintf(stderr, "XL_COLO_SAVE_HELPER names no save helper\n");
        return 77;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_those_of_libxls_generator),
        cmocka_unit_test(the_helpers_line_is_read_or_refused),
        cmocka_unit_test(a_restore_goes_through_the_helper),
        cmocka_unit_test(libxls_no_to_static_data_is_passed_on),
        cmocka_unit_test(
            a_libxl_that_does_not_ask_for_static_data_gets_none),
        cmocka_unit_test(a_helper_that_ends_is_an_error),
        cmocka_unit_test(a_cancelled_helper_ends_without_a_result),
        cmocka_unit_test(libxls_failure_ends_the_wait_for_a_helper),
        cmocka_unit_test(a_helper_run_for_something_else_is_refused),
        cmocka_unit_test(a_helper_without_its_process_fails),
        cmocka_unit_test(the_socket_goes_with_the_listener),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
