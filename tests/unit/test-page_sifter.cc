// What is left out of a checkpoint, and that nothing else is: ContentHash,
// PageDigester, CopyDigests and PageSifter over two pretended memories.
#include "relay/page_sifter.h"

#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>

#include "check.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

const Buffer key(32, 7);

Buffer page_of(uint64_t contents)
{
    Buffer page(page_size);
    std::memcpy(page.data(), &contents, sizeof(contents));
    return page;
}

// ---- digests ---------------------------------------------------------------

// RFC 8439, 2.5.2.
void hash_is_poly1305(void**)
{
    const Buffer secret{0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33,
                        0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06, 0xa8,
                        0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d, 0xb2, 0xfd,
                        0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b};
    const std::string text = "Cryptographic Forum Research Group";
    const PageDigest expected{0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51, 0x36, 0xc6,
                              0xc2, 0x2b, 0x8b, 0xaf, 0x0c, 0x01, 0x27, 0xa9};
    ContentHash hash(secret);
    for (int i = 0; i < 2; ++i) {
        assert_true(hash(View(reinterpret_cast<const uint8_t*>(text.data()),
                              text.size())) == expected);
    }
}

void digester_digests_each_page_once(void**)
{
    std::vector<Buffer> pages;
    std::vector<View> views;
    for (uint64_t i = 0; i < 1001; ++i) {
        pages.push_back(page_of(i));
    }
    for (size_t i = 0; i < pages.size(); ++i) {
        views.push_back(i % 10 == 3 ? View() : View(pages[i]));
    }
    std::vector<PageDigest> digests(pages.size());
    PageDigester digester(key, false);
    for (const size_t count : {1001, 0, 1, 32, 33, 64, 1001}) {
        std::ranges::fill(digests, PageDigest{});
        digester.digest(std::span(views).first(count), digests);
        ContentHash hash(key);
        for (size_t i = 0; i < pages.size(); ++i) {
            const bool told = i < count && !views[i].empty();
            assert_true(digests[i] == (told ? hash(views[i]) : PageDigest{}));
        }
    }
    PageDigester blind(key, true);
    blind.digest(views, digests);
    assert_true(digests[0] == digests[1]);
    assert_true(digests[0] != PageDigest{});
    assert_true(digests[3] == PageDigest{});
}

void keys_make_a_difference_and_so_does_every_byte(void**)
{
    Buffer page(page_size);
    ContentHash hash(key);
    ContentHash other(Buffer(32, 8));
    const PageDigest zero = hash(page);
    assert_true(zero != PageDigest{});
    assert_true(zero != other(page));
    for (size_t i = 0; i < page.size(); ++i) {
        page[i] = 0x80;
        assert_true(hash(page) != zero);
        page[i] = 0;
    }
}

// ---- what the secondary tells ----------------------------------------------

PageDigest digest(uint8_t n)
{
    PageDigest d{};
    d[0] = n;
    return d;
}

Buffer digests(std::initializer_list<uint8_t> list)
{
    Buffer bytes;
    for (const uint8_t n : list) {
        const PageDigest d = digest(n);
        bytes.insert(bytes.end(), d.begin(), d.end());
    }
    return bytes;
}

PageSet set_of(Pages gfns, std::initializer_list<uint64_t> pages)
{
    PageSet set(gfns);
    for (const uint64_t page : pages) {
        set.insert(Pfn{page});
    }
    return set;
}

void digests_go_to_the_pages_of_the_set(void**)
{
    constexpr Pages gfns{10000};
    CopyDigests known(gfns);
    assert_true(static_cast<bool>(known.settle(Pfn{9999})));
    known.put(Pfn{5}, digest(50));
    known.put(Pfn{6}, digest(60));
    known.expect(set_of(gfns, {0, 6, 64, 4095, 4096, 9999}));
    assert_true(static_cast<bool>(known.add(digests({1, 2, 3}))));
    assert_true(static_cast<bool>(known.settle(Pfn{70})));
    assert_true(known.get(Pfn{0}) == digest(1));
    assert_true(known.get(Pfn{5}) == digest(50));
    assert_true(known.get(Pfn{6}) == digest(2));
    assert_true(known.get(Pfn{64}) == digest(3));
    // What is sent counts from then on.
    known.put(Pfn{6}, digest(61));
    assert_true(static_cast<bool>(known.add(digests({4, 5, 6}))));
    assert_true(static_cast<bool>(known.settle(Pfn{9999})));
    assert_true(known.get(Pfn{6}) == digest(61));
    assert_true(known.get(Pfn{4095}) == digest(4));
    assert_true(known.get(Pfn{4096}) == digest(5));
    assert_true(known.get(Pfn{9999}) == digest(6));
    assert_true(known.get(Pfn{9998}) == PageDigest{});
}

void digests_of_no_page_are_refused(void**)
{
    constexpr Pages gfns{64};
    CopyDigests known(gfns);
    const auto kind = [&](View bytes) {
        return known.add(bytes).error().kind();
    };
    assert_true(kind(digests({1})) == ErrorKind::protocol);
    known.expect(set_of(gfns, {1, 2}));
    assert_true(kind({}) == ErrorKind::protocol);
    assert_true(kind(Buffer(15)) == ErrorKind::protocol);
    assert_true(kind(digests({1, 2, 3})) == ErrorKind::protocol);
    assert_true(static_cast<bool>(known.add(digests({1, 2}))));
    assert_true(kind(digests({1})) == ErrorKind::protocol);
}

void waiting_for_digests_ends_with_them_or_with_abort(void**)
{
    constexpr Pages gfns{64};
    CopyDigests known(gfns);
    known.expect(set_of(gfns, {1, 2}));
    Status first, second;
    std::thread relay([&] {
        first = known.settle(Pfn{1});
        second = known.settle(Pfn{2});
    });
    const bool added = static_cast<bool>(known.add(digests({1})));
    known.abort();
    relay.join();
    assert_true(added);
    assert_true(second.error().kind() == ErrorKind::aborted);
}

// ---- what is sent ----------------------------------------------------------

using Memory = std::vector<std::optional<uint64_t>>;

struct Memories {
    explicit Memories(size_t pages) : primary(pages, 1), secondary(pages) {}
    Memory primary, secondary;
};

// One record, through the frame and to the secondary's memory; how many pages
// had contents in it.
size_t send(PageSifter& sifter, const std::vector<uint64_t>& pages,
            Memories& memories)
{
    const Pages gfns{memories.primary.size()};
    PageDataWriter writer;
    for (const uint64_t page : pages) {
        if (memories.primary[page]) {
            writer.add(Pfn{page}, page_of(*memories.primary[page]));
        } else {
            writer.add_absent(Pfn{page});
        }
    }
    Buffer body = writer.take();
    const auto data = PageData::parse(body, gfns);
    const auto sifted = sifter.sift(*data, body);
    if (!sifted || sifter.count() == 0) {
        return 0;
    }
    const View head = sifter.head();
    Buffer frame(head.begin(), head.end());
    frame.insert(frame.end(), sifter.contents().begin(),
                 sifter.contents().end());
    PagesReader reader;
    Buffer record;
    PageSet kept(gfns);
    const auto pieces = reader.record(frame, gfns, kept);
    // Where the secondary is sent nothing it knows of it, one way or another.
    kept.for_each([&](Pfn pfn) {
        assert_false(sifter.known()->is_told(pfn));
        assert_true(memories.primary[pfn.value()] ==
                    memories.secondary[pfn.value()]);
    });
    if (pieces->empty()) {
        return 0;
    }
    for (const View& piece : *pieces) {
        record.insert(record.end(), piece.begin(), piece.end());
    }
    const auto parsed = parse_record(record, gfns);
    size_t with_contents = 0;
    for (size_t i = 0; i < parsed->pages->count(); ++i) {
        const auto entry = parsed->pages->entry(i);
        if (entry.has_contents) {
            uint64_t value = 0;
            std::memcpy(&value,
                        parsed->pages->contents().data() +
                            page_size * with_contents++,
                        sizeof(value));
            memories.secondary[entry.pfn.value()] = value;
        }
    }
    return with_contents;
}

// Checkpoint after checkpoint of guests that write small numbers to their
// pages, so that they often agree; what libxc would send is all of A and B.
void secondary_ends_up_with_all_that_was_not_sent(void**)
{
    constexpr uint64_t gfns = 300;
    std::mt19937_64 random(11);
    Memories memories(gfns);
    memories.primary[17].reset();
    PageSifter sifter(Pages{gfns}, Elision{key});
    ContentHash hash(key);
    size_t sent = 0;
    size_t would_have_been = 0;
    std::set<uint64_t> d;
    for (uint64_t page = 0; page < gfns; ++page) {
        d.insert(page);
    }
    for (int checkpoint = 0; checkpoint < 200; ++checkpoint) {
        std::vector<uint64_t> record;
        for (const uint64_t page : d) {
            record.push_back(page);
            would_have_been += memories.primary[page].has_value();
            if (record.size() == 64) {
                sent += send(sifter, record, memories);
                record.clear();
            }
        }
        if (!record.empty()) {
            sent += send(sifter, record, memories);
        }
        assert_true(static_cast<bool>(sifter.finish()));
        for (uint64_t page = 0; page < gfns; ++page) {
            if (memories.primary[page]) {
                assert_true(memories.primary[page] == memories.secondary[page]);
            }
        }
        // Both run on.
        d.clear();
        PageSet b(Pages{gfns});
        Buffer told;
        for (uint64_t page = 0; page < gfns; ++page) {
            if (random() % 3 == 0 && memories.primary[page]) {
                memories.primary[page] = random() % 4;
                d.insert(page);
            }
            if (random() % 50 == 0) {
                // Gone, or there again.
                memories.primary[page] =
                    memories.primary[page] ? std::nullopt
                                           : std::optional(random() % 4);
                d.insert(page);
            }
            if (random() % 3 == 0 && memories.secondary[page]) {
                memories.secondary[page] = random() % 4;
                b.insert(Pfn{page});
                d.insert(page);
            }
        }
        b.for_each([&](Pfn pfn) {
            const auto one =
                hash(page_of(*memories.secondary[pfn.value()]));
            told.insert(told.end(), one.begin(), one.end());
        });
        sifter.known()->expect(b);
        if (!told.empty()) {
            assert_true(static_cast<bool>(sifter.known()->add(told)));
        }
    }
    assert_in_range(sent, would_have_been / 2, would_have_been * 9 / 10);
}

void without_elision_only_zeros_are_left_out(void**)
{
    Memories memories(4);
    memories.primary[2] = 0;
    PageSifter sifter(Pages{4}, std::nullopt);
    assert_null(sifter.known());
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(send(sifter, {0, 1, 2, 3}, memories), 4);
        assert_int_equal(sifter.count(), 4);
        assert_int_equal(sifter.contents().size(), 3 * page_size);
        assert_true(memories.primary == memories.secondary);
    }
}

}  // namespace

int main()
{
    alarm(120);  // a wait that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_poly1305),
        cmocka_unit_test(digester_digests_each_page_once),
        cmocka_unit_test(keys_make_a_difference_and_so_does_every_byte),
        cmocka_unit_test(digests_go_to_the_pages_of_the_set),
        cmocka_unit_test(digests_of_no_page_are_refused),
        cmocka_unit_test(waiting_for_digests_ends_with_them_or_with_abort),
        cmocka_unit_test(secondary_ends_up_with_all_that_was_not_sent),
        cmocka_unit_test(without_elision_only_zeros_are_left_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
