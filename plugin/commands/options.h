// What each command takes on its command line, as plain structs. The parsers
// check everything that can be checked without looking at the machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/left_out.h"
#include "base/result.h"
#include "commands/command_line.h"
#include "relay/compression.h"
#include "session/session.h"

namespace xl_colo {

using Milliseconds = std::chrono::milliseconds;

// -h and --version are options of every command. With one of them the rest of
// the struct means nothing: the caller prints and leaves.
struct CommonOptions {
    bool help = false;
    bool version = false;
};

struct StartOptions : CommonOptions {
    std::string domain;
    std::string host;
    std::string config;  // the file that some of this is from; empty: none
    // Empty: `host` is the whole command, as `xl migrate -s ""` has it.
    std::string ssh_command = "ssh";
    Milliseconds interval = std::chrono::seconds(1);
    Milliseconds timeout = std::chrono::seconds(10);
    Milliseconds step_timeout = SessionOptions().step_timeout;
    Milliseconds compare_timeout = SessionOptions().compare_timeout;
    std::optional<Bytes> buffer;  // none: by the guest's memory
    bool verify = false;
    bool verify_disks = false;  // and so `verify`
    std::optional<uint64_t> max_checkpoints;
    bool foreground = false;
    std::string fence;    // empty: none
    std::string witness;  // empty: none
    bool accept_split_brain = false;
    Compression compression = Compression::automatic;
    Output output = Output::commit;
    DiskStore disk_store;
    bool replicate = true;  // plain disks, by DRBD
    int verbose = 0;
    LeftOut without;  // for tests
};

struct ReceiveOptions : CommonOptions {
    int verbose = 0;
};

struct StatusOptions : CommonOptions {
    bool json = false;
    bool openmetrics = false;
    bool watch = false;
    std::optional<std::string> domain;
};

// How long to wait for the session's answer. It goes on when nobody waits.
constexpr Milliseconds default_patience = std::chrono::seconds(60);

struct StopOptions : CommonOptions {
    std::string domain;
    Milliseconds timeout = default_patience;
    bool keep_replicas = false;
};

// What xl-colo-replicate is to do, and its words; see its table.
struct ReplicateOptions : CommonOptions {
    std::string ssh_command = "ssh";
    std::vector<std::string> words;
};

struct FailoverOptions : CommonOptions {
    std::string domain;
    Milliseconds timeout = default_patience;
};

struct KeepOptions : CommonOptions {
    std::string config;
    Milliseconds pause = std::chrono::seconds(5);
    Milliseconds longest_pause = std::chrono::minutes(5);
};

// Error usage: one line about the first word that is wrong. Of xl-colo-start it
// may be one of the file that --config names, or io, when that cannot be read.
Result<StartOptions> parse_start(Arguments arguments);
Result<ReceiveOptions> parse_receive(Arguments arguments);
Result<StatusOptions> parse_status(Arguments arguments);
Result<StopOptions> parse_stop(Arguments arguments);
Result<FailoverOptions> parse_failover(Arguments arguments);
Result<KeepOptions> parse_keep(Arguments arguments);
Result<ReplicateOptions> parse_replicate(Arguments arguments);

// What --help prints, made from the tables that the parsers read.
std::string help_start();
std::string help_receive();
std::string help_status();
std::string help_stop();
std::string help_failover();
std::string help_keep();
std::string help_replicate();

}  // namespace xl_colo
