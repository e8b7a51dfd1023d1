// A device that notes the moments that it is told of, and fails where a test
// wants it to.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "devices/device_kind.h"

#include "faults.h"

namespace xl_colo {

// What became of the devices of one host; outlives them. Any thread.
class DeviceNotes {
public:
    void note(const std::string& what)
    {
        const std::lock_guard lock(mutex_);
        notes_.push_back(what);
    }
    std::vector<std::string> all() const
    {
        const std::lock_guard lock(mutex_);
        return notes_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> notes_;
};

// `faults`: a moment passes through as "device.<moment>".
class TestDevice : public CheckpointDevice {
public:
    TestDevice(std::string name, DeviceNotes& notes, Faults& faults)
        : name_(std::move(name)), notes_(notes), faults_(faults)
    {
    }
    Status prepare(DiskPaths&) override { return moment("prepare"); }
    Status set_up(Domain&) override { return moment("set_up"); }
    Status guest_will_stand(CheckpointNumber n) override
    {
        return moment("guest_will_stand", n);
    }
    Status guest_stands(CheckpointNumber n) override
    {
        return moment("guest_stands", n);
    }
    Status other_stands(CheckpointNumber n) override
    {
        return moment("other_stands", n);
    }
    bool is_kept_by_other() const override { return true; }
    Status may_commit(CheckpointNumber n) override
    {
        return moment("may_commit", n);
    }
    Status committed(CheckpointNumber n) override
    {
        return moment("committed", n);
    }
    Status may_run(CheckpointNumber n) override { return moment("may_run", n); }
    Status may_take_over() override { return moment("may_take_over"); }
    void take_over() override { (void)moment("take_over"); }
    void other_is_lost() override { (void)moment("other_is_lost"); }
    void protection_ended(State how) override
    {
        (void)moment(std::string("protection_ended ") + to_string(how));
    }
    void tear_down() override { (void)moment("tear_down"); }
    DeviceStatus status() const override { return {name_, "test", "well"}; }

private:
    Status moment(const std::string& what)
    {
        notes_.note(name_ + " " + what);
        return faults_.pass("device." + what);
    }
    Status moment(const std::string& what, CheckpointNumber n)
    {
        notes_.note(name_ + " " + what + " " + std::to_string(n.value()));
        return faults_.pass("device." + what);
    }

    std::string name_;
    DeviceNotes& notes_;
    Faults& faults_;
};

}  // namespace xl_colo
