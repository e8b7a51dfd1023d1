#include "network/card_interfaces.h"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "network/announcement.h"
#include "network/gate.h"

namespace xl_colo {

namespace {

constexpr const char* emulated_suffix = "-emu";

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

// The name goes into commands of tc's, and of the hotplug script's.
bool is_interface_name(const std::string& name)
{
    return !name.empty() && name.size() < IFNAMSIZ && name != "." &&
           name != ".." && name.front() != '-' &&
           std::ranges::all_of(name, [](unsigned char c) {
               return c < 0x80 && (std::isalnum(c) != 0 || c == '.' ||
                                   c == '_' || c == '-');
           });
}

std::string script_path(const std::string& script)
{
    return script.starts_with('/') ? script : "/etc/xen/scripts/" + script;
}

// What follows the name of a bridge of Open vSwitch's, for Xen's script: the
// VLAN that the card is in, and those that pass with their tags, ".20:30:31".
bool are_vlans(std::string_view text)
{
    for (bool first = true; !text.empty(); first = false) {
        if (text.front() != ':' && !(first && text.front() == '.')) {
            return false;
        }
        text.remove_prefix(1);
        const size_t digits =
            std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0) {
            return false;
        }
        text.remove_prefix(digits);
    }
    return true;
}

// The bridge that the script puts the card on: empty, none; not so where that
// is no name that the script takes. Of a script that is not Xen's: as
// vif-bridge.
Result<std::string> bridge_of(const DeviceFacts& device)
{
    const std::string& bridge = device.card.bridge;
    const std::string script =
        device.card.script.substr(device.card.script.rfind('/') + 1);
    // libxl gives each card a bridge, xenbr0 if none is configured.
    if (bridge.empty() || script == "vif-route" || script == "vif-nat") {
        return std::string();
    }
    const bool switched = script == "vif-openvswitch";
    const size_t end = switched ? std::min(bridge.find_first_of(".:"),
                                           bridge.size())
                                : bridge.size();
    const std::string name = bridge.substr(0, end);
    if (!is_interface_name(name) ||
        !are_vlans(std::string_view(bridge).substr(end))) {
        return refused("has a network card (" + device.name +
                       ") whose bridge is no name of an interface" +
                       (switched ? ", or VLANs that vif-openvswitch does not "
                                   "take" : "") +
                       ": \"" + bridge + "\"");
    }
    return name;
}

}  // namespace

std::vector<CardInterface> interfaces_of(const CardFacts& card, Domid domid)
{
    const std::string name =
        card.interface.empty() ? "vif" + std::to_string(domid.value()) + "." +
                                     std::to_string(card.number)
                               : card.interface;
    std::vector<CardInterface> all{{name, false}};
    const std::string emulated = name + emulated_suffix;
    if (card.emulated && if_nametoindex(emulated.c_str()) != 0) {
        all.push_back({emulated, true});
    }
    return all;
}

Status check_card(const DeviceFacts& device)
{
    if (device.card.elsewhere) {
        return refused("has a network card (" + device.name +
                       ") whose backend is in another domain than domain 0, "
                       "where its output cannot be held back: detach it, or "
                       "give it a backend in domain 0");
    }
    if (auto mac = parse_mac(device.name); !mac) {
        return mac.error();
    }
    if (!device.card.interface.empty() &&
        !is_interface_name(device.card.interface + emulated_suffix)) {
        return refused("has a network card (" + device.name +
                       ") whose vifname is too long, or no name of an "
                       "interface: \"" + device.card.interface + "\"");
    }
    const auto bridge = bridge_of(device);
    return bridge ? Status() : bridge.error();
}

Status check_host_for_card(const DeviceFacts& device)
{
    const auto lacks = [&device](const std::string& what) {
        return refused("has a network card (" + device.name +
                       "), and this host " + what);
    };
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        return lacks("has no /dev/net/tun: \"modprobe tun\"");
    }
    const auto bridge = bridge_of(device);
    if (!bridge) {
        return bridge.error();
    }
    if (!bridge->empty() && if_nametoindex(bridge->c_str()) == 0) {
        return lacks("has no bridge " + *bridge +
                     ": make one of that name, on the same network");
    }
    const std::string& script = device.card.script;
    if (!script.empty() && access(script_path(script).c_str(), X_OK) != 0) {
        return lacks("has no script " + script_path(script) +
                     ": install it as on the other one");
    }
    return {};
}

Status open_cards(const std::vector<DeviceFacts>& devices, Domid domid)
{
    Status first;
    for (const DeviceFacts& device : devices) {
        if (device.type != DeviceType::network_card) {
            continue;
        }
        for (const CardInterface& interface :
             interfaces_of(device.card, domid)) {
            const auto opened = open_interface(interface.name);
            if (!opened && first) {
                first = opened.error();
            }
        }
    }
    return first;
}

}  // namespace xl_colo
