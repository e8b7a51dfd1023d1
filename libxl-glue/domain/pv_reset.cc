// What XEN_DOMCTL_soft_reset touches, and who puts it back. Sources are Xen
// 4.17 (domain_soft_reset() in xen/common/domain.c, arch_domain_soft_reset() in
// xen/arch/x86/domain.c), the same from 4.14 to 4.22 in what counts here, and
// the resume of Linux 6.1 (drivers/xen/manage.c, arch/x86/xen/suspend*.c).
//
//   event channels     evtchn_reset() closes all but those that Xen itself is
//                      at the end of (the device model's, of ioreq servers),
//                      and goes back from FIFO to the two-level kind. Needs the
//                      domain paused by the toolstack. xenstored's and
//                      xenconsoled's are made below; the guest binds virqs,
//                      IPIs and its drivers' anew.
//   vCPU info          unmapped (unmap_vcpu_info()), so that the guest can
//                      register it again; a second registration is refused.
//                      What Xen wrote there is in the guest's memory, and comes
//                      with the checkpoint, to which Xen must write no more:
//                      so the reset is before the pages.
//   runstate areas     forgotten (runstate_guest(v) is set to null); registered
//                      again.
//   time info          forgotten (v->arch.time_info_guest is, but not in 4.14),
//                      if shared info was mapped; registered again.
//   shared info        an empty page takes its place in the guest's physical
//                      map, the guest maps the real one over it.
//   grant table        stays; Xen only warns of grants in use
//                      (grant_table_warn_active_grants()). Its frames are no
//                      pages that libxc sends (XEN_DOMCTL_getpageframeinfo3
//                      calls them XTAB): the copy keeps a table of its own, and
//                      libxc puts the entries of the two rings into it
//                      (xc_dom_gnttab_seed(), called by
//                      x86_hvm_stream_complete()).
//   Argo's rings       removed, the domain's own and those that others have for
//                      it (argo_soft_reset()), where Xen has Argo switched on;
//                      a guest that uses it has to register its own again.
//   emulated IRQs      of event channels (pirqs): unmapped
//                      (unmap_domain_pirq_emuirq()), mapped again by the guest.
//   upcall vectors     of vCPUs (HVMOP_set_evtchn_upcall_vector): untouched,
//                      and neither in the HVM context nor among the parameters.
//                      A copy has none at first, later those that it set by
//                      itself; Linux sets them again (xen_hvm_post_suspend()).
//   HVM context        untouched; libxc sets all of it afterwards. Single-shot
//                      timers of VCPUOP stay too; one that fires finds no
//                      channel, and the guest sets its own.
//   HVM parameters     untouched, HVM_PARAM_CALLBACK_IRQ (the callback vector)
//                      among them. STORE_EVTCHN and CONSOLE_EVTCHN are set
//                      below: libxc sets them to the ports that it was given,
//                      at every checkpoint (x86_hvm_stream_complete()).
//   the shutdown       is over (domain_resume()), hence the pause around it.
#include "domain/pv_reset.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "domain/store_ring.h"

namespace xl_colo {

namespace {

// A port that `peer` may bind to.
Result<uint32_t> make_channel(xc_interface* xc, Domid domid, Domid peer)
{
    const int port =
        xc_evtchn_alloc_unbound(xc, domid.value(), peer.value());
    if (port < 0) {
        return hypercall_error("cannot make an event channel", errno);
    }
    return static_cast<uint32_t>(port);
}

Status set_parameter(xc_interface* xc, Domid domid, int parameter,
                     uint32_t port)
{
    return xc_hvm_param_set(xc, domid.value(),
                            static_cast<uint32_t>(parameter), port) == 0
               ? Status()
               : hypercall_error("cannot name an event channel", errno);
}

Status write_port(xs_handle* xs, Domid domid, const char* channel,
                  uint32_t port)
{
    const std::string path = "/local/domain/" + std::to_string(domid.value()) +
                             "/" + channel + "/port";
    const std::string value = std::to_string(port);
    // xenstored keeps the node's permissions.
    return xs_write(xs, XBT_NULL, path.c_str(), value.data(),
                    static_cast<unsigned>(value.size()))
               ? Status()
               : io_error("cannot write " + path, errno);
}

// A request that the copy had begun to write, see store_ring.h. What was in the
// ring, libxc has cleared.
Status end_request_of(Access& access, xs_handle* xs, Domid domid,
                      uint64_t gfn, PvPeers& peers)
{
    constexpr std::chrono::milliseconds patience{5000};
    const xen_pfn_t pfn = gfn;
    int error = 0;
    void* const page =
        xenforeignmemory_map(access.memory.get(), domid.value(),
                             PROT_READ | PROT_WRITE, 1, &pfn, &error);
    if (page == nullptr || error != 0) {
        return hypercall_error("cannot map xenstore's ring",
                               page == nullptr ? errno : -error);
    }
    // xenstored is asked for a node that is not there, and has to say so. That
    // leaves ENOENT in its errno: as long as nothing ever failed in it, 4.17's
    // takes a READ whose form is wrong for answered, and ends by an assertion
    // (get_node_canonicalized() and consider_message(), xenstored_core.c). The
    // rest of a copy's READ, in zeros, is such a one.
    const std::string none =
        "/local/domain/" + std::to_string(domid.value()) + "/xl-colo-none";
    const auto turn = [&]() -> Status {
        unsigned size = 0;
        void* const value = xs_read(xs, XBT_NULL, none.c_str(), &size);
        const int why = value == nullptr ? errno : 0;
        std::free(value);
        return why == 0 || why == ENOENT
                   ? Status()
                   : io_error("cannot ask xenstored", why);
    };
    auto ended =
        end_request(*static_cast<xenstore_domain_interface*>(page), turn,
                    patience);
    xenforeignmemory_unmap(access.memory.get(), page, 1);
    if (!ended) {
        return ended.error();
    }
    // It may be made to wait for its quota. Half a request must not be left.
    if (peers.store_polls.value_or(false) && !*ended) {
        return Error(ErrorKind::timeout, "xenstored reads no request any more");
    }
    peers.store_polls = *ended;
    return {};
}

// xenstored takes a second introduction as word of a new channel: it binds to
// that, forgets the guest's watches and transactions and empties the ring
// (xenstored_domain.c, introduce_domain() and domain_conn_reset(); oxenstored
// does the same). The guest sets its watches again when it resumes.
Status introduce(Access& access, xs_handle* xs, Domid domid, uint32_t port,
                 PvPeers& peers)
{
    uint64_t ring = 0;
    if (xc_hvm_param_get(access.xc.get(), domid.value(), HVM_PARAM_STORE_PFN,
                         &ring) != 0) {
        return hypercall_error("cannot ask for xenstore's ring", errno);
    }
    if (peers.store_polls.value_or(true)) {
        if (auto s = end_request_of(access, xs, domid, ring, peers); !s) {
            return s;
        }
    }
    return xs_introduce_domain(xs, domid.value(), ring, port)
               ? Status()
               : io_error("cannot introduce the domain to xenstored", errno);
}

}  // namespace

Result<bool> has_pv_drivers(Access& access, Domid domid)
{
    uint64_t callback = 0;
    if (xc_hvm_param_get(access.xc.get(), domid.value(),
                         HVM_PARAM_CALLBACK_IRQ, &callback) != 0) {
        return hypercall_error("cannot ask for the guest's PV drivers", errno);
    }
    return callback != 0;
}

Status reset_pv(Access& access, Domid domid)
{
    xc_interface* const xc = access.xc.get();
    if (xc_domain_pause(xc, domid.value()) != 0) {
        return hypercall_error("cannot pause the domain", errno);
    }
    return xc_domain_soft_reset(xc, domid.value()) == 0
               ? Status()
               : hypercall_error("cannot reset the domain", errno);
}

// The store's first, as libxl made them: as the lowest free ports they get the
// numbers that they had, which spares guests that do not ask for them again
// (the PV console of older Linux).
Status make_channels(Access& access, Domid domid, PvPeers& peers)
{
    xc_interface* const xc = access.xc.get();
    auto store = make_channel(xc, domid, peers.store);
    if (!store) {
        return store.error();
    }
    auto console = make_channel(xc, domid, peers.console);
    if (!console) {
        return console.error();
    }
    if (auto r = set_parameter(xc, domid, HVM_PARAM_STORE_EVTCHN, *store);
        !r) {
        return r;
    }
    if (auto r = set_parameter(xc, domid, HVM_PARAM_CONSOLE_EVTCHN, *console);
        !r) {
        return r;
    }
    const XenstoreHandle xs(xs_open(0));
    if (!xs) {
        return io_error("cannot connect to xenstored", errno);
    }
    if (auto r = write_port(xs.get(), domid, "store", *store); !r) {
        return r;
    }
    if (auto r = introduce(access, xs.get(), domid, *store, peers); !r) {
        return r;
    }
    // xenconsoled watches this; it binds when it gets to it, and then looks
    // into the ring whether it was told or not.
    return write_port(xs.get(), domid, "console", *console);
}

}  // namespace xl_colo
