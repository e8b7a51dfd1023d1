#include "migration/incoming.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptors.h"
#include "domain/guest_state.h"
#include "migration/libxl_stream.h"
#include "xen/compat.h"

namespace xl_colo {

namespace {

// libxl makes the domain, its xenstore entries and its first event channels
// before it wants the memory. It has timeouts of its own (10 s and 60 s) for
// everything that waits for others.
constexpr std::chrono::seconds until_callout{120};

// The stream is a socket rather than a pipe so that a write after libxl's end
// is gone is an error and no signal.
Status write_stream(int fd, View bytes)
{
    const Status sent = send_all(fd, bytes);
    return sent ? sent
                : sent.error().with_context("the stream that libxl reads");
}

}  // namespace

Result<std::unique_ptr<Incoming>> XenIncoming::begin(
    std::shared_ptr<Access> access, DomainConfig config,
    const OpenOptions& options)
{
    std::unique_ptr<XenIncoming> incoming(
        new XenIncoming(std::move(access), std::move(config), options));
    if (auto r = incoming->start(); !r) {
        return r.error();
    }
    return std::unique_ptr<Incoming>(std::move(incoming));
}

Status XenIncoming::start()
{
    auto listener = CalloutListener::listen(access_->callout_socket);
    if (!listener) {
        return listener.error();
    }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return io_error("cannot make the stream that libxl reads", errno);
    }
    stream_.reset(ends[0]);
    libxls_stream_.reset(ends[1]);
    finished_.reset(eventfd(0, EFD_CLOEXEC));
    if (!finished_) {
        return io_error("cannot make an eventfd", errno);
    }
    if (auto r = write_stream(stream_.get(), libxl_stream_opening()); !r) {
        return r;
    }
    builder_ = std::thread(&XenIncoming::build, this);

    auto callout = listener->accept(finished_.get(), until_callout);
    if (!callout) {
        if (callout.error().kind() == ErrorKind::aborted) {
            auto built = finish();
            return built ? callout.error() : built.error();
        }
        return callout.error();
    }
    callout_ = std::move(*callout);
    return {};
}

void XenIncoming::build()
{
    RestoreParams params;
    params->checkpointed_stream = LIBXL_CHECKPOINTED_STREAM_NONE;
    params->stream_version = 2;
    uint32_t domid = static_cast<uint32_t>(INVALID_DOMID);
    rc_ = libxl_domain_create_restore(
        access_->libxl.get(), config_.get(), &domid, libxls_stream_.get(),
        -1 /* no back channel of libxl's own */, params.get(), nullptr,
        nullptr);
    built_ = domid;
    libxls_stream_.reset();
    const uint64_t one = 1;
    // Cannot fail: the counter is far from its end.
    [[maybe_unused]] ssize_t r = write(finished_.get(), &one, sizeof(one));
}

Status XenIncoming::memory_restored(Pfn store, Pfn console)
{
    if (auto r = callout_->restored(store, console); !r) {
        return r;
    }
    memory_restored_ = true;
    return device_state_ ? close_stream() : Status();
}

Status XenIncoming::give_device_state(View state)
{
    // libxl reads on only when the helper has answered: a state that fills the
    // socket would block us for good, so it waits until then.
    device_state_ = Buffer(state.begin(), state.end());
    return memory_restored_ ? close_stream() : Status();
}

Status XenIncoming::close_stream()
{
    auto r = write_stream(stream_.get(),
                          emulator_ == Emulator::qemu
                              ? libxl_stream_closing(*device_state_)
                              : libxl_stream_closing());
    device_state_.reset();
    return r;
}

Result<Domid> XenIncoming::finish()
{
    if (builder_.joinable()) {
        builder_.join();
    }
    access_->logger.expect_failure(false);
    if (rc_ != 0) {
        return libxl_error("libxl cannot build the domain", rc_);
    }
    return Domid(built_);
}

Result<std::unique_ptr<Domain>> XenIncoming::wait_built()
{
    auto built = finish();
    if (!built) {
        return built.error();
    }
    if (abandoned_) {
        return Error(ErrorKind::aborted, "the domain was given up");
    }
    handed_over_ = true;
    return std::unique_ptr<Domain>(
        std::make_unique<XenDomain>(
            access_, *built, emulator_, options_,
            PvPeers{Domid(arguments().store_domid),
                    Domid(arguments().console_domid)}));
}

Status XenIncoming::abandon()
{
    if (handed_over_) {
        return {};
    }
    if (!abandoned_) {
        abandoned_ = true;
        access_->logger.expect_failure();
        // Whatever libxl waits for comes to its end: the helper's answer, or
        // the rest of the stream. It then destroys what it has made.
        if (callout_) {
            callout_->cancel();
        }
        shutdown(stream_.get(), SHUT_RDWR);
    }
    auto built = finish();
    const int rc = built ? libxl_domain_destroy(access_->libxl.get(),
                                                built->value(), nullptr)
                         : rc_;
    // libxl says no more than in a message when it cannot.
    const bool left =
        callout_ &&
        guest_state(access_->xc.get(), domid()) != GuestState::gone;
    return left ? libxl_error("cannot destroy what libxl was building", rc)
                : Status();
}

XenIncoming::~XenIncoming()
{
    (void)abandon();
}

}  // namespace xl_colo
