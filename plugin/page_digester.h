// Digests of many pages at once, on all cores.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "content_hash.h"

namespace xl_colo {

// A few threads that share out a piece of work between them.
class WorkerPool {
public:
    // `threads`: the caller's included.
    explicit WorkerPool(unsigned threads);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    unsigned threads() const
    {
        return static_cast<unsigned>(threads_.size()) + 1;
    }
    // Calls work(part, thread) for each part below `parts`, in any order, and
    // returns when all are done. One caller at a time.
    using Work = std::function<void(size_t part, unsigned thread)>;
    void run(size_t parts, const Work& work);

private:
    void serve(unsigned thread);
    void take_parts(std::unique_lock<std::mutex>& lock, unsigned thread);

    std::mutex mutex_;
    std::condition_variable more_, done_;
    const Work* work_ = nullptr;
    size_t parts_ = 0, next_ = 0, unfinished_ = 0;
    bool ending_ = false;
    std::vector<std::thread> threads_;  // last: they use all the others
};

// One thread at a time.
class PageDigester {
public:
    // `blind`: takes all pages for the same. For the test that shows that
    // --verify notices a digest that does not tell pages apart.
    PageDigester(View key, bool blind);

    // One digest for each page; all zero for an empty view, which stands for a
    // page that is not there.
    void digest(std::span<const View> pages, std::span<PageDigest> to);

private:
    const bool blind_;
    WorkerPool pool_;
    std::vector<ContentHash> hashes_;  // one a thread
};

}  // namespace xl_colo
