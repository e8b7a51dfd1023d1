#include "network/card_interfaces.h"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

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
    if (!device.card.bridge.empty() &&
        !is_interface_name(device.card.bridge)) {
        return refused("has a network card (" + device.name +
                       ") whose bridge is no name of an interface: \"" +
                       device.card.bridge + "\"");
    }
    return {};
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
    const std::string& bridge = device.card.bridge;
    if (!bridge.empty() && if_nametoindex(bridge.c_str()) == 0) {
        return lacks("has no bridge " + bridge +
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
