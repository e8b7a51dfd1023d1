// The compact form of a dirty set, against a naive model: sets of many shapes
// go through it and come back, and are no longer than any plain form of theirs.
#include "relay/dirty_set_frame.h"

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "check.h"
#include "wire/frame.h"

using namespace xl_colo;

namespace {

using Naive = std::set<uint64_t>;
using Bodies = std::vector<Buffer>;

PageSet make(const Naive& pages, Pages gfns)
{
    PageSet set(gfns);
    for (const uint64_t page : pages) {
        set.insert(Pfn{page});
    }
    return set;
}

Bodies encode(const PageSet& set, Pages gfns)
{
    Bodies bodies;
    for (DirtySetEncoder encoder(set, gfns); !encoder.done();) {
        bodies.push_back(encoder.next());
    }
    return bodies;
}

// What went wrong, or nothing.
std::string decode(const Bodies& bodies, Pages gfns, PageSet& set)
{
    DirtySetDecoder decoder(gfns);
    for (size_t i = 0; i < bodies.size(); ++i) {
        const auto last = decoder.take(bodies[i], set);
        if (!last) {
            return last.error().text();
        }
        if (*last != (i + 1 == bodies.size())) {
            return "the end is in the wrong place";
        }
    }
    return "";
}

Naive to_naive(const PageSet& set)
{
    Naive pages;
    set.for_each([&](Pfn pfn) { pages.insert(pages.end(), pfn.value()); });
    return pages;
}

// ---- what a set takes in plain forms ---------------------------------------

struct Plain {
    size_t list;     // 8 bytes a page, as stock sends it
    size_t bitmap;
    size_t runs;     // first and length, in 32 bits each
    size_t roaring;  // Roaring's portable form, without its header
};

Plain plain_sizes(const Naive& pages, Pages gfns)
{
    struct Container {
        size_t pages = 0;
        size_t runs = 0;
    };
    std::map<uint64_t, Container> containers;
    size_t runs = 0;
    for (const uint64_t page : pages) {
        Container& container = containers[page >> 16];
        ++container.pages;
        const bool begins = page == 0 || !pages.contains(page - 1);
        runs += begins;
        container.runs += begins || page % 65536 == 0;
    }
    size_t roaring = 0;
    for (const auto& [key, container] : containers) {
        roaring += 4 + std::min({2 * container.pages, 2 + 4 * container.runs,
                                 size_t{8192}});
    }
    return {pages.size() * 8, (gfns.value() + 7) / 8, runs * 8, roaring};
}

// Frame and body header, checkpoint; and what a chunk may take beyond the best.
constexpr size_t constant = 24;
constexpr size_t constant_of_chunk = 8;

void check(const char* name, const Naive& pages, Pages gfns)
{
    const PageSet set = make(pages, gfns);
    const Bodies bodies = encode(set, gfns);
    PageSet back(gfns);
    const std::string wrong = decode(bodies, gfns, back);
    const Naive came_back = to_naive(back);
    size_t size = 0;
    for (const Buffer& body : bodies) {
        size += frame_header_size + 8 + body.size();
    }
    const Plain plain = plain_sizes(pages, gfns);
    const size_t chunks = gfns.value() / 65536 + 1;
    const size_t allowed = constant * bodies.size() +
                           constant_of_chunk * chunks;

    if (std::getenv("XL_COLO_SHOW_SIZES")) {
        print_message("  %-12s %8zu of %8zu pages: %zu bytes; list %zu, bitmap "
                      "%zu, runs %zu, Roaring %zu\n",
                      name, pages.size(), static_cast<size_t>(gfns.value()),
                      size, plain.list, plain.bitmap, plain.runs,
                      plain.roaring);
    }
    assert_text(wrong, "");
    assert_true(came_back == pages);
    assert_true(back.size() == Pages{pages.size()});
    assert_in_range(size, 0, plain.bitmap + allowed);
    assert_in_range(size, 0, plain.runs + allowed);
    assert_in_range(size, 0, plain.roaring + allowed);
    assert_in_range(size, 0, plain.list + allowed);
    // Every second page or more of a guest worth speaking of.
    if (pages.size() >= gfns.value() / 2 && gfns.value() >= 65536) {
        assert_in_range(size, 0, plain.list / 20);
    }
}

void sets_of_all_shapes_come_back_and_are_short(void**)
{
    constexpr uint64_t sizes[] = {1,     2,     63,    64,     65,     4096,
                                  65535, 65536, 65537, 131072, 200001, 1 << 20};
    std::mt19937_64 random(4);
    const auto chance = [&](double p) {
        return std::uniform_real_distribution<>(0, 1)(random) < p;
    };
    for (const uint64_t gfns : sizes) {
        const auto where = [&](const std::function<bool(uint64_t)>& wanted) {
            Naive pages;
            for (uint64_t page = 0; page < gfns; ++page) {
                if (wanted(page)) {
                    pages.insert(pages.end(), page);
                }
            }
            return pages;
        };
        uint64_t left = 0;
        bool in_run = false;
        const auto runs = [&](uint64_t dirty, uint64_t clean) {
            return where([&](uint64_t) {
                if (left == 0) {
                    in_run = !in_run;
                    left = 1 + random() % (in_run ? dirty : clean);
                }
                --left;
                return in_run;
            });
        };
        const struct {
            const char* name;
            Naive pages;
        } shapes[] = {
            {"empty", {}},
            {"all", where([](uint64_t) { return true; })},
            {"lowest", {0}},
            {"highest", {gfns - 1}},
            {"any", {random() % gfns}},
            {"ends", {0, gfns - 1}},
            {"all but one", where([&](uint64_t p) { return p != gfns / 2; })},
            {"even", where([](uint64_t p) { return p % 2 == 0; })},
            {"odd", where([](uint64_t p) { return p % 2 == 1; })},
            {"one a word", where([](uint64_t p) { return p % 64 == 63; })},
            {"one a chunk", where([](uint64_t p) { return p % 65536 == 9; })},
            {"short runs", runs(16, 128)},
            {"long runs", runs(2000, 20000)},
            {"0.01 %", where([&](uint64_t) { return chance(0.0001); })},
            {"1 %", where([&](uint64_t) { return chance(0.01); })},
            {"10 %", where([&](uint64_t) { return chance(0.1); })},
            {"50 %", where([&](uint64_t) { return chance(0.5); })},
            {"99 %", where([&](uint64_t) { return chance(0.99); })},
        };
        for (const auto& shape : shapes) {
            check(shape.name, shape.pages, Pages{gfns});
        }
    }
}

// A guest whose set does not fit one frame: no limit but its size.
void large_set_takes_several_frames(void**)
{
    constexpr Pages gfns{uint64_t{1} << 24};
    PageSet set(gfns);
    std::mt19937_64 random(5);
    for (size_t i = 0; i < set.words().size(); ++i) {
        set.insert_word(i, random());
    }
    const Bodies bodies = encode(set, gfns);
    PageSet back(gfns);
    const std::string wrong = decode(bodies, gfns, back);
    size_t longest = 0;
    for (const Buffer& body : bodies) {
        longest = std::max(longest, body.size());
    }
    assert_text(wrong, "");
    assert_true(std::ranges::equal(set.words(), back.words()));
    assert_in_range(bodies.size(), 24, 33);
    assert_in_range(longest, 0, 80 << 10);
}

void decoder_takes_one_set_after_another(void**)
{
    constexpr Pages gfns{300000};
    DirtySetDecoder decoder(gfns);
    PageSet set(gfns);
    for (const Naive& pages : {Naive{1, 299999}, Naive{}, Naive{65536}}) {
        for (const Buffer& body : encode(make(pages, gfns), gfns)) {
            assert_true(static_cast<bool>(decoder.take(body, set)));
        }
        assert_true(to_naive(set) == pages);
    }
}

Buffer body(uint64_t end, const Buffer& chunks)
{
    return BodyWriter().u64(end).bytes(chunks).take();
}

Buffer bitmap_chunk(size_t size, size_t last_byte)
{
    Buffer bytes(1 + size);
    bytes.back() = static_cast<uint8_t>(last_byte);
    return bytes;
}

void what_is_no_set_is_refused(void**)
{
    constexpr Pages gfns{65536 + 100};  // the second chunk's bitmap: 13 bytes
    constexpr const char* cut =
        "DIRTY_SET: cut off, or a number longer than it has to be";
    constexpr const char* chunk = "DIRTY_SET: a page beyond its chunk";
    constexpr const char* run = "DIRTY_SET: a run beyond its chunk";
    const struct {
        const char* name;
        std::vector<Buffer> bodies;
        const char* error;
    } cases[] = {
        {"no end", {Buffer(7)}, "DIRTY_SET: the frame's body is too short"},
        {"end beyond the guest", {body(65637, {})},
         "DIRTY_SET: it tells of the pages below 65637 after those below 0"},
        {"end at 0", {body(0, {})},
         "DIRTY_SET: it tells of the pages below 0 after those below 0"},
        {"end within a chunk", {body(64, {})},
         "DIRTY_SET: it tells of the pages below 64 after those below 0"},
        {"end that does not ascend", {body(65536, {}), body(65536, {})},
         "DIRTY_SET: it tells of the pages below 65536 after those below "
         "65536"},
        {"unknown form", {body(65636, {3, 0, 0})},
         "DIRTY_SET: a chunk of form 3"},
        {"chunk beyond the end", {body(65536, {4 | 1, 0, 0})},
         "DIRTY_SET: a chunk beyond its end"},
        {"chunk beyond the guest", {body(65636, {8 | 1, 0, 0})},
         "DIRTY_SET: a chunk beyond its end"},
        {"most chunks skipped",
         {body(65636, {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0})},
         "DIRTY_SET: a chunk beyond its end"},
        {"chunk without contents", {body(65636, {1})}, cut},
        {"gaps cut off", {body(65636, {1, 1, 5})}, cut},
        {"more gaps than there are", {body(65636, {1, 0xff, 0x7f, 5})}, cut},
        {"runs cut off", {body(65636, {2, 0, 5})}, cut},
        {"number with a byte too many", {body(65636, {1, 0, 0x85, 0})}, cut},
        {"number of 50 bits",
         {body(65636, {1, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1})},
         cut},
        {"gap out of the chunk", {body(65636, {1, 0, 0x80, 0x80, 4})}, chunk},
        {"gap out of the guest", {body(65636, {4 | 1, 0, 100})}, chunk},
        {"run out of the chunk", {body(65636, {2, 0, 1, 0xff, 0xff, 3})}, run},
        {"run out of the guest", {body(65636, {4 | 2, 0, 99, 1})}, run},
        {"bitmap cut off", {body(65636, bitmap_chunk(8191, 1))}, cut},
        {"empty bitmap", {body(65636, bitmap_chunk(8192, 0))},
         "DIRTY_SET: an empty chunk"},
        {"bitmap out of the guest",
         {body(65536, {}), body(65636, bitmap_chunk(13, 0x10))},
         "DIRTY_SET: a page beyond the guest"},
        {"trailing byte", {body(65636, {4 | 1, 0, 99, 0})},
         "DIRTY_SET: a chunk beyond its end"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        PageSet set(gfns);
        DirtySetDecoder decoder(gfns);
        std::string error;
        ErrorKind kind = ErrorKind::protocol;
        for (const Buffer& bytes : c.bodies) {
            if (const auto last = decoder.take(bytes, set); !last) {
                error = last.error().text();
                kind = last.error().kind();
            }
        }
        assert_text(error, c.error);
        assert_true(kind == ErrorKind::protocol);
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(sets_of_all_shapes_come_back_and_are_short),
        cmocka_unit_test(large_set_takes_several_frames),
        cmocka_unit_test(decoder_takes_one_set_after_another),
        cmocka_unit_test(what_is_no_set_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
