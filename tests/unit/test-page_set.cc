#include "pages/page_set.h"

#include <random>
#include <set>

#include "check.h"

using namespace xl_colo;

namespace {

void each_page_counts_once(void**)
{
    for (const uint64_t gfns : {1, 63, 64, 65, 1000}) {
        std::mt19937_64 random(gfns);
        PageSet set{Pages{gfns}};
        for (int round = 0; round < 3; ++round) {
            std::set<uint64_t> naive;
            for (int i = 0; i < 500; ++i) {
                const uint64_t pfn = random() % gfns;
                set.insert(Pfn{pfn});
                naive.insert(pfn);
                assert_true(set.size() == Pages{naive.size()});
            }
            set.clear();
            assert_true(set.size() == Pages{0});
        }
    }
}

void first_and_last_page_are_pages(void**)
{
    PageSet set{Pages{65}};
    set.insert(Pfn{0});
    set.insert(Pfn{64});
    set.insert(Pfn{63});
    set.insert(Pfn{64});
    assert_true(set.size() == Pages{3});
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_page_counts_once),
        cmocka_unit_test(first_and_last_page_are_pages),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
