// A checkpoint's figures, to bytes and back.
#include "session/figures_frame.h"

#include "check.h"
#include "status/figures.h"
#include "wire/frame.h"

using namespace xl_colo;

namespace {

// Each figure of the table has a value of its own.
CheckpointFigures full()
{
    CheckpointFigures checkpoint;
    checkpoint.number = CheckpointNumber{7};
    checkpoint.taken = WallClock::time_point(Microseconds(1234567));
    uint64_t value = 100;
    for (const Figure& figure : figures) {
        figure.set(checkpoint, value++);
    }
    return checkpoint;
}

void every_figure_arrives(void**)
{
    const Buffer body = encode_figures(full());
    assert_int_equal(body.size(), done_body_size);
    const auto arrived = decode_figures(body);
    assert_true(bool(arrived));
    assert_int_equal(arrived->number.value(), 7);
    assert_true(arrived->taken == full().taken);
    uint64_t value = 100;
    for (const Figure& figure : figures) {
        assert_int_equal(figure.get(*arrived).value(), value++);
    }
}

void unknown_figure_stays_unknown(void**)
{
    CheckpointFigures checkpoint = full();
    checkpoint.a.reset();
    checkpoint.acknowledge.reset();
    const auto arrived = decode_figures(encode_figures(checkpoint));
    assert_false(arrived->a.has_value());
    assert_false(arrived->acknowledge.has_value());
    assert_true(arrived->b == checkpoint.b);
}

void short_body_is_an_error(void**)
{
    Buffer body = encode_figures(full());
    body.pop_back();
    const auto arrived = decode_figures(body);
    assert_true(arrived.error().kind() == ErrorKind::protocol);
    assert_text(arrived.error().text(),
                "DONE: the frame's body is too short");
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_arrives),
        cmocka_unit_test(unknown_figure_stays_unknown),
        cmocka_unit_test(short_body_is_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
