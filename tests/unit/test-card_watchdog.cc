// Whether the network cards of a guest that was taken over are connected: what
// is tried, what an admin is told, and when that is over.
#include "process/card_watchdog.h"

#include <thread>

#include "fake_host.h"
#include "fake_log.h"
#include "process/caretaker.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

const char* const mac = "00:16:3e:00:00:01";

DeviceFacts card(unsigned number, bool used_by_pv_driver)
{
    DeviceFacts facts{.type = DeviceType::network_card,
                      .name = mac,
                      .used_by_pv_driver = used_by_pv_driver};
    facts.card.number = number;
    return facts;
}

// A guest that was just taken over, with a disk and card number 1.
struct Bed {
    explicit Bed(bool used_by_pv_driver = true)
        : watchdog(host, board, log,
                   {{DeviceType::disk, "xvda", true},
                    card(1, used_by_pv_driver)},
                   1ms)
    {
    }
    void look() { watchdog.look(guest->domid); }
    bool warns() const
    {
        return board.read().warning(WarningKind::card_cut_off) != nullptr;
    }
    unsigned tries() const { return host.faults.calls("reconnect_card"); }

    FakeHost host{"beta"};
    FakeLog log;
    StatusBoard board{SessionStatus{}};
    std::shared_ptr<FakeGuest> guest = host.add_guest("g");
    CardWatchdog watchdog;
};

void card_that_is_connected_is_left_alone(void**)
{
    Bed bed;
    assert_true(bed.watchdog.due().has_value());
    bed.look();
    assert_false(bed.watchdog.due().has_value());
    assert_int_equal(bed.tries(), 0);
    assert_false(bed.warns());
    assert_true(bed.log.lines().empty());
}

void card_that_is_cut_off_is_connected_again(void**)
{
    Bed bed;
    bed.guest->cut_off_card(1, 1);
    bed.look();
    assert_true(
        bed.log.says(LogLevel::warn, "driver in state 1, backend in 2"));
    assert_int_equal(bed.tries(), 1);
    assert_true(bed.watchdog.due().has_value());
    bed.look();
    assert_true(bed.log.says(LogLevel::notice, "are connected"));
    assert_false(bed.watchdog.due().has_value());
    assert_false(bed.warns());
}

// Once, and not again: then it is for an admin, until it is so after all.
void card_that_stays_cut_off_is_warned_of(void**)
{
    Bed bed;
    bed.guest->cut_off_card(1, 2);
    bed.look();
    assert_false(bed.warns());
    bed.look();
    assert_true(bed.warns());
    assert_contains(
        bed.board.read().warning(WarningKind::card_cut_off)->text, mac);
    assert_true(bed.log.says(LogLevel::error, mac));
    bed.look();
    assert_int_equal(bed.tries(), 1);
    assert_true(bed.warns());
    bed.guest->reconnect_card(1);
    bed.look();
    assert_false(bed.warns());
    assert_false(bed.watchdog.due().has_value());
}

void attempt_that_fails_is_warned_of_as_well(void**)
{
    Bed bed;
    bed.guest->cut_off_card(1, 1);
    bed.host.faults.let_fail("reconnect_card", 1,
                             {ErrorKind::io, "injected"});
    bed.look();
    assert_true(bed.log.says(LogLevel::warn, "injected"));
    bed.look();
    assert_true(bed.warns());
}

void guest_that_stands_is_waited_for(void**)
{
    Bed bed;
    bed.guest->cut_off_card(1, 1);
    (void)bed.guest->pause();
    for (int i = 0; i < 3; ++i) {
        bed.look();
    }
    assert_int_equal(bed.tries(), 0);
    assert_true(bed.watchdog.due().has_value());
    assert_true(bed.log.lines().empty());
    (void)bed.guest->unpause();
    bed.look();
    assert_int_equal(bed.tries(), 1);
}

void card_without_a_pv_driver_is_nobodys_business(void**)
{
    Bed bed(false);
    assert_false(bed.watchdog.due().has_value());
}

// The caretaker has it look when it is due, and no more once the guest is
// another domain.
void caretaker_looks_and_stops_at_a_reboot(void**)
{
    Bed bed;
    bed.guest->cut_off_card(1, 100);
    Caretaker caretaker(bed.host, bed.board, bed.log);
    std::thread thread([&] {
        caretaker.run(bed.guest->domid, false, &bed.watchdog);
    });
    const auto wait_for = [](auto so) {
        for (int i = 0; i < 3000 && !so(); ++i) {
            std::this_thread::sleep_for(10ms);
        }
        return so();
    };
    const bool warned = wait_for([&] { return bed.warns(); });
    bed.host.shut_down(bed.guest->domid, GuestState::reboot);
    caretaker.domains_changed();
    const bool over = wait_for([&] { return !bed.warns(); });
    caretaker.request_stop("test");
    thread.join();
    assert_true(warned);
    assert_true(over);
    assert_int_equal(bed.tries(), 1);
    assert_false(bed.watchdog.due().has_value());
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(card_that_is_connected_is_left_alone),
        cmocka_unit_test(card_that_is_cut_off_is_connected_again),
        cmocka_unit_test(card_that_stays_cut_off_is_warned_of),
        cmocka_unit_test(attempt_that_fails_is_warned_of_as_well),
        cmocka_unit_test(guest_that_stands_is_waited_for),
        cmocka_unit_test(card_without_a_pv_driver_is_nobodys_business),
        cmocka_unit_test(caretaker_looks_and_stops_at_a_reboot),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
