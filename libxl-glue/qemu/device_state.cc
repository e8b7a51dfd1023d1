#include "qemu/device_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.h"
#include "base/unique_fd.h"
#include "qemu/temporary_file.h"
#include "qemu/vmstate_file.h"

namespace xl_colo {

namespace {

constexpr off_t largest = off_t{64} << 20;
constexpr const char* node = "xl-colo-vmstate";
constexpr const char* job = "xl-colo-load";
constexpr const char* tag = "xl-colo";

bool is(const Json& object, const char* key, const std::string& wanted)
{
    const auto found = object.text(key);
    return found && *found == wanted;
}

// The arguments of a command that takes one.
template <typename T>
std::string argument(const char* key, const T& value)
{
    return JsonWriter().open_object().member(key, value).close_object().take();
}

// Waits for the job's end and dismisses it.
Status finish_job(Qmp& qmp)
{
    auto concluded = qmp.wait_event([](const Json& event) {
        const auto data = event.object("data");
        return is(event, "event", "JOB_STATUS_CHANGE") && data &&
               is(*data, "id", job) && is(*data, "status", "concluded");
    });
    if (!concluded) {
        return concluded.error().with_context("snapshot-load");
    }
    auto jobs = qmp.run("query-jobs");
    if (!jobs) {
        return jobs.error();
    }
    Status outcome = Error(ErrorKind::protocol, "snapshot-load left no job");
    auto list = jobs->objects("return");
    for (const Json& one : list ? *list : std::vector<Json>{}) {
        if (is(one, "id", job)) {
            const auto why = one.text("error");
            outcome = why ? Status(Error(ErrorKind::io,
                                         "device model cannot load: " + *why))
                          : Status();
        }
    }
    auto dismissed = qmp.run("job-dismiss", argument("id", job));
    return outcome && !dismissed ? dismissed.error() : outcome;
}

Status load_snapshot(Qmp& qmp)
{
    qmp.forget_events();
    JsonWriter arguments;
    arguments.open_object()
        .member("job-id", job)
        .member("tag", tag)
        .member("vmstate", node)
        .key("devices")
        .open_list()
        .value(node)
        .close_list()
        .close_object();
    auto begun = qmp.run("snapshot-load", arguments.take());
    return begun ? finish_job(qmp) : begun.error();
}

Result<Buffer> read_device_state(const std::string& path)
{
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat found;
    if (!fd || fstat(fd.get(), &found) != 0) {
        return io_error("cannot open device state " + path, errno);
    }
    if (found.st_size == 0 || found.st_size > largest) {
        return Error(ErrorKind::io, "device state " + path + " has " +
                                        std::to_string(found.st_size) +
                                        " bytes");
    }
    Buffer state(static_cast<size_t>(found.st_size));
    size_t got = 0;
    while (got < state.size()) {
        const ssize_t r =
            read(fd.get(), state.data() + got, state.size() - got);
        if (r > 0) {
            got += static_cast<size_t>(r);
        } else if (r == 0) {
            return Error(ErrorKind::io,
                         "device state " + path + " is cut short");
        } else if (errno != EINTR) {
            return io_error("cannot read device state " + path, errno);
        }
    }
    return state;
}

}  // namespace

Status stop_devices(Qmp& qmp)
{
    if (auto stopped = qmp.run("stop"); !stopped) {
        return stopped.error();
    }
    auto answer = qmp.run("query-status");
    if (!answer) {
        return answer.error();
    }
    const auto state = answer->object("return");
    // After the guest's ACPI poweroff QEMU stays in this state (libxl runs it
    // with -no-shutdown) and refuses to go on until it is reset. The state that
    // is loaded next begins with a reset anyway.
    if (!state || !is(*state, "status", "shutdown")) {
        return {};
    }
    qmp.forget_events();
    if (auto reset = qmp.run("system_reset"); !reset) {
        return reset.error();
    }
    auto done = qmp.wait_event(
        [](const Json& event) { return is(event, "event", "RESET"); });
    return done ? Status() : done.error().with_context("system_reset");
}

Result<Buffer> save_device_state(Qmp& qmp, const std::string& directory)
{
    auto file = TemporaryFile::create(
        directory + "/devices-" + std::to_string(getpid()), {});
    if (!file) {
        return file.error();
    }
    if (auto stopped = qmp.run("stop"); !stopped) {
        return stopped.error();
    }
    // Not "live": QEMU keeps its disks, for it goes on here (since 2.11).
    auto saved = qmp.run("xen-save-devices-state",
                         JsonWriter()
                             .open_object()
                             .member("filename", file->path())
                             .member("live", false)
                             .close_object()
                             .take());
    return saved ? read_device_state(file->path()) : saved.error();
}

Status start_dirty_log(Qmp& qmp)
{
    auto done = qmp.run("xen-set-global-dirty-log", argument("enable", true));
    return done ? Status() : done.error();
}

bool needs_snapshot_way(QemuVersion version)
{
    return version >= QemuVersion{6, 0};
}

Status load_device_state_by_snapshot(Qmp& qmp, View state,
                                     const std::string& directory)
{
    auto image = make_vmstate_file(state, tag);
    if (!image) {
        return image.error();
    }
    auto file = TemporaryFile::create(
        directory + "/vmstate-" + std::to_string(getpid()) + ".qcow2", *image);
    if (!file) {
        return file.error();
    }
    JsonWriter arguments;
    arguments.open_object()
        .member("driver", "qcow2")
        .member("node-name", node)
        .key("file")
        .open_object()
        .member("driver", "file")
        .member("filename", file->path())
        .close_object()
        .close_object();
    if (auto added = qmp.run("blockdev-add", arguments.take()); !added) {
        return added.error();
    }
    const Status loaded = load_snapshot(qmp);
    // Also after a failure: the next attempt wants the name.
    auto removed = qmp.run("blockdev-del", argument("node-name", node));
    return loaded && !removed ? removed.error() : loaded;
}

Status load_device_state_directly(Qmp& qmp, View state,
                                  const std::string& directory)
{
    auto file = TemporaryFile::create(
        directory + "/devices-" + std::to_string(getpid()), state);
    if (!file) {
        return file.error();
    }
    auto loaded =
        qmp.run("xen-load-devices-state", argument("filename", file->path()));
    return loaded ? Status() : loaded.error();
}

}  // namespace xl_colo
