// What is in the copy of the guest on the secondary.
#pragma once

namespace xl_colo {

// It is in one of these at any time. In all but the first and the last it is
// whole: a state of the guest, to go on from.
enum class CopyState {
    none,       // there is no domain, or one that is not built yet
    unstarted,  // the initial copy is in, and has not been unpaused yet
    running,    // as it is between two checkpoints
    paused,     // the same, held by us until somebody says yes
    suspended,  // for a checkpoint, or with one that has just been put in
    spoilt,     // suspended, and no state of the guest: half of a checkpoint is
                // in it, or its pages were found to differ
};

bool is_whole(CopyState state);

}  // namespace xl_colo
