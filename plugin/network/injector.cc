#include "network/injector.h"

#include <utility>

#include "network/traffic_control.h"

namespace xl_colo {

Result<Injector> Injector::make(const std::string& interface,
                                const std::string& name)
{
    auto tap = Tap::make(name);
    if (!tap) {
        return tap.error();
    }
    // All of it goes with the tap.
    if (auto s = run_tc({"qdisc add dev " + name + " clsact",
                         "filter add dev " + name +
                             " ingress protocol all matchall action mirred "
                             "ingress redirect dev " + interface});
        !s) {
        return s.error();
    }
    return Injector(std::move(*tap));
}

Status Injector::write(View ethernet)
{
    return tap_.write(TapFrame(with_virtio_header(ethernet)));
}

}  // namespace xl_colo
