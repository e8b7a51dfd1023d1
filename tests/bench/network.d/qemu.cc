// QEMU's filters, in a QEMU without a guest, between two taps of its own that
// its hub joins:
//
//     vif -- lan0 -- qtap0 -- QEMU -- qtap1 -- lan
//
// What comes from the guest is "sent by" the netdev of qtap0. A hub knows no
// long frames: the kernel cuts them before QEMU has them, and sums them up.
#include <filesystem>
#include <thread>

#include "network.d/path.h"

namespace xl_colo::bench {

namespace {

using namespace std::chrono_literals;

using Words = std::vector<std::string>;

Words words_of_taps()
{
    Words all{"-machine", "none", "-display", "none", "-nodefaults"};
    for (const std::string i : {"0", "1"}) {
        for (const std::string& word :
             {std::string("-netdev"),
              "tap,id=tap" + i + ",ifname=qtap" + i +
                  ",script=no,downscript=no",
              std::string("-netdev"),
              "hubport,id=port" + i + ",hubid=0,netdev=tap" + i}) {
            all.push_back(word);
        }
    }
    return all;
}

Words words_of_buffer()
{
    return {"-object",
            "filter-buffer,id=buffer,netdev=tap0,queue=tx,interval=" +
                std::to_string(std::chrono::microseconds(interval).count())};
}

// The copy sends what the guest does: a mirror of it.
Words words_of_comparison(const std::string& folder)
{
    Words all{"-object", "iothread,id=thread"};
    for (const std::string name : {"primary", "copy", "out"}) {
        const std::string path = ",path=" + folder + "/" + name;
        all.emplace_back("-chardev");
        all.push_back("socket,id=to-" + name + path + ",server=on,wait=off");
        all.emplace_back("-chardev");
        all.push_back("socket,id=of-" + name + path);
    }
    for (const char* object :
         {"filter-mirror,id=mirror,netdev=tap0,queue=tx,outdev=to-copy",
          "filter-redirector,id=there,netdev=tap0,queue=tx,outdev=to-primary",
          "filter-redirector,id=back,netdev=tap0,queue=tx,indev=of-out",
          "colo-compare,id=comparison,primary_in=of-primary,"
          "secondary_in=of-copy,outdev=to-out,iothread=thread,"
          "max_queue_size=65536"}) {
        all.emplace_back("-object");
        all.emplace_back(object);
    }
    return all;
}

class Qemu : public Path {
public:
    // `more`: gets a folder for its sockets.
    template <typename More>
    Qemu(Words words, const More& more)
    {
        if (words.empty()) {
            throw Missing("there is no QEMU: install qemu-system-x86, or name "
                          "one in BENCH_QEMU");
        }
        folder_ = std::filesystem::temp_directory_path() /
                  "xl-colo-bench-XXXXXX";
        if (!mkdtemp(folder_.data())) {
            throw Missing("cannot make " + folder_);
        }
        for (const Words& some : {words_of_taps(), more(folder_)}) {
            words.insert(words.end(), some.begin(), some.end());
        }
        start(words);
        try {
            join();
        } catch (const Missing&) {
            take_away();
            throw;
        }
    }
    ~Qemu() override { take_away(); }
    std::chrono::nanoseconds processor_time() override
    {
        clockid_t its;
        const bool is_known = clock_getcpuclockid(process_, &its) == 0;
        return Path::processor_time() +
               (is_known ? time_of(its) : std::chrono::nanoseconds(0));
    }

private:
    void start(const Words& words)
    {
        std::vector<char*> arguments;
        for (const std::string& word : words) {
            arguments.push_back(const_cast<char*>(word.c_str()));
        }
        arguments.push_back(nullptr);
        process_ = fork();
        if (process_ == 0) {
            execvp(arguments[0], arguments.data());
            _exit(127);
        }
    }
    void join()
    {
        for (const auto until = soon(); !exist();) {
            if (waitpid(process_, nullptr, WNOHANG) == process_) {
                process_ = -1;
                throw Missing("QEMU has ended: look at what it said");
            }
            if (std::chrono::steady_clock::now() > until) {
                throw Missing("QEMU does not make its taps");
            }
            std::this_thread::sleep_for(10ms);
        }
        run("ip link add lan0 type bridge forward_delay 0 mcast_snooping 0");
        run("ip link set dev lan0 up");
        // Its queue has to take a whole window.
        run("ip link set dev qtap0 txqueuelen 10000 master lan0 up");
        run("ip link set dev qtap1 txqueuelen 10000 master lan up");
        run("ip link set dev vif master lan0");
    }
    static bool exist()
    {
        return if_nametoindex("qtap0") != 0 && if_nametoindex("qtap1") != 0;
    }
    void take_away()
    {
        (void)output_of("ip link set dev vif master lan");
        (void)output_of("ip link del lan0");
        if (process_ > 0) {
            kill(process_, SIGKILL);
            waitpid(process_, nullptr, 0);
        }
        std::filesystem::remove_all(folder_);
    }

    std::string folder_;
    pid_t process_ = -1;
};

}  // namespace

// Its queue takes 10,000 frames, and drops others.
PathKind qemu_filter_buffer(const std::vector<std::string>& qemu)
{
    return {.name = "QEMU's filter-buffer, 50 ms",
            .window = 8192,
            .connection_window = 8 << 20,
            .holds = true,
            .make = [qemu](const Bed&) {
                return std::make_unique<Qemu>(
                    qemu, [](const std::string&) { return words_of_buffer(); });
            }};
}

// Its two threads write to each other by sockets, and wait when these are full:
// for ever, with more on its way than that.
PathKind qemu_colo_compare(const std::vector<std::string>& qemu)
{
    return {.name = "QEMU's colo-compare",
            .window = 128,
            .connection_window = 128 << 10,
            .holds = false,
            .make = [qemu](const Bed&) {
                return std::make_unique<Qemu>(qemu, words_of_comparison);
            }};
}

}  // namespace xl_colo::bench
