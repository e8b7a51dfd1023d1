#include "session/event_queue.h"

#include <thread>

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

uint64_t number_of(const std::optional<Event>& event)
{
    return BodyReader(std::get<Frame>(*event).body).u64().value();
}

Frame numbered(uint64_t number)
{
    return {FrameType::READY, BodyWriter().u64(number).take()};
}

void events_come_in_the_order_of_posting(void**)
{
    EventQueue queue;
    queue.post(numbered(1));
    queue.post(StopRequest{"enough"});
    queue.post(PeerLost{Error(ErrorKind::peer_lost, "gone")});
    queue.post(numbered(2));
    assert_int_equal(number_of(queue.take()), 1);
    assert_text(std::get<StopRequest>(*queue.take()).reason, "enough");
    assert_text(std::get<PeerLost>(*queue.take()).error.text(), "gone");
    assert_int_equal(number_of(queue.take()), 2);
}

void deadline_ends_the_wait_and_no_sooner(void**)
{
    EventQueue queue;
    const auto deadline = EventQueue::Clock::now() + 20ms;
    assert_false(queue.take(deadline).has_value());
    assert_true(EventQueue::Clock::now() >= deadline);
    // What is there is taken, also when it is late.
    queue.post(FailoverRequest{});
    assert_true(queue.take(deadline).has_value());
    assert_false(queue.take(deadline).has_value());
}

void nothing_is_lost_between_threads(void**)
{
    constexpr uint64_t each = 1000;
    EventQueue queue;
    std::vector<std::thread> posters;
    for (uint64_t poster = 0; poster < 4; ++poster) {
        posters.emplace_back([&queue, poster] {
            for (uint64_t i = 0; i < each; ++i) {
                queue.post(numbered(poster << 32 | i));
            }
        });
    }
    // Each poster's own events keep their order.
    std::array<uint64_t, 4> next{};
    bool in_order = true;
    for (uint64_t i = 0; i < 4 * each; ++i) {
        const uint64_t number = number_of(queue.take());
        in_order = in_order && next[number >> 32]++ == (number & 0xffffffff);
    }
    for (std::thread& poster : posters) {
        poster.join();
    }
    assert_true(in_order);
    assert_false(queue.take(EventQueue::Clock::now()).has_value());
}

}  // namespace

int main()
{
    alarm(60);  // a wait that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_the_order_of_posting),
        cmocka_unit_test(deadline_ends_the_wait_and_no_sooner),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
