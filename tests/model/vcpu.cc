#include "vcpu.h"

#include <pthread.h>
#include <time.h>

#include <cstring>

namespace xl_colo::model {

namespace {

constexpr std::chrono::microseconds moment{100};

uint64_t* words_of(uint8_t* page)
{
    return reinterpret_cast<uint64_t*>(page);
}

}  // namespace

uint64_t Bus::load(Pfn pfn, size_t word) const
{
    return words_of(image_.page(pfn))[word];
}

void Bus::store(Pfn pfn, size_t word, uint64_t value)
{
    log_.mark(pfn);
    words_of(image_.page(pfn))[word] = value;
}

void Bus::store(Pfn pfn, View bytes)
{
    log_.mark(pfn);
    std::memcpy(image_.page(pfn), bytes.data(), bytes.size());
}

Vcpu::Vcpu(Registers& registers, Bus bus, const Program& program)
    : registers_(registers),
      bus_(bus),
      program_(program),
      thread_([this] { run(); })
{
}

Vcpu::~Vcpu()
{
    {
        const std::lock_guard lock(mutex_);
        quit_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Vcpu::run()
{
    for (;;) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock,
                      [this] { return quit_ || (stops_ == 0 && !idle_); });
        if (quit_) {
            return;
        }
        const Then then = program_.step(registers_, bus_);
        if (then == Then::halt) {
            idle_ = true;
            changed_.notify_all();
        } else if (then == Then::rest) {
            changed_.wait_for(lock, moment,
                              [this] { return quit_ || stops_ > 0; });
        }
    }
}

void Vcpu::stop()
{
    ++stops_;
    const std::lock_guard lock(mutex_);
}

void Vcpu::start()
{
    {
        const std::lock_guard lock(mutex_);
        --stops_;
    }
    changed_.notify_all();
}

void Vcpu::tick()
{
    {
        const std::lock_guard lock(mutex_);
        program_.tick(registers_);
        idle_ = false;
    }
    changed_.notify_all();
}

bool Vcpu::wait_idle(std::chrono::milliseconds patience)
{
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return idle_; });
}

std::chrono::nanoseconds Vcpu::cpu_time()
{
    clockid_t clock{};
    timespec time{};
    pthread_getcpuclockid(thread_.native_handle(), &clock);
    clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) +
           std::chrono::nanoseconds(time.tv_nsec);
}

Standstill::Standstill(const std::vector<std::unique_ptr<Vcpu>>& vcpus)
    : vcpus_(vcpus)
{
    for (const auto& vcpu : vcpus_) {
        vcpu->stop();
    }
}

Standstill::~Standstill()
{
    for (const auto& vcpu : vcpus_) {
        vcpu->start();
    }
}

}  // namespace xl_colo::model
