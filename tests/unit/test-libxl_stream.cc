#include "migration/libxl_stream.h"

#include "check.h"
#include "hex.h"

using namespace xl_colo;

// The golden file was written by hand from libxl-migration-stream.pandoc: a
// header in network order, then records of type, length, body, padding.
static void the_stream_is_that_of_the_specification(void**)
{
    const Buffer state{'Q', 'E', 'V', 'M', 0};
    assert_golden("# before the helper\n" + hex(libxl_stream_opening()) +
                      "# after it, for a state of 5 bytes\n" +
                      hex(libxl_stream_closing(state)),
                  "libxl-stream.txt");
}

static void a_state_of_whole_words_is_not_padded(void**)
{
    const Buffer state(16, 0xaa);
    // Record header, emulator header, state, END.
    assert_int_equal(libxl_stream_closing(state).size(), 8 + 8 + 16 + 8);
}

static void without_a_device_model_it_just_ends(void**)
{
    assert_text(hex(libxl_stream_closing()), hex(Buffer(8)));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_is_that_of_the_specification),
        cmocka_unit_test(a_state_of_whole_words_is_not_padded),
        cmocka_unit_test(without_a_device_model_it_just_ends),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
