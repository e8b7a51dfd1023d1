#include "xen/logger.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>

#include "hypervisor/host.h"
#include "xen/handles.h"

namespace xl_colo {

namespace {

LogLevel our_level(xentoollog_level level)
{
    if (level <= XTL_VERBOSE) {
        return LogLevel::debug;
    }
    switch (level) {
    case XTL_DETAIL:
    case XTL_PROGRESS:
        return LogLevel::detail;
    case XTL_INFO:
        return LogLevel::info;
    case XTL_NOTICE:
        return LogLevel::notice;
    case XTL_WARN:
        return LogLevel::warn;
    default:
        return LogLevel::error;
    }
}

xentoollog_level xen_level(LogLevel level)
{
    switch (level) {
    case LogLevel::debug:
        return XTL_DEBUG;
    case LogLevel::detail:
        return XTL_DETAIL;
    case LogLevel::info:
        return XTL_INFO;
    case LogLevel::notice:
        return XTL_NOTICE;
    case LogLevel::warn:
        return XTL_WARN;
    case LogLevel::error:
        break;
    }
    return XTL_ERROR;
}

// A stdio stream over a borrowed descriptor. Not a dup() of it: a program that
// goes to the background points its stderr elsewhere, and messages must follow.
ssize_t write_to_fd(void* fd, const char* data, size_t length)
{
    return write(static_cast<int>(reinterpret_cast<intptr_t>(fd)), data,
                 length);
}

class XentoollogLog : public Log {
public:
    XentoollogLog(int fd, std::string context, LogLevel least, bool progress)
        : context_(std::move(context))
    {
        stream_.reset(
            fopencookie(reinterpret_cast<void*>(static_cast<intptr_t>(fd)), "w",
                        {nullptr, write_to_fd, nullptr, nullptr}));
        // xentoollog ranks progress below info.
        const auto minimum = progress && least == LogLevel::info
                                 ? XTL_PROGRESS
                                 : xen_level(least);
        unsigned flags = progress ? 0 : XTL_STDIOSTREAM_HIDE_PROGRESS;
        // It cannot tell a terminal through our stream.
        flags |= isatty(fd) ? XTL_STDIOSTREAM_PROGRESS_USE_CR
                            : XTL_STDIOSTREAM_PROGRESS_NO_CR;
        if (stream_) {
            logger_.reset(
                xtl_createlogger_stdiostream(stream_.get(), minimum, flags));
        }
        if (!logger_) {
            throw std::bad_alloc();
        }
    }

    void write(LogLevel level, const std::string& message) override
    {
        std::lock_guard lock(mutex_);
        xtl_log(base(), xen_level(level), -1, context_.c_str(), "%s",
                message.c_str());
    }

    void progress(const std::string& what, unsigned long done,
                  unsigned long total) override
    {
        std::lock_guard lock(mutex_);
        xtl_progress(base(), context_.c_str(), what.c_str(), done, total);
    }

private:
    struct Destroy {
        void operator()(xentoollog_logger_stdiostream* logger) const
        {
            xtl_logger_destroy(reinterpret_cast<xentoollog_logger*>(logger));
        }
    };

    xentoollog_logger* base()
    {
        return reinterpret_cast<xentoollog_logger*>(logger_.get());
    }

    std::string context_;
    // The logger keeps what it must erase of a progress line without a lock.
    std::mutex mutex_;
    std::unique_ptr<FILE, Call<fclose>> stream_;
    std::unique_ptr<xentoollog_logger_stdiostream, Destroy> logger_;
};

}  // namespace

LogAdapter::LogAdapter(Log& log)
    : c_{{vmessage, progress, destroy}, this}, log_(log)
{
}

void LogAdapter::vmessage(xentoollog_logger* logger, xentoollog_level level,
                          int errnoval, const char* context, const char* format,
                          va_list arguments)
{
    LogAdapter* self = reinterpret_cast<C*>(logger)->self;
    // Longer ones exist only where libxl quotes what a child said.
    std::array<char, 1024> text;
    vsnprintf(text.data(), text.size(), format, arguments);

    // No exception may pass into a C library; a line is all that is lost.
    try {
        std::string message;
        if (context != nullptr) {
            message = std::string(context) + ": ";
        }
        message += text.data();
        while (!message.empty() && message.back() == '\n') {
            message.pop_back();
        }
        // Ours are lines; YAJL's complaints, which libxl passes on, are three.
        std::replace(message.begin(), message.end(), '\n', ' ');
        if (errnoval >= 0) {
            message += ": " + std::generic_category().message(errnoval);
        }
        const LogLevel ours = our_level(level);
        self->log_.write(self->expect_failure_ && ours >= LogLevel::warn
                             ? LogLevel::detail
                             : ours,
                         message);
    } catch (const std::exception&) {
    }
}

void LogAdapter::progress(xentoollog_logger* logger, const char*,
                          const char* doing_what, int, unsigned long done,
                          unsigned long total)
{
    Log& log = reinterpret_cast<C*>(logger)->self->log_;
    try {
        if (total == 0) {  // a step without a length
            log.write(LogLevel::detail, doing_what);
        } else {
            log.progress(doing_what, done, total);
        }
    } catch (const std::exception&) {
    }
}

void LogAdapter::destroy(xentoollog_logger*)
{
    // Its owner is on our side.
}

std::unique_ptr<Log> make_xentoollog(int fd, const std::string& context,
                                     LogLevel least, bool progress)
{
    return std::make_unique<XentoollogLog>(fd, context, least, progress);
}

}  // namespace xl_colo
