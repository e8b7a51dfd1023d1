// Runs independent cases side by side: most of them wait most of the time.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

namespace xl_colo {

// run(case) for each, in any order; the results in the order of the cases.
template <typename Case, typename Run>
auto run_side_by_side(const std::vector<Case>& cases, Run run)
{
    std::vector<decltype(run(cases.front()))> results(cases.size());
    std::atomic<size_t> next{0};
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 16; ++worker) {
        workers.emplace_back([&] {
            for (size_t i = next++; i < cases.size(); i = next++) {
                results[i] = run(cases[i]);
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    return results;
}

}  // namespace xl_colo
