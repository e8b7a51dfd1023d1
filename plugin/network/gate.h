// Puts us between a guest's card and the bridge (or the routes) that its
// interface in this host belongs to, without a change to these.
//
// V is the interface, `vif7.0` or `vif7.0-emu`. Filters on it send what comes
// from the guest out of a tap O, and what is for the guest out of a tap I,
// where it is read. What is written back comes in by the same tap, and goes on:
//
//     guest -> V  incoming: redirect to O    -> read from O   held, looked at
//              V  incoming: pass          <-    written to O
//     guest <- V  outgoing: pass          <-    written to I
//              V  outgoing: redirect to I    -> read from I
//
// What we have written back has a mark, by which V's filters tell it, and which
// they take away: it would carry the frame past another guest's gate.
//
// It fails closed. When this process is gone, so are the taps, but not the
// filters, which then have nowhere to send anything: nothing of what they were
// to stop gets past, in both directions, until open_interface(V).
//
// Nobody's filters get before ours by accident, such as those of an Open
// vSwitch that begins to offload: V's are in blocks of their own, for which the
// kernel refuses what names the interface.
//
// A filter on V is ours when it has one of the preferences below (tc's "pref"),
// whatever it does: tc by itself never chooses them. So anybody can tell what a
// dead process has left. A clsact qdisc is ours when it has filters, all ours.
//
// All functions run tc and block as long as it takes; for one thread at a time
// and V.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "network/tap.h"

namespace xl_colo {

// "xc" in letters is 0x7863.
constexpr unsigned gate_bolt_pref = 0x7862;  // while others are exchanged
constexpr unsigned gate_pass_pref = 0x7863;
constexpr unsigned gate_stop_pref = 0x7864;

// What the taps of a card are called, so that whoever looks at this host's
// interfaces sees whose they are: xc7.0o and xc7.0i, of an emulated card
// xc7.0eo and xc7.0ei.
struct TapNames {
    std::string output, input;
};
TapNames tap_names(Domid domid, unsigned devid, bool emulated);

class Gate {
public:
    // From here on everything waits for us to read and to write it back, in
    // both directions; nothing gets past at any moment. If V is closed already,
    // by a dead process or by close_interface(), it stays so until then.
    //
    // Errors: refused, when V has a clsact or ingress qdisc that is not ours,
    // or tc is missing; timeout; io. V is then as it was, but that one that was
    // closed by ours may have other filters that close it.
    static Result<Gate> set_up(const std::string& interface,
                               const TapNames& names);

    // remove(), as far as that goes.
    ~Gate();
    Gate(Gate&&) noexcept;
    Gate& operator=(Gate&&) = delete;

    const std::string& interface() const { return interface_; }
    Tap& output() { return *output_; }
    Tap& input() { return *input_; }

    // Takes everything away: frames pass V as they did before. What was still
    // in the taps, unread, is let through, behind the first that passed by
    // itself. The taps are gone even after an error (as above), but V may be
    // closed then.
    Status remove();
    // As the end of this process would: V lets nothing through any more in
    // either direction, and what was in the taps is lost.
    void leave_closed();

private:
    Gate(std::string interface, Tap output, Tap input);

    std::string interface_;
    std::optional<Tap> output_, input_;  // none: removed, or left closed
};

// Has V let nothing through in either direction, without a gate. Nothing
// changes where it is closed by ours already. Errors as set_up().
Status close_interface(const std::string& interface);

// Takes away what any process of ours has left on V. Whether there was
// something: not so where V is gone, or what it has is not ours. Errors:
// refused, timeout, io; V may be closed then.
Result<bool> open_interface(const std::string& interface);

}  // namespace xl_colo
