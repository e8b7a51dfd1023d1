// One HVM domain, as the hypercalls of a save and a restore see it.
//
// A new one is empty, paused, and its highest page is 0, as it is on AMD; once
// it has had a higher one that stays known (F3: max_mapped_pfn).
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dirty_log.h"
#include "image.h"
#include "vcpu.h"
#include "xen_interface.h"

namespace xl_colo::model {

struct TscInfo {
    uint32_t mode = 0;
    uint32_t khz = 0;
    uint32_t incarnation = 0;
    uint64_t elapsed_ns = 0;
};

struct CpuPolicy {
    std::vector<xen_cpuid_leaf_t> leaves;
    std::vector<xen_msr_entry_t> msrs;
};

// Any thread. Methods that can fail return 0 or an errno, as Xen would.
class Vm {
public:
    // `host`: see Bus::time_stamp(). One CPU for each program.
    Vm(const Image& image, uint64_t host,
       std::vector<std::shared_ptr<const Program>> programs);
    ~Vm();

    Image& image() { return image_; }
    size_t vcpus() const { return vcpus_.size(); }
    Vcpu& vcpu(size_t index) { return *vcpus_[index]; }

    // ---- running, or not
    void pause();
    int unpause();
    void shut_down(unsigned reason);
    void resume();
    bool paused() const;
    std::optional<unsigned> shutdown_reason() const;

    // ---- memory
    // Zeroed. False beyond what the image has room for.
    bool add(Pfn pfn);
    void remove(Pfn pfn);
    // As a write of the guest that changes nothing.
    void touch(Pfn pfn) { log_.mark(pfn); }
    Pfn highest() const;
    Pages pages() const;
    // The pages one after another in our address space; errors[i] is 0 or a
    // negative errno. Null with errno when there is no address space left.
    void* map(std::span<const xen_pfn_t> gfns, int prot, int* errors);
    // Xen's own page with the grants, for whoever seeds it.
    void* map_grant_table(int prot);

    // ---- log-dirty mode
    int enable_log_dirty();
    void disable_log_dirty();
    // Null: no bitmap is wanted. Fills in what the hypercall returns.
    void read_log_dirty(uint8_t* bitmap, Pages gfns, bool clean,
                        xen_domctl_shadow_op_stats& stats);

    // ---- what is not memory
    int get_param(uint32_t index, uint64_t& value) const;
    int set_param(uint32_t index, uint64_t value);
    std::vector<uint8_t> context() const;
    int set_context(View context);
    // Its registers are lost.
    int reset_vcpu(size_t index);
    TscInfo tsc() const;
    void set_tsc(const TscInfo& tsc);
    CpuPolicy cpu_policy() const;
    void set_cpu_policy(CpuPolicy policy);

private:
    bool runs() const { return pauses_ == 0 && !shutdown_; }
    void start_or_stop(bool did_run);

    Image image_;
    DirtyLog log_;
    UniqueFd grant_table_;

    mutable std::mutex mutex_;
    int pauses_ = 1;
    std::optional<unsigned> shutdown_;
    Pfn highest_;
    Pages pages_;
    std::array<uint64_t, HVM_NR_PARAMS> params_{};
    TscInfo tsc_;
    CpuPolicy cpu_policy_;

    std::vector<std::shared_ptr<const Program>> programs_;
    std::vector<std::unique_ptr<Vcpu>> vcpus_;
};

}  // namespace xl_colo::model
