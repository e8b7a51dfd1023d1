// Whole sessions over Debian's libxc that come to a bad end: either side killed
// in the middle of a checkpoint, or refused by its hypervisor.
#include <cerrno>
#include <thread>

#include "check_outcome.h"  // last: cmocka has a macro called fail

using namespace xl_colo;
using namespace xl_colo::model;
using namespace std::chrono_literals;

namespace {

struct Moment {
    const char* step;
    unsigned nth;
};

void killed_primary_leaves_the_guest_on_the_secondary(void**)
{
    constexpr Moment moments[] = {
        {"save.wait", 1},              // idle
        {"suspended", 1},              // before the dirty list
        {"hypercall.map", 1},          // before the first page
        {"hypercall.map", 2},          // while pages flow
        {"hypercall.get_context", 1},  // after the last page
        {"save.checkpoint", 1},        // before the device state
        {"resume", 1},                 // all is copied
        {"resumed", 1},                // it goes on, and little is sent
        {"save.postcopy.done", 1},     // committed, and the copy has gone on
    };
    for (const Moment& moment : moments) {
        PairOptions options;
        options.verify = false;
        options.checkpoints.reset();
        options.on_primary = [&](Scene& scene) {
            scene.kill_during(3, moment.step, moment.nth);
        };
        // With "auto" it runs from 2 and stands from 3, or the other way round.
        for (const auto& [output, from] :
             {std::pair(Output::compare, 2), std::pair(Output::commit, 2),
              std::pair(Output::automatic, 0),
              std::pair(Output::automatic, 1)}) {
            options.output = output;
            options.copy_runs = [from = from](CheckpointNumber n) {
                return n.value() % 2 == static_cast<unsigned>(from);
            };
            const PairResult r = run_pair(options);

            print_message("primary killed at %s, %s\n", moment.step,
                          to_string(output).c_str());
            assert_true(r.primary.killed);
            assert_text(r.secondary.trouble, "");
            assert_contains(r.secondary.why, "primary lost");
            assert_contains(r.secondary.warning,
                            "nothing proved the primary dead");
            assert_has_guest(r.secondary, State::taken_over);
        }
    }
}

void killed_secondary_leaves_the_guest_on_the_primary(void**)
{
    constexpr Moment moments[] = {
        {"restore.wait", 1},
        {"suspended", 1},
        {"hypercall.log_dirty_clean", 1},
        {"restore.checkpoint", 1},
        {"hypercall.map", 1},  // applying
        {"load_device_state", 1},
        {"resume", 1},
    };
    for (const Moment& moment : moments) {
        PairOptions options;
        options.verify = false;
        options.checkpoints.reset();
        options.on_secondary = [&](Scene& scene) {
            scene.kill_during(3, moment.step, moment.nth);
        };
        const PairResult r = run_pair(options);

        print_message("secondary killed at %s\n", moment.step);
        assert_true(r.secondary.killed);
        assert_text(r.primary.trouble, "");
        assert_contains(r.primary.why, "secondary lost");
        assert_contains(r.primary.warning, "xl list");
        assert_has_guest(r.primary, State::unprotected);
    }
}

// The secondary of a session in which something befalls it in checkpoint 3. On
// a machine that is so busy that a host loses the other before that, nothing
// has been shown: the same again with more time.
PairResult run_frozen(std::function<void(Scene&, int factor)> befall)
{
    for (int factor = 1;; factor *= 2) {
        PairOptions options;
        options.verify = false;
        options.timeout = 1000ms * factor;
        options.checkpoints.reset();
        options.give_up_when_held = true;
        options.on_secondary = [&](Scene& scene) { befall(scene, factor); };
        PairResult r = run_pair(options);
        assert_no_trouble(r);
        if (r.secondary.checkpoints >= 2 || factor == 4) {
            return r;
        }
        print_message("lost before checkpoint 3: %s\n",
                      r.secondary.why.c_str());
    }
}

void check_given_up(const PairResult& r)
{
    assert_true(r.secondary.checkpoints >= 2);
    assert_text(r.secondary.why, "given up");
    assert_true(r.secondary.state == State::ended);
    assert_contains(r.primary.why, "secondary lost");
    assert_has_guest(r.primary, State::unprotected);
}

// It is the one that was lost: the primary goes on, and must neither be fenced
// nor get a second guest beside its own.
void secondary_that_was_frozen_does_not_take_over(void**)
{
    for (const char* step : {"restore.wait", "load_device_state"}) {
        print_message("secondary frozen at %s\n", step);
        check_given_up(run_frozen([step](Scene& scene, int factor) {
            scene.freeze_during(3, step, 2500ms * factor);
        }));
    }
}

// Nor does one that is busy for long before it comes to look at the loss.
void secondary_that_was_frozen_and_is_slow_does_not_take_over(void**)
{
    check_given_up(run_frozen([](Scene& scene, int factor) {
        scene.during(3, "load_device_state", 1, [factor] {
            Scene::freeze(2500ms * factor);
            std::this_thread::sleep_for(4s * factor);
        });
    }));
}

void primary_killed_during_the_initial_copy_leaves_nothing(void**)
{
    PairOptions options;
    options.on_primary = [](Scene& scene) {
        scene.kill_during(0, "hypercall.map", 3);
    };
    const PairResult r = run_pair(options);

    assert_true(r.primary.killed);
    assert_text(r.secondary.trouble, "");
    assert_text(to_string(r.secondary.state), to_string(State::ended));
    assert_int_equal(r.secondary.checkpoints, 0);
}

void failed_hypercall_ends_protection(void**)
{
    struct {
        Role side;
        const char* call;
    } constexpr cases[] = {
        {Role::primary, "hypercall.log_dirty_clean"},
        {Role::primary, "hypercall.map"},
        {Role::primary, "hypercall.get_context"},
        {Role::secondary, "hypercall.log_dirty_clean"},
        {Role::secondary, "hypercall.map"},
        {Role::secondary, "hypercall.set_context"},
    };
    for (const auto& c : cases) {
        PairOptions options;
        options.verify = false;
        options.checkpoints.reset();
        const auto fail = [&](Scene& scene) {
            scene.fail_during(2, c.call,
                              {ErrorKind::hypercall, "failed", ENOMEM});
        };
        (c.side == Role::primary ? options.on_primary : options.on_secondary) =
            fail;
        const PairResult r = run_pair(options);

        print_message("%s fails on the %s\n", c.call, to_string(c.side));
        assert_no_trouble(r);
        assert_contains(r.primary.why, "Cannot allocate memory");
        assert_has_guest(r.primary, State::unprotected);
        assert_text(to_string(r.secondary.state), to_string(State::ended));
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(killed_primary_leaves_the_guest_on_the_secondary),
        cmocka_unit_test(killed_secondary_leaves_the_guest_on_the_primary),
        cmocka_unit_test(secondary_that_was_frozen_does_not_take_over),
        cmocka_unit_test(
            secondary_that_was_frozen_and_is_slow_does_not_take_over),
        cmocka_unit_test(primary_killed_during_the_initial_copy_leaves_nothing),
        cmocka_unit_test(failed_hypercall_ends_protection),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
