// Work shared out over the cores.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace xl_colo {

// A few threads that share out a piece of work between them.
class WorkerPool {
public:
    // `threads`: the caller's included.
    explicit WorkerPool(unsigned threads);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // As many as there are cores, and no more than leaves libxc its own: it
    // copies pages meanwhile.
    static unsigned threads_here();

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

}  // namespace xl_colo
