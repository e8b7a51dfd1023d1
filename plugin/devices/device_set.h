// All devices of one guest on one host: walks them at each moment of a
// checkpoint, in the order of the guest's configuration, at the end backwards.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "devices/checkpoint_device.h"
#include "devices/device_kind.h"

namespace xl_colo {

// The session's thread, but for status(). Errors have the device's name in
// front; the devices after it are not called then.
class DeviceSet {
public:
    DeviceSet() = default;
    DeviceSet(DeviceSet&&) = default;
    DeviceSet& operator=(DeviceSet&& other) noexcept;
    // Tears down what is still up.
    ~DeviceSet() { tear_down(); }

    // Makes them, each by the first kind that takes it. Error refused for one
    // that none takes.
    static Result<DeviceSet> make(DeviceKinds kinds,
                                  const std::vector<DeviceFacts>& devices,
                                  const DeviceContext& context);
    void add(std::string name, std::unique_ptr<CheckpointDevice> device);

    // After an error of these everything that was set up is torn down again.
    Status prepare(DiskPaths& instead);
    Status set_up(Domain& domain);
    Status guest_will_stand(CheckpointNumber number);
    Status guest_stands(CheckpointNumber number);
    // The link's thread; not while the set itself changes.
    Status other_stands(CheckpointNumber number);
    bool are_kept_by_other() const;
    Status may_commit(CheckpointNumber number);
    Status committed(CheckpointNumber number);
    Status may_run(CheckpointNumber number);
    void copy_will_run(bool runs);
    OutputFelt output_felt() const;  // of all
    // The names of those that have contents, and the contents of number `nth`
    // of these; null if they cannot be told this time.
    std::vector<std::string> with_contents() const;
    Result<std::unique_ptr<DeviceContents>> contents(size_t nth);
    Status may_take_over();
    void take_over();
    void other_is_lost();
    void protection_ended(State how);
    void tear_down();

    std::vector<DeviceStatus> status() const;

private:
    struct Entry {
        std::string name;
        std::unique_ptr<CheckpointDevice> device;
        bool is_up = false;  // prepare() or set_up() was called, tear_down()
                             // was not
    };

    template <typename Moment>
    Status each(const char* what, Moment moment);

    std::vector<Entry> entries_;
};

}  // namespace xl_colo
