// One zero after another, until one of them gets an answer: the byte that ends
// a request. 16 of them are a request of their own (XS_CONTROL without a word,
// which a guest is refused), so there is one within 4,096 + 16, after 16 where
// the guest was between two requests.
#include "domain/store_ring.h"

#include <array>
#include <cstring>

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// A turn reads from each connection, unless it is made to wait for its quota.
constexpr int most_turns = 32;
// It reads in one turn and answers in the same or the next.
constexpr int quiet_turns = 2;
// The longest request, and a header.
constexpr size_t most_zeros = XENSTORE_PAYLOAD_MAX + 2 * sizeof(xsd_sockmsg);

// Another side writes and reads the ring, too.
uint32_t load(const uint32_t& index)
{
    return __atomic_load_n(&index, __ATOMIC_ACQUIRE);
}

void store(uint32_t& index, uint32_t value)
{
    __atomic_store_n(&index, value, __ATOMIC_RELEASE);
}

// Takes what xenstored answers, as the guest would.
class Answers {
public:
    explicit Answers(xenstore_domain_interface& ring) : ring_(ring) {}

    // Whether there was anything.
    bool drop()
    {
        const uint32_t end = load(ring_.rsp_prod);
        const bool any = end != ring_.rsp_cons;
        store(ring_.rsp_cons, end);
        return any;
    }

    // The same, for what begins with a message.
    bool count()
    {
        const uint32_t end = load(ring_.rsp_prod);
        const uint32_t start = ring_.rsp_cons;
        for (uint32_t at = start; at != end; ++at) {
            ended_ += take(ring_.rsp[MASK_XENSTORE_IDX(at)]);
        }
        store(ring_.rsp_cons, end);
        return end != start;
    }

    // How many have come to their end; events are none.
    size_t ended() const { return ended_; }

private:
    bool take(char byte)
    {
        if (in_header_ < header_.size()) {
            header_[in_header_++] = byte;
            if (in_header_ < header_.size()) {
                return false;
            }
            std::memcpy(&message_, header_.data(), sizeof(message_));
            left_ = message_.len;
        } else {
            --left_;
        }
        if (left_ > 0) {
            return false;
        }
        in_header_ = 0;
        return message_.type != XS_WATCH_EVENT;
    }

    xenstore_domain_interface& ring_;
    size_t ended_ = 0;
    std::array<char, sizeof(xsd_sockmsg)> header_{};
    size_t in_header_ = 0;
    xsd_sockmsg message_{};
    uint32_t left_ = 0;
};

}  // namespace

Result<bool> end_request(xenstore_domain_interface& ring,
                         const std::function<Status()>& turn,
                         std::chrono::milliseconds patience)
{
    const auto deadline = Clock::now() + patience;
    Answers answers(ring);
    // An answer that is under way comes in pieces as large as the ring.
    do {
        for (int i = 0; i < quiet_turns; i++) {
            if (auto s = turn(); !s) {
                return s.error();
            }
        }
    } while (answers.drop() && Clock::now() < deadline);

    // Returns once they are read, and what they ended is answered: it is when
    // nothing more comes. An answer may be longer than the ring, and have
    // events before it, each of which takes a turn.
    const auto feed = [&](uint32_t zeros, bool must) -> Result<bool> {
        const uint32_t start = ring.req_prod;
        const uint32_t end = start + zeros;
        for (uint32_t at = start; at != end; ++at) {
            ring.req[MASK_XENSTORE_IDX(at)] = 0;
        }
        store(ring.req_prod, end);
        const auto until = must ? Clock::now() + patience : deadline;
        int turns = 0;
        for (int quiet = 0; quiet < quiet_turns; ++turns) {
            if (auto s = turn(); !s) {
                return s.error();
            }
            const bool any = answers.count();
            const uint32_t read = load(ring.req_cons);
            quiet = read == end && !any ? quiet + 1 : 0;
            if (quiet == 0 && turns >= most_turns && Clock::now() >= until) {
                if (must || read != start) {
                    return Error(ErrorKind::timeout,
                                 "xenstored reads no request to its end");
                }
                store(ring.req_prod, start);
                return false;
            }
        }
        return true;
    };

    // The 16th is the first that can end one for certain.
    auto read = feed(sizeof(xsd_sockmsg) - 1, false);
    for (size_t fed = 0; read && *read; ++fed) {
        const size_t before = answers.ended();
        read = feed(1, true);
        if (read && *read && answers.ended() > before) {
            return true;
        }
        if (fed == most_zeros) {
            return Error(ErrorKind::io, "xenstored answers no request");
        }
    }
    return read;
}

}  // namespace xl_colo
