// work: how much of its work a guest gets done while it is protected, which is
// what its users feel. Its program writes to one page after another, as fast as
// it can; counted is how many pages it comes through in a second: alone, under
// stock COLO and under ours, in turn.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "connection.h"
#include "guest.h"
#include "meeting.h"
#include "model_host.h"
#include "model_log.h"
#include "session/primary.h"
#include "session/secondary.h"
#include "session/session_key.h"
#include "stock.h"

using namespace xl_colo;
using namespace xl_colo::bench;
using namespace xl_colo::model;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

constexpr Bytes memory{uint64_t{256} << 20};
constexpr uint64_t working_set = 2000;  // pages
constexpr uint64_t pages_a_step = 16;
constexpr uint64_t gbit = 1'000'000'000;
constexpr std::chrono::seconds measured{4};
constexpr std::chrono::milliseconds silence{600'000};

// Its state is the number of pages that it has come through. In each it leaves
// that number, so no two copies that have come differently far hold the same.
class Worker : public Program {
public:
    explicit Worker(const Layout& layout) : layout_(layout) {}
    model::Then step(Registers& registers, Bus& bus) const override
    {
        uint64_t& done = registers.word[0];
        for (uint64_t i = 0; i < pages_a_step; ++i, ++done) {
            bus.store(layout_.at(1 + done % working_set),
                      done / working_set % 8, done);
        }
        bus.store(layout_.at(0), 0, done);
        return model::Then::go_on;
    }
    static uint64_t done(const Layout& layout, const Image& image)
    {
        const auto* word =
            reinterpret_cast<const uint64_t*>(image.page(layout.at(0)));
        return std::atomic_ref(*const_cast<uint64_t*>(word)).load();
    }

private:
    const Layout layout_;
};

enum class Side { alone, stock, ours };

struct Conditions {
    std::chrono::milliseconds interval;
    uint64_t link_bits_a_second;
};

struct Shared {
    std::atomic<bool> begun;  // it is protected
    std::atomic<bool> over;
    std::atomic<uint64_t> checkpoints;
};

class Host {
public:
    Host(Role role, const Image& image, Shared& shared)
        : role_(role),
          image_(image),
          shared_(shared),
          log_(to_string(role)),
          worker_(std::make_shared<Worker>(layout_)),
          host_(to_string(role), log_, [this] { return make_vm(); })
    {
        host_.pass = [this](const std::string& step) { return at(step); };
    }
    void run_alone();
    void run_primary(Side side, const Conditions& conditions, int connection);
    void run_secondary(Side side, int connection);

private:
    std::shared_ptr<Vm> make_vm()
    {
        return std::make_shared<Vm>(
            image_, role_ == Role::primary ? 1 : 2,
            std::vector<std::shared_ptr<const Program>>{worker_});
    }
    std::shared_ptr<Vm> start_guest();
    std::unique_ptr<Link> make_link(int connection) const
    {
        return std::make_unique<Link>(
            UniqueFd(fcntl(connection, F_DUPFD_CLOEXEC, 0)),
            UniqueFd(fcntl(connection, F_DUPFD_CLOEXEC, 0)), silence);
    }
    Status at(const std::string& step);

    const Role role_;
    const Image& image_;
    Shared& shared_;
    ModelLog log_;
    const Layout layout_ = Layout::of(memory);
    std::shared_ptr<Worker> worker_;
    ModelHost host_;
    std::chrono::milliseconds stock_interval_{0};
};

// Ours waits for the interval by itself.
Status Host::at(const std::string& step)
{
    if (role_ == Role::primary && step == "save.wait") {
        shared_.begun = true;
        ++shared_.checkpoints;
        std::this_thread::sleep_for(stock_interval_);
        if (shared_.over) {
            return Error(ErrorKind::asked_to_stop, "over");
        }
    }
    return {};
}

std::shared_ptr<Vm> Host::start_guest()
{
    auto guest = make_vm();
    build(*guest, layout_, std::nullopt);
    guest->unpause();
    return guest;
}

void Host::run_alone()
{
    const auto guest = start_guest();
    shared_.begun = true;
    while (!shared_.over) {
        std::this_thread::sleep_for(10ms);
    }
}

void Host::run_primary(Side side, const Conditions& conditions, int connection)
{
    const auto guest = start_guest();
    const Domid domid = Hypervisor::of_this_process().add(guest);
    const auto domain = std::move(*host_.open(domid, {}));
    const auto mover = host_.page_mover();
    if (side == Side::stock) {
        stock_interval_ = conditions.interval;
        (void)run_stock_primary(*domain, *mover, connection, UINT64_MAX);
        return;
    }
    const auto link = make_link(connection);
    Offer offer = make_offer(layout_.gfns);
    offer.session = make_session_id();
    offer.timeout = silence;
    offer.interval = conditions.interval;
    if (auto s = open_as_primary(*link, host_, offer); !s) {
        std::fprintf(stderr, "work: %s\n", s.error().text().c_str());
        return;
    }
    StatusBoard board{SessionStatus{}};
    Primary primary(*domain, *mover, *link, board, log_,
                    SessionOptions{offer, std::nullopt, nullptr});
    (void)primary.run();
}

void Host::run_secondary(Side side, int connection)
{
    if (side == Side::stock) {
        (void)run_stock_secondary(host_, connection, layout_.gfns);
        return;
    }
    const auto link = make_link(connection);
    const auto offer = open_as_secondary(*link, host_);
    if (offer) {
        StatusBoard board{SessionStatus{}};
        Secondary(host_, *link, board, log_,
                  SessionOptions{*offer, std::nullopt, nullptr}, "copy",
                  nullptr)
            .run();
    }
}

struct Work {
    double pages_a_second = 0;
    double checkpoints_a_second = 0;
};

Work measure(Side side, const Conditions& conditions)
{
    const Layout layout = Layout::of(memory);
    const Image primary_image(layout.gfns);
    const Image secondary_image(layout.gfns);
    void* const place = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& shared = *new (place) Shared{};
    Connection connection;
    for (const UniqueFd& end : connection.ends) {
        set_rate(end.get(), conditions.link_bits_a_second);
    }
    std::vector<pid_t> processes;
    processes.push_back(start_process(300, [&] {
        connection.ends[1].reset();
        Host host(Role::primary, primary_image, shared);
        side == Side::alone
            ? host.run_alone()
            : host.run_primary(side, conditions, connection.ends[0].get());
    }));
    if (side != Side::alone) {
        processes.push_back(start_process(300, [&] {
            connection.ends[0].reset();
            Host(Role::secondary, secondary_image, shared)
                .run_secondary(side, connection.ends[1].get());
        }));
    }
    for (UniqueFd& end : connection.ends) {
        end.reset();
    }
    while (!shared.begun) {
        std::this_thread::sleep_for(10ms);
    }
    const uint64_t before = Worker::done(layout, primary_image);
    const uint64_t checkpoints = shared.checkpoints;
    const auto begun = Clock::now();
    std::this_thread::sleep_for(measured);
    const std::chrono::duration<double> took = Clock::now() - begun;
    const Work work{
        static_cast<double>(Worker::done(layout, primary_image) - before) /
            took.count(),
        static_cast<double>(shared.checkpoints - checkpoints) / took.count()};
    shared.over = true;
    for (const pid_t process : processes) {
        waitpid(process, nullptr, 0);
    }
    munmap(place, sizeof(Shared));
    return work;
}

Work median(std::vector<Work> all)
{
    std::ranges::sort(all, {}, &Work::pages_a_second);
    return all[all.size() / 2];
}

}  // namespace

int main(int argc, char** argv)
{
    signal(SIGPIPE, SIG_IGN);
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 3;
    if (rounds < 1) {
        std::fputs("usage: work [ROUNDS]\n", stderr);
        return EXIT_FAILURE;
    }
    std::printf("%8s %8s %14s %14s %14s %8s %8s\n", "Gbit/s", "interval",
                "alone, pages/s", "stock", "ours", "stock", "ours");
    for (const uint64_t link : {uint64_t{10}, uint64_t{1}}) {
        for (const auto interval : {100ms, 1000ms}) {
            const Conditions conditions{interval, link * gbit};
            std::vector<Work> alone, stock, ours;
            for (int round = 0; round < rounds; ++round) {
                alone.push_back(measure(Side::alone, conditions));
                stock.push_back(measure(Side::stock, conditions));
                ours.push_back(measure(Side::ours, conditions));
            }
            const double whole = median(alone).pages_a_second;
            const Work s = median(stock), o = median(ours);
            std::printf("%8llu %5lld ms %14.0f %14.0f %14.0f %7.0f%% %7.0f%%"
                        "   %.1f, %.1f checkpoints/s\n",
                        static_cast<unsigned long long>(link),
                        static_cast<long long>(interval.count()), whole,
                        s.pages_a_second, o.pages_a_second,
                        100 * s.pages_a_second / whole,
                        100 * o.pages_a_second / whole,
                        s.checkpoints_a_second, o.checkpoints_a_second);
            std::fflush(stdout);
        }
    }
    return EXIT_SUCCESS;
}
