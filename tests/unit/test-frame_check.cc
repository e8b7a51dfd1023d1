#include "wire/frame_check.h"

#include "check.h"
#include "hex.h"

using namespace xl_colo;

namespace {

const Buffer key{'s', 'e', 'c', 'r', 'e', 't'};
const Buffer body(100, 0x22);
constexpr FrameHeader header{FrameType::PAGES, 100};

FrameCheck::Sum sum_of(const FrameCheck& check, uint64_t number,
                       FrameHeader of, const Buffer& contents)
{
    return check.of_frame(number, of, check.of_body({contents}));
}

const FrameCheck from_primary(key, FrameSource::primary);

// Both hosts must agree, whatever their machine and library.
void the_sum_is_the_same_everywhere(void**)
{
    assert_text(hex(sum_of(from_primary, 7, header, body)),
                "83 3c e7 29 54 4f 0a 5a\n7e 97 9e d0 2f 51 57 75\n");
}

void whatever_changes_shows(void**)
{
    const auto sum = sum_of(from_primary, 7, header, body);
    const FrameCheck others_key(Buffer{'o'}, FrameSource::primary);
    assert_true(sum_of(others_key, 7, header, body) != sum);
    // Sent back to where it came from, twice, or left out.
    const FrameCheck back(key, FrameSource::secondary);
    assert_true(sum_of(back, 7, header, body) != sum);
    assert_true(sum_of(from_primary, 8, header, body) != sum);
    assert_true(sum_of(from_primary, 6, header, body) != sum);
    // As another type; shorter by what is padding, too.
    assert_true(sum_of(from_primary, 7, {FrameType::RECORD, 100}, body) != sum);
    assert_true(sum_of(from_primary, 7, {FrameType::PAGES, 99}, body) != sum);
    for (size_t bit = 0; bit < 8 * body.size(); ++bit) {
        Buffer changed = body;
        changed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
        assert_true(sum_of(from_primary, 7, header, changed) != sum);
    }
}

void it_is_the_same_however_the_body_is_cut(void**)
{
    const View whole(body);
    assert_true(from_primary.of_body({whole.first(1), whole.subspan(1)}) ==
                from_primary.of_body({whole}));
    assert_true(from_primary.of_body({}) == from_primary.of_body({View{}}));
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_the_same_everywhere),
        cmocka_unit_test(whatever_changes_shows),
        cmocka_unit_test(it_is_the_same_however_the_body_is_cut),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
