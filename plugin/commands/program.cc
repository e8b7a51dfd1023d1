#include "commands/program.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <system_error>

#include "commands/cmd_failover.h"
#include "commands/cmd_keep.h"
#include "commands/cmd_receive.h"
#include "commands/cmd_replicate.h"
#include "commands/cmd_start.h"
#include "commands/cmd_status.h"
#include "commands/cmd_stop.h"
#include "commands/options.h"
#include "config.h"

namespace xl_colo {

namespace {

template <typename Options>
int run(const std::string& name, Result<Options> (*parse)(Arguments),
        std::string (*help)(), int (*command)(const Options&),
        Arguments arguments)
{
    const auto options = parse(arguments);
    if (!options) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(),
                     options.error().text().c_str());
        return EXIT_FAILURE;
    }
    if (options->help) {
        std::fputs(help().c_str(), stdout);
        return EXIT_SUCCESS;
    }
    if (options->version) {
        std::puts(PACKAGE_STRING);
        return EXIT_SUCCESS;
    }
    return command(*options);
}

int dispatch(const std::string& word, Arguments arguments)
{
    const std::string name = "xl-colo-" + word;
    if (word == "start") {
        return run(name, parse_start, help_start, cmd_start, arguments);
    }
    if (word == "status") {
        return run(name, parse_status, help_status, cmd_status, arguments);
    }
    if (word == "stop") {
        return run(name, parse_stop, help_stop, cmd_stop, arguments);
    }
    if (word == "failover") {
        return run(name, parse_failover, help_failover, cmd_failover,
                   arguments);
    }
    if (word == "keep") {
        return run(name, parse_keep, help_keep, cmd_keep, arguments);
    }
    if (word == "replicate") {
        return run(name, parse_replicate, help_replicate, cmd_replicate,
                   arguments);
    }
    if (word == "receive") {
        return run(name, parse_receive, help_receive, cmd_receive, arguments);
    }
    if (word == "--version") {
        std::puts(PACKAGE_STRING);
        return EXIT_SUCCESS;
    }
    const bool asked = word == "--help" || word == "-h";
    std::fputs("Usage: xl-colo start|status|stop|failover [--help] ...\n",
               asked ? stdout : stderr);
    return asked ? EXIT_SUCCESS : EXIT_FAILURE;
}

// A descriptor of ours must not become 0, 1 or 2 because the caller had those
// closed: libxl's children write there.
void open_standard_descriptors()
{
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

// A process in the background leaves the folder that it was started in.
void make_folders_absolute()
{
    for (const char* name : {"XL_COLO_LOG_DIR", "XL_COLO_RUN_DIR"}) {
        const char* const value = std::getenv(name);
        std::error_code code;
        if (value && *value) {
            const auto path = std::filesystem::absolute(value, code);
            setenv(name, path.c_str(), 1);
        }
    }
}

// "start" of "/usr/sbin/xl-colo-start"; nothing of "xl-colo".
std::string word_in(const std::string& path)
{
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::string prefix = "xl-colo-";
    return name.starts_with(prefix) ? name.substr(prefix.size()) : "";
}

}  // namespace

int run_program(const std::vector<std::string>& words)
{
    try {
        std::setlocale(LC_ALL, "C");
        make_folders_absolute();
        signal(SIGPIPE, SIG_IGN);
        open_standard_descriptors();
        std::string word = words.empty() ? "" : word_in(words[0]);
        size_t used = 1;
        if (word.empty() && words.size() > 1) {
            word = words[1];
            used = 2;
        }
        return dispatch(word, Arguments(words).subspan(
                                  std::min(used, words.size())));
    } catch (const std::bad_alloc&) {
        std::fputs("colo: error: out of memory\n", stderr);
        return EXIT_FAILURE;
    } catch (const std::system_error& error) {
        // Of what every process may ask for, and did not get: a pipe, a thread.
        std::fprintf(stderr, "colo: error: %s\n", error.what());
        return EXIT_FAILURE;
    } catch (const std::exception& bug) {
        std::fprintf(stderr, "colo: error: this is a bug: %s\n", bug.what());
        return EXIT_FAILURE;
    }
}

}  // namespace xl_colo
