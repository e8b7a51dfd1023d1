// What the tests of whole sessions ask of how one ended.
#pragma once

#include "pair.h"

#include "check.h"  // last: cmocka has a macro called fail

namespace xl_colo::model {

// The process said nothing of an accident of its own.
inline void assert_no_trouble(const PairResult& r)
{
    assert_text(r.primary.trouble, "");
    assert_text(r.secondary.trouble, "");
}

// The guest is left here, whole, and goes on.
inline void assert_has_guest(const Outcome& side, State state)
{
    assert_text(to_string(side.state), to_string(state));
    assert_true(side.went_on);
    assert_true(side.sound);
}

}  // namespace xl_colo::model
