#include "pages/copy_pages.h"

#include "base/hex.h"

namespace xl_colo {

namespace {

// To be mapped.
Status are_there(GuestMemory& memory, const std::vector<Pfn>& pages)
{
    Status found;
    const Status looked =
        memory.look_at(pages, [&](std::span<const View> views) {
            for (size_t i = 0; found && i < views.size(); ++i) {
                if (views[i].empty()) {
                    found = Error(ErrorKind::diverged,
                                  "pfn " + hex(pages[i].value()) +
                                      " is gone from the copy: its balloon may "
                                      "have moved");
                }
            }
        });
    return found ? looked : found;
}

}  // namespace

CopyPages::CopyPages(Pages gfns)
    : gfns_(gfns),
      told_(gfns),
      populated_(gfns),
      missing_(gfns),
      came_(gfns),
      gone_(gfns),
      fresh_(gfns)
{
}

void CopyPages::add(Pfn pfn, bool has_contents)
{
    told_.put(pfn, has_contents);
    came_.put(pfn, has_contents);
    gone_.put(pfn, !has_contents);
    // The first time libxc does not put aside what it reads.
    if (first_ && has_contents) {
        populated_.insert(pfn);
    }
}

Status CopyPages::finish_first(Balloon& balloon)
{
    // The guest gave them back while it was being copied.
    std::vector<Pfn> release;
    populated_.for_each([&](Pfn pfn) {
        if (!told_.contains(pfn)) {
            release.push_back(pfn);
            missing_.insert(pfn);
        }
    });
    first_ = false;
    came_.clear();
    gone_.clear();
    if (!release.empty()) {
        if (auto s = balloon.release(release); !s) {
            return s;
        }
    }
    // From here on it is told what moves.
    const auto movement = movement_.since_last(balloon);
    return movement ? Status() : movement.error();
}

Status CopyPages::make_room(Balloon& balloon)
{
    std::vector<Pfn> unwanted;
    std::vector<Pfn> populate;
    gone_.for_each([&](Pfn pfn) { unwanted.push_back(pfn); });
    fresh_.clear();
    came_.for_each([&](Pfn pfn) {
        if (!populated_.contains(pfn)) {
            unwanted.push_back(pfn);  // libxc puts one of its own there
            fresh_.insert(pfn);
        } else if (missing_.contains(pfn)) {
            populate.push_back(pfn);
            fresh_.insert(pfn);
        }
    });
    std::vector<Pfn> release;
    if (!unwanted.empty()) {
        const auto has = balloon.has(unwanted);
        if (!has) {
            return has.error();
        }
        for (size_t i = 0; i < unwanted.size(); ++i) {
            if ((*has)[i]) {
                release.push_back(unwanted[i]);
            }
        }
    }
    gone_.for_each([&](Pfn pfn) {
        if (populated_.contains(pfn)) {
            missing_.insert(pfn);
        }
    });
    for (const Pfn pfn : populate) {
        missing_.erase(pfn);
    }
    populated_.insert_all(came_);
    came_.clear();
    gone_.clear();
    changed_ = !release.empty() || fresh_.size() != Pages{0};
    if (!release.empty()) {
        if (auto s = balloon.release(release); !s) {
            return s;
        }
    }
    return populate.empty() ? Status() : balloon.populate(populate);
}

Result<PageSet> CopyPages::moved(Balloon& balloon)
{
    const auto movement = movement_.since_last(balloon);
    if (!movement) {
        return movement.error();
    }
    PageSet moved = fresh_;
    // What we did may make up for what the copy did since.
    if (*movement == Movement::none && !changed_) {
        return moved;
    }
    auto pages = find_moved_pages(balloon, *movement, told_, gfns_);
    if (!pages) {
        return pages.error();
    }
    moved.insert_all(pages->moved);
    missing_.clear();
    populated_.for_each([&](Pfn pfn) {
        if (!pages->present.contains(pfn)) {
            missing_.insert(pfn);
        }
    });
    return moved;
}

Status check_kept(GuestMemory* memory, const PageSet& kept)
{
    if (kept.size() != Pages{0} && !memory) {
        return Error(ErrorKind::protocol, "PAGES: nothing was to be left out");
    }
    Status found;
    std::vector<Pfn> some;
    const auto look = [&] {
        if (found && !some.empty()) {
            found = are_there(*memory, some);
        }
        some.clear();
    };
    kept.for_each([&](Pfn pfn) {
        some.push_back(pfn);
        if (some.size() == pages_at_a_time) {
            look();
        }
    });
    look();
    return found;
}

}  // namespace xl_colo
