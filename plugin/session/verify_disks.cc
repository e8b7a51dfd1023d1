#include "session/verify_disks.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/keyed_hash.h"
#include "devices/device_contents.h"

namespace xl_colo {

namespace {

constexpr uint64_t piece = 1 << 20;
constexpr uint64_t pieces_a_frame = 16;
constexpr size_t named_max = 16;

using Digest = std::array<uint8_t, 16>;

uint64_t pieces_of(Bytes size)
{
    return (size.value() + piece - 1) / piece;
}

// Of `count` pieces from `first`; the last of a disk may be shorter.
Result<std::vector<Digest>> digests_of(DeviceContents& disk, uint64_t first,
                                       uint64_t count, const KeyedHash& hash)
{
    std::vector<Digest> digests;
    std::vector<uint8_t> bytes;
    for (uint64_t next = first; next < first + count; ++next) {
        const uint64_t begin = next * piece;
        bytes.resize(std::min(piece, disk.size().value() - begin));
        if (auto s = disk.read(begin, bytes); !s) {
            return s.error();
        }
        digests.push_back(hash(bytes));
    }
    return digests;
}

Error nonsense(const std::string& what)
{
    return {ErrorKind::protocol, what};
}

// The primary's frames on their way, of which one may be without its answer.
class Questions {
public:
    Questions(Peer& peer, CheckpointNumber number)
        : peer_(peer), number_(number)
    {
    }

    Status ask(const std::string& disk, uint64_t disk_number, uint64_t first,
               const std::vector<Digest>& digests)
    {
        Buffer body = BodyWriter().u64(disk_number).u64(first).take();
        const auto* bytes = reinterpret_cast<const uint8_t*>(digests.data());
        body.insert(body.end(), bytes, bytes + digests.size() * sizeof(Digest));
        if (auto s = peer_.send(FrameType::DISK_DIGESTS, number_, body); !s) {
            return s;
        }
        const auto before =
            std::exchange(open_, Question{disk, first, digests.size()});
        return before ? hear(*before) : Status();
    }

    Result<DiskDifferences> end()
    {
        if (open_) {
            if (auto s = hear(*open_); !s) {
                return s.error();
            }
        }
        const Buffer last = BodyWriter().u64(0).u64(0).take();
        if (auto s = peer_.send(FrameType::DISK_DIGESTS, number_, last); !s) {
            return s.error();
        }
        return std::move(found_);
    }

private:
    struct Question {
        std::string disk;
        uint64_t first, count;
    };

    Status hear(const Question& question)
    {
        const auto answer = peer_.expect(FrameType::DISK_VERIFIED, number_);
        if (!answer) {
            return answer.error();
        }
        BodyReader body(*answer);
        while (!body.rest().empty()) {
            const auto which = body.u64();
            if (!which || *which < question.first ||
                *which - question.first >= question.count) {
                return nonsense("DISK_VERIFIED: no list of pieces");
            }
            ++found_.count;
            if (found_.first.size() < named_max) {
                found_.first.push_back(question.disk + " at " +
                                       std::to_string(*which) + " MiB");
            }
        }
        return {};
    }

    Peer& peer_;
    const CheckpointNumber number_;
    std::optional<Question> open_;
    DiskDifferences found_;
};

// Pieces of this host's disk that are others than the primary's.
Result<std::vector<uint64_t>> compare(DeviceContents& disk, uint64_t first,
                                      View theirs, const KeyedHash& hash)
{
    const uint64_t count = theirs.size() / sizeof(Digest);
    const uint64_t all = pieces_of(disk.size());
    if (first > all || count > all - first) {
        return nonsense("DISK_DIGESTS beyond the disk");
    }
    const auto ours = digests_of(disk, first, count, hash);
    if (!ours) {
        return ours.error();
    }
    std::vector<uint64_t> differ;
    for (uint64_t i = 0; i < count; ++i) {
        if (std::memcmp((*ours)[i].data(), theirs.data() + i * sizeof(Digest),
                        sizeof(Digest)) != 0) {
            differ.push_back(first + i);
        }
    }
    return differ;
}

}  // namespace

std::string DiskDifferences::text() const
{
    std::string line = std::to_string(count) +
                       (count == 1 ? " piece of disks differs"
                                   : " pieces of disks differ") +
                       ", of 1 MiB each: ";
    for (size_t i = 0; i < first.size(); ++i) {
        line += (i == 0 ? "" : ", ") + first[i];
    }
    return count > first.size() ? line + " ..." : line;
}

Result<DiskDifferences> verify_disks_as_primary(Peer& peer, DeviceSet& devices,
                                                CheckpointNumber number,
                                                View key)
{
    const KeyedHash hash(key);
    Questions questions(peer, number);
    const std::vector<std::string> names = devices.with_contents();
    for (size_t nth = 0; nth < names.size(); ++nth) {
        const auto disk = devices.contents(nth);
        if (!disk) {
            return disk.error();
        }
        const uint64_t all = *disk ? pieces_of((*disk)->size()) : 0;
        for (uint64_t first = 0; first < all; first += pieces_a_frame) {
            const auto digests =
                digests_of(**disk, first, std::min(pieces_a_frame, all - first),
                           hash);
            if (!digests) {
                return digests.error();
            }
            if (auto s = questions.ask(names[nth], nth, first, *digests); !s) {
                return s.error();
            }
        }
    }
    return questions.end();
}

Status verify_disks_as_secondary(Peer& peer, DeviceSet& devices,
                                 CheckpointNumber number, View key,
                                 uint64_t& differing)
{
    const KeyedHash hash(key);
    std::optional<uint64_t> current;
    std::unique_ptr<DeviceContents> disk;
    for (;;) {
        const auto frame = peer.expect(FrameType::DISK_DIGESTS, number);
        if (!frame) {
            return frame.error();
        }
        BodyReader body(*frame);
        const auto nth = body.u64();
        const auto first = nth ? body.u64() : nth;
        if (!first || body.rest().size() % sizeof(Digest) != 0) {
            return nonsense("DISK_DIGESTS: no list of digests");
        }
        if (body.rest().empty()) {
            return {};
        }
        if (*nth >= devices.with_contents().size()) {
            return nonsense("DISK_DIGESTS of a disk that there is not");
        }
        if (current != *nth) {
            auto its = devices.contents(*nth);
            if (!its) {
                return its.error();
            }
            if (!*its) {
                return nonsense("DISK_DIGESTS of a disk that is not here");
            }
            disk = std::move(*its);
            current = *nth;
        }
        const auto differ = compare(*disk, *first, body.rest(), hash);
        if (!differ) {
            return differ.error();
        }
        differing += differ->size();
        BodyWriter answer;
        for (const uint64_t which : *differ) {
            answer.u64(which);
        }
        if (auto s = peer.send(FrameType::DISK_VERIFIED, number, answer.take());
            !s) {
            return s;
        }
    }
}

}  // namespace xl_colo
