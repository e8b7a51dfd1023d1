#include "domain/device_watch.h"

#include <cerrno>

#include "base/errors.h"
#include "xen/store_nodes.h"

namespace xl_colo {

namespace {

constexpr const char* token = "xl-colo";

std::string disk_named(const std::string& vdev)
{
    return "disk " + vdev;
}

std::string card_named(const std::string& mac)
{
    return "network card " + mac;
}

bool is_disk(const std::string& name)
{
    return name.starts_with("disk ");
}

bool is_card(const std::string& name)
{
    return name.starts_with("network card ");
}

}  // namespace

Result<std::unique_ptr<DeviceWatch>> XenstoreDeviceWatch::on(
    Domid domid, const std::vector<DeviceFacts>& known)
{
    XenstoreHandle xs(xs_open(0));
    if (!xs) {
        return io_error("cannot connect to xenstored", errno);
    }
    std::unique_ptr<XenstoreDeviceWatch> made(
        new XenstoreDeviceWatch(std::move(xs), domid));
    if (auto s = made->watch(made->list_); !s) {
        return s.error();
    }
    auto now = made->look();
    if (!now) {
        return now.error();
    }
    // Disks and cards are known from before; of the others nobody has asked.
    for (const auto& [name, contents] : *now) {
        if (!is_disk(name) && !is_card(name)) {
            made->before_[name] = contents;
        }
    }
    for (const DeviceFacts& device : known) {
        if (device.type != DeviceType::disk &&
            device.type != DeviceType::network_card) {
            continue;
        }
        const std::string name = device.type == DeviceType::disk
                                     ? disk_named(device.name)
                                     : card_named(device.name);
        made->before_[name] = now->contains(name) ? now->at(name) : "";
    }
    return std::unique_ptr<DeviceWatch>(std::move(made));
}

Status XenstoreDeviceWatch::watch(const std::string& path)
{
    if (!watched_.insert(path).second) {
        return {};
    }
    return xs_watch(xs_.get(), path.c_str(), token)
               ? Status()
               : io_error("cannot watch the guest's devices", errno);
}

// One that is being detached is none any more.
Result<XenstoreDeviceWatch::Devices> XenstoreDeviceWatch::look()
{
    xs_handle* const xs = xs_.get();
    Devices all;
    for (const std::string& kind : entries_of(xs, list_)) {
        for (const std::string& number : entries_of(xs, list_ + "/" + kind)) {
            const std::string path = list_ + "/" + kind + "/" + number;
            const std::string backend = read_node(xs, path + "/backend");
            if (!backend.empty()) {
                if (auto s = watch(backend + "/online"); !s) {
                    return s.error();
                }
                if (read_node(xs, backend + "/online") == "0") {
                    continue;
                }
            }
            if (kind == "vbd") {
                all[disk_named(read_node(xs, path + "/dev"))] =
                    read_node(xs, path + "/params");
            } else if (kind == "vif") {
                all[card_named(read_node(xs, path + "/mac"))] = "";
            } else {
                std::string& ports = all["device " + kind + " " + number];
                for (const std::string& port : entries_of(xs, path + "/port")) {
                    ports += read_node(xs, path + "/port/" + port) + " ";
                }
            }
        }
    }
    return all;
}

Result<std::string> XenstoreDeviceWatch::changes()
{
    const std::lock_guard lock(mutex_);
    // xenstored answers one after another, and tells of what was watched before
    // it answers what was asked after that.
    unsigned length = 0;
    const Malloced<void> answer(
        xs_read(xs_.get(), XBT_NULL, list_.c_str(), &length));
    if (!answer && errno != ENOENT) {
        return io_error("cannot ask for the guest's devices", errno);
    }
    bool touched = false;
    while (Malloced<char*>(xs_check_watch(xs_.get()))) {
        touched = true;
    }
    if (!touched) {
        return changes_;
    }
    const auto now = look();
    if (!now) {
        return now.error();
    }
    changes_.clear();
    const auto add = [this](const std::string& name, const char* what) {
        changes_ += (changes_.empty() ? "" : ", ") + name + what;
    };
    for (const auto& [name, contents] : before_) {
        const auto found = now->find(name);
        if (found == now->end()) {
            add(name, " was detached");
        } else if (found->second != contents) {
            add(name, is_disk(name) ? " was given another image"
                                    : " was changed");
        }
    }
    for (const auto& [name, contents] : *now) {
        if (!before_.contains(name)) {
            add(name, " was attached");
        }
    }
    return changes_;
}

}  // namespace xl_colo
