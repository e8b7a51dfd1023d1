// Between xentoollog and our Log, both ways: what Xen's libraries say goes to
// the Log that the program was given, and the program's own Log writes through
// xentoollog, as xl does. make_xentoollog() is in glue.h.
#pragma once

#include <atomic>

#include "base/log.h"
#include "xen/xen_headers.h"

namespace xl_colo {

// A xentoollog that hands all to `log`, which it borrows. Any thread.
class LogAdapter {
public:
    explicit LogAdapter(Log& log);
    LogAdapter(const LogAdapter&) = delete;
    LogAdapter& operator=(const LogAdapter&) = delete;

    xentoollog_logger* get() { return &c_.vtable; }

    // While this is on, an error is only a detail: whoever called the library
    // has told it to fail. (libxc says "Save failed" when a callback ends it.)
    void expect_failure(bool on = true) { expect_failure_ = on; }

private:
    // What the C side sees; the first member, so that its pointer is ours.
    struct C {
        xentoollog_logger vtable;
        LogAdapter* self;
    };

    static void vmessage(xentoollog_logger* logger, xentoollog_level level,
                         int errnoval, const char* context, const char* format,
                         va_list arguments)
        __attribute__((format(printf, 5, 0)));
    static void progress(xentoollog_logger* logger, const char* context,
                         const char* doing_what, int percent,
                         unsigned long done, unsigned long total);
    static void destroy(xentoollog_logger* logger);

    C c_;
    Log& log_;
    std::atomic<bool> expect_failure_ = false;
};

}  // namespace xl_colo
