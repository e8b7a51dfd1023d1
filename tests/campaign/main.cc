// campaign: see README.md. Each case is a process of its own, which starts two
// more; several cases run at once, since most of their time is waiting.
#include <getopt.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <set>
#include <thread>

#include "judge.h"
#include "run_case.h"

using namespace xl_colo;
using namespace xl_colo::campaign;

namespace {

const char* const usage =
    "Usage: campaign [OPTION]...\n"
    "\n"
    "Runs sessions over the model hypervisor with a man in the middle, who\n"
    "does one thing to each when one of its frames passes. Without an option:\n"
    "all.\n"
    "\n"
    "Only these, each of which may be given several times:\n"
    "  --session=NAME   stop, stop-secondary, failover, verify, quiet or\n"
    "                   by-turns\n"
    "  --guard=NAME     none, fence-no, fence-yes, witness or witness-away\n"
    "  --fault=NAME     one of those that --list shows\n"
    "Only this frame, and of it, where a bit flips, this bit:\n"
    "  --frame=NAME     such as primary/RECORD.2#3\n"
    "  --choice=N\n"
    "\n"
    "  --each=N         of each fault under each guard only N, by the seed\n"
    "  --seed=N         what --each takes, and which bits flip (default 1)\n"
    "  --skip=N         leave out the first N of these: to go on where a\n"
    "                   campaign was interrupted\n"
    "  --jobs=N         cases at a time (default three a processor)\n"
    "  --timeout=MS     of the sessions (default 1500)\n"
    "  --results=FILE   how each case ended, one a line\n"
    "  --list           show the cases that would be run, and leave\n"
    "  --verbose        tell of those that pass, too\n"
    "  --help           show this text and leave\n";

struct Options {
    // Empty: all.
    std::set<Story> stories;
    std::set<Guard> guards;
    std::set<FaultKind> faults;
    std::optional<FrameName> frame;
    std::optional<uint64_t> choice;
    size_t each = 0;
    size_t skip = 0;
    uint64_t seed = 1;
    size_t jobs = 3 * std::max(1u, std::thread::hardware_concurrency());
    RunOptions run;
    const char* results = nullptr;
    bool list = false, verbose = false;
};

[[noreturn]] void misused(const char* what)
{
    std::fprintf(stderr, "campaign: %s; see --help\n", what);
    std::exit(99);
}

uint64_t number(const char* text)
{
    char* end = nullptr;
    const uint64_t value = std::strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        misused("that is no number");
    }
    return value;
}

template <typename Value>
Value named(std::optional<Value> value)
{
    if (!value) {
        misused("there is nothing of that name");
    }
    return *value;
}

Options parse(int argc, char** argv)
{
    enum { session = 1, guard, fault, frame, choice, each, seed, skip, jobs,
           timeout, results, list, verbose, help };
    static const option long_options[] = {
        {"session", required_argument, nullptr, session},
        {"guard", required_argument, nullptr, guard},
        {"fault", required_argument, nullptr, fault},
        {"frame", required_argument, nullptr, frame},
        {"choice", required_argument, nullptr, choice},
        {"each", required_argument, nullptr, each},
        {"seed", required_argument, nullptr, seed},
        {"skip", required_argument, nullptr, skip},
        {"jobs", required_argument, nullptr, jobs},
        {"timeout", required_argument, nullptr, timeout},
        {"results", required_argument, nullptr, results},
        {"list", no_argument, nullptr, list},
        {"verbose", no_argument, nullptr, verbose},
        {"help", no_argument, nullptr, help},
        {},
    };
    Options o;
    int c;
    while ((c = getopt_long(argc, argv, "", long_options, nullptr)) != -1) {
        switch (c) {
        case session: o.stories.insert(named(story_named(optarg))); break;
        case guard: o.guards.insert(named(guard_named(optarg))); break;
        case fault: o.faults.insert(named(fault_named(optarg))); break;
        case frame: o.frame = named(parse_frame_name(optarg)); break;
        case choice: o.choice = number(optarg); break;
        case each: o.each = number(optarg); break;
        case seed: o.seed = number(optarg); break;
        case skip: o.skip = number(optarg); break;
        case jobs: o.jobs = std::max<uint64_t>(1, number(optarg)); break;
        case timeout: {
            const std::chrono::milliseconds time(number(optarg));
            o.run.times = Times{time};
            break;
        }
        case results: o.results = optarg; break;
        case list: o.list = true; break;
        case verbose: o.verbose = true; break;
        case help:
            std::fputs(usage, stdout);
            std::exit(0);
        default:
            std::exit(99);
        }
    }
    if (optind != argc) {
        misused("takes options only");
    }
    return o;
}

// ---- running them ----------------------------------------------------------

// A process for one case. What it prints is its verdict.
struct Job {
    Case c;
    unsigned tries;
    pid_t pid;
    UniqueFd output;
    std::string text;
};

constexpr int exit_not_struck = 3;

int run_alone(const Case& c, const RunOptions& options)
{
    const Seen seen = run_case(c, options);
    const Verdict verdict = judge(c, seen, options.times);
    // What ended that session is not what the case is about.
    const bool in_vain = c.fault && !seen.struck;
    std::printf("    %s\n", verdict.ends.c_str());
    for (const std::string& failure : verdict.failures) {
        std::printf("    BROKEN: %s\n", failure.c_str());
    }
    std::fflush(stdout);
    return in_vain ? exit_not_struck : verdict.failures.empty() ? 0 : 1;
}

Job begin(const Case& c, unsigned tries, const RunOptions& options)
{
    int ends[2];
    if (pipe(ends) != 0) {
        misused("cannot make a pipe");
    }
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        _exit(run_alone(c, options));
    }
    close(ends[1]);
    return {c, tries, pid, UniqueFd(ends[0]), ""};
}

// True when it has said all and ended: then `status` is its exit status.
bool is_over(Job& job, int& status)
{
    char bytes[4096];
    pollfd fd{job.output.get(), POLLIN, 0};
    while (poll(&fd, 1, 0) > 0) {
        const ssize_t r = read(job.output.get(), bytes, sizeof bytes);
        if (r <= 0) {
            int waited = 0;
            waitpid(job.pid, &waited, 0);
            status = WIFEXITED(waited) ? WEXITSTATUS(waited) : -1;
            return true;
        }
        job.text.append(bytes, static_cast<size_t>(r));
    }
    return false;
}

// A session that ended before the fault says nothing of it: once more, with a
// longer timeout, since what ended it was most likely that the machine is busy;
// but not for ever.
constexpr unsigned most_tries = 4;

RunOptions options_of(unsigned tries, const Options& o)
{
    RunOptions options = o.run;
    options.times = Times{o.run.times.timeout * (1 << (tries - 1))};
    return options;
}

// The session's frames, as it goes when nothing befalls it. In a process of its
// own, as each case is.
std::vector<FrameName> frames_once(Story story, const RunOptions& options)
{
    Case c;
    c.story = story;
    int ends[2];
    if (pipe(ends) != 0) {
        misused("cannot make a pipe");
    }
    const pid_t pid = fork();
    if (pid == 0) {
        for (const FrameName& name : run_case(c, options).frames) {
            const std::string line = to_string(name) + "\n";
            if (write(ends[1], line.data(), line.size()) < 0) {
                _exit(1);
            }
        }
        _exit(0);
    }
    close(ends[1]);
    std::vector<FrameName> frames;
    std::FILE* const lines = fdopen(ends[0], "r");
    char line[256];
    while (std::fgets(line, sizeof line, lines)) {
        std::string name(line);
        name.pop_back();
        if (auto parsed = parse_frame_name(name)) {
            frames.push_back(*parsed);
        }
    }
    std::fclose(lines);
    waitpid(pid, nullptr, 0);
    return frames;
}

std::vector<FrameName> frames_of(Story story, const Options& options)
{
    const FrameType last = story == Story::failover ? FrameType::TAKEN_OVER
                                                    : FrameType::BYE;
    for (unsigned tries = 1; tries <= most_tries; ++tries) {
        auto frames = frames_once(story, options_of(tries, options));
        if (std::ranges::find(frames, last, &FrameName::type) !=
            frames.end()) {
            return frames;
        }
    }
    std::printf("a session that nothing befell did not come to its end: %s\n",
                to_string(story));
    std::exit(1);
}

template <typename Value>
bool wanted(const std::set<Value>& values, Value value)
{
    return values.empty() || values.contains(value);
}

std::vector<Case> choose(const Options& o)
{
    std::vector<Case> cases;
    for (const Story story : all_stories()) {
        if (!wanted(o.stories, story)) {
            continue;
        }
        // A frame that is named need not be looked for.
        const auto frames =
            o.frame ? std::vector{*o.frame} : frames_of(story, o);
        for (Case& c : cases_of(story, frames, o.seed)) {
            if (!wanted(o.guards, c.guard) || !wanted(o.faults, *c.fault)) {
                continue;
            }
            c.choice = o.choice.value_or(c.choice);
            cases.push_back(c);
        }
    }
    if (o.each != 0) {
        cases = sample(cases, o.each, o.seed);
    }
    cases.erase(cases.begin(),
                cases.begin() + static_cast<std::ptrdiff_t>(
                                    std::min(o.skip, cases.size())));
    return cases;
}

int run_all(const std::vector<Case>& cases, const Options& o)
{
    std::ofstream results;
    if (o.results) {
        results.open(o.results);
    }
    std::deque<std::pair<Case, unsigned>> waiting;
    for (const Case& c : cases) {
        waiting.emplace_back(c, 1);
    }
    std::vector<Job> running;
    unsigned passed = 0, failed = 0, skipped = 0, repeated = 0;
    while (!waiting.empty() || !running.empty()) {
        while (!waiting.empty() && running.size() < o.jobs) {
            const auto [c, tries] = waiting.front();
            waiting.pop_front();
            running.push_back(begin(c, tries, options_of(tries, o)));
        }
        for (auto job = running.begin(); job != running.end();) {
            int status = 0;
            if (!is_over(*job, status)) {
                ++job;
                continue;
            }
            if (status == exit_not_struck && job->tries < most_tries) {
                waiting.emplace_back(job->c, job->tries + 1);
                job = running.erase(job);
                continue;
            }
            repeated += job->tries - 1;
            const bool absent = status == exit_not_struck &&
                                may_not_come(job->c.frame);
            const char* word = status == 0 ? "ok" : absent ? "SKIP" : "FAIL";
            ++(status == 0 ? passed : absent ? skipped : failed);
            if (absent) {
                job->text += "    missing is the frame: no session had it\n";
            } else if (status == exit_not_struck) {
                job->text += "    BROKEN: the frame never came\n";
            } else if (status != 0 && status != 1) {
                job->text += "    BROKEN: the case's own process ended badly\n";
            }
            const std::string line =
                std::string(word) + " " + to_string(job->c) + "\n" + job->text;
            results << line << std::flush;
            if (status != 0 || o.verbose) {
                std::fputs(line.c_str(), stdout);
                std::fflush(stdout);
            }
            job = running.erase(job);
        }
        usleep(5000);
    }
    if (repeated > 0) {
        std::printf("%u sessions had ended before their fault and were run "
                    "again\n", repeated);
    }
    const std::string summary = std::to_string(passed) + " passed, " +
                                std::to_string(failed) + " failed, " +
                                std::to_string(skipped) + " skipped\n";
    results << summary;
    std::fputs(summary.c_str(), stdout);
    return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    const Options options = parse(argc, argv);
    const std::vector<Case> cases = choose(options);
    if (options.list) {
        for (const Case& c : cases) {
            std::puts(to_string(c).c_str());
        }
        return 0;
    }
    return run_all(cases, options);
}
