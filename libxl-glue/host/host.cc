#include "host/host.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "domain/card_connection.h"
#include "domain/domain.h"
#include "domain/guest_state.h"
#include "migration/incoming.h"
#include "migration/page_mover.h"
#include "xen/compat.h"
#include "xen/domain_watch.h"

namespace xl_colo {

namespace {

std::string to_text(const libxl_uuid& uuid)
{
    std::array<char, LIBXL_UUID_FMTLEN + 1> text;
    std::snprintf(text.data(), text.size(), LIBXL_UUID_FMT,
                  LIBXL_UUID_BYTES(uuid));
    return text.data();
}

std::string to_text(const libxl_mac& mac)
{
    std::array<char, 18> text;
    std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x",
                  mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text.data();
}

std::string to_text(const char* text)
{
    return text ? text : "";
}

CardFacts card_of(const libxl_device_nic& nic, bool hvm)
{
    CardFacts card;
    card.number = static_cast<unsigned>(nic.devid);
    card.interface = to_text(nic.ifname);
    card.bridge = to_text(nic.bridge);
    card.script = to_text(nic.script);
    // libxl's default for HVM.
    card.emulated = hvm && nic.nictype != LIBXL_NIC_TYPE_VIF;
    card.elsewhere = nic.backend_domid != 0 || nic.backend_domname != nullptr;
    return card;
}

DiskFacts disk_of(const libxl_device_disk& disk)
{
    DiskFacts facts;
    facts.path = to_text(disk.pdev_path);
    // Of a plain "phy:" disk libxl reads back no backend at all.
    facts.block_device = disk.backend == LIBXL_DISK_BACKEND_PHY ||
                         disk.backend == LIBXL_DISK_BACKEND_UNKNOWN;
    facts.elsewhere =
        disk.backend_domid != 0 || disk.backend_domname != nullptr;
    return facts;
}

// Block devices in place of what the configuration has.
void give_disks(libxl_domain_config& config, const DiskPaths& disks)
{
    for (int i = 0; i < config.num_disks; i++) {
        libxl_device_disk& disk = config.disks[i];
        const auto path = disks.find(to_text(disk.vdev));
        if (path == disks.end()) {
            continue;
        }
        std::free(disk.pdev_path);
        disk.pdev_path = strdup(path->second.c_str());
        // One that knows how to make something of the other path.
        std::free(disk.script);
        disk.script = nullptr;
        disk.backend = LIBXL_DISK_BACKEND_PHY;
        disk.format = LIBXL_DISK_FORMAT_RAW;
    }
}

bool is_connected(Domid domid, const libxl_device_nic& nic)
{
    const auto connection =
        read_card_connection(domid, static_cast<unsigned>(nic.devid));
    return connection && connection->is_made();
}

// Disks and network cards are named one by one. Keyboards and framebuffers only
// show what the guest does. `pv_drivers`: whether the guest has any.
std::vector<DeviceFacts> devices_of(Domid domid,
                                    const libxl_domain_config& config,
                                    bool pv_drivers)
{
    // All the others' drivers talk to their backends over this.
    std::vector<DeviceFacts> devices{
        {DeviceType::pv_connection, "xenstore and console"}};
    for (int i = 0; i < config.num_disks; i++) {
        const libxl_device_disk& disk = config.disks[i];
        // A CD-ROM drive stays an emulated one.
        devices.push_back({.type = DeviceType::disk,
                           .name = to_text(disk.vdev),
                           .writable = disk.readwrite != 0,
                           .used_by_pv_driver = pv_drivers && !disk.is_cdrom,
                           .disk = disk_of(disk)});
    }
    for (int i = 0; i < config.num_nics; i++) {
        devices.push_back(
            {.type = DeviceType::network_card,
             .name = to_text(config.nics[i].mac),
             .used_by_pv_driver =
                 pv_drivers && is_connected(domid, config.nics[i]),
             .card = card_of(config.nics[i],
                             config.c_info.type == LIBXL_DOMAIN_TYPE_HVM)});
    }
    const struct {
        const char* name;
        int count;
    } acting[] = {
        {"PCI device", config.num_pcidevs},
        {"device tree node", config.num_dtdevs},
        {"USB device", config.num_usbdevs},
        {"vTPM", config.num_vtpms},
        {"9pfs share", config.num_p9s},
        {"PV calls", config.num_pvcallsifs},
        {"PV display", config.num_vdispls},
        {"PV sound", config.num_vsnds},
        {"channel", config.num_channels},
    };
    for (const auto& kind : acting) {
        if (kind.count > 0) {
            devices.push_back({DeviceType::acting, kind.name});
        }
    }
    return devices;
}

}  // namespace

Result<HostFacts> XenHost::facts()
{
    HostFacts facts;
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    facts.name = name.data();

    const libxl_version_info* version = libxl_get_version_info(ctx());
    if (version == nullptr) {
        return libxl_error("cannot ask for Xen's version", ERROR_FAIL);
    }
    facts.xen = {static_cast<unsigned>(version->xen_version_major),
                 static_cast<unsigned>(version->xen_version_minor)};

    PhysInfo physical;
    if (const int rc = libxl_get_physinfo(ctx(), physical.get()); rc != 0) {
        return libxl_error("cannot ask for the host's features", rc);
    }
    facts.cpu_features.assign(std::begin(physical->hw_cap),
                              std::end(physical->hw_cap));
    if (const int rc = libxl_get_free_memory(ctx(), &facts.free_kib); rc != 0) {
        return libxl_error("cannot ask for the host's free memory", rc);
    }
    return facts;
}

Result<DomainFacts> XenHost::find(const std::string& name_or_domid)
{
    uint32_t number = 0;
    if (libxl_domain_qualifier_to_domid(ctx(), name_or_domid.c_str(),
                                        &number) != 0) {
        return Error(ErrorKind::domain_gone,
                     "no such domain here: \"xl list\" shows those that are");
    }
    DomainFacts facts;
    facts.domid = Domid(number);
    auto info = domain_info(access_->xc.get(), facts.domid);
    if (!info) {
        return info.error().kind() == ErrorKind::domain_gone
                   ? Error(ErrorKind::domain_gone, "no such domain")
                   : info.error();
    }
    if (number == 0) {
        return Error(ErrorKind::refused, "domain 0 is the host's own");
    }
    auto config = read_configuration(ctx(), facts.domid);
    if (!config) {
        return config.error();
    }
    facts.name = to_text((*config)->c_info.name);
    facts.pv = (*config)->c_info.type == LIBXL_DOMAIN_TYPE_PV;
    bool pv_drivers = (*config)->c_info.type == LIBXL_DOMAIN_TYPE_PVH;
    if ((*config)->c_info.type == LIBXL_DOMAIN_TYPE_HVM) {
        auto found = has_pv_drivers(*access_, facts.domid);
        if (!found) {
            return found.error();
        }
        pv_drivers = *found;
    }
    facts.devices = devices_of(facts.domid, **config, pv_drivers);
    facts.state = guest_state(access_->xc.get(), facts.domid);
    facts.memory_kib = (*config)->b_info.max_memkb;

    xen_pfn_t gfns = 0;
    if (xc_domain_nr_gpfns(access_->xc.get(), number, &gfns) < 0) {
        return hypercall_error("cannot ask for the highest gfn", errno);
    }
    facts.gfns = Pages(gfns);
    if (!facts.pv) {
        uint64_t pages = 0, cached = 0, entries = 0;
        if (xc_domain_get_pod_target(access_->xc.get(), number, &pages,
                                     &cached, &entries) < 0) {
            return hypercall_error("cannot ask for memory on demand", errno);
        }
        facts.promised = Pages(entries > cached ? entries - cached : 0);
    }

    const Malloced<char> json(
        libxl_domain_config_to_json(ctx(), config->get()));
    if (!json) {
        return libxl_error("cannot write the configuration", ERROR_FAIL);
    }
    facts.configuration = json.get();
    return facts;
}

Result<std::optional<std::string>> XenHost::taken(const std::string& name,
                                                  const std::string& uuid)
{
    uint32_t number = 0;
    if (libxl_name_to_domid(ctx(), name.c_str(), &number) == 0) {
        return std::optional("domain " + std::to_string(number) +
                             " has the name " + name);
    }
    int count = 0;
    libxl_dominfo* const list = libxl_list_domain(ctx(), &count);
    if (list == nullptr) {
        return libxl_error("cannot list the domains", ERROR_FAIL);
    }
    std::optional<std::string> found;
    for (int i = 0; i < count && !found; i++) {
        if (to_text(list[i].uuid) == uuid) {
            found = "domain " + std::to_string(list[i].domid) +
                    " has the UUID " + uuid;
        }
    }
    libxl_dominfo_list_free(list, count);
    return found;
}

Result<std::string> XenHost::uuid_of(const std::string& configuration)
{
    auto config = parse_configuration(ctx(), configuration);
    if (!config) {
        return config.error();
    }
    if ((*config)->c_info.type == LIBXL_DOMAIN_TYPE_PV) {
        return Error(ErrorKind::refused, "the domain is a PV guest");
    }
    if (libxl_uuid_is_nil(&(*config)->c_info.uuid)) {
        return Error(ErrorKind::refused, "the configuration has no UUID");
    }
    return to_text((*config)->c_info.uuid);
}

Result<uint64_t> XenHost::memory_needed_kib(const std::string& configuration)
{
    auto config = parse_configuration(ctx(), configuration);
    if (!config) {
        return config.error();
    }
    uint64_t kib = 0;
    const int rc = libxl_domain_need_memory(
        ctx(), config->get(), static_cast<uint32_t>(INVALID_DOMID), &kib);
    if (rc != 0) {
        return libxl_error("cannot tell how much memory the domain takes", rc);
    }
    return kib;
}

Result<std::unique_ptr<Domain>> XenHost::open(Domid domid,
                                              const OpenOptions& options)
{
    auto info = domain_info(access_->xc.get(), domid);
    if (!info) {
        return info.error();
    }
    auto config = read_configuration(ctx(), domid);
    if (!config) {
        return config.error();
    }
    return std::unique_ptr<Domain>(std::make_unique<XenDomain>(
        access_, domid, emulator_of(**config), options));
}

Result<std::unique_ptr<Incoming>> XenHost::receive(
    const std::string& configuration, const std::string& name,
    const DiskPaths& disks, const OpenOptions& options)
{
    // libxl would only say that the restore failed.
    const char* const helper = std::getenv("LIBXL_SAVE_HELPER");
    if (helper && ::access(helper, X_OK) != 0) {
        return io_error(std::string("cannot run the save helper ") + helper,
                        errno);
    }
    auto config = parse_configuration(ctx(), configuration);
    if (!config) {
        return config.error();
    }
    std::free((*config)->c_info.name);
    (*config)->c_info.name = strdup(name.c_str());
    give_disks(**config, disks);
    compat::take_any_domid((*config)->c_info);
    return XenIncoming::begin(access_, std::move(*config), options);
}

std::unique_ptr<PageMover> XenHost::page_mover()
{
    return std::make_unique<XenPageMover>(access_);
}

Result<std::unique_ptr<DomainWatch>> XenHost::watch_domains()
{
    return XenstoreWatch::on_domains();
}

bool XenHost::suspect_long_dirty_header() const
{
    return compat::suspect_long_dirty_header;
}

}  // namespace xl_colo
