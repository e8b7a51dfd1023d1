#include "commands/options.h"

#include <cstdlib>

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

using Words = std::vector<std::string>;

static void defaults_are_those_of_the_man_page(void**)
{
    const auto options = parse_start(Words{"guest", "host2"});
    assert_true(bool(options));
    assert_text(options->domain, "guest");
    assert_text(options->host, "host2");
    assert_text(options->ssh_command, "ssh");
    assert_true(options->interval == 1s);
    assert_true(options->timeout == 10s);
    assert_false(options->verify);
    assert_false(options->max_checkpoints.has_value());
    assert_false(options->foreground);
    assert_text(options->fence, "");
    assert_text(options->witness, "");
    assert_false(options->accept_split_brain);
    assert_int_equal(options->verbose, 0);
    assert_true(options->without.empty());
    assert_true(parse_stop(Words{"guest"})->timeout == 60s);
    assert_true(parse_failover(Words{"guest"})->timeout == 60s);
    assert_false(parse_status(Words{})->domain.has_value());
}

static void every_start_option_is_taken(void**)
{
    const auto options = parse_start(Words{
        "-s", "ssh -p 22", "--interval=250ms", "guest", "-t", "3", "--fence",
        "/bin/true", "--verify", "--max-checkpoints", "12", "-Fvv",
        "--without=f2,back-channel", "--witness", "ssh c claim",
        "--accept-split-brain", "--step-timeout=5",
        "--compare-timeout=30", "--buffer=64", "--output", "auto", "host2"});
    assert_true(bool(options));
    assert_text(options->ssh_command, "ssh -p 22");
    assert_true(options->interval == 250ms);
    assert_true(options->timeout == 3s);
    assert_text(options->fence, "/bin/true");
    assert_text(options->witness, "ssh c claim");
    assert_true(options->accept_split_brain);
    assert_true(options->step_timeout == 5s);
    assert_true(options->compare_timeout == 30ms);
    assert_true(options->output == Output::automatic);
    assert_true(options->buffer == Bytes{64 << 20});
    assert_true(options->verify);
    assert_int_equal(options->max_checkpoints.value(), 12);
    assert_true(options->foreground);
    assert_int_equal(options->verbose, 2);
    assert_true((options->without ==
                 std::set<std::string>{"back-channel", "f2"}));
    assert_text(options->domain, "guest");
    assert_text(options->host, "host2");
}

static void sizes(void**)
{
    const std::vector<std::pair<const char*, std::optional<uint64_t>>> cases{
        {"0", 0},        {"64", 64 << 20},        {"64k", 64 << 10},
        {"3M", 3 << 20}, {"2g", uint64_t{2} << 30},
        {"1024G", uint64_t{1} << 40},
        {"1025G", {}},   {"", {}},     {"M", {}}, {"-1", {}},
        {"1.5G", {}},    {"1T", {}},   {"64MB", {}}};
    for (const auto& [text, bytes] : cases) {
        print_message("  \"%s\"\n", text);
        const auto options =
            parse_start(Words{
                std::string("--buffer=") + text, "guest", "host2"});
        assert_int_equal(bool(options), bytes.has_value());
        if (bytes) {
            assert_true(options->buffer == Bytes{*bytes});
        } else {
            assert_text(options.error().text(),
                        "--buffer: \"" + std::string(text) +
                            "\" is not a size from 0 to 1024G, such as 64M "
                            "or 1G");
        }
    }
}

static void disks_are_compared_only_with_pages(void**)
{
    const auto pages = parse_start(Words{"--verify", "guest", "host2"});
    assert_true(pages->verify && !pages->verify_disks);
    const auto both = parse_start(Words{"--verify-disks", "guest", "host2"});
    assert_true(both->verify && both->verify_disks);
}

static void store_of_disks(void**)
{
    const auto of = [](Words words) {
        words.insert(words.end(), {"guest", "host2"});
        return parse_start(words);
    };
    using Kind = DiskStore::Kind;
    assert_true(of({})->disk_store == DiskStore{});
    assert_true(of({"--disk-store=file"})->disk_store ==
                (DiskStore{Kind::file, "", {}}));
    // In whatever order.
    for (const Words& words :
         {Words{"--disk-store=/dev/vg0/store", "--disk-store-size=2"},
          Words{"--disk-store-size=2M", "--disk-store=/dev/vg0/store"}}) {
        assert_true(of(words)->disk_store ==
                    (DiskStore{Kind::device, "/dev/vg0/store",
                               Bytes{2 << 20}}));
    }
    for (const char* word : {"tape", "", "vg0/store", "/var/tmp/store"}) {
        assert_text(of({std::string("--disk-store=") + word}).error().text(),
                    "--disk-store: \"" + std::string(word) +
                        "\" is none of memory, file, /dev/...");
    }
}

static void durations(void**)
{
    const struct {
        const char* text;
        Milliseconds interval;  // 0: refused
        Milliseconds timeout;
    } cases[] = {
        {"1", 1ms, 1s},
        {"200", 200ms, 200s},
        {"500ms", 500ms, 500ms},
        {"2s", 2s, 2s},
        {"3600s", 1h, 1h},
        {"3600000ms", 1h, 1h},
        {"3601s", 0ms, 0ms},
        {"3600", 3600ms, 1h},
        {"3601", 3601ms, 0ms},
        {"18446744073709551615", 0ms, 0ms},
        {"18446744073709551616", 0ms, 0ms},
        {"0", 0ms, 0ms},
        {"0ms", 0ms, 0ms},
        {"-1", 0ms, 0ms},
        {"+1", 0ms, 0ms},
        {" 1", 0ms, 0ms},
        {"1.5s", 0ms, 0ms},
        {"2m", 0ms, 0ms},
        {"ms", 0ms, 0ms},
        {"s", 0ms, 0ms},
        {"", 0ms, 0ms},
        {"0x10", 0ms, 0ms},
        {"1 s", 0ms, 0ms},
    };
    for (const auto& c : cases) {
        const std::string text = c.text;
        const auto i = parse_start(Words{"--interval=" + text, "g", "h"});
        const auto t = parse_start(Words{"--timeout=" + text, "g", "h"});
        assert_int_equal(i ? i->interval.count() : 0, c.interval.count());
        assert_int_equal(t ? t->timeout.count() : 0, c.timeout.count());
    }
}

static void a_wrong_word_is_named(void**)
{
    const struct {
        Words words;
        const char* message;
    } cases[] = {
        {{}, "wants DOMAIN HOST; see --help"},
        {{"guest"}, "wants DOMAIN HOST; see --help"},
        {{"guest", "host2", "more"}, "there is no use for \"more\""},
        {{"", "host2"}, "an operand is empty"},
        {{"guest", "--", "-oProxyCommand=x"},
         "\"-oProxyCommand=x\" is not the name of a host"},
        {{"-i", "0", "g", "h"},
         "-i: \"0\" is not a time from 1ms to 3600s, such as 500ms or 2s"},
        {{"--interval=x", "g", "h"},
         "--interval: \"x\" is not a time from 1ms to 3600s, such as 500ms or "
         "2s"},
        {{"g", "h", "-i"}, "-i needs an argument"},
        {{"g", "h", "--fence"}, "--fence needs an argument"},
        {{"g", "h", "--witness="}, "--witness: the command is empty"},
        {{"g", "h", "-Fx"}, "there is no option -x"},
        {{"g", "--frob=1", "h"}, "there is no option --frob=1"},
        {{"g", "--verify=yes", "h"},
         "--verify=yes: that option takes no argument"},
        {{"--without=f2,f9", "g", "h"},
         "--without: \"f9\" is none of f2, f3, f4, back-channel, "
         "elision, digest, pv-reset, output-hold, first-snapshot"},
        {{"--without=", "g", "h"},
         "--without: \"\" is none of f2, f3, f4, back-channel, "
         "elision, digest, pv-reset, output-hold, first-snapshot"},
        {{"--output=both", "g", "h"},
         "--output: \"both\" is none of commit, compare, auto"},
        {{"-n0", "g", "h"}, "-n: \"0\" is not a number from 1 to 4294967295"},
        {{"-n", "4294967296", "g", "h"},
         "-n: \"4294967296\" is not a number from 1 to 4294967295"},
    };
    for (const auto& c : cases) {
        const auto options = parse_start(c.words);
        assert_false(bool(options));
        assert_true(options.error().kind() == ErrorKind::usage);
        assert_text(options.error().text(), c.message);
    }
}

static void an_empty_ssh_command_makes_the_host_a_command(void**)
{
    const auto options = parse_start(Words{"-s", "", "guest", "-socat x"});
    assert_false(bool(options));
    const auto dashed =
        parse_start(Words{"-s", "", "guest", "--", "-socat x"});
    assert_true(bool(dashed));
    assert_text(dashed->host, "-socat x");
}

static void help_needs_no_operands(void**)
{
    assert_true(parse_start(Words{"--help"})->help);
    assert_true(parse_stop(Words{"-h"})->help);
    assert_true(parse_failover(Words{"--version"})->version);
    assert_true(parse_receive(Words{"-h"})->help);
}

static void the_other_commands_take_theirs(void**)
{
    const auto status = parse_status(Words{"-jw", "guest"});
    assert_true(status->json && status->watch);
    assert_text(*status->domain, "guest");
    assert_text(parse_status(Words{"a", "b"}).error().text(),
                "there is no use for \"b\"");
    assert_true(parse_stop(Words{"-t", "5", "guest"})->timeout == 5s);
    assert_true(parse_failover(Words{"--timeout=5ms", "g"})->timeout == 5ms);
    assert_int_equal(parse_receive(Words{"-vvv"})->verbose, 3);
    assert_false(bool(parse_receive(Words{"guest"})));
}

// "xl -N colo-stop guest" must not stop it.
static void no_command_does_the_real_thing_in_a_dry_run(void**)
{
    setenv("XL_DRYRUN", "1", 1);
    const auto start = parse_start(Words{"guest", "host2"});
    const auto status = parse_status(Words{});
    const auto stop = parse_stop(Words{"guest"});
    const auto failover = parse_failover(Words{"guest"});
    const auto help = parse_stop(Words{"--help"});
    setenv("XL_DRYRUN", "0", 1);
    const auto real = parse_stop(Words{"guest"});
    unsetenv("XL_DRYRUN");

    const char* refused = "there is no dry run (XL_DRYRUN is set)";
    assert_text(start.error().text(), refused);
    assert_text(status.error().text(), refused);
    assert_text(stop.error().text(), refused);
    assert_text(failover.error().text(), refused);
    assert_true(bool(help));
    assert_true(bool(real));
}

static void verbosity_of_xl_adds_to_that_of_the_command(void**)
{
    setenv("XL_VERBOSE", "1", 1);
    const auto both = parse_start(Words{"-v", "guest", "host2"});
    setenv("XL_VERBOSE", "0", 1);
    const auto none = parse_start(Words{"guest", "host2"});
    unsetenv("XL_VERBOSE");
    assert_int_equal(both->verbose, 2);
    assert_int_equal(none->verbose, 0);
}

static void the_help_fits_the_terminal(void**)
{
    const std::string all = help_start() + help_receive() + help_status() +
                            help_stop() + help_failover() + help_keep() +
                            help_replicate();
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);) {
        assert_true(line.size() <= 80);
    }
    assert_golden(help_start(), "help-start.txt");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_man_page),
        cmocka_unit_test(every_start_option_is_taken),
        cmocka_unit_test(sizes),
        cmocka_unit_test(disks_are_compared_only_with_pages),
        cmocka_unit_test(store_of_disks),
        cmocka_unit_test(durations),
        cmocka_unit_test(a_wrong_word_is_named),
        cmocka_unit_test(an_empty_ssh_command_makes_the_host_a_command),
        cmocka_unit_test(help_needs_no_operands),
        cmocka_unit_test(the_other_commands_take_theirs),
        cmocka_unit_test(no_command_does_the_real_thing_in_a_dry_run),
        cmocka_unit_test(verbosity_of_xl_adds_to_that_of_the_command),
        cmocka_unit_test(the_help_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
