#include "commands/config_file.h"

#include <fstream>

#include "check.h"
#include "commands/options.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

struct Written {
    explicit Written(const std::string& text)
        : path(folder.path() + "/web1.conf")
    {
        std::ofstream(path) << text;
    }
    ScratchFolder folder;
    std::string path;
};

Result<StartOptions> start_by(const Written& file,
                              std::vector<std::string> more = {})
{
    more.insert(more.begin(), "--config=" + file.path);
    return parse_start(more);
}

}  // namespace

static void a_line_is_a_name_and_a_value(void**)
{
    const struct {
        const char* text;
        const char* name;
        std::optional<std::string> value;
    } cases[] = {
        {"verify", "verify", {}},
        {"host beta", "host", "beta"},
        {"host=beta", "host", "beta"},
        {" host =\tbeta \r", "host", "beta"},
        {"host == beta", "host", "= beta"},
        {"ssh-command =", "ssh-command", ""},
        {"ssh-command = \"\"", "ssh-command", ""},
        {"fence = \"a b\"", "fence", "a b"},
        {"fence = \"a\" \"b\"", "fence", "\"a\" \"b\""},
        {"fence = 'a b' # c", "fence", "'a b' # c"},
        {"fence = \"", "fence", "\""},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.text);
        const Written file(std::string("# first\n\n  # second\n") + c.text);
        const auto entries = read_config_file(file.path);
        assert_true(bool(entries));
        assert_int_equal(entries->size(), 1);
        const ConfigEntry& entry = entries->front();
        assert_int_equal(entry.line, 4);
        assert_text(entry.name, c.name);
        assert_true(entry.value == c.value);
    }
}

static void a_file_is_a_command_line(void**)
{
    const Written file("host = beta\n"
                       "interval = 500ms\n"
                       "timeout 5\n"
                       "witness = ssh gamma \"$XL_COLO_ACTION\" 'x y'\n"
                       "accept-split-brain = no\n"
                       "verify = yes\n"
                       "foreground\n");
    const auto options = start_by(file);
    assert_true(bool(options));
    assert_text(options->domain, "web1");
    assert_text(options->host, "beta");
    assert_true(options->interval == 500ms);
    assert_true(options->timeout == 5s);
    assert_text(options->witness, "ssh gamma \"$XL_COLO_ACTION\" 'x y'");
    assert_false(options->accept_split_brain);
    assert_true(options->verify && options->foreground);
}

static void what_is_typed_counts_more(void**)
{
    const Written file("domain = web2\nhost = beta\ninterval = 500ms\n");
    assert_text(start_by(file)->domain, "web2");
    const auto options = start_by(file, {"web3", "-i", "20", "delta"});
    assert_text(options->domain, "web3");
    assert_text(options->host, "delta");
    assert_true(options->interval == 20ms);
}

static void a_wrong_line_is_named(void**)
{
    const struct {
        const char* text;
        const char* message;  // after the file's name
    } cases[] = {
        {"host = b\nfrob = 1\n", ":2: frob: there is no such option"},
        {"config = x\n", ":1: config: there is no such option"},
        {"help\n", ":1: help: there is no such option"},
        {"host\n", ":1: host: needs a value"},
        {"domain =\n", ":1: domain: needs a value"},
        {"interval\n", ":1: interval: needs a value"},
        {"\ninterval = soon\n",
         ":2: interval: \"soon\" is not a time from 1ms to 3600s, such as "
         "500ms or 2s"},
        {"fence =\n", ":1: fence: the command is empty"},
        {"verify = perhaps\n",
         ":1: verify: is yes or no, or stands alone"},
        {"host = a\n# b\nhost = c\n", ":3: host stands in line 1 already"},
        {"Interval = 1\n", ":1: this is no option: \"Interval = 1\""},
        {"= 1\n", ":1: this is no option: \"= 1\""},
        {"interval = 1s\n", " names no host"},
        {"host = -oProxyCommand=x\n", nullptr},
    };
    for (const auto& c : cases) {
        print_message("  %s", c.text);
        const Written file(c.text);
        const auto options = start_by(file);
        assert_false(bool(options));
        assert_true(options.error().kind() == ErrorKind::usage);
        if (c.message && *c.message) {
            assert_text(options.error().text(), file.path + c.message);
        }
    }
}

static void a_file_that_is_not_there_is_an_error(void**)
{
    const Written file("");
    const auto gone = start_by(file, {"--config=/nowhere/web1.conf"});
    assert_true(gone.error().kind() == ErrorKind::io);
    assert_text(gone.error().text(),
                "cannot read /nowhere/web1.conf: No such file or directory");
    const auto folder = start_by(file, {"--config=" + file.folder.path()});
    assert_true(folder.error().kind() == ErrorKind::io);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_name_and_a_value),
        cmocka_unit_test(a_file_is_a_command_line),
        cmocka_unit_test(what_is_typed_counts_more),
        cmocka_unit_test(a_wrong_line_is_named),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
