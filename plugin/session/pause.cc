#include "session/pause.h"

#include <utility>

namespace xl_colo {

CheckpointFigures figures_of(const CheckpointNotes& notes,
                             CheckpointNotes::TimePoint now,
                             WallClock::time_point wall_now)
{
    const auto between = [](auto from, auto to) {
        return std::chrono::duration_cast<Microseconds>(to - from);
    };
    CheckpointFigures figures;
    figures.number = notes.number;
    figures.pause = between(notes.begun, notes.resumed);
    if (notes.suspension.acknowledged) {
        figures.acknowledge =
            between(notes.begun, *notes.suspension.acknowledged);
    }
    figures.guest_suspend = between(notes.begun, notes.suspension.stood);
    figures.suspend = between(notes.begun, notes.stood);
    figures.copy = between(notes.stood, notes.copied);
    figures.buffer_wait = notes.sent.waited;
    figures.disk_wait = notes.disk_wait;
    figures.resume = between(notes.may_run, notes.resumed);
    figures.commit = between(notes.begun, notes.committed);
    figures.send = between(notes.begun, notes.all_sent);
    figures.both_run = between(notes.begun, notes.ran);
    if (notes.copy) {
        figures.copy_pause = notes.copy->whole;
        figures.copy_suspend = notes.copy->suspend;
        figures.copy_load = notes.copy->load;
    }
    figures.a = notes.a;
    figures.b = notes.b;
    figures.d = notes.sent.pages;
    figures.left_out = notes.sent.left_out;
    figures.zeros = notes.sent.zeros;
    figures.saved = notes.sent.saved;
    figures.copied = notes.sent.copied;
    figures.to_secondary = notes.to_secondary;
    figures.to_primary = notes.to_primary;
    figures.taken = wall_now - (now - notes.begun);
    return figures;
}

Bytes Growth::since_last(Bytes total)
{
    return Bytes{total.value() - std::exchange(before_, total).value()};
}

}  // namespace xl_colo
