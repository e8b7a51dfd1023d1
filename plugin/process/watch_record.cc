#include "process/watch_record.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace xl_colo {

namespace {

// What does not fit is cut: names are shorter, by far.
template <size_t Room>
void put(char (&to)[Room], const std::string& text)
{
    const size_t size = std::min(text.size(), Room - 1);
    std::memcpy(to, text.data(), size);
    to[size] = 0;
}

}  // namespace

WatchRecord::WatchRecord()
{
    void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::system_error(errno, std::generic_category(),
                                "memory to share");
    }
    shared_ = static_cast<Shared*>(memory);
}

WatchRecord::~WatchRecord()
{
    munmap(shared_, sizeof *shared_);
}

void WatchRecord::begin(const Arbiter& arbiter)
{
    put(shared_->witness, arbiter.witness);
    put(shared_->session, arbiter.session);
    shared_->fence = arbiter.fence;
    shared_->timeout_ms = arbiter.timeout.count();
    shared_->begun = true;
}

void WatchRecord::note(const SessionStatus& status)
{
    put(shared_->domain, status.domain);
    put(shared_->peer, status.peer);
    shared_->domid = status.domid.value();
    shared_->role = status.role;
    shared_->state = status.state;
}

void WatchRecord::set_log(const std::string& path)
{
    put(shared_->log, path);
}

WatchRecord::Findings WatchRecord::read() const
{
    Findings found;
    found.begun = shared_->begun;
    found.finished = shared_->finished;
    found.domain = shared_->domain;
    found.peer = shared_->peer;
    found.domid = Domid{shared_->domid};
    found.role = shared_->role;
    found.state = shared_->state;
    found.stands = shared_->stands;
    found.pauses = shared_->pauses;
    found.may_take_over = shared_->may_take_over;
    found.copy = shared_->copy;
    found.arbiter = {shared_->witness, shared_->session, shared_->fence,
                     std::chrono::milliseconds(shared_->timeout_ms)};
    return found;
}

}  // namespace xl_colo
