#include "wire/frame.h"

#include <algorithm>
#include <vector>

#include "check.h"

using namespace xl_colo;

namespace {

struct HeaderCase {
    const char* name;
    std::array<uint8_t, 8> bytes;
    const char* error;  // nullptr: it is fine
};

constexpr HeaderCase headers[] = {
    {"heartbeat_is_fine", {4, 0, 0, 0, 0, 0, 0, 0}, nullptr},
    {"record_of_the_greatest_length_is_fine",
     {0x11, 0, 0, 0, 16, 0, 0, 8}, nullptr},
    {"record_of_one_byte_more_is_refused",
     {0x11, 0, 0, 0, 17, 0, 0, 8},
     "RECORD with 134217745 bytes, allowed are 8 to 134217744"},
    {"length_is_not_signed", {0x11, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
     "RECORD with 4294967295 bytes, allowed are 8 to 134217744"},
    {"type_zero_is_unknown", {0, 0, 0, 0, 0, 0, 0, 0},
     "frame type 0 is unknown"},
    {"type_in_big_endian_is_unknown", {0, 0, 0, 4, 0, 0, 0, 0},
     "frame type 67108864 is unknown"},
    {"type_between_two_known_ones_is_unknown", {0x1f, 0, 0, 0, 8, 0, 0, 0},
     "frame type 31 is unknown"},
    {"banner_of_a_shell_says_what_to_do",
     {'W', 'e', 'l', 'c', 'o', 'm', 'e', ' '},
     "\"Welcome ...\" comes in place of the protocol: root's shell there must "
     "print nothing where it has no terminal (look at ~/.bashrc)"},
    {"heartbeat_with_a_body_is_refused", {4, 0, 0, 0, 1, 0, 0, 0},
     "HEARTBEAT with 1 bytes, allowed are 0 to 0"},
    {"image_cut_short_is_refused", {0x10, 0, 0, 0, 39, 0, 0, 0},
     "IMAGE with 39 bytes, allowed are 40 to 40"},
    {"json_of_one_mebibyte_is_fine", {1, 0, 0, 0, 0, 0, 0x10, 0}, nullptr},
    {"json_of_one_byte_more_is_refused", {1, 0, 0, 0, 1, 0, 0x10, 0},
     "HELLO with 1048577 bytes, allowed are 2 to 1048576"},
    {"text_of_64_kib_is_fine", {5, 0, 0, 0, 0, 0, 1, 0}, nullptr},
    {"text_of_one_byte_more_is_refused", {5, 0, 0, 0, 1, 0, 1, 0},
     "STOP with 65537 bytes, allowed are 0 to 65536"},
    {"digests_of_65536_gfns_are_fine", {0x16, 0, 0, 0, 16, 0, 0x10, 0},
     nullptr},
    {"digests_of_more_gfns_are_refused", {0x16, 0, 0, 0, 32, 0, 0x10, 0},
     "DIGESTS with 1048608 bytes, allowed are 16 to 1048592"},
    {"verified_with_64_pages_is_fine", {0x25, 0, 0, 0, 0x10, 4, 4, 0},
     nullptr},
    {"verified_with_more_is_refused", {0x25, 0, 0, 0, 0x20, 4, 4, 0},
     "VERIFIED with 263200 bytes, allowed are 16 to 263184"},
    {"checkpoint_without_a_number_is_refused", {0x13, 0, 0, 0, 0, 0, 0, 0},
     "CHECKPOINT with 0 bytes, allowed are 8 to 8"},
};

void frame_headers(void**)
{
    for (const HeaderCase& c : headers) {
        print_message("  %s\n", c.name);
        const auto header = parse_frame_header(c.bytes);
        if (c.error) {
            assert_false(static_cast<bool>(header));
            assert_true(header.error().kind() == ErrorKind::protocol);
            assert_text(header.error().text(), c.error);
        } else {
            assert_true(static_cast<bool>(header));
            const auto again = frame_header_bytes(*header);
            assert_memory_equal(again.data(), c.bytes.data(), again.size());
        }
    }
}

// The specification's table of types, by number.
constexpr struct {
    uint32_t number;
    const char* name;
} types[] = {
    {0x01, "HELLO"},      {0x02, "OFFER"},       {0x03, "ACCEPT"},
    {0x04, "HEARTBEAT"},  {0x05, "STOP"},        {0x06, "BYE"},
    {0x07, "DEVICE"},
    {0x10, "IMAGE"},      {0x11, "RECORD"},      {0x12, "DEVICE_STATE"},
    {0x13, "CHECKPOINT"}, {0x14, "RESUME"},      {0x15, "DONE"},
    {0x16, "DIGESTS"},    {0x17, "PAGES"},       {0x18, "MEMORY"},
    {0x19, "PACKED_PAGES"}, {0x1a, "STANDS"},      {0x1b, "DISK_DIGESTS"},
    {0x20, "SUSPENDED"},  {0x21, "DIRTY_SET"},   {0x22, "COMMITTED"},
    {0x23, "READY"},
    {0x24, "RESUMED"},    {0x25, "VERIFIED"},    {0x26, "DIRTY_DIGESTS"},
    {0x27, "CHECKPOINT_WANTED"}, {0x28, "KEPT"},  {0x29, "DISK_VERIFIED"},
    {0x30, "TAKEOVER"},   {0x31, "YIELDED"},     {0x32, "TAKEN_OVER"},
};

void types_have_the_numbers_of_the_specification(void**)
{
    for (const auto& t : types) {
        assert_text(to_string(FrameType{t.number}), t.name);
    }
    // And no other number has a name.
    for (uint32_t n = 0; n < 0x100; ++n) {
        const std::string name = to_string(FrameType{n});
        const bool listed =
            std::any_of(std::begin(types), std::end(types),
                        [&](const auto& t) { return t.number == n; });
        assert_int_equal(name.rfind("frame type", 0) == 0, !listed);
    }
}

void padding_fills_up_to_eight(void**)
{
    for (uint32_t length = 0; length < 64; ++length) {
        assert_true(padding_of(length) < 8);
        assert_int_equal((length + padding_of(length)) % 8, 0);
    }
    assert_int_equal(padding_of(frame_body_max), 0);
}

void body_comes_back_as_it_was_written(void**)
{
    const Buffer tail{1, 2, 3};
    const Buffer body =
        BodyWriter().u64(0x0102030405060708).u64(~uint64_t{0}).bytes(tail)
            .take();
    const Buffer expected{8, 7, 6, 5, 4, 3, 2, 1, 255, 255, 255,
                          255, 255, 255, 255, 255, 1, 2, 3};
    assert_true(body == expected);

    BodyReader reader(body);
    assert_true(reader.u64().value() == 0x0102030405060708);
    assert_true(reader.u64().value() == ~uint64_t{0});
    assert_true(std::ranges::equal(reader.rest(), tail));
}

void body_cut_short_is_an_error_at_each_length(void**)
{
    const Buffer bytes(8, 0xff);
    for (size_t size = 0; size < 8; ++size) {
        BodyReader reader{View(bytes).first(size)};
        const auto value = reader.u64();
        assert_false(static_cast<bool>(value));
        assert_true(value.error().kind() == ErrorKind::protocol);
        assert_int_equal(reader.rest().size(), size);
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(frame_headers),
        cmocka_unit_test(types_have_the_numbers_of_the_specification),
        cmocka_unit_test(padding_fills_up_to_eight),
        cmocka_unit_test(body_comes_back_as_it_was_written),
        cmocka_unit_test(body_cut_short_is_an_error_at_each_length),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
