// checkpoint: what a checkpoint costs, stock COLO's and ours, in one run.
// Writes a list of rows as JSON; tests/bench/table makes a table of it.
#include <getopt.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/json.h"
#include "pair.h"

using namespace xl_colo;
using namespace xl_colo::bench;

namespace {

constexpr uint64_t gbit = 1'000'000'000;
// Dirty pages of a row that takes seconds.
constexpr uint64_t large = 20'000;
constexpr uint64_t largest = 100'000;

const char* const usage =
    "usage: checkpoint [OPTION...]\n"
    "  --guests=N,...     MiB of memory               1024,4096\n"
    "  --pages=N,...      dirty pages                 100,2000,20000,100000\n"
    "  --identical=N,...  percent of them             0,50,90,99\n"
    "  --links=N,...      Gbit/s, 0 is unlimited      0,10,1\n"
    "  --rounds=N         pairs of processes          3\n"
    "  --repeat=N         of each row in a round      2\n"
    "                     (from 20000 pages on once, from 100000 on in the\n"
    "                     first round only)\n"
    "  --contents=KIND    noise, or text              noise\n"
    "  --sides=SIDE,...   stock, ours, and ours with  stock,ours\n"
    "                     compression: lz4, auto\n"
    "  --json=FILE        where the rows go           bench.json\n";

struct Options {
    std::vector<uint64_t> guests_mib{1024, 4096};
    std::vector<uint64_t> pages{100, 2000, 20000, 100000};
    std::vector<uint64_t> identical{0, 50, 90, 99};
    std::vector<uint64_t> links{0, 10, 1};
    uint64_t rounds = 3;
    uint64_t repeat = 2;
    Contents contents = Contents::noise;
    std::vector<Kind> sides{Kind::stock, Kind::ours};
    std::string json = "bench.json";
};

std::vector<uint64_t> numbers(const char* text)
{
    std::vector<uint64_t> list;
    for (char* end = nullptr;; text = end + 1) {
        list.push_back(std::strtoull(text, &end, 10));
        if (end == text || (*end != ',' && *end != '\0')) {
            std::fputs(usage, stderr);
            std::exit(EXIT_FAILURE);
        }
        if (*end == '\0') {
            return list;
        }
    }
}

std::vector<Kind> sides(const std::string& text)
{
    std::vector<Kind> list;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const std::string name = text.substr(begin, end - begin);
        const size_t before = list.size();
        for (const Kind kind :
             {Kind::stock, Kind::ours, Kind::lz4, Kind::automatic}) {
            if (name == to_string(kind)) {
                list.push_back(kind);
            }
        }
        if (list.size() == before) {
            std::fputs(usage, stderr);
            std::exit(EXIT_FAILURE);
        }
        begin = end + 1;
    }
    return list;
}

Options parse(int argc, char** argv)
{
    static const option long_options[] = {
        {"guests", required_argument, nullptr, 'g'},
        {"pages", required_argument, nullptr, 'p'},
        {"identical", required_argument, nullptr, 'i'},
        {"links", required_argument, nullptr, 'l'},
        {"rounds", required_argument, nullptr, 'r'},
        {"repeat", required_argument, nullptr, 'n'},
        {"contents", required_argument, nullptr, 'c'},
        {"sides", required_argument, nullptr, 's'},
        {"json", required_argument, nullptr, 'j'},
        {}};
    Options options;
    const auto next = [&] {
        return getopt_long(argc, argv, "", long_options, nullptr);
    };
    for (int c = next(); c >= 0; c = next()) {
        switch (c) {
        case 'g': options.guests_mib = numbers(optarg); break;
        case 'p': options.pages = numbers(optarg); break;
        case 'i': options.identical = numbers(optarg); break;
        case 'l': options.links = numbers(optarg); break;
        case 'r': options.rounds = numbers(optarg)[0]; break;
        case 'n': options.repeat = numbers(optarg)[0]; break;
        case 'c':
            options.contents = std::string(optarg) == "text" ? Contents::text
                                                             : Contents::noise;
            break;
        case 's': options.sides = sides(optarg); break;
        case 'j': options.json = optarg; break;
        default:
            std::fputs(usage, stderr);
            std::exit(EXIT_FAILURE);
        }
    }
    return options;
}

// By link first: the rate of a connection, once set, is never lifted again.
std::vector<Job> jobs_of(const Options& options)
{
    std::vector<Job> jobs;
    for (const uint64_t link : options.links) {
        for (const uint64_t pages : options.pages) {
            for (const uint64_t identical : options.identical) {
                jobs.push_back({pages, identical, link * gbit});
            }
        }
    }
    return jobs;
}

using Value = uint64_t (*)(const Sample&);

// The moments of one checkpoint in the order in which they follow each other on
// the two hosts. The clock is the same, but each host marks for itself what it
// knows of, and may be late.
constexpr Mark in_order[] = {
    Mark::begin,  Mark::suspended, Mark::list_built,  Mark::list_received,
    Mark::everything_here, Mark::agreed, Mark::load_begins, Mark::loaded,
    Mark::resumed, Mark::copy_resumed};

uint64_t us_until(const Sample& sample, Mark mark)
{
    int64_t latest = 0;
    for (const Mark m : in_order) {
        latest = std::max(latest, sample.between(Mark::begin, m));
        if (m == mark) {
            break;
        }
    }
    return static_cast<uint64_t>(latest) / 1000;
}

template <Mark from, Mark to>
uint64_t part(const Sample& sample)
{
    return us_until(sample, to) - us_until(sample, from);
}

struct Column {
    const char* name;
    Value value;
};

uint64_t us_here(const Sample& sample, Mark from, Mark to)
{
    return static_cast<uint64_t>(sample.between(from, to)) / 1000;
}

// The primary's guest's.
template <Mark from, Mark to>
uint64_t pause_part(const Sample& sample)
{
    return us_here(sample, from, to);
}

// Those of "pause" add up to pause_us, and the others to both_run_us, before
// medians are taken of each.
constexpr Column columns[] = {
    {"pause_us", pause_part<Mark::begin, Mark::resumed>},
    {"commit_us", part<Mark::begin, Mark::agreed>},
    {"both_run_us", part<Mark::begin, Mark::copy_resumed>},
    {"pause_suspend_us", pause_part<Mark::begin, Mark::suspended>},
    {"pause_list_us", pause_part<Mark::suspended, Mark::list_received>},
    {"pause_copy_us", pause_part<Mark::list_received, Mark::pages_written>},
    {"pause_resume_us", pause_part<Mark::pages_written, Mark::resumed>},
    {"wire_bytes", [](const Sample& s) { return s.wire_bytes; }},
    {"back_bytes", [](const Sample& s) { return s.back_bytes; }},
    {"cpu_us",
     [](const Sample& s) {
         return (s.primary_cpu_ns + s.secondary_cpu_ns) / 1000;
     }},
    {"primary_cpu_us", [](const Sample& s) { return s.primary_cpu_ns / 1000; }},
    {"secondary_cpu_us",
     [](const Sample& s) { return s.secondary_cpu_ns / 1000; }},
    {"primary_peak_bytes", [](const Sample& s) { return s.primary_bytes; }},
    {"secondary_peak_bytes", [](const Sample& s) { return s.secondary_bytes; }},
    {"suspend_us", part<Mark::begin, Mark::suspended>},
    {"dirty_list_us", part<Mark::suspended, Mark::list_built>},
    {"back_channel_us", part<Mark::list_built, Mark::list_received>},
    {"pages_us", part<Mark::list_received, Mark::everything_here>},
    {"device_state_us",
     [](const Sample& s) {
         return part<Mark::everything_here, Mark::agreed>(s) +
                part<Mark::load_begins, Mark::loaded>(s);
     }},
    {"apply_us", part<Mark::agreed, Mark::load_begins>},
    {"resume_us", part<Mark::loaded, Mark::copy_resumed>},
};

uint64_t median(const std::vector<Sample>& samples, Value value)
{
    std::vector<uint64_t> values;
    for (const Sample& sample : samples) {
        values.push_back(value(sample));
    }
    std::ranges::sort(values);
    return values[values.size() / 2];
}

struct Row {
    Kind kind;
    uint64_t guest_bytes;
    Job job;
    std::vector<Sample> samples;
};

std::vector<Row> measure(const Options& options)
{
    std::vector<Row> rows;
    const std::vector<Job> jobs = jobs_of(options);
    const auto times_in = [&](uint64_t round, const Job& job) -> uint64_t {
        return job.dirty_pages < large     ? options.repeat
               : job.dirty_pages < largest ? 1
                                           : round == 0;
    };
    for (const uint64_t mib : options.guests_mib) {
        const size_t first = rows.size();
        const std::vector<Kind>& kinds = options.sides;
        for (const Kind kind : kinds) {
            for (const Job& job : jobs) {
                rows.push_back({kind, mib << 20, job, {}});
            }
        }
        for (uint64_t round = 0; round < options.rounds; ++round) {
            std::vector<Job> repeated;
            std::vector<size_t> row_of;  // each of them
            for (size_t i = 0; i < jobs.size(); ++i) {
                const uint64_t times = times_in(round, jobs[i]);
                repeated.insert(repeated.end(), times, jobs[i]);
                row_of.insert(row_of.end(), times, i);
            }
            if (repeated.empty()) {
                continue;
            }
            for (size_t k = 0; k < kinds.size(); ++k) {
                std::fprintf(stderr, "guest of %llu MiB, round %llu, %s\n",
                             static_cast<unsigned long long>(mib),
                             static_cast<unsigned long long>(round + 1),
                             to_string(kinds[k]));
                PairOptions pair;
                pair.kind = kinds[k];
                pair.guest = Bytes{mib << 20};
                pair.contents = options.contents;
                pair.jobs = repeated;
                const PairResult result = run_pair(pair);
                if (!result.trouble.empty()) {
                    std::fprintf(stderr, "checkpoint: %s\n",
                                 result.trouble.c_str());
                    std::exit(EXIT_FAILURE);
                }
                for (size_t i = 0; i < result.samples.size(); ++i) {
                    rows[first + k * jobs.size() + row_of[i]]
                        .samples.push_back(result.samples[i]);
                }
            }
        }
    }
    return rows;
}

std::string to_json(const std::vector<Row>& rows)
{
    JsonWriter json(true);
    json.open_list();
    for (const Row& row : rows) {
        json.open_object()
            .member("side", to_string(row.kind))
            .member("guest_bytes", row.guest_bytes)
            .member("dirty_pages", row.job.dirty_pages)
            .member("identical_percent", row.job.identical_percent);
        json.key("link_bits_per_s");
        if (row.job.link_bits_per_s == 0) {
            json.null();
        } else {
            json.value(row.job.link_bits_per_s);
        }
        json.member("samples", uint64_t{row.samples.size()});
        for (const Column& column : columns) {
            json.member(column.name, median(row.samples, column.value));
        }
        json.close_object();
    }
    json.close_list();
    return json.take();
}

}  // namespace

int main(int argc, char** argv)
{
    signal(SIGPIPE, SIG_IGN);
    const Options options = parse(argc, argv);
    const std::string text = to_json(measure(options));
    std::FILE* const file = std::fopen(options.json.c_str(), "we");
    if (!file || std::fwrite(text.data(), 1, text.size(), file) !=
                     text.size() ||
        std::fclose(file) != 0) {
        std::fprintf(stderr, "checkpoint: cannot write %s\n",
                     options.json.c_str());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
