#include "network/interface_state.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace xl_colo {

bool takes_frames(const std::string& interface)
{
    const UniqueFd socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    if (!socket_ || interface.size() >= sizeof(request.ifr_name)) {
        return false;
    }
    interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    // The flag lags behind a carrier that goes, by a second.
    ethtool_value carrier{ETHTOOL_GLINK, 0};
    request.ifr_data = reinterpret_cast<char*>(&carrier);
    if (ioctl(socket_.get(), SIOCETHTOOL, &request) != 0 ||
        carrier.data == 0) {
        return false;
    }
    return ioctl(socket_.get(), SIOCGIFFLAGS, &request) == 0 &&
           (request.ifr_flags & IFF_RUNNING) != 0;
}

}  // namespace xl_colo
