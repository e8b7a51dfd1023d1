#include "base/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "base/bytes.h"
#include "base/unique_fd.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

struct Ends {
    UniqueFd ours, theirs;
};

Ends pair_of_sockets()
{
    std::array<int, 2> fds{};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data());
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// More than any socket's buffer takes.
const Buffer much(4 << 20, 7);

}  // namespace

static void deadline_in_the_past_still_looks(void**)
{
    const Ends ends = pair_of_sockets();
    const auto past = Clock::now() - 1s;
    assert_true(*wait_ready(ends.ours.get(), POLLIN, -1, past) ==
                Ready::timed_out);
    assert_true(bool(send_all(ends.theirs.get(), view_of("x"))));
    assert_true(*wait_ready(ends.ours.get(), POLLIN, -1, past) == Ready::yes);
}

static void interrupt_comes_first(void**)
{
    const Ends ends = pair_of_sockets();
    const UniqueFd interrupt(eventfd(1, EFD_CLOEXEC));
    assert_true(bool(send_all(ends.theirs.get(), view_of("x"))));
    assert_true(*wait_ready(ends.ours.get(), POLLIN, interrupt.get()) ==
                Ready::interrupted);
}

static void end_of_the_other_side_is_ready(void**)
{
    Ends ends = pair_of_sockets();
    ends.theirs.reset();
    assert_true(*wait_ready(ends.ours.get(), POLLIN, -1) == Ready::yes);
}

// A signal handler runs, and the wait goes on.
static void signal_does_not_end_a_wait(void**)
{
    struct sigaction nothing {};
    nothing.sa_handler = [](int) {};
    sigaction(SIGUSR1, &nothing, nullptr);
    const auto deadline = Clock::now() + 200ms;
    const pthread_t here = pthread_self();
    std::jthread other([here] {
        std::this_thread::sleep_for(50ms);
        pthread_kill(here, SIGUSR1);
    });
    assert_true(*wait_ready(-1, 0, -1, deadline) == Ready::timed_out);
    assert_true(Clock::now() >= deadline);
}

static void all_is_sent_to_a_slow_reader(void**)
{
    Ends ends = pair_of_sockets();
    fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK);
    size_t got = 0;
    std::jthread reader([&] {
        Buffer bytes(60000);
        for (ssize_t r;
             (r = read(ends.theirs.get(), bytes.data(), bytes.size())) > 0;) {
            got += static_cast<size_t>(r);
        }
    });
    const Status sent = send_all(ends.ours.get(), much);
    ends.ours.reset();
    reader.join();
    assert_true(bool(sent));
    assert_int_equal(got, much.size());
}

static void reader_that_is_gone_is_an_error(void**)
{
    Ends ends = pair_of_sockets();
    ends.theirs.reset();
    // SIGPIPE would end the test.
    const Status sent = send_all(ends.ours.get(), much);
    assert_true(sent.error().kind() == ErrorKind::io);
    assert_int_equal(sent.error().code(), EPIPE);
}

static void reader_that_does_not_read_is_given_up(void**)
{
    const Ends ends = pair_of_sockets();
    const Status late = send_all(ends.ours.get(), much, Clock::now() + 50ms);
    assert_true(late.error().kind() == ErrorKind::timeout);

    const UniqueFd interrupt(eventfd(1, EFD_CLOEXEC));
    const Status called_off =
        send_all(ends.ours.get(), much, std::nullopt, interrupt.get());
    assert_false(bool(called_off));
    assert_true(called_off.error().kind() != ErrorKind::timeout);
}

static void write_error_is_told(void**)
{
    const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    const Status written = write_all(full.get(), view_of("x"));
    assert_int_equal(written.error().code(), ENOSPC);
}

int main()
{
    alarm(60);
    const CMUnitTest tests[] = {
        cmocka_unit_test(deadline_in_the_past_still_looks),
        cmocka_unit_test(interrupt_comes_first),
        cmocka_unit_test(end_of_the_other_side_is_ready),
        cmocka_unit_test(signal_does_not_end_a_wait),
        cmocka_unit_test(all_is_sent_to_a_slow_reader),
        cmocka_unit_test(reader_that_is_gone_is_an_error),
        cmocka_unit_test(reader_that_does_not_read_is_given_up),
        cmocka_unit_test(write_error_is_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
