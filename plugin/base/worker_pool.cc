#include "base/worker_pool.h"

#include <algorithm>

namespace xl_colo {

unsigned WorkerPool::threads_here()
{
    constexpr unsigned most = 4;
    return std::clamp(std::thread::hardware_concurrency(), 1u, most);
}

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

}  // namespace xl_colo
