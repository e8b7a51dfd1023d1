#include "devices/device_set.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

namespace xl_colo {

DeviceSet& DeviceSet::operator=(DeviceSet&& other) noexcept
{
    tear_down();
    entries_ = std::move(other.entries_);
    return *this;
}

Result<DeviceSet> DeviceSet::make(DeviceKinds kinds,
                                  const std::vector<DeviceFacts>& devices,
                                  const DeviceContext& context)
{
    if (auto s = check_devices(kinds, devices); !s) {
        return s.error();
    }
    const auto kind_of = [&](const DeviceFacts& facts) {
        return *std::ranges::find_if(
            kinds, [&](const DeviceKind* k) { return k->takes(facts); });
    };
    struct Count {
        size_t done = 0, all = 0;
    };
    std::map<const DeviceKind*, Count> counts;
    for (const DeviceFacts& facts : devices) {
        ++counts[kind_of(facts)].all;
    }
    DeviceSet set;
    DeviceContext own = context;
    for (own.place = 0; own.place < devices.size(); ++own.place) {
        const DeviceFacts& facts = devices[own.place];
        const DeviceKind* kind = kind_of(facts);
        own.nth = counts[kind].done++;
        own.of = counts[kind].all;
        if (auto device = kind->make(facts, own)) {
            set.add(facts.name, std::move(device));
        }
    }
    return set;
}

void DeviceSet::add(std::string name, std::unique_ptr<CheckpointDevice> device)
{
    entries_.push_back({std::move(name), std::move(device)});
}

template <typename Moment>
Status DeviceSet::each(const char* what, Moment moment)
{
    for (Entry& entry : entries_) {
        if (const Status s = moment(entry); !s) {
            return s.error().with_context(entry.name + ": " + what);
        }
    }
    return {};
}

Status DeviceSet::prepare(DiskPaths& instead)
{
    const Status s = each("cannot be prepared", [&](Entry& entry) {
        entry.is_up = true;
        return entry.device->prepare(instead);
    });
    if (!s) {
        tear_down();
    }
    return s;
}

Status DeviceSet::set_up(Domain& domain)
{
    const Status s = each("cannot be set up", [&](Entry& entry) {
        entry.is_up = true;
        return entry.device->set_up(domain);
    });
    if (!s) {
        tear_down();
    }
    return s;
}

Status DeviceSet::guest_will_stand(CheckpointNumber number)
{
    return each("cannot be made ready for a checkpoint", [&](Entry& entry) {
        return entry.device->guest_will_stand(number);
    });
}

Status DeviceSet::guest_stands(CheckpointNumber number)
{
    return each("cannot be stopped for a checkpoint", [&](Entry& entry) {
        return entry.device->guest_stands(number);
    });
}

Status DeviceSet::other_stands(CheckpointNumber number)
{
    return each("cannot be kept for a checkpoint", [&](Entry& entry) {
        return entry.device->other_stands(number);
    });
}

bool DeviceSet::are_kept_by_other() const
{
    return std::ranges::any_of(entries_, [](const Entry& entry) {
        return entry.device->is_kept_by_other();
    });
}

Status DeviceSet::may_commit(CheckpointNumber number)
{
    return each("is not right for a checkpoint", [&](Entry& entry) {
        return entry.device->may_commit(number);
    });
}

Status DeviceSet::committed(CheckpointNumber number)
{
    return each("cannot commit a checkpoint", [&](Entry& entry) {
        return entry.device->committed(number);
    });
}

Status DeviceSet::may_run(CheckpointNumber number)
{
    return each("cannot go on after a checkpoint", [&](Entry& entry) {
        return entry.device->may_run(number);
    });
}

void DeviceSet::copy_will_run(bool runs)
{
    for (Entry& entry : entries_) {
        entry.device->copy_will_run(runs);
    }
}

OutputFelt DeviceSet::output_felt() const
{
    OutputFelt all;
    for (const Entry& entry : entries_) {
        all += entry.device->output_felt();
    }
    return all;
}

std::vector<std::string> DeviceSet::with_contents() const
{
    std::vector<std::string> names;
    for (const Entry& entry : entries_) {
        if (entry.device->has_contents()) {
            names.push_back(entry.name);
        }
    }
    return names;
}

Result<std::unique_ptr<DeviceContents>> DeviceSet::contents(size_t nth)
{
    for (Entry& entry : entries_) {
        if (entry.device->has_contents() && nth-- == 0) {
            auto its = entry.device->contents();
            return its ? std::move(its)
                       : its.error().with_context(entry.name +
                                                  ": cannot be compared");
        }
    }
    return std::unique_ptr<DeviceContents>();
}

Status DeviceSet::may_take_over()
{
    return each("cannot be taken over", [](Entry& entry) {
        return entry.device->may_take_over();
    });
}

void DeviceSet::take_over()
{
    for (Entry& entry : entries_) {
        entry.device->take_over();
    }
}

void DeviceSet::other_is_lost()
{
    for (Entry& entry : entries_) {
        entry.device->other_is_lost();
    }
}

void DeviceSet::protection_ended(State how)
{
    for (Entry& entry : std::views::reverse(entries_)) {
        if (entry.is_up) {
            entry.device->protection_ended(how);
        }
    }
}

void DeviceSet::tear_down()
{
    for (Entry& entry : std::views::reverse(entries_)) {
        if (std::exchange(entry.is_up, false)) {
            entry.device->tear_down();
        }
    }
}

std::vector<DeviceStatus> DeviceSet::status() const
{
    std::vector<DeviceStatus> all;
    for (const Entry& entry : entries_) {
        all.push_back(entry.device->status());
    }
    return all;
}

}  // namespace xl_colo
