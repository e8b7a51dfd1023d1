// An admin's device as the disks' store: what it is not taken for, and whose it
// is. That a snapshot can use it is tests/nested/test-disk-store's.
#include "disks/device_store.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/unique_fd.h"

#include "fake_device_mapper.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

const StoreDevice device{"/dev/vg0/store", makedev(8, 16), 33 * 2048};

// A file in the device's place, with `what` at `where`.
std::string claimed(const std::string& what, off_t where)
{
    const ScratchFolder folder;
    const std::string path = folder.path() + "/device";
    const UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT, 0600));
    if (ftruncate(file.get(), 1 << 20) != 0 ||
        pwrite(file.get(), what.data(), what.size(), where) < 0) {
        return "cannot be written";
    }
    const Status first = claim_for_stores(file.get(), "/dev/x");
    const Status again = claim_for_stores(file.get(), "/dev/x");
    return !first ? first.error().text()
           : !again ? "only once: " + again.error().text() : "ours";
}

std::string what_is_wrong(const StorePart& part,
                          const std::vector<std::string>& holders,
                          FakeDeviceMapper& dm)
{
    const Status s = check_holders(device, part, holders, dm);
    return s ? "" : s.error().text();
}

}  // namespace

static void disks_share_it_alike(void**)
{
    for (const size_t of : {2, 4, 6}) {
        Sectors end = 2048;  // the first MiB is no store
        for (size_t nth = 0; nth < of; ++nth) {
            const auto part = store_part(device, nth, of);
            assert_true(bool(part));
            assert_int_equal(part->start, end);
            assert_int_equal(part->length % 8, 0);
            end += part->length;
        }
        assert_true(end <= device.size && end > device.size - of * 8);
    }
}

static void device_that_is_too_small_is_refused(void**)
{
    StoreDevice small = device;
    small.size = 5 * 2048;
    assert_true(bool(store_part(small, 3, 4)));
    small.size -= 1;
    assert_text(store_part(small, 0, 4).error().text(),
                "/dev/vg0/store cannot be the disks' store: it has 4 MiB, and "
                "must have 5 at least, two for each disk and one more");
    small.size = 0;
    assert_false(bool(store_part(small, 0, 2)));
}

static void what_is_no_block_device_is_refused(void**)
{
    const ScratchFolder folder;
    assert_contains(find_store_device(folder.path() + "/no").error().text(),
                    "there is no such device here");
    assert_contains(find_store_device(folder.path()).error().text(),
                    "it is no block device here");
    assert_contains(find_store_device("/dev/null").error().text(),
                    "it is no block device here");
}

static void only_a_blank_device_becomes_ours(void**)
{
    assert_text(claimed("", 0), "ours");
    assert_text(claimed("of no meaning", 8192), "ours");
    // As an ext4's, an MBR's and a swap's.
    for (const off_t where : {1080, 510, 4086}) {
        assert_contains(claimed("\x53\xef", where), "it holds something else");
    }
    assert_contains(claimed("_BHRfS_M", 0x10040), "it holds a btrfs here");
    assert_contains(claimed("\xfc\x4e\x2b\xa9", 4096),
                    "it holds a part of an md array here; if that may go, "
                    "\"dd if=/dev/zero of=/dev/x bs=1M count=1\"");
}

static void stores_of_other_disks_of_the_guest_may_be_there(void**)
{
    FakeDeviceMapper dm;
    const StorePart first = *store_part(device, 0, 4);
    const StorePart second = *store_part(device, 1, 4);
    dm.devices["xl-colo-r0-0-store-0"].active = {
        {0, first.length, "linear",
         "8:16 " + std::to_string(first.start)}};
    assert_text(what_is_wrong(second, {"xl-colo-r0-0-store-0"}, dm), "");
    assert_text(what_is_wrong(second, {}, dm), "");
    // Another guest's disk, whose parts are others: they must not meet.
    assert_text(what_is_wrong(*store_part(device, 0, 2),
                              {"xl-colo-r0-0-store-0"}, dm),
                "/dev/vg0/store cannot be the disks' store: it is in use here, "
                "by xl-colo-r0-0-store-0: each guest needs one of its own");
    assert_contains(what_is_wrong({first.start + 8, 8},
                                  {"xl-colo-r0-0-store-0"}, dm),
                    "in use");
}

static void whatever_else_is_on_it_is_in_its_way(void**)
{
    FakeDeviceMapper dm;
    const StorePart part = *store_part(device, 0, 2);
    dm.devices["vg0-web1"].active = {{0, 8, "linear", "8:16 60000"}};
    dm.devices["xl-colo-r1-0-store-0"].active = {{0, 8, "linear", "8:32 2048"}};
    dm.devices["xl-colo-r2-0-store-0"].active = {{0, 8, "crypt", "8:16 60000"}};
    for (const char* holder : {"vg0-web1", "md0", "xl-colo-r1-0-store-0",
                               "xl-colo-r2-0-store-0"}) {
        assert_text(what_is_wrong(part, {holder}, dm),
                    "/dev/vg0/store cannot be the disks' store: it is in use "
                    "here, by " + std::string(holder));
    }
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(disks_share_it_alike),
        cmocka_unit_test(device_that_is_too_small_is_refused),
        cmocka_unit_test(what_is_no_block_device_is_refused),
        cmocka_unit_test(only_a_blank_device_becomes_ours),
        cmocka_unit_test(stores_of_other_disks_of_the_guest_may_be_there),
        cmocka_unit_test(whatever_else_is_on_it_is_in_its_way),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
