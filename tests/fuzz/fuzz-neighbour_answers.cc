// Frames from the wire and of the copy, one behind another with a length of two
// bytes: the first bit says whose. An answer has to be one, to the one who
// asked, and may tell only what was told.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "compare/neighbour_answers.h"
#include "network/neighbour.h"

using namespace xl_colo;

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    constexpr size_t most = 3;
    NeighbourAnswers answers(most);
    std::set<Buffer> told;  // each six bytes in a row that came
    View rest(data, size);
    while (rest.size() > 2) {
        const bool is_copys = rest[0] % 2 != 0;
        const size_t length = std::min<size_t>(rest[1], rest.size() - 2);
        const View bytes = rest.subspan(2, length);
        rest = rest.subspan(2 + length);
        if (bytes.size() < virtio_header_size + ETH_HLEN) {
            continue;
        }
        if (!is_copys) {
            for (size_t at = 0; at + ETH_ALEN <= bytes.size(); ++at) {
                told.emplace(bytes.begin() + long(at),
                             bytes.begin() + long(at) + ETH_ALEN);
            }
            answers.learn(TapFrame(bytes));
            require(answers.size() <= most);
            continue;
        }
        const auto reply = answers.reply(TapFrame(bytes));
        if (reply.kind != NeighbourAnswers::Kind::answered) {
            require(reply.frame.empty());
            continue;
        }
        const TapFrame frame(reply.frame);
        require(must_not_wait(frame));
        const View from = frame.ethernet().subspan(ETH_ALEN, ETH_ALEN);
        require(told.contains(Buffer(from.begin(), from.end())));
    }
    return 0;
}
