#include "qemu/vmstate_file.h"

#include <numeric>

#include "check.h"
#include "hex.h"

using namespace xl_colo;

namespace {

constexpr size_t cluster = 65536;

Buffer state_of(size_t size)
{
    Buffer state(size);
    std::iota(state.begin(), state.end(), uint8_t{1});
    return state;
}

// What is not zero, from the beginning of the cluster on.
std::string cluster_text(const Buffer& file, size_t index)
{
    const View all(file);
    View bytes = all.subspan(index * cluster, cluster);
    while (!bytes.empty() && bytes.back() == 0) {
        bytes = bytes.first(bytes.size() - 1);
    }
    return hex(bytes.size() % 8 == 0
                   ? bytes
                   : all.subspan(index * cluster, (bytes.size() + 7) / 8 * 8));
}

uint64_t big(const Buffer& file, size_t offset)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | file[offset + i];
    }
    return value;
}

}  // namespace

// The golden file was written by hand from docs/interop/qcow2.txt of QEMU.
static void the_tables_are_those_of_the_format(void**)
{
    const Buffer file = *make_vmstate_file(state_of(cluster + 3), "xl-colo");
    const char* const names[] = {
        "header",         "refcount table", "refcount block",
        "L1 of the disk", "snapshot table", "L1 of the snapshot",
        "L2 of the state",
    };
    std::string text;
    for (size_t i = 0; i < std::size(names); i++) {
        text += "# " + std::string(names[i]) + "\n" + cluster_text(file, i);
    }
    assert_golden(text, "vmstate-file.txt");
    assert_int_equal(file.size(), 9 * cluster);
}

// As QEMU reads it: VM state begins where an L1 entry begins after the disk's
// last one.
static void the_state_is_found_through_the_snapshots_tables(void**)
{
    const Buffer state = state_of(3 * cluster - 1);
    const Buffer file = *make_vmstate_file(state, "t");
    const uint64_t snapshots = big(file, 64);
    const uint64_t l1 = big(file, snapshots);
    const uint64_t l2 = big(file, l1 + 8);
    Buffer found;
    for (size_t i = 0; found.size() < state.size(); i++) {
        const uint64_t data = big(file, l2 + 8 * i);
        found.insert(found.end(), file.begin() + static_cast<long>(data),
                     file.begin() + static_cast<long>(data + cluster));
    }
    found.resize(state.size());
    assert_true(found == state);
    assert_int_equal(big(file, snapshots + 40), state.size());
    assert_int_equal(big(file, l2 + 8 * 3), 0);
}

static void sizes_that_no_device_model_has_are_refused(void**)
{
    assert_false(static_cast<bool>(make_vmstate_file({}, "t")));
    // 8192 clusters fill the one L2 table.
    const Buffer most(8192 * cluster);
    assert_true(static_cast<bool>(make_vmstate_file(most, "t")));
    const Buffer too_much(8192 * cluster + 1);
    const auto refused = make_vmstate_file(too_much, "t");
    assert_text(refused ? "made" : refused.error().text(),
                "device state of 536870913 bytes cannot be loaded");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_those_of_the_format),
        cmocka_unit_test(the_state_is_found_through_the_snapshots_tables),
        cmocka_unit_test(sizes_that_no_device_model_has_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
