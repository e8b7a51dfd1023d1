// What a frame of a session is called, so that the same one is met when the
// session is run again: "primary/RECORD.2#3" is the third RECORD frame in the
// second checkpoint that the primary sends.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "status/status.h"
#include "wire/frame.h"

namespace xl_colo::campaign {

struct FrameName {
    Role from = Role::primary;
    FrameType type{};
    // As its sender counts: a CHECKPOINT or a SUSPENDED begins the next. 0 for
    // frames that may come in any.
    unsigned checkpoint = 0;
    unsigned nth = 1;  // of its type, in that checkpoint
    auto operator<=>(const FrameName&) const = default;
};

std::string to_string(const FrameName& name);
std::optional<FrameName> parse_frame_name(const std::string& text);

// Names the frames of one direction as they come.
class FrameNamer {
public:
    explicit FrameNamer(Role from) : from_(from) {}
    FrameName next(FrameType type);

private:
    const Role from_;
    unsigned checkpoint_ = 0;
    std::map<std::pair<FrameType, unsigned>, unsigned> seen_;
};

}  // namespace xl_colo::campaign
