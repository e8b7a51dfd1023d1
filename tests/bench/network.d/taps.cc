// Our taps, by what the product itself is made of: gate, pump and queue.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <poll.h>

#include "base/random.h"
#include "compare/compared_output.h"
#include "network.d/path.h"
#include "network/committed_output.h"
#include "network/frame_pump.h"
#include "network/gate.h"

namespace xl_colo::bench {

namespace {

using namespace std::chrono_literals;
using Output = FramePump::Output;

// As network/network_card.cc has it.
constexpr FramePump::Bounds bounds{Bytes{64 << 20}, 65536};

class QuietLog : public Log {
public:
    void write(LogLevel level, const std::string& message) override
    {
        if (level <= LogLevel::warn) {
            std::fprintf(stderr, "%s\n", message.c_str());
        }
    }
};

Gate new_gate()
{
    auto gate = Gate::set_up("vif", tap_names(Domid(1), 0, false));
    if (!gate) {
        throw Missing(gate.error().text());
    }
    return std::move(*gate);
}

// Commits come by time, or as soon as somebody asks.
class Taps : public Path {
public:
    enum class Commits { at_intervals, when_asked };

    Taps(Output output, Commits commits, const OutputQueue::Maker& make_queue,
         std::function<void()> on_commit = {})
        : on_commit_(std::move(on_commit)),
          gate_(new_gate()),
          pump_(gate_.output(), gate_.input(), output, bounds, make_queue,
                {[this, commits](const std::string& why) {
                     if (commits == Commits::when_asked) {
                         ask(why);
                     }
                 },
                 [this] { ask("as much output waits as may"); },
                 {}},
                log_),
          committer_([this, commits] { commit_until_the_end(commits); })
    {
    }
    ~Taps() override
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        asked_.notify_one();
        committer_.join();
        pump_.open();
    }

    std::optional<uint64_t> taken() override
    {
        const auto now = pump_.figures();
        return now.passed + now.held.frames + now.held.committed;
    }
    std::string remark() override
    {
        const std::lock_guard lock(mutex_);
        return why_asked_.empty() ? ""
                                  : std::to_string(times_asked_) +
                                        " commits asked for, first as " +
                                        why_asked_;
    }

    FramePump& pump() { return pump_; }

private:
    void ask(const std::string& why)
    {
        {
            const std::lock_guard lock(mutex_);
            if (times_asked_++ == 0) {
                why_asked_ = why;
            }
            is_asked_ = true;
        }
        asked_.notify_one();
    }

    void commit_until_the_end(Commits commits)
    {
        for (uint64_t number = 1;; ++number) {
            {
                std::unique_lock lock(mutex_);
                asked_.wait_for(
                    lock,
                    commits == Commits::at_intervals
                        ? std::chrono::milliseconds(interval)
                        : std::chrono::milliseconds(1h),
                    [this] { return is_asked_ || stopping_; });
                if (stopping_) {
                    return;
                }
                is_asked_ = false;
            }
            pump_.mark(CheckpointNumber{number});
            pump_.release(CheckpointNumber{number});
            if (on_commit_) {
                pump_.use_queue(on_commit_);
            }
        }
    }

    const std::function<void()> on_commit_;
    QuietLog log_;
    std::mutex mutex_;
    std::condition_variable asked_;
    bool is_asked_ = false, stopping_ = false;
    unsigned times_asked_ = 0;
    std::string why_asked_;
    Gate gate_;
    FramePump pump_;
    std::thread committer_;
};

// The guest's copy, which sends what the guest does: a mirror on the guest's
// card, and the thread that has it from the other host.
class Copy {
public:
    Copy(const Bed& bed, ComparedOutput*& output, Taps& taps)
        : bed_(bed),
          output_(output),
          taps_(taps),
          tap_(bed.guest.inside([] { return new_tap(); })),
          thread_([this] { give(); })
    {
        bed.guest.inside([] {
            run("tc qdisc add dev guest clsact");
            run("tc filter add dev guest egress protocol all u32 "
                "match u32 0 0 action mirred egress mirror dev copy");
            return 0;
        });
    }
    ~Copy()
    {
        bed_.guest.inside(
            [] { return output_of("tc qdisc del dev guest clsact"); });
        stopping_ = true;
        thread_.join();
    }
    uint64_t given() const { return given_; }
    void has_mapping() { ++mappings_; }

private:
    static Tap new_tap()
    {
        auto tap = Tap::make("copy");
        if (!tap) {
            throw Missing(tap.error().text());
        }
        return std::move(*tap);
    }

    void give()
    {
        while (!stopping_) {
            pollfd fd{tap_.fd(), POLLIN, 0};
            (void)poll(&fd, 1, 10);
            taps_.pump().use_queue([this] { give_some(); });
        }
    }
    void give_some()
    {
        for (int i = 0; i < 64; ++i) {
            const auto frame = tap_.read();
            if (!frame || !*frame) {
                break;
            }
            output_->from_copy(**frame);
            ++given_;
        }
        for (unsigned n = mappings_.exchange(0); n > 0; --n) {
            output_->mapping_arrives();
        }
    }

    const Bed& bed_;
    ComparedOutput*& output_;
    Taps& taps_;
    Tap tap_;
    std::atomic<uint64_t> given_{0};
    std::atomic<unsigned> mappings_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

class ComparingTaps : public Path {
public:
    explicit ComparingTaps(const Bed& bed)
        : taps_(Output::waits, Taps::Commits::when_asked,
                [this](OutputQueue::Sink sink) {
                    auto queue = std::make_unique<ComparedOutput>(
                        std::move(sink), 1000ms, random_bytes(flow_key_size),
                        [this](CheckpointNumber, const SequenceMapping&) {
                            copy_->has_mapping();
                        });
                    queue->mark(CheckpointNumber{0});
                    output_ = queue.get();
                    has_copy();
                    return queue;
                },
                [this] { has_copy(); }),
          copy_(std::in_place, bed, output_, taps_)
    {
    }
    std::optional<uint64_t> taken() override
    {
        return std::min(*taps_.taken(), copy_->given());
    }
    std::string remark() override { return taps_.remark(); }

private:
    void has_copy() { output_->copy_connects(OutputQueue::Clock::now()); }

    ComparedOutput* output_ = nullptr;  // of the pump's
    Taps taps_;
    std::optional<Copy> copy_;
};

}  // namespace

PathKind taps_that_pass()
{
    return {.name = "our taps, not held",
            .window = 1024,
            .connection_window = 8 << 20,
            .holds = false,
            .make = [](const Bed&) {
                return std::make_unique<Taps>(Output::passes,
                                              Taps::Commits::when_asked,
                                              make_committed_output);
            }};
}

// Of what may wait for one interface, most.
PathKind taps_that_commit()
{
    return {.name = "our taps, a commit each 50 ms",
            .window = 32768,
            .connection_window = 48 << 20,
            .holds = true,
            .make = [](const Bed&) {
                return std::make_unique<Taps>(Output::waits,
                                              Taps::Commits::at_intervals,
                                              make_committed_output);
            }};
}

// Of what is kept of the copy's output of one connection, 8 MiB, a part.
PathKind taps_that_compare()
{
    return {.name = "our taps, compared",
            .window = 1024,
            .connection_window = 2 << 20,
            .holds = false,
            .make = [](const Bed& bed) {
                return std::make_unique<ComparingTaps>(bed);
            }};
}

}  // namespace xl_colo::bench
