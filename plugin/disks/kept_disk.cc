#include "disks/kept_disk.h"

#include <charconv>
#include <sstream>
#include <utility>

namespace xl_colo {

namespace {

Error last_is_lost()
{
    return {ErrorKind::refused,
            "the disk's last checkpoint is lost: its store was full"};
}

// In sectors. The same for all snapshots of an origin: it splits writes at
// their chunks.
constexpr const char* chunk = "8";

Sectors length_of(const DmTable& table)
{
    Sectors length = 0;
    for (const DmTarget& target : table) {
        length += target.length;
    }
    return length;
}

bool is_only(const DmTable& table, const char* type)
{
    return table.size() == 1 && table.front().type == type;
}

bool is_merging(const DmTable& table)
{
    return is_only(table, "snapshot-merge");
}

bool is_origin(const DmTable& table)
{
    return is_only(table, "snapshot-origin");
}

// "USED/SIZE METADATA" of a snapshot or a merge; anything else is a word that
// says what is wrong with it.
struct SnapshotStatus {
    Sectors used = 0, size = 0, metadata = 0;
    bool is_good = false;
};

SnapshotStatus parse_snapshot(const std::string& text)
{
    SnapshotStatus status;
    std::istringstream words(text);
    char slash = 0;
    status.is_good = bool(words >> status.used >> slash >> status.size >>
                          status.metadata) &&
                     slash == '/';
    return status;
}

// Of a snapshot: "ORIGIN STORE P 8".
std::string store_in(const std::string& parameters)
{
    std::istringstream words(parameters);
    std::string origin, store;
    words >> origin >> store;
    return store;
}

// One that another process has made. It goes with the last that has it open.
class AdoptedStore : public CowStore {
public:
    explicit AdoptedStore(std::string device) : device_(std::move(device)) {}
    std::string device() const override { return device_; }
    Status clear() override { return {}; }

private:
    std::string device_;
};

}  // namespace

KeptDisk::KeptDisk(DeviceMapper& dm, KeptDiskPlace place, MakeStore make_store)
    : dm_(dm), place_(std::move(place)), make_store_(std::move(make_store))
{
}

DmTable KeptDisk::on(const std::string& type,
                     const std::string& parameters) const
{
    return {{0, place_.size, type, parameters}};
}

DmTable KeptDisk::snapshot(const char* type, const std::string& origin,
                           size_t i) const
{
    return on(type, origin + " " + stores_[i]->device() + " P " + chunk);
}

Status KeptDisk::build()
{
    if (auto s = clear_leftovers(); !s) {
        return s;
    }
    auto was = dm_.table(place_.lower);
    if (!was) {
        return was.error();
    }
    if (!*was || length_of(**was) < place_.size) {
        return Error(ErrorKind::refused,
                     place_.lower + ", on which DRBD keeps the disk, is not "
                                    "there, or smaller than the disk");
    }
    lower_was_ = **was;
    if (auto s = check_may_stand_twice(place_.lower, lower_was_); !s) {
        return s;
    }
    for (size_t i = 0; i < stores_.size(); ++i) {
        auto made = make_store_(i, store(i), place_.store);
        if (!made) {
            (void)take_away();
            return made.error();
        }
        stores_[i] = std::move(*made);
    }
    Status s = dm_.create(real(), lower_was_);
    if (s && place_.origin_first) {
        s = make_origin();
    }
    if (s) {
        s = make_state(0);
    }
    if (s) {
        s = dm_.create(copy(), on("linear", path_of_dm(kept(0)) + " 0"));
    }
    // An origin splits long writes at the chunks of the snapshots that it had
    // when it was last resumed. Without any it does not, and a snapshot would
    // keep the first chunk of each: so the first comes before it.
    if (s && !place_.origin_first) {
        s = make_origin();
    }
    if (!s) {
        (void)take_away();
        return s;
    }
    last_ = 0;
    return {};
}

Status KeptDisk::make_origin()
{
    const Status s = dm_.replace(place_.lower,
                                 {{0, length_of(lower_was_), "snapshot-origin",
                                   path_of_dm(real())}});
    is_origin_ = bool(s);
    return s;
}

Status KeptDisk::adopt()
{
    const auto table = dm_.table(copy());
    const auto was = dm_.table(real());
    const auto lower = dm_.table(place_.lower);
    if (!table || !was || !lower) {
        return !table ? table.error() : !was ? was.error() : lower.error();
    }
    if (!*table) {
        return Error(ErrorKind::refused, "there is no " + copy());
    }
    lower_was_ = *was ? **was : **lower;
    const auto ours = is_kept_from();
    if (!ours) {
        return ours.error();
    }
    is_origin_ = *ours;
    merges_ = is_merging(**table);
    for (size_t i = 0; i < stores_.size(); ++i) {
        const auto snapshot = dm_.table(kept(i));
        if (!snapshot) {
            return snapshot.error();
        }
        if (!*snapshot || !is_only(**snapshot, "snapshot")) {
            continue;
        }
        stores_[i] = std::make_unique<AdoptedStore>(
            store_in((*snapshot)->front().parameters));
        const auto device = dm_.device_of(kept(i));
        if (!device) {
            return device.error();
        }
        const bool serves = is_only(**table, "linear") &&
                            (*table)->front().parameters == *device + " 0";
        (serves ? last_ : under_way_) = i;
    }
    is_committed_ = last_.has_value();  // else there is no guest to go on
    return {};
}

// Of a process that was killed, or a guest that has ended here since.
Status KeptDisk::clear_leftovers()
{
    const auto left = dm_.table(copy());
    if (!left) {
        return left.error();
    }
    if (*left) {
        const auto open = dm_.is_open(copy());
        if (!open) {
            return open.error();
        }
        if (*open) {
            return Error(ErrorKind::refused,
                         path_of_dm(copy()) +
                             " is in use here, by a guest of that disk or its "
                             "copy: \"xl list\"");
        }
        if (is_merging(**left)) {
            const auto merged = is_merged();
            if (!merged) {
                return merged.error();
            }
            if (!*merged) {
                return Error(ErrorKind::refused,
                             path_of_dm(copy()) + " is being merged since the "
                             "guest was taken over here: \"dmsetup status " +
                                 copy() + "\"");
            }
        }
        if (auto s = dm_.remove(copy()); !s) {
            return s;
        }
    }
    for (size_t i = 0; i < stores_.size(); ++i) {
        const auto snapshot = dm_.table(kept(i));
        if (snapshot && *snapshot) {
            if (auto s = dm_.remove(kept(i)); !s) {
                return s;
            }
        }
    }
    if (auto s = remove_stores(); !s) {
        return s;
    }
    const auto was = dm_.table(real());
    if (!was || !*was) {
        return was ? Status() : was.error();
    }
    const auto ours = is_kept_from();
    if (ours && *ours) {
        if (auto s = dm_.replace(place_.lower, **was); !s) {
            return s;
        }
    }
    return dm_.remove(real());
}

// Nobody may use them any more. Error: the first.
Status KeptDisk::remove_stores()
{
    Status first;
    for (size_t i = 0; i < stores_.size(); ++i) {
        stores_[i].reset();
        const auto table = dm_.table(store(i));
        if (table && *table) {
            const Status removed = dm_.remove(store(i));
            first = first ? removed : first;
        }
    }
    return first;
}

// LVM gives its volume another table when that is resized, or gets a snapshot:
// then nothing is kept any more of what is written to it.
Result<bool> KeptDisk::is_kept_from() const
{
    const auto lower = dm_.table(place_.lower);
    const auto was = dm_.table(real());
    if (!lower || !was) {
        return !lower ? lower.error() : was.error();
    }
    if (!*was || !*lower || !is_origin(**lower)) {
        return false;
    }
    const auto device = dm_.device_of(real());
    return device ? Result<bool>((*lower)->front().parameters == *device)
                  : device.error();
}

Status KeptDisk::check_lower() const
{
    const auto ours = is_kept_from();
    if (!ours) {
        return ours.error();
    }
    if (!*ours) {
        return Error(ErrorKind::refused,
                     "somebody has changed " + place_.lower +
                         ", on which DRBD keeps the disk, meanwhile");
    }
    return {};
}

// What somebody else has made of it since is his.
Status KeptDisk::restore_lower()
{
    const auto ours = is_kept_from();
    if (!ours) {
        return ours.error();
    }
    if (*ours) {
        if (auto s = dm_.replace(place_.lower, lower_was_); !s) {
            return s;
        }
    }
    is_origin_ = false;
    return {};
}

Status KeptDisk::keep()
{
    if (auto s = check_lower(); !s) {
        return s;
    }
    const auto filled = fill_of(*last_);
    if (!filled) {
        return filled.error();
    }
    if (filled->overflown) {
        return last_is_lost();
    }
    drop_uncommitted();
    const size_t i = 1 - *last_;
    if (auto s = stores_[i]->clear(); !s) {
        return s;
    }
    if (auto s = make_state(i); !s) {
        return s;
    }
    under_way_ = i;
    return {};
}

Status KeptDisk::make_state(size_t i)
{
    const Status s = stores_[i]->check_room();
    return s ? dm_.create(kept(i),
                          snapshot("snapshot", path_of_dm(real()), i))
             : s;
}

Status KeptDisk::commit()
{
    if (!under_way_) {
        return Error(ErrorKind::protocol, "no state was kept");
    }
    if (auto s = check_lower(); !s) {
        return s;
    }
    const auto filled = fill_of(*under_way_);
    if (!filled) {
        return filled.error();
    }
    if (filled->overflown) {
        return Error(ErrorKind::refused,
                     "what the guest wrote since does not go into the "
                     "snapshot's store");
    }
    if (auto s = dm_.replace(copy(),
                             on("linear", path_of_dm(kept(*under_way_)) +
                                              " 0"));
        !s) {
        return s;
    }
    is_committed_ = true;
    return drop(*std::exchange(last_, std::exchange(under_way_,
                                                    std::nullopt)));
}

Status KeptDisk::drop(size_t i)
{
    const Status removed = dm_.remove(kept(i));
    return removed ? stores_[i]->clear() : removed;
}

void KeptDisk::drop_uncommitted()
{
    if (under_way_) {
        (void)drop(*std::exchange(under_way_, std::nullopt));
    }
}

Status KeptDisk::begin_merge()
{
    if (merges_) {
        return {};
    }
    drop_uncommitted();
    if (!last_ || !is_committed_) {
        return Error(ErrorKind::refused, "no state of the disk was committed");
    }
    if (!merge_is_loaded_) {
        if (auto s = check_lower(); !s) {
            return s;
        }
        const auto filled = fill_of(*last_);
        if (!filled) {
            return filled.error();
        }
        if (filled->overflown) {
            return last_is_lost();
        }
        // This reads from the store what is to be merged, so nothing may change
        // from here on: a copy that runs has its writes wait.
        if (auto s = dm_.suspend(copy()); !s) {
            return s;
        }
        if (auto s = dm_.load(copy(), snapshot("snapshot-merge",
                                               place_.replicated, *last_));
            !s) {
            (void)dm_.swap(copy());
            return s;
        }
        merge_is_loaded_ = true;
    }
    // What is merged back is written to the snapshot's origin: it must be none
    // by then, or it would keep what is overwritten, in the store that is being
    // emptied.
    if (auto s = dm_.replace(kept(*last_), on("error", "")); !s) {
        return s;
    }
    if (auto s = dm_.swap(copy()); !s) {
        return s;
    }
    merges_ = true;
    (void)dm_.remove(kept(*last_));
    return {};
}

Result<bool> KeptDisk::is_merged()
{
    const auto targets = dm_.status(copy());
    if (!targets) {
        return targets.error();
    }
    if (!is_merging(*targets)) {
        return Error(ErrorKind::io, copy() + " does not merge");
    }
    const auto status = parse_snapshot(targets->front().parameters);
    if (!status.is_good) {
        return Error(ErrorKind::io, "the merge has failed (" +
                                        targets->front().parameters + ")");
    }
    return status.used == status.metadata;
}

Status KeptDisk::finish_merge()
{
    if (auto s = dm_.replace(copy(),
                             on("linear", place_.replicated + " 0"));
        !s) {
        return s;
    }
    if (auto s = restore_lower(); !s) {
        return s;
    }
    const Status removed = dm_.remove(real());
    const Status stores_removed = remove_stores();
    return removed ? stores_removed : removed;
}

Status KeptDisk::take_away()
{
    Status first;
    const auto note = [&first](const Status& s) {
        if (!s && first) {
            first = s.error();
        }
    };
    const auto exists = [&](const std::string& name) {
        const auto table = dm_.table(name);
        return table && *table;
    };
    if (exists(copy())) {
        // The copy's backend may have it open yet.
        note(dm_.replace(copy(), on("error", "")));
        note(dm_.remove(copy()));
    }
    for (size_t i = 0; i < stores_.size(); ++i) {
        if (exists(kept(i))) {
            note(dm_.remove(kept(i)));
        }
    }
    last_ = under_way_ = std::nullopt;
    if (is_origin_) {
        note(restore_lower());
    }
    if (!is_origin_ && exists(real())) {
        note(dm_.remove(real()));
    }
    note(remove_stores());
    return first;
}

Result<StoreFill> KeptDisk::fill_of(size_t i)
{
    const auto targets = dm_.status(kept(i));
    if (!targets) {
        return targets.error();
    }
    if (!is_only(*targets, "snapshot")) {
        return Error(ErrorKind::io, kept(i) + " is no snapshot");
    }
    const auto status = parse_snapshot(targets->front().parameters);
    return StoreFill{status.used, status.size, !status.is_good};
}

Result<StoreFill> KeptDisk::fill()
{
    StoreFill fuller;
    for (const auto& i : {last_, under_way_}) {
        if (!i) {
            continue;
        }
        const auto its = fill_of(*i);
        if (!its) {
            return its.error();
        }
        if (its->overflown || its->used >= fuller.used) {
            fuller = *its;
        }
        if (its->overflown) {
            break;
        }
    }
    return fuller;
}

}  // namespace xl_colo
