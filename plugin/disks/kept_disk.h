// One disk on the secondary: what it was at the last checkpoint, while DRBD
// goes on writing what the primary's guest writes.
//
//     the copy's backend      copy    linear on the snapshot of the last
//                                     checkpoint that was committed
//                             kept-0  } snapshots of "real", each with a store:
//                             kept-1  } the last, and the one under way
//                             store-0 } these, where they are part of an
//                             store-1 } admin's device
//     DRBD, Secondary
//     its lower device        lower   snapshot-origin on "real"
//                             real    what lower's table was
//
// A snapshot is made while the primary's guest stands, and counts once its
// checkpoint is committed: until then the one before serves. After a takeover
// the copy's backend has "copy" merge what the last checkpoint had back into
// DRBD's device, which is Primary then, while the guest uses it. So DRBD knows
// of each block that changes, and the other host gets only those.
//
// The lower device is one of device-mapper's already, as LVM's volumes are: it
// gets its new table, and its old one, under DRBD's hands.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "disks/cow_store.h"
#include "disks/device_mapper.h"

namespace xl_colo {

// Of a disk's two stores number `i`, by `name` if it is a device-mapper's
// device: that is then removed by whoever has asked for it.
using MakeStore = std::function<Result<std::unique_ptr<CowStore>>(
    size_t i, const std::string& name, Bytes size)>;

struct KeptDiskPlace {
    std::string name;        // begins those of its devices: "xl-colo-r0-0"
    std::string lower;       // device-mapper's name of DRBD's lower device
    std::string replicated;  // "major:minor" of DRBD's own
    Sectors size = 0;        // of that: DRBD's metadata is beyond it
    Bytes store;             // each of the two
    bool origin_first = false;  // what is wrong, for a test
};

// How full the fuller one of its stores is.
struct StoreFill {
    Sectors used = 0, size = 0;
    bool overflown = false;  // and so the snapshot is lost
};

// One thread at a time. `dm` outlives it. What is there when it is destroyed
// stays: the copy's backend may have it open.
class KeptDisk {
public:
    KeptDisk(DeviceMapper& dm, KeptDiskPlace place, MakeStore make_store);

    // Whatever of that name nobody uses any more goes; then the layers above.
    // "copy" is what the disk is at that moment, and never to be used as such:
    // whoever opens it before the first commit() finds a disk. After an error
    // all is as before.
    Status build();
    // Goes on with what another process has built and left. Error refused when
    // there is no such thing.
    Status adopt();
    // The state of this moment, if it is committed. Error refused when the last
    // one is lost, as its store was full; also of those below when it is,
    // because somebody has given the lower device another table.
    Status keep();
    Status commit();
    // keep() without commit(): that state is given up.
    void drop_uncommitted();

    // DRBD's device must be Primary, and nobody using "copy". May be tried
    // again after an error.
    Status begin_merge();
    // Whether all is back. Error io when the merge has failed: then the disk
    // here is neither one state nor the other.
    Result<bool> is_merged();
    // Takes the layers away from beneath "copy", which stays, on DRBD's device,
    // as long as somebody has it open.
    Status finish_merge();

    // Nothing of the copy's disk is wanted: DRBD's lower device is what it was.
    // "copy" goes once it is closed. Error: the first; the rest was tried.
    Status take_away();

    Result<StoreFill> fill();
    std::string copy() const { return place_.name; }

private:
    std::string real() const { return place_.name + "-real"; }
    std::string kept(size_t i) const
    {
        return place_.name + "-kept-" + std::to_string(i);
    }
    std::string store(size_t i) const
    {
        return place_.name + "-store-" + std::to_string(i);
    }
    DmTable snapshot(const char* type, const std::string& origin,
                     size_t i) const;
    DmTable on(const std::string& type, const std::string& parameters) const;
    Status clear_leftovers();
    Status make_origin();
    Status remove_stores();
    Result<bool> is_kept_from() const;
    Status check_lower() const;
    Status restore_lower();
    Result<StoreFill> fill_of(size_t i);
    Status make_state(size_t i);
    Status drop(size_t i);

    DeviceMapper& dm_;
    const KeptDiskPlace place_;
    const MakeStore make_store_;
    std::array<std::unique_ptr<CowStore>, 2> stores_;
    DmTable lower_was_;
    bool is_origin_ = false;          // we have made the lower device one
    std::optional<size_t> last_;      // what "copy" is on
    bool is_committed_ = false;       // and since a checkpoint
    std::optional<size_t> under_way_;
    bool merge_is_loaded_ = false, merges_ = false;
};

}  // namespace xl_colo
