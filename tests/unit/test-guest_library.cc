#include "migration/guest_library.h"

#include "check.h"
#include "relay/migration_stream.h"
#include "xen/xen_headers.h"

using namespace xl_colo;

static void a_record_of_every_release_is_known(void**)
{
    // The library is in the process only when it is needed.
    auto* volatile needed = xc_domain_save;
    assert_non_null(needed);
    assert_true(guest_library_knows_record("Checkpoint dirty pfn list"));
}

static void part_of_a_name_or_none_of_its_is_not(void**)
{
    assert_false(guest_library_knows_record("Checkpoint dirty pfn li"));
    assert_false(guest_library_knows_record("Checkpoint of nothing"));
}

// This program has the names itself, for its messages: they do not count.
static void only_the_library_is_looked_into(void**)
{
    const std::string name = "Checkpoint dirty pfn part";
    assert_contains(to_string(RecordType::CHECKPOINT_DIRTY_PFN_PART), name);
    const char* const patched = std::getenv("XL_COLO_GUEST_LIBRARY_PATCHED");
    assert_int_equal(guest_library_knows_record(name.c_str()),
                     patched != nullptr);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_every_release_is_known),
        cmocka_unit_test(part_of_a_name_or_none_of_its_is_not),
        cmocka_unit_test(only_the_library_is_looked_into),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
