#include "process/message_log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <utility>

#include "base/journal.h"
#include "hypervisor/host.h"

namespace xl_colo {

namespace {

// "A guest's state has changed", of our own making, for journalctl(1).
constexpr const char* state_changed = "29cc3095e41842bc979635612019c2bf";

// As syslog(3) counts.
const char* priority_of(LogLevel level)
{
    switch (level) {
    case LogLevel::debug:
    case LogLevel::detail: return "7";
    case LogLevel::info: return "6";
    case LogLevel::notice: return "5";
    case LogLevel::warn: return "4";
    case LogLevel::error: break;
    }
    return "3";
}

class MessageLog : public Log {
public:
    MessageLog(const std::string& role, LogLevel least, bool progress)
        : role_(role),
          least_(least),
          lines_(make_xentoollog(STDERR_FILENO, "colo " + role, least,
                                 progress)),
          journal_(Journal::open())
    {
    }

    void write(LogLevel level, const std::string& message) override
    {
        const Where where = stderr_is();
        if (level >= least_ && where != Where::shown &&
            send(level, message, {}) && where == Where::journal) {
            return;
        }
        lines_->write(level, message);
    }

    void progress(const std::string& what, unsigned long done,
                  unsigned long total) override
    {
        lines_->progress(what, done, total);
    }

    void set_subject(const std::string& domain,
                     const std::string& peer) override
    {
        const std::lock_guard lock(mutex_);
        domain_ = domain;
        peer_ = peer;
    }

    // Whatever stderr is: lines do not have that, but what brought it about.
    void note_state(const std::string& state) override
    {
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(state_, state) == state) {
                return;
            }
        }
        if (journal_) {
            send(LogLevel::notice, "domain " + domain() + ": " + state,
                 {{"MESSAGE_ID", state_changed}, {"XL_COLO_STATE", state}});
        }
    }

private:
    enum class Where { shown, file, journal };

    // Each time: it becomes the log when the process leaves the terminal.
    Where stderr_is() const
    {
        struct stat found;
        if (!journal_ || fstat(STDERR_FILENO, &found) != 0) {
            return Where::shown;
        }
        return Journal::is_behind(STDERR_FILENO) ? Where::journal
               : S_ISREG(found.st_mode)          ? Where::file
                                                 : Where::shown;
    }

    std::string domain()
    {
        const std::lock_guard lock(mutex_);
        return domain_;
    }

    bool send(LogLevel level, const std::string& message, Journal::Fields more)
    {
        more.insert(more.end(), {{"MESSAGE", message},
                                 {"PRIORITY", priority_of(level)},
                                 {"SYSLOG_IDENTIFIER", "xl-colo"},
                                 {"XL_COLO_ROLE", role_}});
        {
            const std::lock_guard lock(mutex_);
            more.emplace_back("XL_COLO_DOMAIN", domain_);
            more.emplace_back("XL_COLO_PEER", peer_);
        }
        return journal_->send(more);
    }

    const std::string role_;
    const LogLevel least_;
    const std::unique_ptr<Log> lines_;
    const std::optional<Journal> journal_;
    std::mutex mutex_;
    std::string domain_, peer_, state_;
};

}  // namespace

std::unique_ptr<Log> make_message_log(const std::string& role, LogLevel least,
                                      bool progress)
{
    return std::make_unique<MessageLog>(role, least, progress);
}

}  // namespace xl_colo
