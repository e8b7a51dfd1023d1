#include "xen/compat.h"

#include "check.h"

using namespace xl_colo;

namespace {

int flags_seen = -1;

int restore_as_in_4_17(int fd, unsigned long* store)
{
    *store = 1;
    return fd;
}

int restore_as_in_4_22(int fd, unsigned long* store, unsigned memflags)
{
    *store = 2;
    flags_seen = static_cast<int>(memflags);
    return fd;
}

}  // namespace

static void either_restore_is_called_with_what_it_takes(void**)
{
    unsigned long store = 0;
    assert_int_equal(
        compat::call_domain_restore(restore_as_in_4_17, 7, &store), 7);
    assert_int_equal(store, 1);
    assert_int_equal(
        compat::call_domain_restore(restore_as_in_4_22, 8, &store), 8);
    assert_int_equal(store, 2);
    assert_int_equal(flags_seen, 0);
}

static void a_new_domain_takes_any_number(void**)
{
    libxl_domain_create_info info;
    libxl_domain_create_info_init(&info);
    info.domid = 5;
    compat::take_any_domid(info);
    const bool valid = libxl_domid_valid_guest(info.domid);
    libxl_domain_create_info_dispose(&info);
    assert_false(valid);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(either_restore_is_called_with_what_it_takes),
        cmocka_unit_test(a_new_domain_takes_any_number),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
