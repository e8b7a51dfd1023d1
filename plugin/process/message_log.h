// The program's log: xentoollog's lines on stderr, and the same messages in the
// journal, where there is one, with fields to ask by (xl-colo(7)). By what
// stderr is at the moment:
//
//     a terminal, a pipe       lines alone: somebody reads them
//     a file, as in the        lines, and the journal
//       background
//     the journal itself, of   the journal alone, which would have each
//       a service              message twice otherwise; lines where it does not
//                              take them
//
// The states that a guest comes into are in the journal alone.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"

namespace xl_colo {

// `role`: "primary", "secondary", "keeper". For `progress` see
// make_xentoollog().
std::unique_ptr<Log> make_message_log(const std::string& role, LogLevel least,
                                      bool progress);

}  // namespace xl_colo
