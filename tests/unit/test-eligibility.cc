// What is refused before anything is changed, and that each refusal says what
// to do about it.
#include "commands/eligibility.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "commands/device_kinds.h"
#include "devices/device_kind.h"
#include "fake_host.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

DomainFacts good_guest()
{
    DomainFacts guest;
    return guest;
}

struct Case {
    const char* name;
    void (*change)(DomainFacts&);
    const char* why;  // nullptr: taken
};

void guest_is_refused_with_a_reason(void**)
{
    const Case cases[] = {
        {"good", [](DomainFacts&) {}, nullptr},
        {"pv", [](DomainFacts& g) { g.pv = true; },
         "only type=\"hvm\" and type=\"pvh\" can be protected"},
        {"suspended", [](DomainFacts& g) { g.state = GuestState::suspended; },
         "is not running (suspended)"},
        {"crashed", [](DomainFacts& g) { g.state = GuestState::crash; },
         "is not running (crash"},
        {"not_utf8", [](DomainFacts& g) { g.name = "caf\xe9"; },
         "a name that is not UTF-8"},
        {"populate_on_demand",
         [](DomainFacts& g) { g.promised = Pages{16 * 256}; },
         "has less memory than it thinks (16 MiB less;"},
        {"disks",
         [](DomainFacts& g) {
             g.devices = {{DeviceType::disk, "hda", true},
                          {DeviceType::disk, "hdb", true, true}};
         },
         "has a disk (hda) that it can write to, which is not replicated: put "
         "it on DRBD"},
        {"read_only_disks",
         [](DomainFacts& g) {
             g.devices = {{DeviceType::disk, "xvda", false, true},
                          {DeviceType::disk, "hdb"}};
         },
         nullptr},
        {"nics",
         [](DomainFacts& g) {
             g.devices = {{DeviceType::network_card, "00:16:3e:00:00:01"}};
         },
         nullptr},
        {"cdrom_and_connections",
         [](DomainFacts& g) {
             g.devices = {{DeviceType::disk, "hdc"},
                          {DeviceType::pv_connection, "xenstore and console"}};
         },
         nullptr},
        {"the_first_kind_that_refuses_says_why",
         [](DomainFacts& g) {
             g.devices = {{DeviceType::disk, "xvda", false, true},
                          {DeviceType::disk, "hdc"},
                          {DeviceType::disk, "hda", true}};
         },
         "has a disk (hda) that it can write to"},
        {"passed_through_hardware_and_the_like",
         [](DomainFacts& g) {
             g.devices = {{DeviceType::acting, "PCI device"},
                          {DeviceType::acting, "vTPM"}};
         },
         "has devices on which both copies would act (PCI device, vTPM): "
         "detach them"},
    };
    for (const Case& c : cases) {
        print_message("  %s\n", c.name);
        DomainFacts guest = good_guest();
        c.change(guest);
        const Status s = check_guest(guest, Output::compare);
        // Where the copy may run now and then as where it always does.
        const Status now_and_then = check_guest(guest, Output::automatic);
        assert_int_equal(bool(s), bool(now_and_then));
        if (!c.why) {
            assert_true(bool(s));
            continue;
        }
        assert_false(bool(s));
        assert_true(s.error().kind() == ErrorKind::refused);
        assert_contains(s.error().text(), c.why);
    }
}

std::string refusal(FakeHost& host, const std::string& configuration)
{
    const Status s = check_room(host, "web1", configuration);
    return s ? "" : s.error().text();
}

void guest_with_a_network_card_or_a_disk_needs_an_arbiter(void**)
{
    const std::vector<DeviceFacts> card{{DeviceType::network_card, "vif0"}};
    const std::vector<DeviceFacts> disk{{DeviceType::disk, "hda", true}};
    const std::vector<DeviceFacts> harmless{{DeviceType::disk, "hdc", false},
                                            {DeviceType::pv_connection, "c"}};
    const Arbiters none{false, false, false};
    assert_true(bool(check_arbiters(none, harmless)));
    for (const auto& devices : {card, disk}) {
        const Status refused = check_arbiters(none, devices);
        assert_true(refused.error().kind() == ErrorKind::refused);
        assert_contains(refused.error().text(), devices[0].name);
        assert_contains(refused.error().text(), "--accept-split-brain");
        assert_true(bool(check_arbiters({true, false, false}, devices)));
        assert_true(bool(check_arbiters({false, true, false}, devices)));
        assert_true(bool(check_arbiters({false, false, true}, devices)));
    }
}

// The secondary asks these of itself, by what the primary's guest has.
void host_without_the_read_only_disk_says_so(void**)
{
    DeviceFacts disk{DeviceType::disk, "xvdc"};
    const auto on_host = [&](const char* path, bool elsewhere = false) {
        disk.disk.path = path;
        disk.disk.elsewhere = elsewhere;
        return check_host_for_devices(device_kinds(Output::commit), {disk});
    };
    const Status s = on_host("/nonexistent/dvd.iso");
    assert_false(bool(s));
    assert_true(s.error().kind() == ErrorKind::refused);
    assert_text(s.error().text(),
                "has a read-only disk (xvdc), /nonexistent/dvd.iso, which is "
                "not on this host: put the same there, or detach it");
    assert_true(bool(on_host("/dev/null")));
    assert_true(bool(on_host("")));  // an empty drive
    assert_true(bool(on_host("iqn=of.a.script")));
    assert_true(bool(on_host("/nonexistent/dvd.iso", true)));
}

void host_without_the_bridge_says_to_make_one(void**)
{
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        print_message("  skipped: no /dev/net/tun\n");
        return;
    }
    DeviceFacts card{DeviceType::network_card, "00:16:3e:00:00:01"};
    card.card.bridge = "no-such-bridge";
    const Status s =
        check_host_for_devices(device_kinds(Output::commit), {card});
    assert_text(s.error().text(),
                "has a network card (00:16:3e:00:00:01), and this host has no "
                "bridge no-such-bridge: make one of that name, on the same "
                "network");
}

// The same bridge, by what Xen's scripts make of it.
void bridge_is_what_the_script_reads(void**)
{
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        print_message("  skipped: no /dev/net/tun\n");
        return;
    }
    const struct {
        const char *script, *bridge, *why;
    } cases[] = {
        {"vif-bridge", "lo", ""},
        {"vif-bridge", "none.20", "has no bridge none.20: "},
        {"vif-bridge", "lo:20", "no name of an interface: \"lo:20\""},
        {"vif-route", "xenbr0", ""},
        {"vif-route", "no: name", ""},
        {"vif-openvswitch", "lo", ""},
        {"vif-openvswitch", "lo.20", ""},
        {"vif-openvswitch", "lo.20:30:31", ""},
        {"vif-openvswitch", "lo:30", ""},
        {"vif-openvswitch", "none.20:30", "has no bridge none: "},
        {"vif-openvswitch", ".20", "no name of an interface"},
        {"vif-openvswitch", "lo.", "VLANs that vif-openvswitch does not take"},
        {"vif-openvswitch", "lo.20.30", "does not take: \"lo.20.30\""},
        {"vif-openvswitch", "lo:30.20", "does not take"},
        {"vif-openvswitch", "lo.2x", "does not take"},
        {"vif-openvswitch", "lo:30:", "does not take"},
        {"vif-of-our-own", "none", "has no bridge none: "},
    };
    const ScratchFolder scripts;
    for (const auto& c : cases) {
        print_message("  %s, %s\n", c.script, c.bridge);
        DeviceFacts card{DeviceType::network_card, "00:16:3e:00:00:01"};
        card.card.bridge = c.bridge;
        card.card.script = scripts.path() + "/" + c.script;
        std::ofstream(card.card.script).close();
        chmod(card.card.script.c_str(), 0700);
        DomainFacts guest = good_guest();
        guest.devices = {card};
        Status s = check_guest(guest, Output::commit);
        if (s) {
            s = check_host_for_devices(device_kinds(Output::commit), {card});
        }
        const std::string said = s ? "" : s.error().text();
        if (*c.why) {
            assert_contains(said, c.why);
        } else {
            assert_text(said, "");
        }
    }
}

void room_on_the_secondary(void**)
{
    FakeHost host("beta");
    assert_text(refusal(host, "fake uuid-of-web1"), "");
    assert_text(refusal(host, "nonsense"), "the configuration makes no sense");

    host.host_facts.free_kib = host.guest_facts.memory_kib - 1;
    assert_contains(refusal(host, "fake uuid-of-web1"),
                    "not enough free memory: ");
    assert_contains(refusal(host, "fake uuid-of-web1"), "xl mem-set 0");
    host.host_facts.free_kib = host.guest_facts.memory_kib;
    assert_text(refusal(host, "fake uuid-of-web1"), "");

    const auto incoming = host.add_guest("web1--incoming");
    assert_contains(refusal(host, "fake another"),
                    "a domain named web1--incoming exists");
    incoming->destroy();
    const auto other = host.add_guest("other");
    assert_contains(refusal(host, "fake uuid-of-other"),
                    "a domain with UUID uuid-of-other exists");
    assert_text(refusal(host, "fake uuid-of-web1"), "");
    other->destroy();
    host.add_guest("web1");
    assert_contains(refusal(host, "fake another"),
                    "a domain named web1 exists");
}

// Whatever cannot be found out is no yes.
void room_that_cannot_be_looked_at_is_refused(void**)
{
    for (const char* call :
         {"uuid_of", "taken", "memory_needed_kib", "facts"}) {
        FakeHost host("beta");
        host.faults.let_fail(call, 1, Error(ErrorKind::libxl, "injected", -3));
        assert_text(refusal(host, "fake uuid-of-web1"), "injected");
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(guest_is_refused_with_a_reason),
        cmocka_unit_test(guest_with_a_network_card_or_a_disk_needs_an_arbiter),
        cmocka_unit_test(host_without_the_read_only_disk_says_so),
        cmocka_unit_test(host_without_the_bridge_says_to_make_one),
        cmocka_unit_test(bridge_is_what_the_script_reads),
        cmocka_unit_test(room_on_the_secondary),
        cmocka_unit_test(room_that_cannot_be_looked_at_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
