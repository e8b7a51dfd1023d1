// The thread that moves the frames of one interface of a copy that runs beside
// its guest: what it sends is told to the guest's host and goes nowhere else;
// what the guest gets, it gets as well, in the same order, once its card is
// connected. When it takes over, it is on the wire, like any guest.
//
// The copy's questions after its neighbours are answered here, as far as the
// guest's have been (neighbour_answers.h). Connections that were begun since
// the checkpoint have other numbers in the copy; they are changed on their way,
// also after a takeover (sequence_map.h).
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "compare/card_message.h"
#include "compare/neighbour_answers.h"
#include "compare/sequence_map.h"
#include "network/tap.h"

namespace xl_colo {

class CopyPump {
public:
    // For the guest's host. By the pump's thread or the caller's of stop();
    // never blocks.
    using Tell = std::function<void(CheckpointNumber, CardMessage::Kind, View)>;
    // Whether the copy gets what is written for it. By the pump's thread.
    using IsConnected = std::function<bool()>;

    // As CopysCard has it; it drops everything until go().
    CopyPump(Tap& from_copy, Tap& to_copy, View hash_key, Tell tell,
             IsConnected is_connected, Log& log);
    // No frame moves after that.
    ~CopyPump();
    CopyPump(const CopyPump&) = delete;
    CopyPump& operator=(const CopyPump&) = delete;

    // These take effect before they return. Any thread, but one at a time.

    // The copy stands: all that it has sent has been told, and nothing that
    // comes later is its own.
    void stop();
    // It is about to have checkpoint `number` put in: of what the guest got
    // before that it needs nothing.
    void begin(CheckpointNumber number);
    // It is about to run, with that in it, or on from where it stood.
    void go();
    // It stands on, and is not told what the guest hears meanwhile.
    void stand_on();
    // It is the guest now.
    void open();

    // What the other host says. Any thread. Frames of a checkpoint that is to
    // come wait for that.
    void input(CheckpointNumber number, View frame);
    void learn(CheckpointNumber number, const SequenceMapping& mapping);

    // Of ours, as if the guest had sent it. Error io.
    Status send(View ethernet);
    // Connections that cannot go on without it, once it is the guest.
    size_t mappings() const;

    struct Figures {
        uint64_t input = 0;    // frames that the copy got
        uint64_t dropped = 0;  // that it should have got
        uint64_t output = 0;   // that it has sent
        uint64_t waiting = 0;  // for it
    };
    Figures figures() const;

private:
    enum class Output { is_dropped, is_told, passes };
    struct Waiting {
        CheckpointNumber number;
        Buffer frame;
    };

    void run();
    bool take_output();
    void take_wire();
    void take_of_copy(TapFrame frame);
    void give_waiting();
    void give(Buffer& frame);
    void wake();

    Log& log_;
    const Tell tell_;
    const IsConnected is_connected_;
    UniqueFd wake_;

    mutable std::mutex mutex_;
    Tap& from_copy_;
    Tap& to_copy_;
    Output output_ = Output::is_dropped;
    bool may_get_ = false;    // go() was, and stop() was not
    bool connected_ = false;  // since then
    CheckpointNumber number_;
    std::deque<Waiting> waiting_;
    size_t waiting_bytes_ = 0;
    NeighbourAnswers answers_;
    SequenceMap map_;
    Figures figures_;
    bool failed_ = false, stopping_ = false;

    std::thread thread_;  // last: it uses all the others
};

}  // namespace xl_colo
