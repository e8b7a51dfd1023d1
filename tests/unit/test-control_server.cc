#include "control/control_server.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "base/json.h"
#include "base/domain_files.h"

#include "check.h"
#include "control/control_socket.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

class FakeSession : public SessionHandler {
public:
    SessionStatus status() override
    {
        SessionStatus status;
        status.domain = "guest";
        status.peer = "host2";
        status.state = State::protecting;
        return status;
    }
    Result<std::string> stop() override
    {
        ++stops;
        while (!may_end) {
            std::this_thread::sleep_for(1ms);
        }
        return std::string("protection ended");
    }
    Result<std::string> failover() override
    {
        return Error(ErrorKind::refused, "this is the primary");
    }

    std::atomic<int> stops{0};
    std::atomic<bool> may_end{true};
};

// A run folder of this test's own.
class RunFolder {
public:
    RunFolder() { setenv("XL_COLO_RUN_DIR", path().c_str(), 1); }
    ~RunFolder() { unsetenv("XL_COLO_RUN_DIR"); }
    std::string path() const { return scratch_.path() + "/run"; }
    std::string socket(const std::string& domain) const
    {
        return path() + "/" + domain_file_name(domain) + ".sock";
    }

private:
    ScratchFolder scratch_;
};

std::unique_ptr<ControlServer> serve(const std::string& domain,
                                     ControlHandler& handler)
{
    auto server = ControlServer::open(domain, handler);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().text().c_str());
        return nullptr;
    }
    return std::move(*server);
}

UniqueFd connected(const std::string& domain)
{
    auto folder = open_control_folder();
    UniqueFd fd = make_control_socket();
    auto address = control_address(*folder, domain);
    return connect_control(fd, *address) == 0 ? std::move(fd) : UniqueFd();
}

// What the server says to these bytes; "" when it hangs up.
std::string say(const UniqueFd& fd, const std::string& bytes)
{
    if (write(fd.get(), bytes.data(), bytes.size()) < 0) {
        return "cannot write";
    }
    auto line = read_control_line(fd, 1 << 20,
                                  std::chrono::steady_clock::now() + 20s);
    return line ? *line : "";
}

// A socket whose process died without a word, as by SIGKILL.
void leave_a_stale_socket(const std::string& domain)
{
    const pid_t child = fork();
    if (child == 0) {
        FakeSession session;
        const auto server = ControlServer::open(domain, session);
        _exit(server ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

}  // namespace

static void requests_are_answered(void**)
{
    const RunFolder folder;
    FakeSession session;
    const auto server = serve("guest", session);
    assert_non_null(server.get());
    const auto status = ask_status("guest", 5s);
    assert_true(bool(status));
    assert_text(status->peer, "host2");
    assert_true(status->state == State::protecting);
    const auto stopped = ask_stop("guest", 5s);
    assert_true(bool(stopped));
    assert_text(*stopped, "protection ended");
    const auto failover = ask_failover("guest", 5s);
    assert_false(bool(failover));
    assert_text(failover.error().text(), "this is the primary");
}

static void only_root_gets_near(void**)
{
    const RunFolder folder;
    FakeSession session;
    const auto server = serve("guest", session);
    struct stat about{};
    assert_int_equal(stat(folder.path().c_str(), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0700);
    assert_int_equal(stat(folder.socket("guest").c_str(), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_true(S_ISSOCK(about.st_mode));
}

// Who sees nothing must not be told that there is nothing.
static void anybody_else_is_told_to_be_root(void**)
{
    const RunFolder run;
    mkdir(run.path().c_str(), geteuid() == 0 ? 0700 : 0);
    const uid_t nobody = 65534;
    const bool was_root = geteuid() == 0 && seteuid(nobody) == 0;
    const auto all = controlled_domains();
    const auto one = ask_status("guest", 5s);
    if (was_root && seteuid(0) != 0) {
        std::abort();
    }
    assert_contains(all.error().text(), "run this as root");
    assert_contains(one.error().text(), "run this as root");
}

static void a_domain_that_nobody_protects_is_unknown(void**)
{
    const RunFolder folder;
    assert_true(ask_status("guest", 5s).error().kind() ==
                ErrorKind::domain_gone);  // there is no folder either
    assert_int_equal(controlled_domains()->size(), 0);
    FakeSession session;
    const auto server = serve("guest", session);
    const auto status = ask_status("other", 5s);
    assert_true(status.error().kind() == ErrorKind::domain_gone);
    assert_text(status.error().text(), "no process protects it on this host");
}

static void the_socket_goes_with_the_server(void**)
{
    const RunFolder folder;
    FakeSession session;
    serve("guest", session).reset();
    assert_int_equal(access(folder.socket("guest").c_str(), F_OK), -1);
    assert_true(ask_status("guest", 5s).error().kind() ==
                ErrorKind::domain_gone);
}

static void a_stale_socket_is_told_and_replaced(void**)
{
    const RunFolder folder;
    leave_a_stale_socket("guest");
    const auto gone = ask_status("guest", 5s);
    assert_true(gone.error().kind() == ErrorKind::peer_lost);
    assert_text(gone.error().text(),
                "its process is gone: the guest is not protected");
    assert_int_equal(controlled_domains()->size(), 1);
    FakeSession session;
    const auto server = serve("guest", session);
    assert_non_null(server.get());
    assert_true(bool(ask_status("guest", 5s)));
}

static void a_live_one_is_not_replaced(void**)
{
    const RunFolder folder;
    FakeSession session;
    const auto server = serve("guest", session);
    const auto second = ControlServer::open("guest", session);
    assert_false(bool(second));
    assert_true(second.error().kind() == ErrorKind::refused);
    assert_true(bool(ask_status("guest", 5s)));
    const auto other = serve("other", session);
    assert_non_null(other.get());
}

// Of many that start at once over a stale socket exactly one serves.
static void one_of_many_starters_wins(void**)
{
    const RunFolder folder;
    leave_a_stale_socket("guest");
    FakeSession session;
    std::atomic<int> serving{0};
    std::vector<std::unique_ptr<ControlServer>> servers(8);
    std::vector<std::thread> starters;
    for (auto& server : servers) {
        starters.emplace_back([&] {
            auto opened = ControlServer::open("guest", session);
            if (opened) {
                server = std::move(*opened);
                ++serving;
            }
        });
    }
    for (auto& starter : starters) {
        starter.join();
    }
    const bool answers = bool(ask_status("guest", 5s));
    servers.clear();
    assert_int_equal(serving.load(), 1);
    assert_true(answers);
}

static void bad_requests_get_an_error(void**)
{
    const RunFolder folder;
    FakeSession session;
    const auto server = serve("guest", session);
    const struct {
        std::string bytes;
        const char* part;
    } cases[] = {
        {"garbage\n", "not valid JSON"},
        {"\n", "not valid JSON"},
        {std::string("\0\n", 2), "not valid JSON"},
        {"[]\n", "not a JSON object"},
        {"{}\n", "\\\"request\\\" is not a string"},
        {"{\"request\": 1}\n", "\\\"request\\\" is not a string"},
        {"{\"request\": \"reboot\"}\n", "there is no request \\\"reboot\\\""},
        {std::string(5000, 'x') + "\n", "the line is too long"},
        {std::string(5000, 'x'), "the line is too long"},
    };
    for (const auto& c : cases) {
        const std::string answer = say(connected("guest"), c.bytes);
        assert_contains(answer, "{\"error\":\"");
        assert_contains(answer, c.part);
    }
    assert_int_equal(session.stops.load(), 0);
    assert_true(bool(ask_status("guest", 5s)));
}

static void half_a_line_is_no_request(void**)
{
    const RunFolder folder;
    FakeSession session;
    const auto server = serve("guest", session);
    {
        const UniqueFd client = connected("guest");
        const std::string half = "{\"request\": \"stop\"}";
        assert_true(write(client.get(), half.data(), half.size()) > 0);
    }
    assert_true(bool(ask_status("guest", 5s)));
    assert_int_equal(session.stops.load(), 0);
}

// Neither who says nothing nor who does not take the answer.
static void slow_clients_lose_their_places(void**)
{
    const RunFolder folder;
    FakeSession session;
    auto server = serve("guest", session);
    std::vector<UniqueFd> silent;
    for (size_t i = 0; i < 2 * ControlServer::clients_max; ++i) {
        silent.push_back(connected("guest"));
    }
    bool answers = true;
    for (int i = 0; i < 10; ++i) {
        answers = answers && ask_status("guest", 20s);
    }
    server.reset();
    assert_true(answers);
}

static void who_waits_for_the_end_leaves_places_for_others(void**)
{
    const RunFolder folder;
    FakeSession session;
    session.may_end = false;
    auto server = serve("guest", session);
    std::vector<UniqueFd> waiting;
    std::string refused;
    for (size_t i = 0; i <= ControlServer::waiting_max; ++i) {
        waiting.push_back(connected("guest"));
        (void)bool(write_control_line(waiting.back(),
                                      control_object("request", "stop"),
                                      std::chrono::steady_clock::now() + 5s));
    }
    // One of them, whichever came last.
    for (size_t i = 0; i < 1000 && refused.empty(); ++i) {
        auto line = read_control_line(waiting[i % waiting.size()], 4096,
                                      std::chrono::steady_clock::now() + 5ms);
        refused = line ? *line : "";
    }
    const bool answers = bool(ask_status("guest", 5s));
    session.may_end = true;
    server.reset();
    assert_text(refused, "{\"error\":\"too many wait for its end already\"}");
    assert_true(answers);
}

// The server's end waits for what it has begun, and the answer still arrives.
static void a_request_that_takes_long_is_answered(void**)
{
    const RunFolder folder;
    FakeSession session;
    session.may_end = false;
    auto server = serve("guest", session);
    std::string answer;
    std::thread asker([&] {
        const auto stopped = ask_stop("guest", 20s);
        answer = stopped ? *stopped : stopped.error().text();
    });
    while (session.stops == 0) {
        std::this_thread::sleep_for(1ms);
    }
    const bool others_answered = bool(ask_status("guest", 5s));
    const auto impatient = ask_stop("guest", 50ms);
    std::thread ending([&] { server.reset(); });
    session.may_end = true;
    asker.join();
    ending.join();
    assert_true(others_answered);
    assert_true(impatient.error().kind() == ErrorKind::timeout);
    assert_text(impatient.error().text(),
                "its process does not answer within 50 ms");
    assert_text(answer, "protection ended");
}

static void names_are_safe_as_file_names(void**)
{
    const struct {
        std::string domain;
        const char* file;
    } cases[] = {
        {"guest-1_a+b.c", "guest-1_a+b.c"},
        {"a/b", "a%2Fb"},
        {"..", "%2E."},
        {".", "%2E"},
        {"a b%", "a%20b%25"},
        {std::string("a\0b", 3), "a%00b"},
        {"\xc3\xa4", "%C3%A4"},
    };
    for (const auto& c : cases) {
        assert_text(domain_file_name(c.domain), c.file);
        assert_true(domain_of_file_name(c.file) == c.domain);
    }
    for (const char* file : {"", "a%", "a%2", "a%zz", "a%2f", "%61", ".x",
                             "a/b", "a%+1"}) {
        assert_false(domain_of_file_name(file).has_value());
    }
}

static void any_name_can_be_served(void**)
{
    const RunFolder folder;
    FakeSession session;
    for (const std::string domain : {"../../x", ".", "a b", "x.sock"}) {
        const auto server = serve(domain, session);
        assert_non_null(server.get());
        assert_true(bool(ask_status(domain, 5s)));
        const auto listed = controlled_domains();
        assert_int_equal(listed->size(), 1);
        assert_text(listed->front(), domain);
    }
}

static void a_name_that_is_too_long_is_refused(void**)
{
    const RunFolder folder;
    FakeSession session;
    const auto server = ControlServer::open(std::string(200, 'x'), session);
    assert_true(server.error().kind() == ErrorKind::usage);
    assert_contains(server.error().text(), "too long");
}

// The folder's own path may be longer than a socket's address.
static void a_deep_run_folder_works(void**)
{
    const ScratchFolder scratch;
    const std::string deep = scratch.path() + "/" + std::string(200, 'd');
    setenv("XL_COLO_RUN_DIR", deep.c_str(), 1);
    FakeSession session;
    const auto server = serve("guest", session);
    const bool answers = bool(ask_status("guest", 5s));
    unsetenv("XL_COLO_RUN_DIR");
    assert_true(answers);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(only_root_gets_near),
        cmocka_unit_test(anybody_else_is_told_to_be_root),
        cmocka_unit_test(a_domain_that_nobody_protects_is_unknown),
        cmocka_unit_test(the_socket_goes_with_the_server),
        cmocka_unit_test(a_stale_socket_is_told_and_replaced),
        cmocka_unit_test(a_live_one_is_not_replaced),
        cmocka_unit_test(one_of_many_starters_wins),
        cmocka_unit_test(bad_requests_get_an_error),
        cmocka_unit_test(half_a_line_is_no_request),
        cmocka_unit_test(slow_clients_lose_their_places),
        cmocka_unit_test(who_waits_for_the_end_leaves_places_for_others),
        cmocka_unit_test(a_request_that_takes_long_is_answered),
        cmocka_unit_test(names_are_safe_as_file_names),
        cmocka_unit_test(any_name_can_be_served),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(a_deep_run_folder_works),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
