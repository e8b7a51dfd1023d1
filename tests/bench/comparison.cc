// Frames a second that a comparison lets out: ours as a library, ours behind
// unix sockets as another process, and QEMU's colo-compare behind the same
// sockets. What it is given is the same: TCP of both sides, the copy's first,
// or the primary's first, in batches; on one connection or many.
//
//     comparison [QEMU [ARGUMENT...]]
//
// QEMU: a qemu-system-x86_64, with what it needs to start at all: one that has
// neither TCG nor KVM (Xen's, for one) wants "-accel qtest". Without it there
// are no figures of colo-compare. Medians of five, the three in turns.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "../unit/packets.h"
#include "base/unique_fd.h"
#include "compare/comparison.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned rounds = 5;
// Of those that ours gets; it takes that much longer.
constexpr size_t colo_compares_share = 10;
constexpr size_t batch = 32;

struct Load {
    const char* name;
    size_t payload;
    unsigned connections;
    bool copy_first;
    size_t frames;
};

constexpr Load loads[] = {
    {"64-byte frames, 1 connection", 10, 1, true, 200000},
    {"64-byte frames, 1 connection, primary first", 10, 1, false, 200000},
    {"64-byte frames, 10,000 connections", 10, 10000, true, 200000},
    {"1,448 bytes, 1 connection", 1448, 1, true, 100000},
    {"1,448 bytes, 1 connection, primary first", 1448, 1, false, 100000},
    {"1,448 bytes, 10,000 connections", 1448, 10000, false, 100000},
};

// So that colo-compare can have them, too: no segments, no IPv6.
struct Traffic {
    std::vector<Buffer> primary, copy;
};

Traffic traffic_of(const Load& load)
{
    Traffic traffic;
    Dice dice(1);
    const Buffer payload = dice.bytes(load.payload);
    std::vector<uint32_t> sequences(load.connections, 1000);
    for (size_t i = 0; i < load.frames; ++i) {
        const unsigned connection = i % load.connections;
        Tcp tcp;
        tcp.sequence = sequences[connection];
        sequences[connection] += static_cast<uint32_t>(load.payload);
        tcp.acknowledgement = 500;
        tcp.to_port = static_cast<uint16_t>(1024 + connection);
        tcp.payload = payload;
        tcp.options = timestamps(1, 2);
        traffic.primary.push_back(tcp.frame());
        tcp.options = timestamps(3, 2);
        tcp.route.identification = 7;
        traffic.copy.push_back(tcp.frame());
    }
    return traffic;
}

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

double as_library(const Load& load, const Traffic& traffic)
{
    size_t out = 0;
    Comparison comparison({}, bytes_of("key"),
                          {[&](TapFrame) { ++out; },
                           [](const SequenceMapping&) {}});
    const auto begun = Clock::now();
    const auto primary = [&](size_t i) {
        comparison.from_primary(TapFrame(traffic.primary[i]), begun);
    };
    const auto copy = [&](size_t i) {
        comparison.from_copy(TapFrame(traffic.copy[i]));
    };
    for (size_t at = 0; at < load.frames; at += batch) {
        const size_t end = std::min(at + batch, load.frames);
        for (const bool first : {true, false}) {
            for (size_t i = at; i < end; ++i) {
                first == load.copy_first ? copy(i) : primary(i);
            }
        }
    }
    const std::chrono::duration<double> took = Clock::now() - begun;
    if (out != load.frames) {
        std::fprintf(stderr, "%zu of %zu went out\n", out, load.frames);
    }
    return static_cast<double>(out) / took.count();
}

// ---- behind sockets, as colo-compare: each frame behind its length ----

UniqueFd connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    for (int tries = 0; tries < 3000; ++tries) {
        UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address)) == 0) {
            return fd;
        }
        std::this_thread::sleep_for(10ms);
    }
    fail(path.c_str());
}

void write_all(int fd, View bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = write(fd, bytes.data(), bytes.size());
        if (n <= 0) {
            fail("write");
        }
        bytes = bytes.subspan(static_cast<size_t>(n));
    }
}

void put_framed(Buffer& to, View ethernet)
{
    put_big(to, static_cast<uint32_t>(ethernet.size()));
    append(to, ethernet);
}

// Frames out of a stream of such.
class Unframer {
public:
    // False: the stream has ended.
    template <typename Sink>
    bool read_from(int fd, const Sink& sink)
    {
        const size_t before = bytes_.size();
        bytes_.resize(before + (1 << 16));
        const ssize_t n = read(fd, &bytes_[before], 1 << 16);
        bytes_.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
        size_t at = 0;
        while (bytes_.size() - at >= 4) {
            const auto size = load_big<uint32_t>(&bytes_[at]);
            if (bytes_.size() - at - 4 < size) {
                break;
            }
            sink(View(bytes_).subspan(at + 4, size));
            at += 4 + size;
        }
        bytes_.erase(bytes_.begin(), bytes_.begin() + long(at));
        return n > 0;
    }

private:
    Buffer bytes_;
};

// What a process of ours does in colo-compare's place: one thread, three
// sockets.
void serve(int from_primary, int from_copy, int out)
{
    Buffer released;
    Comparison comparison({}, bytes_of("key"),
                          {[&](TapFrame frame) {
                               put_framed(released, frame.ethernet());
                           },
                           [](const SequenceMapping&) {}});
    Unframer primary, copy;
    Buffer frame;
    const auto framed = [&](View ethernet) {
        frame.assign(virtio_header_size, 0);
        append(frame, ethernet);
        return TapFrame(frame);
    };
    for (bool open = true; open;) {
        pollfd ends[] = {{from_primary, POLLIN, 0}, {from_copy, POLLIN, 0}};
        if (poll(ends, 2, -1) < 0) {
            fail("poll");
        }
        const auto now = Clock::now();
        if (ends[1].revents != 0) {
            open = copy.read_from(from_copy, [&](View ethernet) {
                comparison.from_copy(framed(ethernet));
            });
        }
        if (ends[0].revents != 0) {
            open = primary.read_from(from_primary, [&](View ethernet) {
                comparison.from_primary(framed(ethernet), now);
            }) && open;
        }
        write_all(out, released);
        released.clear();
    }
}

// Until all have come out.
double through_sockets(const Load& load, const Traffic& traffic, int primary,
                       int copy, int out)
{
    const auto begun = Clock::now();
    size_t came = 0;
    std::thread reader([&] {
        Unframer frames;
        pollfd end{out, POLLIN, 0};
        while (came < load.frames && poll(&end, 1, 20000) > 0 &&
               frames.read_from(out, [&](View) { ++came; })) {
        }
    });
    for (size_t at = 0; at < load.frames; at += batch) {
        const size_t end = std::min(at + batch, load.frames);
        for (const bool first : {true, false}) {
            const bool is_copy = first == load.copy_first;
            Buffer bytes;
            for (size_t i = at; i < end; ++i) {
                const auto& frames = is_copy ? traffic.copy : traffic.primary;
                put_framed(bytes, TapFrame(frames[i]).ethernet());
            }
            write_all(is_copy ? copy : primary, bytes);
        }
    }
    reader.join();
    const std::chrono::duration<double> took = Clock::now() - begun;
    if (came != load.frames) {
        std::fprintf(stderr, "%zu of %zu came out\n", came, load.frames);
    }
    return static_cast<double>(came) / took.count();
}

double ours_behind_sockets(const Load& load, const Traffic& traffic)
{
    int pairs[3][2];
    for (auto& pair : pairs) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
            fail("socketpair");
        }
    }
    const pid_t child = fork();
    if (child == 0) {
        for (auto& pair : pairs) {
            close(pair[0]);
        }
        serve(pairs[0][1], pairs[1][1], pairs[2][1]);
        _exit(0);
    }
    for (auto& pair : pairs) {
        close(pair[1]);
    }
    const double rate = through_sockets(load, traffic, pairs[0][0],
                                        pairs[1][0], pairs[2][0]);
    for (auto& pair : pairs) {
        close(pair[0]);
    }
    waitpid(child, nullptr, 0);
    return rate;
}

double colo_compare(const std::vector<std::string>& qemu, const Load& load,
                    const Traffic& traffic)
{
    std::string folder =
        std::filesystem::temp_directory_path() / "xl-colo-bench-XXXXXX";
    if (!mkdtemp(folder.data())) {
        fail("mkdtemp");
    }
    std::vector<std::string> words = qemu;
    for (const char* word :
         {"-machine", "none", "-display", "none", "-nodefaults", "-object",
          "iothread,id=thread"}) {
        words.emplace_back(word);
    }
    for (const std::string name : {"primary", "copy", "out"}) {
        words.emplace_back("-chardev");
        words.push_back("socket,id=" + name + ",path=" + folder + "/" + name +
                        ",server=on,wait=on");
    }
    words.emplace_back("-object");
    words.emplace_back(
        "colo-compare,id=comparison,primary_in=primary,secondary_in=copy,"
        "outdev=out,iothread=thread,max_queue_size=65536");
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    double rate = 0;
    {
        // In the order in which it waits for them.
        const UniqueFd primary = connect_to(folder + "/primary"),
                       copy = connect_to(folder + "/copy"),
                       out = connect_to(folder + "/out");
        rate = through_sockets(load, traffic, primary.get(), copy.get(),
                               out.get());
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    }
    std::filesystem::remove_all(folder);
    return rate;
}

double median(std::vector<double> rates)
{
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
}

}  // namespace

int main(int argc, char** argv)
{
    signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> qemu(argv + 1, argv + argc);
    std::printf("| frames a second | ours, as a library "
                "| ours, behind sockets | colo-compare, behind sockets "
                "| ratio of these |\n|---|--:|--:|--:|--:|\n");
    for (const Load& load : loads) {
        const Traffic traffic = traffic_of(load);
        Load fewer = load;
        fewer.frames /= colo_compares_share;
        std::vector<double> of_library, of_ours, of_theirs;
        for (unsigned round = 0; round < rounds; ++round) {
            of_library.push_back(as_library(load, traffic));
            of_ours.push_back(ours_behind_sockets(load, traffic));
            of_theirs.push_back(
                qemu.empty() ? 0 : colo_compare(qemu, fewer, traffic));
        }
        const double library = median(of_library), ours = median(of_ours),
                     theirs = median(of_theirs);
        std::printf("| %s | %.0f | %.0f | ", load.name, library, ours);
        if (theirs > 0) {
            std::printf("%.0f | %.1f |\n", theirs, ours / theirs);
        } else {
            std::printf("- | - |\n");
        }
        std::fflush(stdout);
    }
    return EXIT_SUCCESS;
}
