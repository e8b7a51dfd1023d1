#include "page_digester.h"

#include <algorithm>

namespace xl_colo {

namespace {

// More would take the cores from libxc, which copies meanwhile.
constexpr unsigned threads_most = 4;
// Pages that one thread takes at a time: some 15 us of work.
constexpr size_t part_pages = 32;

unsigned threads_here()
{
    return std::clamp(std::thread::hardware_concurrency(), 1u, threads_most);
}

}  // namespace

WorkerPool::WorkerPool(unsigned threads)
{
    for (unsigned i = 1; i < threads; ++i) {
        threads_.emplace_back([this, i] { serve(i); });
    }
}

WorkerPool::~WorkerPool()
{
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    more_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void WorkerPool::take_parts(std::unique_lock<std::mutex>& lock,
                            unsigned thread)
{
    while (next_ < parts_) {
        const size_t part = next_++;
        lock.unlock();
        (*work_)(part, thread);
        lock.lock();
        if (--unfinished_ == 0) {
            done_.notify_all();
        }
    }
}

void WorkerPool::serve(unsigned thread)
{
    std::unique_lock lock(mutex_);
    for (;;) {
        more_.wait(lock, [this] { return ending_ || next_ < parts_; });
        if (ending_) {
            return;
        }
        take_parts(lock, thread);
    }
}

void WorkerPool::run(size_t parts, const Work& work)
{
    std::unique_lock lock(mutex_);
    work_ = &work;
    next_ = 0;
    parts_ = unfinished_ = parts;
    if (parts > 1) {
        more_.notify_all();
    }
    take_parts(lock, 0);
    done_.wait(lock, [this] { return unfinished_ == 0; });
    parts_ = next_ = 0;
}

PageDigester::PageDigester(View key, bool blind)
    : blind_(blind), pool_(threads_here())
{
    for (unsigned i = 0; i < pool_.threads(); ++i) {
        hashes_.emplace_back(key);
    }
}

void PageDigester::digest(std::span<const View> pages,
                          std::span<PageDigest> to)
{
    const size_t parts = (pages.size() + part_pages - 1) / part_pages;
    pool_.run(parts, [&](size_t part, unsigned thread) {
        const size_t end = std::min((part + 1) * part_pages, pages.size());
        for (size_t i = part * part_pages; i < end; ++i) {
            if (pages[i].empty()) {
                to[i] = {};
            } else if (blind_) {
                to[i].fill(0xff);
            } else {
                to[i] = hashes_[thread](pages[i]);
            }
        }
    });
}

}  // namespace xl_colo
