// --verify-disks: both hosts read the disks and compare, between two sessions
// over a wire. Which bytes those are is test-replicated_disk's.
#include "session/verify_disks.h"

#include <cstring>

#include "disks/block_contents.h"
#include "disks/block_devices.h"
#include "session_pair.h"
#include "session_rules.h"
#include "test_device.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Contents = std::vector<uint8_t>;

constexpr size_t mib = 1 << 20;

class TestContents : public DeviceContents {
public:
    TestContents(const Contents& bytes, Faults& faults)
        : bytes_(bytes), faults_(faults)
    {
    }
    Bytes size() const override { return Bytes{bytes_.size()}; }
    Status read(uint64_t begin, std::span<uint8_t> to) override
    {
        assert_true(begin + to.size() <= bytes_.size());
        std::memcpy(to.data(), bytes_.data() + begin, to.size());
        return faults_.pass("contents.read");
    }

private:
    const Contents& bytes_;
    Faults& faults_;
};

// What each host has of the disks; nothing: it cannot be told.
struct Disks {
    std::map<std::string, std::optional<Contents>> primary, secondary;
};

class DiskWithContents : public TestDevice {
public:
    DiskWithContents(const std::string& name, DeviceNotes& notes,
                     Faults& faults, const std::optional<Contents>& contents)
        : TestDevice(name, notes, faults), faults_(faults), contents_(contents)
    {
    }
    bool has_contents() const override { return true; }
    Result<std::unique_ptr<DeviceContents>> contents() override
    {
        return contents_ ? std::make_unique<TestContents>(*contents_, faults_)
                         : std::unique_ptr<DeviceContents>();
    }

private:
    Faults& faults_;
    const std::optional<Contents>& contents_;
};

struct WithDisks : DeviceKind {
    explicit WithDisks(Disks held) : disks(std::move(held))
    {
        for (const auto& [name, contents] : disks.primary) {
            pair.options.settings.devices.push_back(
                {DeviceType::disk, name, true});
        }
        pair.options.kinds = kinds;
        pair.options.max_checkpoints = 2;
        pair.options.settings.verify = true;
        pair.options.settings.verify_disks = true;
        pair.options.settings.interval = 1ms;
    }
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::disk;
    }
    Status check(const std::vector<DeviceFacts>&) const override { return {}; }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& facts, const DeviceContext& context) const override
    {
        asked_for = asked_for && context.verify_contents;
        const bool primary = context.role == Role::primary;
        return std::make_unique<DiskWithContents>(
            facts.name, notes,
            primary ? pair.primary_host.faults : pair.secondary_host.faults,
            (primary ? disks.primary : disks.secondary).at(facts.name));
    }

    Disks disks;
    mutable SessionPair pair;
    mutable DeviceNotes notes;
    mutable bool asked_for = true;
    const DeviceKind* const kinds[1] = {this};
};

Contents some(size_t size)
{
    Contents bytes(size);
    for (size_t i = 0; i < size; i += 512) {
        bytes[i] = static_cast<uint8_t>(i / 512 % 251 + 1);
    }
    return bytes;
}

// A disk of 20 MiB, which takes two frames, and one whose end is no whole MiB.
Disks alike()
{
    const std::map<std::string, std::optional<Contents>> both{
        {"xvda", some(20 * mib)}, {"xvdb", some(mib + 4096)}};
    return {both, both};
}

Contents& on_secondary(WithDisks& with, const std::string& disk)
{
    return *with.disks.secondary.at(disk);
}

}  // namespace

static void equal_disks_are_seen_to_be(void**)
{
    WithDisks with(alike());
    PairOutcome outcome = with.pair.run();
    assert_true(outcome.primary.end.orderly);
    assert_int_equal(outcome.primary.status.checkpoints, 3);
    assert_true(broken_rules(outcome).empty());
    assert_true(with.asked_for);
    // Three for the pieces of a checkpoint, and the last.
    assert_int_equal(outcome.frames[FrameType::DISK_DIGESTS], 3 * 4);
    assert_int_equal(outcome.frames[FrameType::DISK_VERIFIED], 3 * 3);
}

static void byte_that_differs_is_found_and_ends_protection(void**)
{
    const struct {
        const char* disk;
        size_t where;
        const char* found;
    } cases[] = {
        {"xvda", 0, "xvda at 0 MiB"},
        {"xvda", 16 * mib - 1, "xvda at 15 MiB"},
        {"xvda", 20 * mib - 1, "xvda at 19 MiB"},
        {"xvdb", mib + 4095, "xvdb at 1 MiB"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.found);
        WithDisks with(alike());
        on_secondary(with, c.disk)[c.where] ^= 1;
        const PairOutcome outcome = with.pair.run();
        assert_text(states(outcome), "unprotected/ended");
        assert_contains(outcome.primary.end.why,
                        "verification of checkpoint 0: 1 piece of disks "
                        "differs, of 1 MiB each: " + std::string(c.found));
        assert_true(outcome.primary.runs);
        assert_true(outcome.secondary.guest == GuestState::gone);
    }
}

static void all_differences_are_counted_and_the_first_named(void**)
{
    WithDisks with(alike());
    for (size_t i = 0; i < 20; ++i) {
        on_secondary(with, "xvda")[i * mib] ^= 1;
    }
    on_secondary(with, "xvdb")[5] ^= 1;
    const PairOutcome outcome = with.pair.run();
    assert_contains(outcome.primary.end.why, ": 21 pieces of disks differ, of "
                                             "1 MiB each: xvda at 0 MiB, xvda "
                                             "at 1 MiB");
    assert_contains(outcome.primary.end.why, "xvda at 15 MiB ...");
}

// A copy that is known to differ is no guest to go on with.
static void copy_with_other_disks_does_not_take_over(void**)
{
    WithDisks with(alike());
    on_secondary(with, "xvda")[7] ^= 1;
    with.pair.wire.fault(FrameType::DISK_VERIFIED, 3, WireFault::cut);
    const PairOutcome outcome = with.pair.run();
    assert_true(outcome.secondary.end.state != State::taken_over);
    assert_false(outcome.secondary.has_run);
}

static void disk_that_cannot_be_told_is_left_out(void**)
{
    WithDisks with(alike());
    with.disks.primary["xvda"] = std::nullopt;
    on_secondary(with, "xvda")[7] ^= 1;
    PairOutcome outcome = with.pair.run();
    assert_true(outcome.primary.end.orderly);
    assert_int_equal(outcome.frames[FrameType::DISK_DIGESTS], 3 * 2);
}

static void without_the_option_no_disk_is_read(void**)
{
    WithDisks with(alike());
    with.pair.options.settings.verify_disks = false;
    on_secondary(with, "xvda")[7] ^= 1;
    PairOutcome outcome = with.pair.run();
    assert_true(outcome.primary.end.orderly);
    assert_int_equal(outcome.frames[FrameType::DISK_DIGESTS], 0);
    assert_false(with.asked_for);
}

static void disk_that_cannot_be_read_ends_protection(void**)
{
    for (const Role host : {Role::primary, Role::secondary}) {
        WithDisks with(alike());
        (host == Role::primary ? with.pair.primary_host.faults
                               : with.pair.secondary_host.faults)
            .let_fail("contents.read", 3, Error(ErrorKind::io, "bad sector"));
        const PairOutcome outcome = with.pair.run();
        assert_text(states(outcome), "unprotected/ended");
        assert_contains(outcome.primary.end.why, "bad sector");
        assert_true(outcome.primary.runs);
    }
}

static void lies_about_disks_end_protection(void**)
{
    const auto becomes = [](size_t at, uint8_t value) {
        return [at, value](Buffer body) {
            body.resize(std::max(body.size(), (at / 8 + 1) * 8));
            body[at] = value;
            return body;
        };
    };
    const struct {
        FrameType type;
        unsigned nth;
        std::function<Buffer(Buffer)> change;
        const char* why;
    } cases[] = {
        {FrameType::DISK_DIGESTS, 1, becomes(8, 2), "of a disk that there is"},
        {FrameType::DISK_DIGESTS, 1, becomes(16, 5), "beyond the disk"},
        {FrameType::DISK_DIGESTS, 1, becomes(23, 0x80), "beyond the disk"},
        {FrameType::DISK_DIGESTS, 1, becomes(0, 1), "of checkpoint 1 during"},
        {FrameType::DISK_DIGESTS, 1, becomes(16 + 8 + 16 * 16, 1),
         "no list of digests"},
        {FrameType::DISK_VERIFIED, 1, becomes(8, 16), "no list of pieces"},
        {FrameType::DISK_VERIFIED, 2, becomes(8, 15), "no list of pieces"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.why);
        WithDisks with(alike());
        with.pair.wire.rewrite(c.type, c.nth, c.change);
        const PairOutcome outcome = with.pair.run();
        assert_text(states(outcome), "unprotected/ended");
        assert_contains(outcome.primary.end.why, c.why);
        assert_true(outcome.primary.runs);
    }
}

static void contents_are_a_devices_bytes_from_anywhere(void**)
{
    const ScratchFolder folder;
    const std::string path = folder.path() + "/device";
    const Contents bytes = some(3 * mib + 512);
    std::ofstream(path).write(reinterpret_cast<const char*>(bytes.data()),
                              static_cast<std::streamsize>(bytes.size()));
    const auto contents = open_contents(path);
    assert_true(bool(contents));
    assert_true((*contents)->size() == Bytes{bytes.size()});
    for (const size_t begin : {size_t{0}, size_t{4096}, size_t{1000},
                               mib - 1, 3 * mib}) {
        for (const size_t count : {size_t{1}, size_t{512}, size_t{5000},
                                   2 * mib}) {
            Contents got(std::min(count, bytes.size() - begin));
            assert_true(bool((*contents)->read(begin, got)));
            assert_memory_equal(got.data(), bytes.data() + begin, got.size());
        }
    }
    Contents beyond(2);
    assert_false(bool((*contents)->read(bytes.size() - 1, beyond)));
    assert_contains(open_contents(path + "-no").error().text(), "-no");
}

static void activity_is_what_the_kernel_counts(void**)
{
    const auto now = parse_block_activity(
        "     100        0     800       12       40        0     320       "
        "30        2       40       42        3        0       24        1\n");
    assert_true(now && *now == (BlockActivity{43, 2}));
    // Linux before 4.18 counts no discards.
    assert_true(*parse_block_activity("1 0 8 1 40 0 320 30 1 40 42") ==
                (BlockActivity{40, 1}));
    assert_false(bool(parse_block_activity("1 0 8 1 40")));
    assert_false(bool(parse_block_activity("")));
    assert_false(bool(block_activity("0:0")));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(equal_disks_are_seen_to_be),
        cmocka_unit_test(byte_that_differs_is_found_and_ends_protection),
        cmocka_unit_test(all_differences_are_counted_and_the_first_named),
        cmocka_unit_test(copy_with_other_disks_does_not_take_over),
        cmocka_unit_test(disk_that_cannot_be_told_is_left_out),
        cmocka_unit_test(without_the_option_no_disk_is_read),
        cmocka_unit_test(disk_that_cannot_be_read_ends_protection),
        cmocka_unit_test(lies_about_disks_end_protection),
        cmocka_unit_test(contents_are_a_devices_bytes_from_anywhere),
        cmocka_unit_test(activity_is_what_the_kernel_counts),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
