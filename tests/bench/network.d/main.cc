// network: what it costs a frame to go by our taps, by what libxl's Remus uses,
// and by QEMU's filters, next to the way without any of it. Every round has all
// paths, one after the other, each set up anew, so that what else the machine
// does is done to all of them; medians.
//
//     network [--rounds=N] [--only=TEXT] TC-WITHOUT [QEMU [ARGUMENT...]]
//
// TC-WITHOUT: the script tc-without. QEMU: a qemu-system-x86_64. Prints tables
// for docs/network.md; no verdict.
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "network.d/path.h"
#include "network.d/tc_without.h"
#include "network.d/traffic.h"

using namespace xl_colo;
using namespace xl_colo::bench;

namespace {

// Of an Ethernet frame, without its check sequence of 4 bytes.
constexpr size_t short_frame = 60;
constexpr size_t usual_frame = 1514;

class Direct : public Path {};

struct Load {
    std::string name;
    std::function<Rate(const Bed&, const PathKind&, Path&)> rate;
    std::function<double(const Bed&, const PathKind&)> round_trip;
};

std::vector<Load> all_loads()
{
    std::vector<Load> all;
    for (const auto& [name, size] :
         {std::pair("Frames of 64 bytes", short_frame),
          std::pair("Frames of 1,518 bytes", usual_frame)}) {
        all.push_back({name,
                       [size](const Bed& bed, const PathKind& kind,
                              Path& path) {
                           return datagram_rate(bed, kind, path, size);
                       },
                       [size](const Bed& bed, const PathKind& kind) {
                           return datagram_round_trip(bed, kind, size);
                       }});
    }
    all.push_back({"Frames of up to 64 KiB, one TCP connection",
                   stream_rate,
                   stream_round_trip});
    return all;
}

// Of one path and load, a figure for each round.
struct Figures {
    std::vector<double> frames, bytes, of_direct;
    std::vector<double> processor, a_byte, of_its_processor;  // its time, us
    std::vector<double> round_trip, added;
    uint64_t lost = 0;
};

double median(std::vector<double> all)
{
    std::erase_if(all, [](double x) { return !std::isfinite(x); });
    if (all.empty()) {
        return std::nan("");
    }
    std::ranges::sort(all);
    return all[all.size() / 2];
}

std::string with_commas(double figure)
{
    if (!std::isfinite(figure)) {
        return "-";
    }
    std::string text = std::to_string(std::llround(figure));
    const bool is_negative = text[0] == '-';
    for (size_t i = text.size(); i > 3u + is_negative;) {
        i -= 3;
        text.insert(i, ",");
    }
    return text;
}

std::string ratio(double figure)
{
    char text[32];
    std::snprintf(text, sizeof(text), "%.3f", figure);
    return std::isfinite(figure) ? text : "-";
}

std::string load_of_machine()
{
    std::string now;
    std::getline(std::ifstream("/proc/loadavg"), now, ' ');
    return now;
}

struct Options {
    unsigned rounds = 5;
    std::string only, tc_without;
    std::vector<std::string> qemu;
};

class Bench {
public:
    explicit Bench(const Options& options)
        : options_(options), bed_(Bed::make())
    {
        const std::vector<PathKind> all{
            {.name = "direct",
             .window = 1024,
             .connection_window = 8 << 20,
             .holds = false,
             .make = [](const Bed&) { return std::make_unique<Direct>(); }},
            taps_that_pass(),
            taps_that_commit(),
            taps_that_compare(),
            plug_that_passes(),
            plug_that_holds(),
            qemu_filter_buffer(options.qemu),
            qemu_colo_compare(options.qemu)};
        for (const PathKind& kind : all) {
            if (kind.name == "direct" ||
                kind.name.find(options.only) != std::string::npos) {
                kinds_.push_back(kind);
            }
        }
    }

    void run()
    {
        try {
            filters_ = provide_filters(options_.tc_without);
        } catch (const Missing& missing) {
            filters_ = missing.what();  // a gate will say so, too
        }
        const std::string load_before = load_of_machine();
        for (unsigned round = 0; round < options_.rounds; ++round) {
            std::fprintf(stderr, "round %u of %u\n", round + 1,
                         options_.rounds);
            for (const Load& load : loads_) {
                for (const PathKind& kind : kinds_) {
                    measure(load, kind);
                }
            }
        }
        say_where(load_before);
        for (const Load& load : loads_) {
            print(load);
        }
        for (const auto& [name, why] : remarks_) {
            std::printf("%s: %s.\n", name.c_str(), why.c_str());
        }
    }

private:
    void measure(const Load& load, const PathKind& kind)
    {
        if (skipped_.contains(kind.name)) {
            return;
        }
        Figures& figures = figures_[load.name][kind.name];
        try {
            const auto path = kind.make(*bed_);
            if (!frames_pass(*bed_)) {
                throw Missing("no frame passes");
            }
            const Rate rate = load.rate(*bed_, kind, *path);
            const double trip = load.round_trip(*bed_, kind);
            figures.frames.push_back(rate.frames);
            figures.bytes.push_back(rate.bytes);
            figures.round_trip.push_back(trip);
            figures.lost += rate.lost;
            const Figures& direct = figures_[load.name]["direct"];
            figures.of_direct.push_back(rate.bytes / direct.bytes.back());
            figures.processor.push_back(rate.processor_us);
            figures.a_byte.push_back(rate.processor_us * rate.frames /
                                     rate.bytes);
            figures.of_its_processor.push_back(direct.a_byte.back() /
                                               figures.a_byte.back());
            figures.added.push_back(trip - direct.round_trip.back());
            if (const std::string remark = path->remark(); !remark.empty()) {
                remarks_[kind.name] = remark;
            }
        } catch (const Missing& missing) {
            skipped_[kind.name] = missing.what();
            remarks_[kind.name] = std::string("skipped: ") + missing.what();
        }
    }

    void say_where(const std::string& load_before) const
    {
        utsname system{};
        uname(&system);
        std::printf("Linux %s, %u processors, load %s before and %s at the "
                    "end; medians of %u rounds.\n",
                    system.release, std::thread::hardware_concurrency(),
                    load_before.c_str(), load_of_machine().c_str(),
                    options_.rounds);
        if (!filters_.empty()) {
            std::printf("Filters of the gate: %s.\n", filters_.c_str());
        }
    }

    void print(const Load& load)
    {
        std::printf("\n| %s | frames/s | MB/s | of direct "
                    "| processor, us a frame | of direct "
                    "| round trip, us | added, us | lost |\n"
                    "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
                    load.name.c_str());
        for (const PathKind& kind : kinds_) {
            if (skipped_.contains(kind.name)) {
                continue;
            }
            const Figures& its = figures_[load.name][kind.name];
            std::printf("| %s | %s | %s | %s | %.2f | %s | %s | %s | %s |\n",
                        kind.name.c_str(),
                        with_commas(median(its.frames)).c_str(),
                        with_commas(median(its.bytes) / 1e6).c_str(),
                        ratio(median(its.of_direct)).c_str(),
                        median(its.processor),
                        ratio(median(its.of_its_processor)).c_str(),
                        with_commas(median(its.round_trip)).c_str(),
                        with_commas(median(its.added)).c_str(),
                        with_commas(double(its.lost)).c_str());
        }
        std::printf("\n");
        std::fflush(stdout);
    }

    const Options options_;
    const std::unique_ptr<Bed> bed_;
    std::vector<PathKind> kinds_;
    const std::vector<Load> loads_ = all_loads();
    std::string filters_;
    std::map<std::string, std::map<std::string, Figures>> figures_;
    std::map<std::string, std::string> skipped_, remarks_;
};

Options options_of(int argc, char** argv)
{
    Options options;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; ++i) {
        const std::string word = argv[i];
        if (word.starts_with("--rounds=")) {
            options.rounds = static_cast<unsigned>(std::stoul(word.substr(9)));
        } else if (word.starts_with("--only=")) {
            options.only = word.substr(7);
        }
    }
    if (i < argc) {
        options.tc_without = argv[i++];
    }
    options.qemu.assign(argv + i, argv + argc);
    return options;
}

}  // namespace

int main(int argc, char** argv)
{
    signal(SIGPIPE, SIG_IGN);
    try {
        Bench(options_of(argc, argv)).run();
    } catch (const Missing& missing) {
        std::fprintf(stderr, "skipped: %s\n", missing.what());
        return 77;
    }
    return EXIT_SUCCESS;
}
