// libxl's save callout, from the side of the process that it calls out to.
//
// libxl restores memory by running a helper program (LIBXL_SAVE_HELPER names
// it) and speaking with it over the helper's stdin and stdout. Our helper only
// connects to a socket of ours, says what arguments it was given, and from then
// on carries bytes both ways, so it is this process that speaks with libxl:
//
//     helper   argv[1] ... argv[n], apart by spaces, a line end
//     we       static_data_done         libxl answers with an int
//     we       restore_results          no answer
//     we       complete                 libxl answers with an int
//     we       close; the helper ends with status 0
//
// Messages: libxl_save_msgs_gen.pl and libxl_save_helper.c, whose numbers and
// arguments are the same from 4.14 to 4.22.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace xl_colo {

// Names the socket to the helper. Not an inherited descriptor: the device model
// is a child of this process too and would inherit that as well.
constexpr const char* callout_socket_variable = "XL_COLO_SAVE_SOCKET";

// What libxl tells its helper about the domain (libxl__xc_domain_restore()).
struct CalloutArguments {
    Domid domid;
    uint32_t store_evtchn = 0;
    uint32_t store_domid = 0;
    uint32_t console_evtchn = 0;
    uint32_t console_domid = 0;
    uint32_t callbacks = 0;  // a bit for each message that libxl wants
    uint32_t stream_type = 0;
};

// The helper's line. Error protocol when it is not the one for a restore.
Result<CalloutArguments> parse_callout_line(std::string_view line);

// Messages, in this machine's byte order: u16 length of the rest, u16 number,
// then the arguments one after the other without padding.
Buffer static_data_done_message(uint32_t missing);
Buffer restore_results_message(uint64_t store_gfn, uint64_t console_gfn);
Buffer complete_message(int32_t retval, int32_t errnoval);

// A helper that waits for us. One thread at a time, but for cancel().
class Callout {
public:
    Callout(UniqueFd socket, CalloutArguments arguments)
        : socket_(std::move(socket)), arguments_(arguments)
    {
    }

    const CalloutArguments& arguments() const { return arguments_; }

    // What libxl answers: 0 when it could make up for what is missing.
    Result<int> static_data_done(uint32_t missing);
    // The memory is there; libxl goes on. The helper ends.
    Status restored(Pfn store, Pfn console);
    // Any thread: the helper ends without a result, and libxl gives up.
    void cancel();

private:
    Status send(View message);
    Result<int> answer();

    UniqueFd socket_;
    CalloutArguments arguments_;
};

// Listens where the variable points.
class CalloutListener {
public:
    static Result<CalloutListener> listen(const std::string& path);

    CalloutListener(CalloutListener&& other) noexcept
        : socket_(std::move(other.socket_)),
          path_(std::exchange(other.path_, {}))
    {
    }
    CalloutListener& operator=(CalloutListener&&) = delete;
    ~CalloutListener();

    // Waits for the helper. Error aborted as soon as `gave_up` is readable:
    // libxl has failed before it ran a helper.
    Result<std::unique_ptr<Callout>> accept(int gave_up,
                                            std::chrono::seconds timeout);

private:
    CalloutListener(UniqueFd socket, std::string path)
        : socket_(std::move(socket)), path_(std::move(path))
    {
    }

    UniqueFd socket_;
    std::string path_;
};

}  // namespace xl_colo
