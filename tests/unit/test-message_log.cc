// Messages as the journal gets them: by a socket of this test's own, with
// stderr as a service, a terminal or the background has it.
#include "process/message_log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "base/journal.h"
#include "commands.h"

using namespace xl_colo;

namespace {

using Entry = std::map<std::string, std::string>;

// The journal's end. The program finds it by the environment.
class FakeJournal {
public:
    explicit FakeJournal(const std::string& folder)
        : path_(folder + "/journal"),
          fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.c_str(), path_.size());
        bind(fd_.get(), reinterpret_cast<sockaddr*>(&address),
             sizeof address);
        setenv("XL_COLO_JOURNAL", path_.c_str(), 1);
    }
    ~FakeJournal() { unsetenv("XL_COLO_JOURNAL"); }

    // What came since the last call; of fields without a length.
    std::vector<Entry> take()
    {
        std::vector<Entry> entries;
        char bytes[4096];
        for (ssize_t n; (n = recv(fd_.get(), bytes, sizeof bytes, 0)) > 0;) {
            std::istringstream text({bytes, static_cast<size_t>(n)});
            Entry entry;
            for (std::string line; std::getline(text, line);) {
                const size_t at = line.find('=');
                entry[line.substr(0, at)] = line.substr(at + 1);
            }
            entries.push_back(entry);
        }
        return entries;
    }
    std::string take_bytes()
    {
        char bytes[4096];
        const ssize_t n = recv(fd_.get(), bytes, sizeof bytes, 0);
        return n > 0 ? std::string(bytes, static_cast<size_t>(n)) : "";
    }
    void leave() { unlink(path_.c_str()); }

private:
    std::string path_;
    UniqueFd fd_;
};

// Stderr is a file for as long as this lives; the journal's stream, if it is
// to look like that to the program.
class Stderr {
public:
    explicit Stderr(const std::string& path, bool is_journal = false)
        : path_(path), before_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3))
    {
        const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
        dup2(fd.get(), STDERR_FILENO);
        if (is_journal) {
            struct stat found;
            fstat(fd.get(), &found);
            setenv("JOURNAL_STREAM",
                   (std::to_string(found.st_dev) + ":" +
                    std::to_string(found.st_ino))
                       .c_str(),
                   1);
        }
    }
    ~Stderr()
    {
        dup2(before_.get(), STDERR_FILENO);
        unsetenv("JOURNAL_STREAM");
    }
    std::string text() const
    {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    std::string path_;
    UniqueFd before_;
};

// What one message became.
struct Heard {
    std::string lines;
    std::vector<Entry> entries;
};

Heard say(bool stderr_is_journal, bool journal_lives = true)
{
    const ScratchFolder folder;
    FakeJournal journal(folder.path());
    const Stderr to(folder.path() + "/log", stderr_is_journal);
    const auto log = make_message_log("primary", LogLevel::notice, false);
    log->set_subject("web1", "beta");
    if (!journal_lives) {
        journal.leave();
    }
    log->warn("domain web1: no answer");
    log->info("not shown");
    return {to.text(), journal.take()};
}

}  // namespace

static void message_in_the_background_is_in_log_and_journal(void**)
{
    const Heard heard = say(false);
    assert_text(heard.lines,
                "colo primary: warning: domain web1: no answer\n");
    assert_int_equal(heard.entries.size(), 1);
    const Entry expected{{"MESSAGE", "domain web1: no answer"},
                         {"PRIORITY", "4"},
                         {"SYSLOG_IDENTIFIER", "xl-colo"},
                         {"XL_COLO_DOMAIN", "web1"},
                         {"XL_COLO_PEER", "beta"},
                         {"XL_COLO_ROLE", "primary"}};
    assert_true(heard.entries[0] == expected);
}

static void message_of_a_service_is_in_the_journal_once(void**)
{
    const Heard heard = say(true);
    assert_text(heard.lines, "");
    assert_int_equal(heard.entries.size(), 1);
    assert_text(heard.entries[0].at("XL_COLO_DOMAIN"), "web1");
}

static void message_is_a_line_where_the_journal_takes_none(void**)
{
    for (const bool stderr_is_journal : {true, false}) {
        const Heard heard = say(stderr_is_journal, false);
        assert_text(heard.lines,
                    "colo primary: warning: domain web1: no answer\n");
        assert_int_equal(heard.entries.size(), 0);
    }
}

// Whoever ssh or a terminal passes them on to reads them.
static void message_to_a_pipe_is_a_line_alone(void**)
{
    std::string line(200, '\0');
    size_t entries = 1;
    {
        const ScratchFolder folder;
        FakeJournal journal(folder.path());
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        const UniqueFd from(ends[0]), to(ends[1]);
        {
            const Stderr saved("/dev/null");
            dup2(to.get(), STDERR_FILENO);
            const auto log =
                make_message_log("secondary", LogLevel::info, false);
            log->info("here");
        }
        line.resize(static_cast<size_t>(
            std::max<ssize_t>(read(from.get(), line.data(), line.size()), 0)));
        entries = journal.take().size();
    }
    assert_text(line, "colo secondary: info: here\n");
    assert_int_equal(entries, 0);
}

static void a_state_is_told_when_it_is_another(void**)
{
    std::vector<Entry> entries;
    std::string lines;
    {
        const ScratchFolder folder;
        FakeJournal journal(folder.path());
        const Stderr to(folder.path() + "/log");
        const auto log = make_message_log("primary", LogLevel::notice, false);
        log->set_subject("web1", "beta");
        for (const char* state : {"copying", "copying", "protecting"}) {
            log->note_state(state);
        }
        entries = journal.take();
        lines = to.text();
    }
    assert_int_equal(entries.size(), 2);
    assert_text(entries[0].at("XL_COLO_STATE"), "copying");
    assert_text(entries[1].at("XL_COLO_STATE"), "protecting");
    assert_text(entries[1].at("MESSAGE"), "domain web1: protecting");
    assert_text(entries[1].at("MESSAGE_ID"), entries[0].at("MESSAGE_ID"));
    assert_text(lines, "");
}

// A journal that nobody empties must not hold up a guest.
static void a_journal_that_is_full_is_not_waited_for(void**)
{
    constexpr int messages = 5000;
    std::string lines;
    size_t entries = 0;
    {
        const ScratchFolder folder;
        FakeJournal journal(folder.path());
        const Stderr to(folder.path() + "/log");
        const auto log = make_message_log("primary", LogLevel::notice, false);
        for (int i = 0; i < messages; ++i) {
            log->warn("again");
        }
        lines = to.text();
        entries = journal.take().size();
    }
    assert_true(entries > 0 && entries < messages);
    assert_int_equal(std::ranges::count(lines, '\n'), messages);
}

static void a_value_of_two_lines_has_its_length_before_it(void**)
{
    std::string bytes;
    {
        const ScratchFolder folder;
        FakeJournal fake(folder.path());
        const auto journal = Journal::open();
        (void)(journal &&
               journal->send({{"A", "x"}, {"B", ""}, {"C", "1\n2"}}));
        bytes = fake.take_bytes();
    }
    assert_true(bytes == std::string("A=x\nC\n\3\0\0\0\0\0\0\0" "1\n2\n", 18));
}

static void there_is_no_journal_where_there_is_no_socket(void**)
{
    setenv("XL_COLO_JOURNAL", "", 1);
    const bool empty = Journal::open().has_value();
    setenv("XL_COLO_JOURNAL", "/nonexistent/socket", 1);
    const bool missing = Journal::open().has_value();
    setenv("XL_COLO_JOURNAL", std::string(200, 'x').c_str(), 1);
    const bool too_long = Journal::open().has_value();
    unsetenv("XL_COLO_JOURNAL");
    assert_false(empty);
    assert_false(missing);
    assert_false(too_long);
}

// From the first copy on, on both hosts.
static void states_of_a_session_are_in_the_journal(void**)
{
    bool protects = false;
    std::map<std::string, std::string> states;  // by role, in their order
    {
        const ScratchFolder folder;
        FakeJournal journal(folder.path());
        Scratch s;
        protects = protect(s.bed);
        (void)s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        (void)s.bed.wait_for([&] {
            for (Entry& entry : journal.take()) {
                if (entry.contains("XL_COLO_STATE") &&
                    entry["XL_COLO_DOMAIN"] == "web1") {
                    states[entry["XL_COLO_ROLE"]] +=
                        entry["XL_COLO_STATE"] + " ";
                }
            }
            return states["primary"].ends_with(" unprotected ") &&
                   states["secondary"].ends_with(" ended ");
        });
    }
    assert_true(protects);
    assert_text(states["primary"],
                "connecting copying protecting unprotected ");
    assert_text(states["secondary"], "connecting copying protecting ended ");
}

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(message_in_the_background_is_in_log_and_journal),
        cmocka_unit_test(message_of_a_service_is_in_the_journal_once),
        cmocka_unit_test(message_is_a_line_where_the_journal_takes_none),
        cmocka_unit_test(message_to_a_pipe_is_a_line_alone),
        cmocka_unit_test(a_state_is_told_when_it_is_another),
        cmocka_unit_test(a_journal_that_is_full_is_not_waited_for),
        cmocka_unit_test(a_value_of_two_lines_has_its_length_before_it),
        cmocka_unit_test(there_is_no_journal_where_there_is_no_socket),
        cmocka_unit_test(states_of_a_session_are_in_the_journal),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
