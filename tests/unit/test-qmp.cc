#include "qemu/qmp.h"

#include "check.h"
#include "fake_qmp.h"

using namespace xl_colo;
using namespace std::chrono_literals;
using Client = FakeQmp::Client;

namespace {

// What a test's client made of what a script served.
struct Outcome {
    std::string text;           // "ok", or the error
    ErrorKind kind{};
    bool usable = false;
};

Outcome outcome_of(Qmp& qmp, const Result<Json>& result)
{
    return {result ? "ok" : result.error().text(),
            result ? ErrorKind{} : result.error().kind(), qmp.usable()};
}

// Connects to a server of one script and runs one command.
Outcome run_one(FakeQmp::Script script, Qmp::Timeout timeout = 5s)
{
    ScratchFolder folder;
    FakeQmp server(folder.path() + "/qmp", {std::move(script)});
    auto qmp = Qmp::connect(folder.path() + "/qmp", 5s);
    if (!qmp) {
        return {qmp.error().text(), qmp.error().kind(), false};
    }
    const auto result = (*qmp)->run("stop", "{}", timeout);
    return outcome_of(**qmp, result);
}

bool is_event(const Json& event, const std::string& name)
{
    const auto found = event.text("event");
    return found && *found == name;
}

}  // namespace

static void greeting_gives_the_version(void**)
{
    ScratchFolder folder;
    std::string first_command;
    QemuVersion version;
    {
        FakeQmp server(folder.path() + "/qmp", {[&](Client& client) {
                           client.send(Client::greeting(10, 1));
                           auto command = client.next();
                           first_command = command->name;
                           client.succeed(*command);
                       }});
        version = (*Qmp::connect(folder.path() + "/qmp"))->version();
    }
    assert_text(first_command, "qmp_capabilities");
    assert_int_equal(version.major, 10);
    assert_int_equal(version.minor, 1);
}

static void a_command_goes_out_with_its_arguments(void**)
{
    ScratchFolder folder;
    std::string line;
    {
        FakeQmp server(folder.path() + "/qmp", {[&](Client& client) {
                           client.negotiate();
                           auto command = client.next();
                           line = command->line;
                           client.succeed(*command);
                       }});
        auto qmp = Qmp::connect(folder.path() + "/qmp");
        (void)(*qmp)->run("set", "{\"a\": 1}");
    }
    assert_text(line,
                "{\"execute\": \"set\", \"arguments\": {\"a\": 1}, \"id\": 2}");
}

static void the_answer_is_found_between_events(void**)
{
    const auto outcome = run_one([](Client& client) {
        client.negotiate();
        auto command = client.next();
        client.event("RTC_CHANGE", "{\"offset\": 0}");
        client.event("STOP");
        client.succeed(*command);
    });
    assert_text(outcome.text, "ok");
    assert_true(outcome.usable);
}

static void an_event_is_kept_until_it_is_asked_for(void**)
{
    ScratchFolder folder;
    bool kept = false;
    bool live = false;
    bool once_only = false;
    bool forgotten = false;
    {
        FakeQmp server(folder.path() + "/qmp", {[](Client& client) {
                           client.negotiate();
                           auto command = client.next();
                           client.event("OTHER");
                           client.event("STOP");
                           client.succeed(*command);
                           client.next();
                           client.event("RESUME");
                           client.next();
                       }});
        auto qmp = Qmp::connect(folder.path() + "/qmp");
        const auto wait = [&](const char* name, Qmp::Timeout timeout) {
            return static_cast<bool>((*qmp)->wait_event(
                [&](const Json& e) { return is_event(e, name); }, timeout));
        };
        (void)(*qmp)->run("stop");
        kept = wait("STOP", 1s);
        once_only = !wait("STOP", 50ms);
        (*qmp)->forget_events();
        forgotten = !wait("OTHER", 50ms);
        (void)(*qmp)->run("cont", "{}", 50ms);
        live = wait("RESUME", 5s);
    }
    assert_true(kept);
    assert_true(once_only);
    assert_true(forgotten);
    assert_true(live);
}

static void a_refusal_keeps_the_device_models_words(void**)
{
    const auto outcome = run_one([](Client& client) {
        client.negotiate();
        client.refuse(*client.next(), "Bus 'pci.0' not found");
        client.next();
    });
    assert_text(outcome.text,
                "device model refuses stop: Bus 'pci.0' not found");
    assert_int_equal(outcome.kind, ErrorKind::io);
    assert_true(outcome.usable);
}

static void an_answer_after_its_deadline_is_dropped(void**)
{
    ScratchFolder folder;
    Outcome first;
    std::string second;
    {
        FakeQmp server(folder.path() + "/qmp", {[](Client& client) {
                           client.negotiate();
                           auto late = client.next();
                           auto next = client.next();
                           client.succeed(*late, "{\"which\": \"late\"}");
                           client.succeed(*next, "{\"which\": \"next\"}");
                       }});
        auto qmp = Qmp::connect(folder.path() + "/qmp");
        first = outcome_of(**qmp, (*qmp)->run("stop", "{}", 50ms));
        auto answer = (*qmp)->run("cont", "{}", 5s);
        second = *answer->object("return")->text("which");
    }
    assert_int_equal(first.kind, ErrorKind::timeout);
    assert_true(first.usable);
    assert_text(second, "next");
}

static void a_message_may_come_in_pieces(void**)
{
    const auto outcome = run_one([](Client& client) {
        client.negotiate();
        const std::string text = "{\"return\": {}, \"id\": " +
                                 std::to_string(client.next()->id) + "}\r\n";
        for (const char c : text) {
            client.send(std::string(1, c));
        }
    });
    assert_text(outcome.text, "ok");
}

static void a_broken_connection_is_of_no_more_use(void**)
{
    const struct {
        const char* what;
        FakeQmp::Script answer;
        ErrorKind kind;
    } cases[] = {
        {"end of file", [](Client&) {}, ErrorKind::io},
        {"no answer at all", [](Client& c) { c.send("{}\n"); }, ErrorKind::io},
        {"no JSON", [](Client& c) { c.send("segmentation fault\n"); },
         ErrorKind::protocol},
        {"a list", [](Client& c) { c.send("[1, 2]\n"); }, ErrorKind::protocol},
        {"no end of line",
         [](Client& c) {
             c.send("{\"x\": \"" + std::string(100'000, 'y'));
             c.next();
         },
         ErrorKind::protocol},
        {"brackets only",
         [](Client& c) { c.send(std::string(1 << 20, '[')); },
         ErrorKind::protocol},
    };
    for (const auto& c : cases) {
        print_message("%s\n", c.what);
        const auto outcome = run_one([&](Client& client) {
            client.negotiate();
            client.next();
            c.answer(client);
        });
        assert_int_equal(outcome.kind, c.kind);
        assert_false(outcome.usable);
    }
}

static void silence_is_a_timeout(void**)
{
    ScratchFolder folder;
    ErrorKind no_greeting{};
    ErrorKind no_answer{};
    {
        FakeQmp server(folder.path() + "/qmp",
                       {[](Client& client) { client.next(); },
                        [](Client& client) {
                            client.negotiate();
                            client.next();
                            client.next();
                        }});
        no_greeting =
            Qmp::connect(folder.path() + "/qmp", 50ms).error().kind();
        auto qmp = Qmp::connect(folder.path() + "/qmp", 5s);
        no_answer = (*qmp)->run("stop", "{}", 50ms).error().kind();
    }
    assert_int_equal(no_greeting, ErrorKind::timeout);
    assert_int_equal(no_answer, ErrorKind::timeout);
}

static void a_missing_socket_is_named(void**)
{
    auto r = Qmp::connect("/nonexistent/qmp");
    assert_false(static_cast<bool>(r));
    assert_contains(r.error().text(), "/nonexistent/qmp");
    assert_contains(r.error().text(), "No such file");
    const auto too_long = Qmp::connect(std::string(200, 'x'));
    assert_contains(too_long.error().text(), "too long");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(greeting_gives_the_version),
        cmocka_unit_test(a_command_goes_out_with_its_arguments),
        cmocka_unit_test(the_answer_is_found_between_events),
        cmocka_unit_test(an_event_is_kept_until_it_is_asked_for),
        cmocka_unit_test(a_refusal_keeps_the_device_models_words),
        cmocka_unit_test(an_answer_after_its_deadline_is_dropped),
        cmocka_unit_test(a_message_may_come_in_pieces),
        cmocka_unit_test(a_broken_connection_is_of_no_more_use),
        cmocka_unit_test(silence_is_a_timeout),
        cmocka_unit_test(a_missing_socket_is_named),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
