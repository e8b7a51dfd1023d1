#include "case.h"

#include <algorithm>
#include <map>

namespace xl_colo::campaign {

namespace {

template <typename Value>
struct Named {
    Value value;
    const char* name;
};

constexpr Named<Story> stories[] = {
    {Story::stop, "stop"},
    {Story::stop_secondary, "stop-secondary"},
    {Story::failover, "failover"},
    {Story::verify, "verify"},
    {Story::quiet, "quiet"},
    {Story::by_turns, "by-turns"},
};
constexpr Named<Guard> guards[] = {
    {Guard::none, "none"},
    {Guard::fence_no, "fence-no"},
    {Guard::fence_yes, "fence-yes"},
    {Guard::witness, "witness"},
    {Guard::witness_away, "witness-away"},
};

template <typename Value, size_t size>
std::vector<Value> values(const Named<Value> (&names)[size])
{
    std::vector<Value> all;
    for (const auto& named : names) {
        all.push_back(named.value);
    }
    return all;
}

template <typename Value, size_t size>
std::optional<Value> find(const Named<Value> (&names)[size],
                          const std::string& name)
{
    for (const auto& named : names) {
        if (named.name == name) {
            return named.value;
        }
    }
    return std::nullopt;
}

// The initial copy's frames of pages are all alike.
constexpr unsigned first_pages_frames = 5;

// FNV-1a, and a last stir: the same on every machine.
uint64_t hash(const std::string& text, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325 ^ seed;
    for (const char c : text) {
        h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    }
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccd;
    return h ^ h >> 33;
}

// Without the choice, which is made from this.
std::string subject(const Case& c)
{
    std::string text = std::string("--session=") + to_string(c.story) +
                       " --guard=" + to_string(c.guard);
    if (c.fault) {
        text += std::string(" --fault=") + to_string(*c.fault) +
                " --frame=" + to_string(c.frame);
    }
    return text;
}

bool may_have(FaultKind fault, const FrameName& frame)
{
    switch (fault) {
    case FaultKind::flip_body:
        switch (frame.type) {
        case FrameType::ACCEPT:
        case FrameType::HEARTBEAT:
        case FrameType::BYE:
        case FrameType::TAKEOVER:
        case FrameType::YIELDED:
        case FrameType::TAKEN_OVER:
            return false;
        default:
            return true;
        }
    case FaultKind::flip_check:
        return frame.type != FrameType::HELLO &&
               frame.type != FrameType::OFFER &&
               frame.type != FrameType::ACCEPT;
    default:
        return true;
    }
}

}  // namespace

const std::vector<Story>& all_stories()
{
    static const auto all = values(stories);
    return all;
}

const std::vector<Guard>& all_guards()
{
    static const auto all = values(guards);
    return all;
}

const char* to_string(Story story)
{
    return std::ranges::find(stories, story, &Named<Story>::value)->name;
}

const char* to_string(Guard guard)
{
    return std::ranges::find(guards, guard, &Named<Guard>::value)->name;
}

std::optional<Story> story_named(const std::string& name)
{
    return find(stories, name);
}

std::optional<Guard> guard_named(const std::string& name)
{
    return find(guards, name);
}

bool belongs_to(const FrameName& name, Story story)
{
    switch (name.type) {
    case FrameType::HEARTBEAT:
        return story == Story::quiet && name.nth <= 2;
    case FrameType::TAKEOVER:
    case FrameType::YIELDED:
    case FrameType::TAKEN_OVER:
        return story == Story::failover;
    case FrameType::STOP:
    case FrameType::BYE:
        return story == Story::stop || story == Story::stop_secondary;
    case FrameType::DIGESTS:
    case FrameType::VERIFIED:
    case FrameType::DISK_DIGESTS:
    case FrameType::DISK_VERIFIED:
        return story == Story::verify;
    case FrameType::RESUME:
        return story == Story::verify || story == Story::stop ||
               story == Story::by_turns;
    case FrameType::CHECKPOINT:
    case FrameType::RESUMED:
        return story == Story::stop || story == Story::by_turns;
    case FrameType::PAGES:
    case FrameType::PACKED_PAGES:
        return story == Story::stop &&
               (name.checkpoint > 0 || name.nth <= first_pages_frames);
    default:
        return story == Story::stop;
    }
}

std::string to_string(const Case& c)
{
    std::string text = subject(c);
    if (c.fault && bit_to_flip(*c.fault, {1, 1}, 0)) {
        text += " --choice=" + std::to_string(c.choice);
    }
    return text;
}

std::vector<Case> cases_of(Story story, const std::vector<FrameName>& frames,
                           uint64_t seed)
{
    std::vector<Case> cases;
    for (const FrameName& frame : frames) {
        if (!belongs_to(frame, story)) {
            continue;
        }
        for (const FaultKind fault : all_faults()) {
            if (!may_have(fault, frame)) {
                continue;
            }
            for (const Guard guard : all_guards()) {
                Case c{story, guard, fault, frame, 0};
                c.choice = hash(subject(c), seed) % 1'000'000'007;
                cases.push_back(c);
            }
        }
    }
    return cases;
}

bool may_not_come(const FrameName& name)
{
    return name.nth > 1 && (name.type == FrameType::PAGES ||
                            name.type == FrameType::PACKED_PAGES ||
                            name.type == FrameType::DIGESTS);
}

std::vector<Case> sample(const std::vector<Case>& cases, size_t of_each,
                         uint64_t seed)
{
    std::map<std::pair<FaultKind, Guard>, std::map<uint64_t, Case>> by_kind;
    for (const Case& c : cases) {
        if (may_not_come(c.frame)) {
            continue;
        }
        by_kind[{*c.fault, c.guard}][hash("sample " + subject(c), seed)] = c;
    }
    std::vector<Case> chosen;
    for (const auto& [kind, of_kind] : by_kind) {
        size_t left = of_each;
        for (const auto& [order, c] : of_kind) {
            if (left-- == 0) {
                break;
            }
            chosen.push_back(c);
        }
    }
    return chosen;
}

}  // namespace xl_colo::campaign
