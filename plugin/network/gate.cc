#include "network/gate.h"

#include <net/if.h>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "network/traffic_control.h"

namespace xl_colo {

namespace {

using Commands = std::vector<std::string>;

// "colo" in letters. One for all gates: each takes it away again.
const std::string mark = "0x636f6c6f";

enum class Way { incoming, outgoing };
constexpr Way ways[] = {Way::incoming, Way::outgoing};

const char* name_of(Way way)
{
    return way == Way::incoming ? "ingress" : "egress";
}

const std::vector<unsigned>& on(const Filters& filters, Way way)
{
    return way == Way::incoming ? filters.incoming : filters.outgoing;
}

// Where tc is told that a filter is: "dev vif7.0 ingress", or "block N".
struct Places {
    std::string incoming, outgoing;

    Places(const std::string& interface, const Filters& filters)
        : incoming(place(interface, Way::incoming, filters.incoming_block)),
          outgoing(place(interface, Way::outgoing, filters.outgoing_block))
    {
    }
    const std::string& at(Way way) const
    {
        return way == Way::incoming ? incoming : outgoing;
    }

private:
    static std::string place(const std::string& interface, Way way,
                             unsigned block)
    {
        return block != 0 ? "block " + std::to_string(block)
                          : "dev " + interface + " " + name_of(way);
    }
};

std::string filter(const char* verb, const std::string& place, unsigned pref)
{
    return std::string("filter ") + verb + " " + place + " protocol all pref " +
           std::to_string(pref);
}

std::string match_all(const std::string& place, unsigned pref,
                      const std::string& action)
{
    return filter("add", place, pref) + " matchall action " + action;
}

std::string comes_in_by(const std::string& tap)
{
    return Places(tap, {}).at(Way::incoming);
}

// Where what comes in by a tap goes on: as if it had come in from, or were just
// going out of, the interface.
std::string onward(const std::string& interface, Way way)
{
    return std::string("mirred ") + name_of(way) + " redirect dev " + interface;
}

bool is_ours(unsigned pref)
{
    return pref == gate_bolt_pref || pref == gate_pass_pref ||
           pref == gate_stop_pref;
}

bool has(const std::vector<unsigned>& prefs, unsigned pref)
{
    return std::ranges::find(prefs, pref) != prefs.end();
}

bool has_ours(const Filters& filters)
{
    return std::ranges::any_of(filters.incoming, is_ours) ||
           std::ranges::any_of(filters.outgoing, is_ours);
}

bool has_others(const Filters& filters)
{
    return !std::ranges::all_of(filters.incoming, is_ours) ||
           !std::ranges::all_of(filters.outgoing, is_ours);
}

bool exists(const std::string& interface)
{
    return if_nametoindex(interface.c_str()) != 0;
}

// What is there, if all of it is ours, or nothing.
Result<Filters> free_for_us(const std::string& interface)
{
    auto filters = filters_of(interface);
    if (!filters) {
        return filters.error();
    }
    const bool not_ours =
        filters->clsact && (!has_ours(*filters) || has_others(*filters));
    if (filters->ingress || not_ours) {
        const std::string kind = filters->ingress ? "ingress" : "clsact";
        return Error(ErrorKind::refused,
                     interface + " has filters that are not ours: look at "
                     "\"tc qdisc show dev " + interface +
                     "\", and remove them by: tc qdisc del dev " +
                     interface + " " + kind);
    }
    return filters;
}

// The qdisc for ours, if there is none yet, and where they are in it: in blocks
// of our own numbers, so nobody who names the interface puts one before ours.
Places make_room(Commands& all, const std::string& interface, Filters filters)
{
    if (!filters.clsact) {
        // "xc" in letters.
        filters.incoming_block =
            0x78630000 + 2 * if_nametoindex(interface.c_str());
        filters.outgoing_block = filters.incoming_block + 1;
        all.push_back("qdisc add dev " + interface + " ingress_block " +
                      std::to_string(filters.incoming_block) +
                      " egress_block " +
                      std::to_string(filters.outgoing_block) + " clsact");
    }
    return {interface, filters};
}

// No frame passes meanwhile that did not before: what we shall have written
// back can pass, before anything else is stopped.
Commands commands_to_set_up(const std::string& interface,
                            const TapNames& names, const Filters& before)
{
    Commands all{"qdisc add dev " + names.output + " clsact",
                 "qdisc add dev " + names.input + " clsact"};
    const std::string marked = "skbedit mark " + mark + " pipe action ";
    all.push_back(match_all(comes_in_by(names.output), gate_stop_pref,
                            marked + onward(interface, Way::incoming)));
    all.push_back(match_all(comes_in_by(names.input), gate_stop_pref,
                            marked + onward(interface, Way::outgoing)));
    const Places places = make_room(all, interface, before);
    for (const Way way : ways) {
        // A bolt before what closed it until now is taken away.
        if (before.clsact && !has(on(before, way), gate_bolt_pref)) {
            all.push_back(match_all(places.at(way), gate_bolt_pref, "drop"));
        }
        for (const unsigned pref : on(before, way)) {
            if (pref != gate_bolt_pref) {
                all.push_back(filter("del", places.at(way), pref));
            }
        }
        all.push_back(filter("add", places.at(way), gate_pass_pref) +
                      " handle " + mark +
                      " fw action skbedit mark 0 pipe action pass");
    }
    for (const Way way : ways) {
        const std::string& tap =
            way == Way::incoming ? names.output : names.input;
        all.push_back(match_all(places.at(way), gate_stop_pref,
                                onward(tap, Way::outgoing)));
    }
    for (const Way way : ways) {
        if (before.clsact) {
            all.push_back(filter("del", places.at(way), gate_bolt_pref));
        }
    }
    return all;
}

// The qdisc at once, or ours out of those that somebody has added meanwhile.
Commands commands_to_open(const std::string& interface, const Filters& filters)
{
    if (!has_others(filters)) {
        return {"qdisc del dev " + interface + " clsact"};
    }
    Commands all;
    const Places places(interface, filters);
    for (const Way way : ways) {
        // From the last on: what passes by a mark stays until nothing is
        // stopped.
        for (const unsigned pref :
             {gate_stop_pref, gate_bolt_pref, gate_pass_pref}) {
            if (has(on(filters, way), pref)) {
                all.push_back(filter("del", places.at(way), pref));
            }
        }
    }
    return all;
}

// After a failure on an interface that had no clsact before.
void take_back(const std::string& interface)
{
    const auto filters = filters_of(interface);
    if (filters && filters->clsact) {
        (void)run_tc(commands_to_open(interface, *filters));
    }
}

// Lets through what waits in a tap. More than its queue would be new.
void drain(Tap& tap)
{
    for (int i = 0; i < tap_queue_frames; ++i) {
        const auto frame = tap.read();
        if (!frame || !*frame) {
            return;
        }
        (void)tap.write(**frame);
    }
}

}  // namespace

TapNames tap_names(Domid domid, unsigned devid, bool emulated)
{
    const std::string card = "xc" + std::to_string(domid.value()) + "." +
                             std::to_string(devid) + (emulated ? "e" : "");
    return {card + "o", card + "i"};
}

Gate::Gate(std::string interface, Tap output, Tap input)
    : interface_(std::move(interface)),
      output_(std::move(output)),
      input_(std::move(input))
{
}

Gate::Gate(Gate&& other) noexcept
    : interface_(std::move(other.interface_)),
      output_(std::exchange(other.output_, std::nullopt)),
      input_(std::exchange(other.input_, std::nullopt))
{
}

Gate::~Gate()
{
    (void)remove();
}

Result<Gate> Gate::set_up(const std::string& interface, const TapNames& names)
{
    const auto before = free_for_us(interface);
    if (!before) {
        return before.error();
    }
    auto output = Tap::make(names.output);
    if (!output) {
        return output.error();
    }
    // The kernel tells by that whom a frame is for, before it is redirected:
    // one for a host that routes for the guest would be dropped as another's.
    if (auto s = output->take_address_of(interface); !s) {
        return s.error();
    }
    auto input = Tap::make(names.input);
    if (!input) {
        return input.error();
    }
    if (auto s = run_tc(commands_to_set_up(interface, names, *before)); !s) {
        if (!before->clsact) {
            take_back(interface);
        }
        return s.error();
    }
    return Gate(interface, std::move(*output), std::move(*input));
}

Status Gate::remove()
{
    if (!output_) {
        return {};
    }
    Tap output = *std::exchange(output_, std::nullopt);
    Tap input = *std::exchange(input_, std::nullopt);
    if (!exists(interface_)) {
        return {};
    }
    const auto filters = filters_of(interface_);
    if (!filters) {
        return filters.error();
    }
    Commands all;
    if (has_ours(*filters)) {
        all = commands_to_open(interface_, *filters);
    }
    // Nobody takes their mark away any more.
    all.push_back(match_all(comes_in_by(output.name()), gate_bolt_pref,
                            onward(interface_, Way::incoming)));
    all.push_back(match_all(comes_in_by(input.name()), gate_bolt_pref,
                            onward(interface_, Way::outgoing)));
    if (auto s = run_tc(all); !s) {
        return s;
    }
    drain(output);
    drain(input);
    return {};
}

void Gate::leave_closed()
{
    output_.reset();
    input_.reset();
}

Status close_interface(const std::string& interface)
{
    const auto before = free_for_us(interface);
    if (!before) {
        return before.error();
    }
    Commands all;
    const Places places = make_room(all, interface, *before);
    for (const Way way : ways) {
        if (!has(on(*before, way), gate_bolt_pref) &&
            !has(on(*before, way), gate_stop_pref)) {
            all.push_back(match_all(places.at(way), gate_stop_pref, "drop"));
        }
    }
    auto s = all.empty() ? Status() : run_tc(all);
    if (!s && !before->clsact) {
        take_back(interface);
    }
    return s;
}

Result<bool> open_interface(const std::string& interface)
{
    if (!exists(interface)) {
        return false;
    }
    const auto filters = filters_of(interface);
    if (!filters) {
        return exists(interface) ? Result<bool>(filters.error()) : false;
    }
    if (!has_ours(*filters)) {
        return false;
    }
    if (auto s = run_tc(commands_to_open(interface, *filters)); !s) {
        return exists(interface) ? Result<bool>(s.error()) : false;
    }
    return true;
}

}  // namespace xl_colo
