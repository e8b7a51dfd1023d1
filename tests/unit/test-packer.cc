// PACKED_PAGES: what is packed comes back, what is none of it is refused, and
// packing happens where it is worth it.
#include "relay/packer.h"

#include <chrono>

#include "check.h"
#include "relay/packed_frame.h"
#include "wire/frame.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

// Repeats itself every `period` bytes; with a period of nothing it is noise.
Buffer contents(size_t size, size_t period)
{
    Buffer bytes(size);
    uint32_t x = 1;
    for (size_t i = 0; i < size; ++i) {
        if (period > 0 && i >= period) {
            bytes[i] = bytes[i - period];
        } else {
            x = x * 1664525 + 1013904223;
            bytes[i] = static_cast<uint8_t>(x >> 24);
        }
    }
    return bytes;
}

Buffer joined(const Buffer& a, const Buffer& b)
{
    Buffer all = a;
    all.insert(all.end(), b.begin(), b.end());
    return all;
}

void what_is_packed_comes_back(void**)
{
    Packer packer(Compression::lz4);
    Unpacker unpacker;
    // Sizes around a piece's, and a smaller one after a larger one.
    for (const size_t size : {size_t{4096}, packed_piece_max - 1,
                              packed_piece_max, packed_piece_max + 1,
                              8 * packed_piece_max + 4096, size_t{8192}}) {
        const Buffer head = contents(16, 0);
        const Buffer pages = contents(size, 1000);
        const auto body = packer.pack(head, pages);
        assert_true(body.has_value());
        assert_true(body->size() < size / 2 + 1100);
        const auto whole = unpacker.unpack(*body);
        assert_true(bool(whole));
        assert_true(Buffer(whole->begin(), whole->end()) ==
                    joined(head, pages));
    }
}

void what_gets_no_smaller_is_not_packed(void**)
{
    const Buffer head = contents(16, 0);
    Packer always(Compression::lz4);
    assert_false(always.pack(head, contents(1 << 20, 0)).has_value());
    assert_false(always.pack(head, {}).has_value());
    // Noise beside what can be packed stays as it is.
    const Buffer mixed = joined(contents(1 << 20, 0), contents(1 << 20, 100));
    const auto body = always.pack(head, mixed);
    assert_true(body && body->size() < (1 << 20) + (1 << 17));
    Unpacker unpacker;
    const auto whole = unpacker.unpack(*body);
    assert_true(Buffer(whole->begin(), whole->end()) == joined(head, mixed));

    Packer never(Compression::none);
    assert_false(never.pack(head, contents(1 << 20, 100)).has_value());
}

Buffer packed(uint64_t size, const std::vector<Buffer>& pieces)
{
    Buffer body;
    begin_packed(size, body);
    for (const Buffer& piece : pieces) {
        body.insert(body.end(), piece.begin(), piece.end());
    }
    return body;
}

Buffer piece(const Buffer& bytes)
{
    Buffer to;
    pack_piece(bytes, to);
    return to;
}

void body_that_is_none_is_refused(void**)
{
    const Buffer good = piece(contents(4096, 100));
    Buffer short_header(good.begin(), good.begin() + 7);
    Buffer cut(good.begin(), good.end() - 1);
    Buffer longer = good;
    longer[0] = 1;  // becomes 4097 bytes
    Buffer shorter = good;
    shorter[0] = 0xff, shorter[1] = 0xf;
    Buffer empty = good;
    empty[0] = empty[1] = 0;
    Buffer larger_than_raw = piece(contents(4096, 0));
    larger_than_raw[4] = 1;
    Buffer huge = good;
    huge[2] = 2;
    Buffer spoilt = good;
    std::fill(spoilt.begin() + 8, spoilt.end(), uint8_t{0xff});
    const struct {
        const char* name;
        Buffer body;
        const char* error;
    } cases[] = {
        {"nothing", {}, "of no size"},
        {"too_large", packed(uint64_t{frame_body_max} + 1, {good}),
         "of more than a frame holds"},
        {"largest_number", packed(UINT64_MAX, {good}),
         "of more than a frame holds"},
        {"no_pieces", packed(4096, {}), "0 bytes of 4096"},
        {"too_few", packed(8192, {good}), "4096 bytes of 8192"},
        {"too_many", packed(4096, {good, good}), "does not fit"},
        {"header_cut_short", packed(4096, {short_header}),
         "cut short within a piece's header"},
        {"piece_cut_short", packed(4096, {cut}), "does not fit"},
        {"becomes_longer", packed(8192, {longer}), "LZ4 does not unpack"},
        {"becomes_shorter", packed(4096, {shorter}), "LZ4 does not unpack"},
        {"piece_of_nothing", packed(4096, {empty}), "does not fit"},
        {"packed_larger", packed(4096, {larger_than_raw}), "does not fit"},
        {"piece_too_large", packed(1 << 20, {huge}), "does not fit"},
        {"none_of_lz4", packed(4096, {spoilt}), "LZ4 does not unpack"},
    };
    Unpacker unpacker;
    for (const auto& c : cases) {
        const auto whole = unpacker.unpack(c.body);
        print_message("  %s: %s\n", c.name,
                      whole ? "taken" : whole.error().text().c_str());
        assert_false(bool(whole));
        assert_true(whole.error().kind() == ErrorKind::protocol);
        assert_contains(whole.error().text(), c.error);
    }
}

// What 1 MiB takes at that many bytes a second.
std::chrono::nanoseconds at_rate(double bytes_per_s)
{
    return std::chrono::nanoseconds(
        static_cast<int64_t>((1 << 20) / bytes_per_s * 1e9));
}

void packing_follows_what_it_saves(void**)
{
    constexpr size_t mib = 1 << 20;
    const auto choice = [](double link, double packing, size_t left) {
        PackingChoice c;
        c.sent(mib, at_rate(link));
        c.packed(mib, left, at_rate(packing));
        return c.worth_it();
    };
    // lz4 on one core, on links of 1 and 10 Gbit/s; then noise.
    assert_true(choice(125e6, 750e6, mib / 2));
    assert_false(choice(1250e6, 750e6, mib / 2));
    assert_false(choice(125e6, 8000e6, mib));

    PackingChoice unknown;
    assert_false(unknown.wants_sample());
    unknown.packed(mib, mib / 2, at_rate(750e6));
    assert_false(unknown.worth_it());
    // What goes into a buffer at once says nothing of the link.
    unknown.sent(mib, at_rate(10e9));
    unknown.sent(1000, 1s);
    assert_false(unknown.wants_sample());
    unknown.sent(mib, at_rate(125e6));
    assert_true(unknown.wants_sample());
    assert_true(unknown.worth_it());
    // The guest begins to write noise.
    for (int i = 0; i < 20; ++i) {
        unknown.packed(mib, mib, at_rate(750e6));
    }
    assert_false(unknown.worth_it());
}

void automatic_waits_until_it_knows_the_link(void**)
{
    Packer packer(Compression::automatic);
    const Buffer head = contents(16, 0);
    const Buffer pages = contents(1 << 20, 100);
    assert_false(packer.pack(head, pages).has_value());
    packer.sent(1 << 20, at_rate(1e6));
    // This one is the sample.
    assert_false(packer.pack(head, pages).has_value());
    assert_true(packer.pack(head, pages).has_value());
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(what_gets_no_smaller_is_not_packed),
        cmocka_unit_test(body_that_is_none_is_refused),
        cmocka_unit_test(packing_follows_what_it_saves),
        cmocka_unit_test(automatic_waits_until_it_knows_the_link),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
