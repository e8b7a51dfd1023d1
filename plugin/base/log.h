// Where messages for people go. The program's implementation is libxl-glue's,
// over xentoollog; tests keep the lines.
#pragma once

#include <string>

namespace xl_colo {

enum class LogLevel { debug, detail, info, notice, warn, error };

// Any thread. A message is one line without an end, a full stop or a level.
class Log {
public:
    virtual ~Log() = default;
    virtual void write(LogLevel level, const std::string& message) = 0;
    // How far a long step is; for a terminal, so an implementation may drop it.
    virtual void progress(const std::string& what, unsigned long done,
                          unsigned long total)
    {
        (void)what, (void)done, (void)total;
    }
    // What messages are about from here on, and the state that the guest is in,
    // new or not: for a log that keeps more than lines.
    virtual void set_subject(const std::string& domain, const std::string& peer)
    {
        (void)domain, (void)peer;
    }
    virtual void note_state(const std::string& state) { (void)state; }

    void debug(const std::string& m) { write(LogLevel::debug, m); }
    void info(const std::string& m) { write(LogLevel::info, m); }
    void notice(const std::string& m) { write(LogLevel::notice, m); }
    void warn(const std::string& m) { write(LogLevel::warn, m); }
    void error(const std::string& m) { write(LogLevel::error, m); }
};

}  // namespace xl_colo
