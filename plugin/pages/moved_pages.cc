#include "pages/moved_pages.h"

namespace xl_colo {

namespace {

constexpr unsigned checkpoints_to_turn = 5;

}  // namespace

Result<Movement> MovementTeller::since_last(Balloon& balloon)
{
    const auto news = balloon.news();
    if (!news) {
        return news.error();
    }
    const bool first = !pages_;
    const bool moved = pages_ != news->pages;
    pages_ = news->pages;
    if (news->target_set) {
        may_turn_ = checkpoints_to_turn;
    }
    if (first) {
        return Movement::anything;
    }
    if (may_turn_ > 0) {
        --may_turn_;
        return Movement::anything;
    }
    return moved ? Movement::one_way : Movement::none;
}

Result<MovedPages> find_moved_pages(Balloon& balloon, Movement movement,
                                    const PageSet& known, Pages gfns)
{
    auto present = balloon.present();
    if (!present) {
        return present.error();
    }
    MovedPages pages{PageSet(gfns), PageSet(gfns)};
    for (uint64_t gfn = 0; gfn < present->size(); ++gfn) {
        if (!(*present)[gfn]) {
            continue;
        }
        if (gfn >= gfns.value()) {
            return Error(ErrorKind::refused,
                         "the guest has come to have memory at addresses where "
                         "it had none when protection began: start it again");
        }
        pages.present.insert(Pfn{gfn});
    }
    for (size_t i = 0; i < pages.present.words().size(); ++i) {
        const uint64_t has = pages.present.words()[i];
        pages.moved.insert_word(
            i, (has ^ known.words()[i]) |
                   (movement == Movement::anything ? has : 0));
    }
    return pages;
}

}  // namespace xl_colo
