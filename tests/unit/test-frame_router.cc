#include "wire/frame_router.h"

#include "check.h"

using namespace xl_colo;

namespace {

struct Routed {
    explicit Routed(FrameSource peer)
        : router(peer, [this](Frame frame) -> Status {
              session.push_back(frame.type);
              return {};
          })
    {
    }

    std::vector<FrameType> session;  // what nobody had asked for
    FrameRouter router;
};

}  // namespace

static void frame_goes_to_who_asked_for_its_type(void**)
{
    Routed r(FrameSource::secondary);
    Buffer got;
    r.router.route(FrameType::DIRTY_SET, [&](Frame frame) -> Status {
        got = std::move(frame.body);
        return {};
    });
    assert_true(bool(r.router.take({FrameType::DIRTY_SET, {1, 2}})));
    assert_true(bool(r.router.take({FrameType::READY, {}})));
    assert_true(got == Buffer({1, 2}));
    assert_true(r.session == std::vector{FrameType::READY});
}

static void error_of_a_receiver_is_passed_on(void**)
{
    Routed r(FrameSource::secondary);
    r.router.route(FrameType::READY, [](const Frame&) -> Status {
        return Error(ErrorKind::protocol, "out of turn");
    });
    assert_text(r.router.take({FrameType::READY, {}}).error().text(),
                "out of turn");
}

static void frame_of_the_other_role_is_an_error(void**)
{
    Routed primary(FrameSource::primary);
    Routed secondary(FrameSource::secondary);
    for (const FrameType type : {FrameType::COMMITTED, FrameType::TAKEOVER,
                                 FrameType::CHECKPOINT_WANTED}) {
        const Status s = primary.router.take({type, {}});
        assert_true(s.error().kind() == ErrorKind::protocol);
        assert_contains(s.error().text(), to_string(type));
        assert_true(bool(secondary.router.take({type, {}})));
    }
    for (const FrameType type : {FrameType::PAGES, FrameType::YIELDED}) {
        assert_true(bool(primary.router.take({type, {}})));
        assert_false(bool(secondary.router.take({type, {}})));
    }
    for (const FrameType type : {FrameType::STOP, FrameType::BYE}) {
        assert_true(bool(primary.router.take({type, {}})));
        assert_true(bool(secondary.router.take({type, {}})));
    }
}

static void refused_type_is_an_error(void**)
{
    Routed r(FrameSource::secondary);
    r.router.refuse(FrameType::READY);
    assert_contains(r.router.take({FrameType::READY, {}}).error().text(),
                    "unexpected READY");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(frame_goes_to_who_asked_for_its_type),
        cmocka_unit_test(error_of_a_receiver_is_passed_on),
        cmocka_unit_test(frame_of_the_other_role_is_an_error),
        cmocka_unit_test(refused_type_is_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
