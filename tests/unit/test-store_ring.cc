// The half-written request of a copy, against what xenstored does with a ring:
// handle_input() and handle_output() of xenstored_core.c, Xen 4.17.
#include <algorithm>
#include <cstring>
#include <deque>
#include <string>

#include "domain/store_ring.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

class Xenstored {
public:
    // One round, for this connection.
    void turn()
    {
        if (reads) {
            read_once();
        }
        write_once();
    }

    void answer(uint32_t type, const std::string& payload)
    {
        xsd_sockmsg header{};
        header.type = type;
        header.len = static_cast<uint32_t>(payload.size());
        const auto* bytes = reinterpret_cast<const char*>(&header);
        out.insert(out.end(), bytes, bytes + sizeof(header));
        out.insert(out.end(), payload.begin(), payload.end());
    }

    // The guest's, as far as it fits.
    void write(const std::string& bytes)
    {
        for (const char byte : bytes) {
            ring.req[MASK_XENSTORE_IDX(ring.req_prod++)] = byte;
        }
    }

    // A guest that is stopped with that written; then libxc clears the page.
    void stop_guest_at(const std::string& bytes)
    {
        write(bytes);
        turn();
        ring = {};
    }

    xenstore_domain_interface ring{};
    std::string in;  // conn->in: what there is of a request
    std::deque<char> out;
    bool reads = true;
    bool watches = false;  // an event now and then
    std::string reply = std::string("EINVAL", 7);
    unsigned events_a_request = 0;
    bool one_message = false;  // and no more, in a round
    std::vector<std::string> requests;

private:
    unsigned rounds_ = 0;
    size_t left_ = 0;  // of the message that is being written

    void read_once()
    {
        while (ring.req_cons != ring.req_prod) {
            in += ring.req[MASK_XENSTORE_IDX(ring.req_cons++)];
            xsd_sockmsg header{};
            if (in.size() < sizeof(header)) {
                continue;
            }
            std::memcpy(&header, in.data(), sizeof(header));
            assert_true(header.len <= XENSTORE_PAYLOAD_MAX);
            if (in.size() == sizeof(header) + header.len) {
                requests.push_back(std::exchange(in, ""));
                // What the request did, its own guest may watch.
                for (unsigned i = 0; i < events_a_request; ++i) {
                    answer(XS_WATCH_EVENT, std::string("data/a\0t", 9));
                }
                answer(XS_ERROR, reply);
                return;
            }
        }
    }

    void write_once()
    {
        if (watches && ++rounds_ % 4 == 0) {
            answer(XS_WATCH_EVENT, std::string("memory/target\0t", 16));
        }
        for (size_t room = one_message ? rest_of_message() : out.size();
             room > 0 && ring.rsp_prod - ring.rsp_cons < XENSTORE_RING_SIZE;
             --room) {
            ring.rsp[MASK_XENSTORE_IDX(ring.rsp_prod++)] = out.front();
            out.pop_front();
            left_ -= left_ > 0;
        }
    }

    size_t rest_of_message()
    {
        if (left_ == 0 && !out.empty()) {
            xsd_sockmsg header{};
            std::copy_n(out.begin(), sizeof(header),
                        reinterpret_cast<char*>(&header));
            left_ = sizeof(header) + header.len;
        }
        return left_;
    }
};

std::string request(uint32_t type, const std::string& payload)
{
    xsd_sockmsg header{};
    header.type = type;
    header.req_id = 0x01020304;
    header.len = static_cast<uint32_t>(payload.size());
    return std::string(reinterpret_cast<const char*>(&header),
                       sizeof(header)) +
           payload;
}

Result<bool> end_with(Xenstored& xenstored)
{
    return end_request(
        xenstored.ring,
        [&]() -> Status {
            xenstored.turn();
            return {};
        },
        std::chrono::milliseconds(200));
}

// Wherever the guest was stopped.
void request_cut_anywhere_is_ended(void**)
{
    for (const size_t size : {0, 1, 15, 16, 17, 300}) {
        const std::string whole = request(XS_WRITE, std::string(size, 'x'));
        for (size_t cut = 0; cut <= whole.size(); ++cut) {
            Xenstored xenstored;
            xenstored.stop_guest_at(whole.substr(0, cut));
            const auto ended = end_with(xenstored);
            assert_true(ended && *ended);
            assert_int_equal(xenstored.in.size(), 0);
            assert_true(xenstored.ring.req_cons == xenstored.ring.req_prod);
        }
    }
}

// Until the answer to what the first zeros have ended is here, whole, the
// answer to the last one is not to be told from it.
void late_answer_is_not_taken_for_the_last(void**)
{
    struct Late {
        size_t reply;
        unsigned events;
    };
    const std::string whole = request(XS_WRITE, std::string(40, 'x'));
    for (const Late& late : {Late{3000, 0}, Late{7, 6}, Late{3000, 3}}) {
        for (size_t cut = 0; cut <= whole.size(); ++cut) {
            Xenstored xenstored;
            xenstored.one_message = true;
            xenstored.reply = std::string(late.reply, 'r');
            xenstored.events_a_request = late.events;
            xenstored.stop_guest_at(whole.substr(0, cut));
            const auto ended = end_with(xenstored);
            assert_true(ended && *ended);
            assert_int_equal(xenstored.in.size(), 0);
        }
    }
}

void answers_and_events_under_way_end_nothing(void**)
{
    for (const bool watches : {false, true}) {
        Xenstored xenstored;
        xenstored.watches = watches;
        xenstored.answer(XS_DIRECTORY, std::string(3000, 'd'));
        xenstored.stop_guest_at(request(XS_READ, "data").substr(0, 9));
        const auto ended = end_with(xenstored);
        assert_true(ended && *ended);
        assert_int_equal(xenstored.in.size(), 0);
    }
}

// Between two requests the only one that xenstored sees is one of no type that
// a guest may use.
void nothing_else_is_asked(void**)
{
    Xenstored xenstored;
    const auto ended = end_with(xenstored);
    assert_true(ended && *ended);
    assert_int_equal(xenstored.requests.size(), 1);
    assert_true(xenstored.requests[0] ==
                std::string(sizeof(xsd_sockmsg), '\0'));
}

// As on a machine that has other work to do.
void one_that_is_slow_is_waited_for(void**)
{
    Xenstored xenstored;
    xenstored.stop_guest_at(request(XS_READ, "data").substr(0, 9));
    xenstored.reads = false;
    int turns = 0;
    const auto ended = end_request(
        xenstored.ring,
        [&]() -> Status {
            xenstored.reads = ++turns % 100 == 0 || turns < 10;
            xenstored.turn();
            return {};
        },
        std::chrono::seconds(10));
    assert_true(ended && *ended);
    assert_int_equal(xenstored.in.size(), 0);
}

// It must not be waited for without an end: the guest stands still.
void one_that_stops_reading_is_an_error(void**)
{
    Xenstored xenstored;
    int turns = 0;
    const auto ended = end_request(
        xenstored.ring,
        [&]() -> Status {
            xenstored.reads = ++turns < 4;
            xenstored.turn();
            return {};
        },
        std::chrono::milliseconds(50));
    assert_false(static_cast<bool>(ended));
    assert_true(ended.error().kind() == ErrorKind::timeout);
}

void who_does_not_look_is_left_alone(void**)
{
    Xenstored xenstored;
    xenstored.reads = false;
    const auto ended = end_with(xenstored);
    assert_true(ended && !*ended);
    assert_int_equal(xenstored.ring.req_prod, 0);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(request_cut_anywhere_is_ended),
        cmocka_unit_test(late_answer_is_not_taken_for_the_last),
        cmocka_unit_test(answers_and_events_under_way_end_nothing),
        cmocka_unit_test(nothing_else_is_asked),
        cmocka_unit_test(one_that_is_slow_is_waited_for),
        cmocka_unit_test(one_that_stops_reading_is_an_error),
        cmocka_unit_test(who_does_not_look_is_left_alone),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
