// What drbdsetup says, as it was seen on a host with DRBD 8.4 and utilities of
// version 9.22.
#include "disks/drbd.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

const char* const connected =
    "exists resource name:r0 role:Primary suspended:no "
    "write-ordering:flush\n"
    "exists connection name:r0 peer-node-id:0 conn-name:peer "
    "connection:Connected role:Secondary congested:no\n"
    "exists device name:r0 volume:0 minor:0 disk:UpToDate size:32728 read:0 "
    "written:18888 al-writes:9\n"
    "exists peer-device name:r0 peer-node-id:0 conn-name:peer volume:0 "
    "replication:Established peer-disk:UpToDate resync-suspended:no "
    "received:0 sent:0 out-of-sync:4508 pending:0 "
    "unacked:3\n"
    "exists resource name:r1 role:Secondary suspended:no\n"
    "exists connection name:r1 peer-node-id:0 connection:StandAlone "
    "role:Unknown congested:no\n"
    "exists device name:r1 volume:0 minor:1 disk:UpToDate\n"
    "exists peer-device name:r1 peer-node-id:0 volume:0 replication:Off "
    "peer-disk:DUnknown\n"
    "exists -\n";

DrbdVolume good()
{
    return {"r0", 0, 0, "Primary", "UpToDate", 18888,
            {{"Connected", "Secondary", "Established", "UpToDate", 4508,
              3}}};
}

std::string what_is_wrong(const DrbdVolume& volume)
{
    const Status s = check_in_step(volume);
    return s ? "" : s.error().text();
}

}  // namespace

static void events_become_volumes(void**)
{
    const auto volumes = parse_drbd_events(connected);
    assert_true(bool(volumes));
    assert_int_equal(volumes->size(), 2);
    assert_true(volumes->at(0) == good());
    const DrbdVolume alone{"r1", 0, 1, "Secondary", "UpToDate", 0,
                           {{"StandAlone", "Unknown", "Off", "DUnknown", 0}}};
    assert_true(volumes->at(1) == alone);
}

static void no_resource_is_no_volume(void**)
{
    assert_true(parse_drbd_events("exists -\n")->empty());
    assert_true(parse_drbd_events("")->empty());
}

static void line_without_its_numbers_is_an_error(void**)
{
    for (const char* line : {"exists device name:r0 minor:0",
                             "exists device name:r0 volume:0",
                             "exists device volume:0 minor:0",
                             "exists device name:r0 volume:x minor:0",
                             "exists peer-device name:r0"}) {
        assert_contains(parse_drbd_events(line).error().text(), line);
    }
}

static void protocol_is_c_unless_it_says_so(void**)
{
    assert_int_equal(parse_drbd_protocol("resource r0 {\n net {\n }\n}\n"),
                     'C');
    assert_int_equal(
        parse_drbd_protocol("resource r0 {\n    net {\n        protocol "
                            "A;\n    }\n}\n"),
        'A');
}

static void discards_are_as_the_admin_has_them(void**)
{
    assert_true(parse_drbd_discards("resource r0 {\n disk {\n }\n}\n"));
    assert_true(parse_drbd_discards("    disk {\n        "
                                    "discard-zeroes-if-aligned yes;\n"));
    assert_false(parse_drbd_discards("    disk {\n        "
                                     "discard-zeroes-if-aligned  no;\n"));
}

static void both_must_have_all(void**)
{
    assert_text(what_is_wrong(good()), "");
    DrbdVolume volume = good();
    volume.disk = "Diskless";
    assert_contains(what_is_wrong(volume),
                    "is Diskless here: \"drbdadm adjust r0\" on both hosts");
    volume = good();
    volume.peers[0].disk = "Inconsistent";
    assert_contains(what_is_wrong(volume),
                    "is Inconsistent on the other host: wait until \"drbdadm "
                    "status r0\" says UpToDate");
    volume.disk = "Inconsistent";  // as after create-md
    assert_contains(what_is_wrong(volume),
                    "has never been synchronised: \"drbdadm primary --force "
                    "r0\"");
    volume = good();
    volume.peers[0].connection = "Connecting";
    assert_contains(what_is_wrong(volume),
                    "is not connected (Connecting): \"drbdadm adjust r0\" on "
                    "both hosts");
    volume = good();
    volume.peers.clear();
    assert_contains(what_is_wrong(volume), "has 0 peers");
    volume.peers.resize(2);
    assert_contains(what_is_wrong(volume), "has 2 peers");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(events_become_volumes),
        cmocka_unit_test(no_resource_is_no_volume),
        cmocka_unit_test(line_without_its_numbers_is_an_error),
        cmocka_unit_test(protocol_is_c_unless_it_says_so),
        cmocka_unit_test(discards_are_as_the_admin_has_them),
        cmocka_unit_test(both_must_have_all),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
