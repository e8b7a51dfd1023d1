#include "pair.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "calls_of_libxc.h"
#include "connection.h"
#include "filler.h"
#include "meeting.h"
#include "model_host.h"
#include "model_log.h"
#include "session/primary.h"
#include "session/secondary.h"
#include "session/session_key.h"
#include "stock.h"

namespace xl_colo::bench {

namespace {

Compression compression_of(Kind kind)
{
    return kind == Kind::lz4         ? Compression::lz4
           : kind == Kind::automatic ? Compression::automatic
                                     : Compression::none;
}

using std::chrono::milliseconds;
using namespace model;

constexpr unsigned seconds_to_live = 3000;
constexpr milliseconds patience{60'000};
// Longer than any checkpoint, so that no heartbeat is counted.
constexpr milliseconds silence{600'000};

int checked(int r, const char* what)
{
    if (r < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return r;
}

int64_t now_ns()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec;
}

int64_t ns_of(const timeval& time)
{
    return time.tv_sec * int64_t{1'000'000'000} + time.tv_usec * 1000;
}

// What both processes write to.
struct Shared {
    Task task;
    std::atomic<uint64_t> copy_idle;  // before this checkpoint
    char trouble[2][256];
    Sample samples[];
};

tcp_info info_of(int socket)
{
    tcp_info info{};
    socklen_t size = sizeof info;
    checked(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size),
            "TCP_INFO");
    return info;
}

// Each byte once. Also on the loopback TCP sends some again, when a reader that
// falls behind lets its buffer run over.
uint64_t sent_in(const tcp_info& info)
{
    return info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
}

// RssAnon of this process. The guest is a shared mapping, and not in it.
uint64_t anonymous_bytes()
{
    std::FILE* const file = std::fopen("/proc/self/status", "re");
    unsigned long kib = 0;
    for (char line[256]; file && std::fgets(line, sizeof line, file);) {
        if (std::sscanf(line, "RssAnon: %lu", &kib) == 1) {
            break;
        }
    }
    if (file) {
        std::fclose(file);
    }
    return kib * uint64_t{1024};
}

// What a local copy of ours holds: files in memory, of a name of their own.
uint64_t copy_bytes()
{
    uint64_t bytes = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry, gone);
        struct stat file{};
        if (!gone && target.string().starts_with("/memfd:xl-colo copy") &&
            stat(entry.path().c_str(), &file) == 0) {
            bytes = static_cast<uint64_t>(file.st_blocks) * 512;
        }
    }
    return bytes;
}

// What both processes are made of. The initial copy is checkpoint 0; its sample
// is thrown away.
struct Side {
    Side(const PairOptions& o, Role r, const Image& own_image,
         const Image& stood_image, Shared& shared_by_both, UniqueFd end)
        : options(o),
          role(r),
          image(own_image),
          stood(stood_image),
          shared(shared_by_both),
          connection(std::move(end)),
          log(to_string(r)),
          layout(Layout::of(o.guest)),
          program(std::make_shared<Filler>(layout, shared.task, o.contents)),
          host(to_string(r), log, [this] { return make_vm(); })
    {
        host.pass = [this](const std::string& step) {
            return role == Role::primary ? primary_at(step)
                                         : secondary_at(step);
        };
    }

    std::shared_ptr<Vm> make_vm()
    {
        vm = std::make_shared<Vm>(
            image, role == Role::primary ? 1 : 2,
            std::vector<std::shared_ptr<const Program>>{program});
        return vm;
    }
    std::unique_ptr<Link> make_link() const
    {
        return std::make_unique<Link>(
            UniqueFd(fcntl(connection.get(), F_DUPFD_CLOEXEC, 0)),
            UniqueFd(fcntl(connection.get(), F_DUPFD_CLOEXEC, 0)), silence);
    }

    Sample& sample() { return shared.samples[number]; }
    void mark(Mark m) { sample().at_ns[static_cast<size_t>(m)] = now_ns(); }
    void trouble(const std::string& text)
    {
        auto& mine = shared.trouble[role == Role::primary ? 0 : 1];
        std::snprintf(mine, sizeof mine, "%s: %s", to_string(role),
                      text.c_str());
    }

    Status primary_at(const std::string& step);
    Status secondary_at(const std::string& step);
    Status rest();
    Status next_checkpoint(uint64_t& cpu_ns_of_last);
    void give_task();
    uint64_t cpu_ns();
    void run_primary();
    void run_secondary();

    const PairOptions& options;
    const Role role;
    const Image& image;
    const Image& stood;  // the primary's guest when it stood last
    Shared& shared;
    const UniqueFd connection;
    ModelLog log;
    const Layout layout;
    std::shared_ptr<Filler> program;
    ModelHost host;
    std::shared_ptr<Vm> vm;
    uint64_t number = 0;  // of the checkpoint under way
    uint64_t cpu_before_ns = 0;
    uint64_t sent_before = 0;
    uint64_t received_before = 0;
};

uint64_t Side::cpu_ns()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<uint64_t>(ns_of(usage.ru_utime) +
                                 ns_of(usage.ru_stime) -
                                 vm->vcpu(0).cpu_time().count());
}

// For the next time that the guests run.
void Side::give_task()
{
    if (number >= options.jobs.size()) {
        return;
    }
    const Job& job = options.jobs[number];
    shared.task.dirty_pages = job.dirty_pages;
    shared.task.identical_percent = job.identical_percent;
    shared.task.number = number + 1;
}

// Between two checkpoints: until both guests have done what they were told to.
Status Side::rest()
{
    if (!vm->vcpu(0).wait_idle(patience)) {
        return Error(ErrorKind::timeout, "the guest does not come to rest");
    }
    const uint64_t next = number + 1;
    if (next <= options.jobs.size()) {
        set_rate(connection.get(), options.jobs[next - 1].link_bits_per_s);
    }
    if (role == Role::secondary) {
        shared.copy_idle = next;
        return {};
    }
    const auto deadline = EventQueue::Clock::now() + patience;
    while (shared.copy_idle < next) {
        if (EventQueue::Clock::now() > deadline) {
            return Error(ErrorKind::timeout, "the copy does not come to rest");
        }
        std::this_thread::sleep_for(milliseconds(1));
    }
    return {};
}

// A sample's processor time reaches to where the next one's begins, whatever
// else there is to do after the pause.
Status Side::next_checkpoint(uint64_t& cpu_ns_of_last)
{
    const Status s = rest();
    const uint64_t now = cpu_ns();
    cpu_ns_of_last = now - std::exchange(cpu_before_ns, now);
    ++number;
    return s;
}

Status Side::primary_at(const std::string& step)
{
    if (step == "save.wait") {
        const Status s = next_checkpoint(sample().primary_cpu_ns);
        const tcp_info info = info_of(connection.get());
        sent_before = sent_in(info);
        received_before = info.tcpi_bytes_received;
        return s;
    }
    if (step == "save.suspend") {
        mark(Mark::begin);
    } else if (step == "save.suspend.done") {
        mark(Mark::suspended);
    } else if (step == "save.checkpoint") {
        mark(Mark::pages_written);
        if (options.compare) {
            copy_image(image, stood);
        }
        give_task();
    } else if (step == "resumed") {
        mark(Mark::resumed);
    } else if (step == "save.postcopy.done") {
        const tcp_info info = info_of(connection.get());
        sample().primary_bytes = anonymous_bytes() + copy_bytes();
        sample().wire_bytes = sent_in(info) - sent_before;
        sample().back_bytes = info.tcpi_bytes_received - received_before;
    }
    return {};
}

Status Side::secondary_at(const std::string& step)
{
    if (step == "restore.wait") {
        return next_checkpoint(sample().secondary_cpu_ns);
    }
    Sample& s = sample();
    const auto look_at_memory = [&s] {
        s.secondary_bytes = std::max(s.secondary_bytes, anonymous_bytes());
    };
    if (step == "restore.checkpoint") {
        mark(Mark::everything_here);
        look_at_memory();
    } else if (step == "restore.checkpoint.done") {
        mark(Mark::agreed);
    } else if (step == "restore.postcopy") {
        mark(Mark::applied);
        look_at_memory();
        if (options.compare) {
            s.differing_pages = difference(layout, stood, image).pages;
        }
    } else if (step == "load_device_state") {
        mark(Mark::load_begins);
    } else if (step == "device_state_loaded") {
        mark(Mark::loaded);
    } else if (step == "resumed") {
        mark(Mark::copy_resumed);
    }
    return {};
}

void Side::run_primary()
{
    // Its memory is zero but for what it dirties: that takes it no time here.
    auto guest = make_vm();
    build(*guest, layout, std::nullopt);
    const Domid domid = Hypervisor::of_this_process().add(guest);
    guest->unpause();
    const auto domain = std::move(*host.open(domid, {}));
    const auto mover = host.page_mover();
    const CallsOfLibxc calls([this] { mark(Mark::list_received); }, nullptr);
    if (options.kind == Kind::stock) {
        const auto s = run_stock_primary(*domain, *mover, connection.get(),
                                         options.jobs.size());
        if (!s) {
            trouble(s.error().text());
        }
        return;
    }
    const auto link = make_link();
    Offer offer = make_offer(layout.gfns);
    offer.session = make_session_id();
    offer.timeout = silence;
    offer.compression = compression_of(options.kind);
    if (!options.digests) {
        offer.without.insert(without_elision);
    }
    if (auto s = open_as_primary(*link, host, offer); !s) {
        trouble(s.error().text());
        return;
    }
    StatusBoard board{SessionStatus{}};
    Primary primary(*domain, *mover, *link, board, log,
                    SessionOptions{offer, options.jobs.size(), nullptr});
    const SessionEnd end = primary.run();
    if (!end.orderly) {
        trouble(end.why);
    }
}

void Side::run_secondary()
{
    const CallsOfLibxc calls(nullptr, [this] { mark(Mark::list_built); });
    if (options.kind == Kind::stock) {
        // That the primary has closed the connection is how it ends.
        (void)run_stock_secondary(host, connection.get(), layout.gfns);
        return;
    }
    const auto link = make_link();
    const auto offer = open_as_secondary(*link, host);
    if (!offer) {
        trouble(offer.error().text());
        return;
    }
    StatusBoard board{SessionStatus{}};
    Secondary secondary(host, *link, board, log,
                        SessionOptions{*offer, std::nullopt, nullptr}, "copy",
                        nullptr);
    const SessionEnd end = secondary.run();
    if (!end.orderly) {
        trouble(end.why);
    }
}

void wait_for(pid_t pid, const char* who, std::string& trouble)
{
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != 0 && trouble.empty()) {
        trouble = std::string(who) + ": wait status " + std::to_string(status);
    }
}

}  // namespace

const char* to_string(Kind kind)
{
    switch (kind) {
    case Kind::stock: return "stock";
    case Kind::lz4: return "lz4";
    case Kind::automatic: return "auto";
    default: return "ours";
    }
}

PairResult run_pair(const PairOptions& options)
{
    const Layout layout = Layout::of(options.guest);
    const Image primary_image(layout.gfns);
    const Image secondary_image(layout.gfns);
    const Image stood(layout.gfns);
    const size_t count = options.jobs.size() + 1;
    // One more: after the last checkpoint there is none under way.
    const size_t size = sizeof(Shared) + (count + 1) * sizeof(Sample);
    void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        checked(-1, "shared memory");
    }
    auto& shared = *static_cast<Shared*>(memory);
    Connection connection;

    const pid_t primary = start_process(seconds_to_live, [&] {
        connection.ends[1].reset();
        Side(options, Role::primary, primary_image, stood, shared,
             std::move(connection.ends[0]))
            .run_primary();
    });
    const pid_t secondary = start_process(seconds_to_live, [&] {
        connection.ends[0].reset();
        Side(options, Role::secondary, secondary_image, stood, shared,
             std::move(connection.ends[1]))
            .run_secondary();
    });
    for (UniqueFd& end : connection.ends) {
        end.reset();
    }

    PairResult result;
    wait_for(primary, "primary", result.trouble);
    wait_for(secondary, "secondary", result.trouble);
    for (const auto& text : shared.trouble) {
        if (text[0] != '\0') {
            result.trouble = text;
            break;
        }
    }
    result.samples.assign(shared.samples + 1, shared.samples + count);
    munmap(memory, size);
    return result;
}

}  // namespace xl_colo::bench
