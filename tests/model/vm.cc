#include "vm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace xl_colo::model {

namespace {

// Before the registers in the context. The real one is a list of typed records
// (xen/arch-x86/hvm/save.h), which libxc carries without a look.
struct ContextHeader {
    uint64_t magic = 0x746e6f636c65646d;  // "mdlcont"
    uint64_t vcpus = 0;
    uint64_t checksum = 0;
};

uint64_t checksum_of(std::span<const Registers> vcpus)
{
    uint64_t sum = 14695981039346656037u;  // FNV-1a, by words
    for (const Registers& registers : vcpus) {
        for (const uint64_t word : registers.word) {
            sum = (sum ^ word) * 1099511628211u;
        }
    }
    return sum;
}

// hvm_allow_set_param() in xen/arch/x86/hvm/hvm.c: these are set once.
bool is_set_once(uint32_t index)
{
    switch (index) {
    case HVM_PARAM_VIRIDIAN:
    case HVM_PARAM_IOREQ_SERVER_PFN:
    case HVM_PARAM_NR_IOREQ_SERVER_PAGES:
    case HVM_PARAM_MCA_CAP:
        return true;
    default:
        return false;
    }
}

}  // namespace

Vm::Vm(const Image& image, uint64_t host,
       std::vector<std::shared_ptr<const Program>> programs)
    : image_(image),
      log_(image.gfns()),
      grant_table_(memfd_create("model-grant-table", MFD_CLOEXEC)),
      programs_(std::move(programs))
{
    if (ftruncate(grant_table_.get(), page_size) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                "grant table of a model guest");
    }
    for (size_t i = 0; i < programs_.size(); ++i) {
        vcpus_.push_back(std::make_unique<Vcpu>(
            image_.machine().vcpus[i], Bus(image_, log_, host),
            *programs_[i]));
    }
}

Vm::~Vm() = default;

void Vm::start_or_stop(bool did_run)
{
    for (const auto& vcpu : vcpus_) {
        if (did_run && !runs()) {
            vcpu->stop();
        } else if (!did_run && runs()) {
            vcpu->tick();
            vcpu->start();
        }
    }
}

void Vm::pause()
{
    const std::lock_guard lock(mutex_);
    const bool did_run = runs();
    ++pauses_;
    start_or_stop(did_run);
}

int Vm::unpause()
{
    const std::lock_guard lock(mutex_);
    if (pauses_ == 0) {
        return EINVAL;
    }
    const bool did_run = runs();
    --pauses_;
    start_or_stop(did_run);
    return 0;
}

void Vm::shut_down(unsigned reason)
{
    const std::lock_guard lock(mutex_);
    const bool did_run = runs();
    if (!shutdown_) {
        shutdown_ = reason;
    }
    start_or_stop(did_run);
}

void Vm::resume()
{
    const std::lock_guard lock(mutex_);
    const bool did_run = runs();
    shutdown_.reset();
    start_or_stop(did_run);
}

bool Vm::paused() const
{
    const std::lock_guard lock(mutex_);
    return pauses_ > 0;
}

std::optional<unsigned> Vm::shutdown_reason() const
{
    const std::lock_guard lock(mutex_);
    return shutdown_;
}

bool Vm::add(Pfn pfn)
{
    const std::lock_guard lock(mutex_);
    if (pfn >= Pfn{image_.gfns().value()}) {
        return false;
    }
    if (!image_.has(pfn)) {
        image_.set_present(pfn, true);
        pages_ = Pages{pages_.value() + 1};
        highest_ = std::max(highest_, pfn);
    }
    return true;
}

void Vm::remove(Pfn pfn)
{
    const std::lock_guard lock(mutex_);
    if (image_.has(pfn)) {
        image_.set_present(pfn, false);
        image_.discard(pfn);
        pages_ = Pages{pages_.value() - 1};
    }
}

Pfn Vm::highest() const
{
    const std::lock_guard lock(mutex_);
    return highest_;
}

Pages Vm::pages() const
{
    const std::lock_guard lock(mutex_);
    return pages_;
}

// One mmap() for each run of neighbours, with its page tables filled in at
// once, as a mapping of the hypervisor's comes. That is about what the real one
// costs, a small part of a microsecond a page, and more where they are
// scattered. What the first touch of a page costs comes on top: on a virtual
// machine 2 us, and 10 if it is a write.
void* Vm::map(std::span<const xen_pfn_t> gfns, int prot, int* errors)
{
    const size_t bytes = gfns.size() * page_size;
    void* const start = mmap(nullptr, bytes, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                             0);
    if (start == MAP_FAILED) {
        return nullptr;
    }
    for (size_t i = 0; i < gfns.size();) {
        if (!image_.has(Pfn{gfns[i]})) {
            errors[i++] = -EINVAL;
            continue;
        }
        const size_t first = i;
        while (i < gfns.size() && gfns[i] - gfns[first] == i - first &&
               image_.has(Pfn{gfns[i]})) {
            errors[i++] = 0;
        }
        if (mmap(static_cast<uint8_t*>(start) + first * page_size,
                 (i - first) * page_size, prot,
                 MAP_SHARED | MAP_FIXED | MAP_POPULATE, image_.file(),
                 static_cast<off_t>(gfns[first] * page_size)) == MAP_FAILED) {
            const int error = errno;
            munmap(start, bytes);
            errno = error;
            return nullptr;
        }
    }
    return start;
}

void* Vm::map_grant_table(int prot)
{
    void* const at = mmap(nullptr, page_size, prot, MAP_SHARED,
                          grant_table_.get(), 0);
    return at == MAP_FAILED ? nullptr : at;
}

int Vm::enable_log_dirty()
{
    const Standstill still(vcpus_);
    const std::lock_guard lock(mutex_);
    if (log_.on()) {
        return EINVAL;
    }
    log_.switch_to(true);
    return 0;
}

void Vm::disable_log_dirty()
{
    const Standstill still(vcpus_);
    const std::lock_guard lock(mutex_);
    log_.switch_to(false);
}

void Vm::read_log_dirty(uint8_t* bitmap, Pages gfns, bool clean,
                        xen_domctl_shadow_op_stats& stats)
{
    const Standstill still(vcpus_);
    const std::lock_guard lock(mutex_);
    const auto count = static_cast<uint32_t>(log_.count().value());
    stats.fault_count = count;
    stats.dirty_count = count;
    if (bitmap) {
        log_.copy(bitmap, gfns);
    }
    if (clean) {
        log_.clear();
    }
}

int Vm::get_param(uint32_t index, uint64_t& value) const
{
    if (index >= HVM_NR_PARAMS) {
        return EINVAL;
    }
    const std::lock_guard lock(mutex_);
    value = params_[index];
    return 0;
}

int Vm::set_param(uint32_t index, uint64_t value)
{
    if (index >= HVM_NR_PARAMS) {
        return EINVAL;
    }
    const std::lock_guard lock(mutex_);
    if (is_set_once(index) && params_[index] != 0 && params_[index] != value) {
        return EEXIST;
    }
    params_[index] = value;
    return 0;
}

std::vector<uint8_t> Vm::context() const
{
    const Standstill still(vcpus_);
    const std::span registers(image_.machine().vcpus.data(), vcpus_.size());
    ContextHeader header;
    header.vcpus = registers.size();
    header.checksum = checksum_of(registers);
    std::vector<uint8_t> context(sizeof header + registers.size_bytes());
    std::memcpy(context.data(), &header, sizeof header);
    std::memcpy(context.data() + sizeof header, registers.data(),
                registers.size_bytes());
    return context;
}

int Vm::set_context(View context)
{
    ContextHeader header;
    std::array<Registers, vcpus_max> loaded;
    const std::span registers(loaded.data(), vcpus_.size());
    if (context.size() != sizeof header + registers.size_bytes()) {
        return EINVAL;
    }
    std::memcpy(&header, context.data(), sizeof header);
    std::memcpy(registers.data(), context.data() + sizeof header,
                registers.size_bytes());
    if (header.magic != ContextHeader().magic ||
        header.vcpus != registers.size() ||
        header.checksum != checksum_of(registers)) {
        return EINVAL;
    }
    const Standstill still(vcpus_);
    std::ranges::copy(registers, image_.machine().vcpus.begin());
    return 0;
}

int Vm::reset_vcpu(size_t index)
{
    if (index >= vcpus_.size()) {
        return EINVAL;
    }
    const Standstill still(vcpus_);
    image_.machine().vcpus[index] = Registers();
    return 0;
}

TscInfo Vm::tsc() const
{
    const std::lock_guard lock(mutex_);
    return tsc_;
}

void Vm::set_tsc(const TscInfo& tsc)
{
    const std::lock_guard lock(mutex_);
    tsc_ = tsc;
}

CpuPolicy Vm::cpu_policy() const
{
    const std::lock_guard lock(mutex_);
    return cpu_policy_;
}

void Vm::set_cpu_policy(CpuPolicy policy)
{
    const std::lock_guard lock(mutex_);
    cpu_policy_ = std::move(policy);
}

}  // namespace xl_colo::model
