#include "network.d/tc_without.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "network.d/bed.h"

namespace xl_colo::bench {

namespace {

constexpr int gate_mark = 0x636f6c6f;  // network/gate.cc
constexpr int next_filter = -1;        // TC_ACT_UNSPEC

const std::string programs = "/sys/fs/bpf/";

constexpr bpf_insn set_result(int value)
{
    return {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value};
}
constexpr bpf_insn set_r2(int value)
{
    return {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, value};
}
constexpr bpf_insn store_mark_from_r2()
{
    return {BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_2,
            offsetof(__sk_buff, mark), 0};
}
constexpr bpf_insn end{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};

constexpr bpf_insn marks[] = {set_r2(gate_mark), store_mark_from_r2(),
                              set_result(next_filter), end};
// And takes the mark away.
constexpr bpf_insn passes_marked[] = {
    {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
     offsetof(__sk_buff, mark), 0},
    set_result(next_filter),
    {BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 3, gate_mark},
    set_r2(0),
    store_mark_from_r2(),
    set_result(0),  // TC_ACT_OK
    end};

template <size_t size>
void put_program(const bpf_insn (&code)[size], const std::string& name)
{
    static const char licence[] = "LGPL";
    bpf_attr program{};
    program.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    program.insns = reinterpret_cast<uint64_t>(code);
    program.insn_cnt = size;
    program.license = reinterpret_cast<uint64_t>(licence);
    const UniqueFd fd(static_cast<int>(
        syscall(SYS_bpf, BPF_PROG_LOAD, &program, sizeof(program))));
    const std::string path = programs + name;
    bpf_attr pin{};
    pin.pathname = reinterpret_cast<uint64_t>(path.c_str());
    pin.bpf_fd = static_cast<uint32_t>(fd.get());
    if (!fd || syscall(SYS_bpf, BPF_OBJ_PIN, &pin, sizeof(pin)) < 0) {
        throw Missing("cannot load a program for tc: " +
                      std::string(std::strerror(errno)));
    }
}

bool has_filters()
{
    try {
        run("tc qdisc add dev lo clsact");
        run("tc filter add dev lo egress handle 1 fw action pass");
        run("tc filter add dev lo egress matchall action skbedit mark 1 pipe "
            "action mirred egress redirect dev vif");
    } catch (const Missing&) {
        (void)output_of("tc qdisc del dev lo clsact");
        return false;
    }
    run("tc qdisc del dev lo clsact");
    return true;
}

}  // namespace

std::string provide_filters(const std::string& tc_without)
{
    if (has_filters()) {
        return "";
    }
    namespace fs = std::filesystem;
    if (mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) < 0) {
        throw Missing(std::string("this kernel lacks cls_matchall, cls_fw or "
                                  "act_skbedit, and bpffs in their place: ") +
                      std::strerror(errno));
    }
    put_program(marks, "marks");
    put_program(passes_marked, "passes_marked");
    // Gone with the mount namespace.
    mount("tmpfs", "/mnt", "tmpfs", 0, nullptr);
    fs::copy_file(tc_without, "/mnt/tc");
    fs::permissions("/mnt/tc", fs::perms::owner_all);
    setenv("PATH", ("/mnt:" + std::string(getenv("PATH"))).c_str(), 1);
    return "u32 and bpf in place of cls_matchall, cls_fw and act_skbedit, "
           "which this kernel lacks";
}

}  // namespace xl_colo::bench
