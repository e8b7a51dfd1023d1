#include "frame_name.h"

#include <cstdlib>

namespace xl_colo::campaign {

namespace {

// Where the step they fall into is a matter of time.
bool comes_at_any_time(FrameType type)
{
    switch (type) {
    case FrameType::HEARTBEAT:
    case FrameType::STOP:
    case FrameType::BYE:
    case FrameType::TAKEOVER:
    case FrameType::YIELDED:
    case FrameType::TAKEN_OVER:
        return true;
    default:
        return false;
    }
}

std::optional<FrameType> type_named(const std::string& name)
{
    for (uint32_t code = 1; code < 0x40; ++code) {
        if (xl_colo::to_string(FrameType{code}) == name) {
            return FrameType{code};
        }
    }
    return std::nullopt;
}

}  // namespace

std::string to_string(const FrameName& name)
{
    std::string text = std::string(xl_colo::to_string(name.from)) + "/" +
                       xl_colo::to_string(name.type) + "." +
                       std::to_string(name.checkpoint);
    if (name.nth != 1) {
        text += "#" + std::to_string(name.nth);
    }
    return text;
}

std::optional<FrameName> parse_frame_name(const std::string& text)
{
    const size_t slash = text.find('/');
    const size_t dot = text.find('.');
    if (slash == std::string::npos || dot == std::string::npos || dot < slash) {
        return std::nullopt;
    }
    FrameName name;
    const std::string from = text.substr(0, slash);
    const auto type = type_named(text.substr(slash + 1, dot - slash - 1));
    if ((from != "primary" && from != "secondary") || !type) {
        return std::nullopt;
    }
    name.from = from == "primary" ? Role::primary : Role::secondary;
    name.type = *type;
    const size_t hash = text.find('#', dot);
    name.checkpoint =
        static_cast<unsigned>(std::strtoul(&text[dot + 1], nullptr, 10));
    if (hash != std::string::npos) {
        name.nth =
            static_cast<unsigned>(std::strtoul(&text[hash + 1], nullptr, 10));
    }
    // Whatever else there was is not in the name once more.
    return to_string(name) == text ? std::optional(name) : std::nullopt;
}

FrameName FrameNamer::next(FrameType type)
{
    if (type == FrameType::CHECKPOINT || type == FrameType::SUSPENDED) {
        ++checkpoint_;
    }
    const unsigned checkpoint = comes_at_any_time(type) ? 0 : checkpoint_;
    return {from_, type, checkpoint, ++seen_[{type, checkpoint}]};
}

}  // namespace xl_colo::campaign
