#include "disks/drbd.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "base/errors.h"
#include "base/system_program.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr const char* send_copies_path =
    "/sys/module/drbd/parameters/disable_sendpage";
constexpr SystemProgram drbdsetup{"drbdsetup", "drbd-utils"};
constexpr SystemProgram drbdadm{"drbdadm", "drbd-utils"};
// Some ms where nothing is wrong. A promotion may run a handler of the admin's.
constexpr std::chrono::seconds program_limit{60};

Result<std::string> run(const SystemProgram& program,
                        const std::vector<std::string>& words)
{
    auto output = run_program(program, words, "", program_limit);
    if (!output) {
        return output.error();
    }
    if (output->status != 0) {
        std::string what = program.name;
        for (const std::string& word : words) {
            what += " " + word;
        }
        const std::string said = in_one_line(output->err);
        return Error(ErrorKind::io,
                     what + ": " +
                         (said.empty() ? "exit status " +
                                             std::to_string(output->status)
                                       : said));
    }
    return std::move(output->out);
}

class InstalledDrbd : public Drbd {
public:
    Result<std::vector<DrbdVolume>> volumes() override
    {
        const auto text = run(drbdsetup, {"events2", "--now", "--statistics"});
        return text ? parse_drbd_events(*text) : text.error();
    }
    Result<char> protocol(const std::string& resource) override
    {
        const auto text = run(drbdsetup, {"show", resource});
        return text ? Result<char>(parse_drbd_protocol(*text)) : text.error();
    }
    Result<std::string> lower_device(const std::string& resource,
                                     unsigned volume) override
    {
        const auto text = run(
            drbdadm, {"sh-ll-dev", resource + "/" + std::to_string(volume)});
        return text ? Result<std::string>(in_one_line(*text)) : text.error();
    }
    Status send_copies() override
    {
        // Not there: a later DRBD, which never sends the pages themselves.
        const UniqueFd fd(open(send_copies_path, O_WRONLY | O_CLOEXEC));
        if (!fd ? errno != ENOENT : write(fd.get(), "Y\n", 2) != 2) {
            return io_error(std::string("cannot write to ") + send_copies_path,
                            errno);
        }
        return {};
    }
    Status zero_what_is_discarded(const DrbdVolume& volume) override
    {
        return set_discards(volume, false);
    }
    Status discard_as_configured(const DrbdVolume& volume) override
    {
        // Without -d it leaves out what all resources have in common.
        const auto text = run(drbdadm, {"-d", "dump", volume.resource});
        return text ? set_discards(volume, parse_drbd_discards(*text))
                    : text.error();
    }
    Status promote(const std::string& resource) override
    {
        return adm({"primary", resource});
    }
    Status demote(const std::string& resource) override
    {
        return adm({"secondary", resource});
    }
    Status disconnect(const std::string& resource) override
    {
        // Without a word to the peer, which may be dead: that would be waited
        // for.
        return adm({"disconnect", "--force", resource});
    }
    Status connect(const std::string& resource, bool discard) override
    {
        const Status s = discard
                             ? adm({"connect", "--discard-my-data", resource})
                             : adm({"connect", resource});
        // drbdadm calls it a failure when the kernel takes more than 5 seconds,
        // which it does while it has writes of the one before to give up.
        return s || is_connecting(resource) ? Status() : s;
    }
    Status create_metadata(const std::string& resource) override
    {
        return adm({"create-md", "--force", resource});
    }
    Status up(const std::string& resource) override
    {
        // What took more than drbdadm's 5 seconds is done the second time.
        return adm({"up", resource}) ? Status() : adm({"adjust", resource});
    }
    Status down(const std::string& resource) override
    {
        return adm({"down", resource});
    }
    Status promote_first(const std::string& resource) override
    {
        return adm({"primary", "--force", resource});
    }

private:
    bool is_connecting(const std::string& resource)
    {
        const auto all = volumes();
        return all && std::ranges::any_of(*all, [&](const DrbdVolume& one) {
            return one.resource == resource &&
                   std::ranges::any_of(one.peers, [](const auto& peer) {
                       return peer.connection != "StandAlone";
                   });
        });
    }
    static Status set_discards(const DrbdVolume& volume, bool are_discards)
    {
        const auto text = run(
            drbdsetup, {"disk-options", std::to_string(volume.minor),
                        std::string("--discard-zeroes-if-aligned=") +
                            (are_discards ? "yes" : "no")});
        return text ? Status() : text.error();
    }
    static Status adm(const std::vector<std::string>& words)
    {
        const auto text = run(drbdadm, words);
        return text ? Status() : text.error();
    }
};

// "key:value" words of a line; the two before them are its own.
using Words = std::map<std::string, std::string>;

Words words_of(std::istream& line)
{
    Words words;
    for (std::string word; line >> word;) {
        const size_t colon = word.find(':');
        if (colon != std::string::npos) {
            words[word.substr(0, colon)] = word.substr(colon + 1);
        }
    }
    return words;
}

template <typename Number = unsigned>
std::optional<Number> number_in(const Words& words, const char* key)
{
    const auto word = words.find(key);
    Number number = 0;
    if (word == words.end() ||
        std::from_chars(word->second.data(),
                        word->second.data() + word->second.size(), number)
                .ec != std::errc()) {
        return std::nullopt;
    }
    return number;
}

// Not in each version's output.
uint64_t statistic(const Words& words, const char* key)
{
    return number_in<uint64_t>(words, key).value_or(0);
}

std::string text_in(const Words& words, const char* key)
{
    const auto word = words.find(key);
    return word == words.end() ? "" : word->second;
}

}  // namespace

bool is_connected(const DrbdVolume& volume)
{
    return std::ranges::any_of(volume.peers, [](auto& peer) {
        return peer.connection == "Connected";
    });
}

bool stands_alone(const DrbdVolume& volume)
{
    return std::ranges::all_of(volume.peers, [](auto& peer) {
        return peer.connection == "StandAlone";
    });
}

std::unique_ptr<Drbd> make_drbd()
{
    return std::make_unique<InstalledDrbd>();
}

Result<std::vector<DrbdVolume>> parse_drbd_events(const std::string& text)
{
    std::map<std::string, std::string> roles;  // by resource
    // By resource and the peer's number there.
    std::map<std::pair<std::string, std::string>, DrbdVolume::Peer> peers;
    std::vector<DrbdVolume> volumes;
    std::istringstream lines(text);
    for (std::string whole; std::getline(lines, whole);) {
        std::istringstream line(whole);
        std::string event, object;
        line >> event >> object;
        const Words words = words_of(line);
        const std::string name = text_in(words, "name");
        const std::string id = text_in(words, "peer-node-id");
        if (object == "resource") {
            roles[name] = text_in(words, "role");
        } else if (object == "connection") {
            peers[{name, id}] = {text_in(words, "connection"),
                                 text_in(words, "role"), "", "", 0, 0};
        } else if (object == "device" || object == "peer-device") {
            const auto volume = number_in(words, "volume");
            const auto minor = number_in(words, "minor");
            if (name.empty() || !volume || (object == "device" && !minor)) {
                return Error(ErrorKind::io,
                             "drbdsetup events2: cannot be understood: " +
                                 whole);
            }
            if (object == "device") {
                volumes.push_back({name, *volume, *minor, roles[name],
                                   text_in(words, "disk"),
                                   statistic(words, "written"),
                                   {}});
                continue;
            }
            const auto its = std::ranges::find_if(volumes, [&](auto& v) {
                return v.resource == name && v.volume == *volume;
            });
            if (its != volumes.end()) {
                DrbdVolume::Peer peer = peers[{name, id}];
                peer.replication = text_in(words, "replication");
                peer.disk = text_in(words, "peer-disk");
                peer.out_of_sync_kib = statistic(words, "out-of-sync");
                peer.unacked = statistic(words, "unacked");
                its->peers.push_back(peer);
            }
        }
    }
    return volumes;
}

// Only what is not the default is shown, and that is C.
char parse_drbd_protocol(const std::string& text)
{
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (word == "protocol" && words >> word) {
            return word.front();
        }
    }
    return 'C';
}

bool parse_drbd_discards(const std::string& text)
{
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (word == "discard-zeroes-if-aligned" && words >> word &&
            word == "no;") {
            return false;
        }
    }
    return true;
}

Result<DrbdVolume> Drbd::find(const std::string& resource, unsigned volume)
{
    auto all = volumes();
    if (!all) {
        return all.error();
    }
    for (const DrbdVolume& one : *all) {
        if (one.resource == resource && one.volume == volume) {
            return one;
        }
    }
    return Error(ErrorKind::refused,
                 "DRBD has no resource " + resource + " with a volume " +
                     std::to_string(volume) + ": \"drbdadm up " + resource +
                     "\"");
}

Result<DrbdVolume> Drbd::find_minor(unsigned minor)
{
    auto all = volumes();
    if (!all) {
        return all.error();
    }
    for (const DrbdVolume& one : *all) {
        if (one.minor == minor) {
            return one;
        }
    }
    return Error(ErrorKind::refused,
                 "DRBD has no device of minor " + std::to_string(minor) +
                     ": \"drbdadm up\" its resource");
}

Status check_in_step(const DrbdVolume& volume)
{
    const auto drbdadm = [&](const std::string& command) {
        return "\"drbdadm " + command + " " + volume.resource + "\"";
    };
    const auto refused = [&](const std::string& what, const std::string& cure) {
        return Error(ErrorKind::refused, "DRBD's resource " + volume.resource +
                                             " " + what + ": " + cure);
    };
    if (volume.peers.size() != 1) {
        return refused("has " + std::to_string(volume.peers.size()) +
                           " peers, and must have one",
                       "see " + drbdadm("status") + " and its configuration");
    }
    const DrbdVolume::Peer& peer = volume.peers.front();
    const std::string adjust = drbdadm("adjust") + " on both hosts, until " +
                               drbdadm("status") +
                               " says Connected (or names the peer)";
    if (peer.connection != "Connected") {
        return refused("is not connected (" + peer.connection + ")", adjust);
    }
    if (volume.disk == "Inconsistent" && peer.disk == "Inconsistent") {
        return refused("has never been synchronised",
                       drbdadm("primary --force") +
                           " on the host whose disk counts, once");
    }
    const auto cure = [&](const std::string& disk) {
        return disk == "Diskless"
                   ? adjust
                   : "wait until " + drbdadm("status") +
                         " says UpToDate for both hosts";
    };
    if (volume.disk != "UpToDate") {
        return refused("is " + volume.disk + " here", cure(volume.disk));
    }
    if (peer.disk != "UpToDate") {
        return refused("is " + peer.disk + " on the other host",
                       cure(peer.disk));
    }
    return {};
}

}  // namespace xl_colo
