// xc_domain_save() and xc_domain_restore() of one plain stream, without
// anything of ours: what the other model tests stand on.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "check.h"
#include "churn.h"
#include "hypervisor.h"
#include "xen/xen_headers.h"

using namespace xl_colo;
using namespace xl_colo::model;

namespace {

constexpr Bytes guest_memory{32 << 20};

// libxc's handle, and the logger that it borrows.
struct Xc {
    // Errors only: libxc is talkative.
    xentoollog_logger* logger = reinterpret_cast<xentoollog_logger*>(
        xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0));
    xc_interface* handle = xc_interface_open(logger, nullptr, 0);

    operator xc_interface*() const { return handle; }
    void close()
    {
        xc_interface_close(handle);
        xtl_logger_destroy(logger);
    }
};

struct Guest {
    explicit Guest(uint64_t host)
        : layout(Layout::of(guest_memory)),
          program(std::make_shared<Churn>(layout)),
          vm(std::make_shared<Vm>(Image(layout.gfns), host,
                                  std::vector<std::shared_ptr<const Program>>{
                                      program})),
          domid(Hypervisor::of_this_process().add(vm))
    {
    }
    ~Guest() { Hypervisor::of_this_process().remove(domid); }

    Layout layout;
    std::shared_ptr<Churn> program;
    std::shared_ptr<Vm> vm;
    Domid domid;
};

struct Save {
    xc_interface* xc;
    Domid domid;
};

int suspend(void* data)
{
    const auto& save = *static_cast<Save*>(data);
    return xc_domain_shutdown(save.xc, save.domid.value(), SHUTDOWN_suspend) ==
           0;
}

int no_device_model(uint32_t, unsigned, void*)
{
    return 0;
}

// All but the pages that the restore clears: the rings of xenstore and console
// and the two ioreq pages.
std::vector<Pfn> unexpected_differences(const Guest& a, const Guest& b)
{
    std::vector<Pfn> pages = differing_pages(a.vm->image(), b.vm->image());
    for (const uint32_t index : {HVM_PARAM_STORE_PFN, HVM_PARAM_CONSOLE_PFN,
                                 HVM_PARAM_IOREQ_PFN, HVM_PARAM_BUFIOREQ_PFN}) {
        uint64_t gfn = 0;
        a.vm->get_param(index, gfn);
        std::erase(pages, Pfn{gfn});
    }
    return pages;
}

// Family, model and stepping. libxc adds leaves of its own to a policy.
uint32_t signature_of(const Vm& vm)
{
    for (const auto& leaf : vm.cpu_policy().leaves) {
        if (leaf.leaf == 1) {
            return leaf.a;
        }
    }
    return 0;
}

void live_stream_copies_memory_and_registers(void**)
{
    Guest source(1);
    build(*source.vm, source.layout, 7);
    source.program->prepare(*source.vm);
    Guest copy(2);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);

    source.vm->unpause();
    Xc save_xc;
    auto saved = std::async(std::launch::async, [&] {
        Save save{save_xc, source.domid};
        save_callbacks callbacks{};
        callbacks.suspend = suspend;
        callbacks.switch_qemu_logdirty = no_device_model;
        callbacks.data = &save;
        const int r = xc_domain_save(save_xc, ends[1], source.domid.value(),
                                     XCFLAGS_LIVE, &callbacks, XC_STREAM_PLAIN,
                                     -1);
        close(ends[1]);
        return r;
    });
    Xc restore_xc;
    unsigned long store = 0;
    unsigned long console = 0;
    restore_callbacks callbacks{};
    const int restored = xc_domain_restore(
        restore_xc, ends[0], copy.domid.value(), 3, &store, 0, 4, &console, 0,
        XC_STREAM_PLAIN, &callbacks, -1);
    close(ends[0]);
    const int save_result = saved.get();
    save_xc.close();
    restore_xc.close();

    assert_int_equal(save_result, 0);
    assert_int_equal(restored, 0);
    assert_true(Churn::steps_of(source.vm->image()) > 0);
    assert_true(source.program->is_sound(source.vm->image()));
    assert_true(source.program->is_sound(copy.vm->image()));
    assert_true(source.vm->image().machine().vcpus ==
                copy.vm->image().machine().vcpus);
    assert_int_equal(unexpected_differences(source, copy).size(), 0);
    uint64_t event_channel = 0;
    copy.vm->get_param(HVM_PARAM_STORE_EVTCHN, event_channel);
    assert_int_equal(event_channel, 3);
    assert_int_equal(signature_of(*copy.vm), signature_of(*source.vm));
}

// F3: what the dirty bitmap of a COLO restore is sized by.
void empty_domain_has_one_gfn_until_it_had_a_higher_one(void**)
{
    Guest guest(1);
    Xc xc;
    xen_pfn_t empty = 0;
    xen_pfn_t after = 0;
    xc_domain_nr_gpfns(xc, guest.domid.value(), &empty);
    xen_pfn_t last = guest.layout.gfns.value() - 1;
    const int added = xc_domain_populate_physmap_exact(
        xc, guest.domid.value(), 1, 0, 0, &last);
    const int removed = xc_domain_decrease_reservation_exact(
        xc, guest.domid.value(), 1, 0, &last);
    xc_domain_nr_gpfns(xc, guest.domid.value(), &after);
    xc.close();

    assert_int_equal(empty, 1);
    assert_int_equal(added, 0);
    assert_int_equal(removed, 0);
    assert_int_equal(after, guest.layout.gfns.value());
    assert_int_equal(guest.vm->pages().value(), 0);
}

}  // namespace

int main()
{
    signal(SIGPIPE, SIG_IGN);
    const CMUnitTest tests[] = {
        cmocka_unit_test(live_stream_copies_memory_and_registers),
        cmocka_unit_test(empty_domain_has_one_gfn_until_it_had_a_higher_one),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
