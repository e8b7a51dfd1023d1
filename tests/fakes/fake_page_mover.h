// libxc without a hypervisor: the same stream, the same order of callbacks and
// the same behaviour when something fails as xg_sr_save.c and xg_sr_restore.c
// (Xen 4.17) have for XC_STREAM_COLO, over the memory of FakeGuests.
#pragma once

#include <memory>
#include <vector>

#include "fake_guest.h"
#include "fake_stream.h"
#include "faults.h"
#include "hypervisor/page_mover.h"

namespace xl_colo {

// What one checkpoint moved, counted where libxc has it.
struct Moved {
    uint64_t a = 0;
    uint64_t b = 0;
    uint64_t d = 0;
    auto operator<=>(const Moved&) const = default;
};

// How the libxc of a host differs from that of Xen 4.17.
struct LibxcKind {
    bool stray_word = false;   // F2
    bool takes_parts = false;  // F6, with our patches/
};

class FakePageMover : public PageMover {
public:
    using FindGuest = std::function<std::shared_ptr<FakeGuest>(Domid)>;

    FakePageMover(FindGuest find, Faults& faults, LibxcKind kind,
                  std::vector<Moved>& moved)
        : find_(std::move(find)), faults_(faults), kind_(kind), moved_(moved) {}

    Status save(Domid domid, UniqueFd io, UniqueFd back,
                SaveCallbacks& callbacks) override;
    Status restore(Incoming& incoming, UniqueFd io, UniqueFd back, Pages gfns,
                   bool reserve_gfns, RestoreCallbacks& callbacks) override;
    bool takes_dirty_list_parts() const override { return kind_.takes_parts; }

private:
    FindGuest find_;
    Faults& faults_;
    LibxcKind kind_;
    std::vector<Moved>& moved_;
};

}  // namespace xl_colo
