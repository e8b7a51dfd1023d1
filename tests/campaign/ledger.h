// What the processes of one case know of each other: memory that all of them
// share, so that it is still there when one of them was killed.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>

#include "status/status.h"

namespace xl_colo::campaign {

constexpr uint32_t bit(WarningKind kind)
{
    return 1u << static_cast<unsigned>(kind);
}

// Of one host; its process writes it.
struct HostNotes {
    // The session's, as its status shows them: some milliseconds old, and final
    // once it has ended.
    std::atomic<State> state{State::connecting};
    std::atomic<uint32_t> warnings{0};  // bits
    std::atomic<uint64_t> checkpoints{0};
    std::atomic<bool> ended{false};  // then these hold
    char why[512] = "";

    // Odd while the guest stands for a checkpoint, and then not the same again.
    std::atomic<uint64_t> standstills{0};
    // Once it was asked to come to rest, which is the last thing it does.
    std::atomic<bool> rests{false};
    std::atomic<bool> has_guest{false};
    std::atomic<bool> ran{false};  // the guest, until then

    void say_why(const std::string& text)
    {
        std::snprintf(why, sizeof why, "%s", text.c_str());
    }
};

struct Ledger {
    HostNotes primary, secondary;

    // The witness: whose the guest is, 1 the primary's, 2 the secondary's; and
    // to whom it was given last, which stays when that is forgotten.
    std::atomic<int> owner{0};
    std::atomic<int> given_to{0};
    // The fence command: asked by the secondary, done by the runner.
    std::atomic<bool> fence_asked{false};
    std::atomic<bool> fenced{false};
    // Checkpoints that the copy went on from, and the first of them at which it
    // was not what the primary's guest had been; the secondary writes them.
    std::atomic<unsigned> compared{0};
    char difference[256] = "";

    // Both processes: come to rest.
    std::atomic<bool> rest{false};

    void say_difference(const std::string& text)
    {
        if (difference[0] == '\0') {
            std::snprintf(difference, sizeof difference, "%s", text.c_str());
        }
    }
    HostNotes& of(Role role)
    {
        return role == Role::primary ? primary : secondary;
    }
};

}  // namespace xl_colo::campaign
