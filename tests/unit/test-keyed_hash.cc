#include "base/keyed_hash.h"

#include "check.h"
#include "hex.h"

using namespace xl_colo;

namespace {

const Buffer key{'s', 'e', 'c', 'r', 'e', 't'};
const Buffer page(page_size, 0x11);

}  // namespace

// Both hosts must agree, whatever their machine and library. This is what
// libxxhash 0.8.1 made of it.
static void a_digest_is_the_same_everywhere(void**)
{
    assert_text(hex(KeyedHash(key)(page)),
                "30 f3 89 fa 4b f8 27 fb\n32 82 ea 6a c9 c7 4f dc\n");
}

static void another_key_gives_another_digest(void**)
{
    const Buffer other{'s', 'e', 'c', 'r', 'e', 'u'};
    assert_true(KeyedHash(key)(page) == KeyedHash(key)(page));
    assert_true(KeyedHash(key)(page) != KeyedHash(other)(page));
    assert_true(KeyedHash({})(page) != KeyedHash(key)(page));
}

static void every_bit_counts(void**)
{
    const KeyedHash hash(key);
    const auto whole = hash(page);
    for (const size_t at : {size_t{0}, size_t{1}, size_t{2048},
                            size_t{page_size - 1}}) {
        for (int bit = 0; bit < 8; bit++) {
            Buffer changed = page;
            changed[at] = static_cast<uint8_t>(changed[at] ^ (1 << bit));
            assert_true(hash(changed) != whole);
        }
    }
}

static void pieces_are_as_good_as_the_whole(void**)
{
    const KeyedHash hash(key);
    const View whole(page);
    // XXH3 takes in 256 bytes at a time, and treats the last ones differently.
    for (const size_t first : {0, 1, 16, 255, 256, 257, 4080, 4096}) {
        assert_true(hash({whole.first(first), View{}, whole.subspan(first)}) ==
                    hash(whole));
    }
    assert_true(hash(std::initializer_list<View>{}) == hash(View{}));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_the_same_everywhere),
        cmocka_unit_test(another_key_gives_another_digest),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(pieces_are_as_good_as_the_whole),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
