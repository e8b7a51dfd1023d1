// The library that talks to device-mapper is for one thread at a time, all of
// it; our disks have a thread each. What the kernel makes of what it is asked
// is tests/nested/'s.
#include "disks/device_mapper.h"

#include <libdevmapper.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <thread>

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

std::atomic<int> inside{0};
std::atomic<bool> met{false};  // two of them, in the library

}  // namespace

// In the library's place: asks no kernel.
extern "C" int dm_task_run(dm_task*)
{
    met = met | (++inside > 1);
    std::this_thread::sleep_for(1ms);
    --inside;
    return 0;
}

static void one_thread_at_a_time_is_in_the_library(void**)
{
    {
        std::vector<std::jthread> disks;
        for (int i = 0; i < 4; ++i) {
            disks.emplace_back([] {
                const auto dm = make_device_mapper();
                for (int n = 0; n < 10; ++n) {
                    (void)bool(dm->table("xl-colo-r0-0"));
                    (void)bool(dm->swap("xl-colo-r0-0"));
                    (void)bool(dm->name_of(makedev(253, 0)));
                }
            });
        }
    }
    assert_false(met);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_at_a_time_is_in_the_library),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
