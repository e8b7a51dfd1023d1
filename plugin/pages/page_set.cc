#include "pages/page_set.h"

#include <algorithm>

namespace xl_colo {

void PageSet::clear()
{
    std::ranges::fill(words_, 0);
    size_ = 0;
}

}  // namespace xl_colo
