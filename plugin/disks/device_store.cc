#include "disks/device_store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/errors.h"
#include "base/unique_fd.h"
#include "disks/block_devices.h"

namespace xl_colo {

namespace {

constexpr Sectors mib = (1 << 20) / 512;
constexpr Sectors first_part = mib;
constexpr Sectors chunk = 8;  // of the snapshots: parts are whole ones
constexpr size_t block = 4096;
constexpr char our_name[] = "store of xl-colo's, for disks' last checkpoints\n";

// What may lie behind a first block that is blank; see their own headers.
struct Signature {
    off_t offset;
    const char* magic;
    const char* name;
};
constexpr Signature later_ones[] = {
    {0x10040, "_BHRfS_M", "a btrfs"},
    {0x1000, "\xfc\x4e\x2b\xa9", "a part of an md array"},
};

Error in_use(const StoreDevice& device, const std::string& how)
{
    return {ErrorKind::refused,
            device.path + " cannot be the disks' store: it is in use here" +
                how};
}

// Device-mapper's, by name; for others its name in /sys.
std::vector<std::string> holders_of(dev_t number)
{
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(
             "/sys/dev/block/" + number_of(number) + "/holders", ignored)) {
        std::string name;
        std::ifstream file(entry.path() / "dm" / "name");
        names.push_back(std::getline(file, name)
                            ? name
                            : entry.path().filename().string());
    }
    return names;
}

// Its memory is not the page cache's: what a snapshot has written there is not.
struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};
using Block = std::unique_ptr<char, FreeMemory>;

Block blank_block()
{
    Block memory(static_cast<char*>(std::aligned_alloc(block, block)));
    if (memory) {
        std::memset(memory.get(), 0, block);
    }
    return memory;
}

class DeviceStore : public CowStore {
public:
    DeviceStore(std::string name, std::string device)
        : name_(std::move(name)), device_(std::move(device))
    {
    }

    std::string device() const override { return device_; }

    // A snapshot that finds no header begins anew, and overwrites the rest as
    // it comes to it.
    Status clear() override
    {
        const UniqueFd store(
            open(path_of_dm(name_).c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
        const Block blank = blank_block();
        if (!store || !blank ||
            pwrite(store.get(), blank.get(), block, 0) != ssize_t{block}) {
            return io_error("cannot empty the store " + name_, errno);
        }
        return {};
    }

private:
    const std::string name_, device_;
};

}  // namespace

Result<StoreDevice> find_store_device(const std::string& path)
{
    const auto refused = [&](const std::string& why) {
        return Error(ErrorKind::refused,
                     path + " cannot be the disks' store: " + why);
    };
    const UniqueFd device(
        open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!device) {
        return errno == ENOENT
                   ? refused("there is no such device here")
                   : io_error("cannot open the disks' store, " + path, errno);
    }
    struct stat stat{};
    if (fstat(device.get(), &stat) != 0 || !S_ISBLK(stat.st_mode)) {
        return refused("it is no block device here");
    }
    uint64_t bytes = 0;
    if (ioctl(device.get(), BLKGETSIZE64, &bytes) != 0) {
        return io_error("cannot tell the size of " + path, errno);
    }
    return StoreDevice{path, stat.st_rdev, bytes / 512};
}

Result<StorePart> store_part(const StoreDevice& device, size_t nth, size_t of)
{
    const Sectors room =
        device.size > first_part ? device.size - first_part : 0;
    const Sectors each = room / of / chunk * chunk;
    if (each < mib) {
        return Error(ErrorKind::refused,
                     device.path + " cannot be the disks' store: it has " +
                         std::to_string(device.size / mib) +
                         " MiB, and must have " + std::to_string(1 + of) +
                         " at least, two for each disk and one more");
    }
    return StorePart{first_part + nth * each, each};
}

// Device-mapper has the device for itself, so there is no file system on it as
// long as it has one of ours.
Status check_holders(const StoreDevice& device, StorePart part,
                     const std::vector<std::string>& holders,
                     DeviceMapper& dm)
{
    for (const std::string& holder : holders) {
        const auto table = dm.table(holder);
        if (!table) {
            return table.error();
        }
        const bool is_store = holder.starts_with("xl-colo-") &&
                              holder.find("-store-") != std::string::npos &&
                              *table && (*table)->size() == 1 &&
                              (*table)->front().type == "linear";
        std::string on;
        Sectors start = 0;
        if (is_store) {
            std::istringstream words((*table)->front().parameters);
            words >> on >> start;
        }
        if (!is_store || on != number_of(device.number)) {
            return in_use(device, ", by " + holder);
        }
        const Sectors length = (*table)->front().length;
        if (start < part.start + part.length && part.start < start + length) {
            return in_use(device, ", by " + holder +
                                      ": each guest needs one of its own");
        }
    }
    return {};
}

Status claim_for_stores(int device, const std::string& path)
{
    std::array<char, block> head{};
    if (pread(device, head.data(), head.size(), 0) != ssize_t{block}) {
        return io_error("cannot read " + path, errno);
    }
    constexpr size_t name_size = sizeof(our_name) - 1;
    if (std::memcmp(head.data(), our_name, name_size) == 0) {
        return {};
    }
    std::string holds;
    if (std::ranges::any_of(head, [](char c) { return c != 0; })) {
        holds = "something else";
    }
    for (const Signature& one : later_ones) {
        std::array<char, 8> found{};
        const size_t size = std::strlen(one.magic);
        if (pread(device, found.data(), size, one.offset) ==
                static_cast<ssize_t>(size) &&
            std::memcmp(found.data(), one.magic, size) == 0) {
            holds = one.name;
        }
    }
    if (!holds.empty()) {
        return Error(ErrorKind::refused,
                     path + " cannot be the disks' store: it holds " + holds +
                         " here; if that may go, \"dd if=/dev/zero of=" + path +
                         " bs=1M count=1\"");
    }
    std::memcpy(head.data(), our_name, name_size);
    if (pwrite(device, head.data(), head.size(), 0) != ssize_t{block} ||
        fsync(device) != 0) {
        return io_error("cannot write to " + path, errno);
    }
    return {};
}

Result<std::unique_ptr<CowStore>> make_device_store(const StoreDevice& device,
                                                    StorePart part,
                                                    const std::string& name,
                                                    DeviceMapper& dm)
{
    const auto holders = holders_of(device.number);
    if (auto s = check_holders(device, part, holders, dm); !s) {
        return s.error();
    }
    if (holders.empty()) {
        const UniqueFd alone(
            open(device.path.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
        if (!alone) {
            return errno == EBUSY
                       ? in_use(device, ", as one that is mounted is")
                       : io_error("cannot open the disks' store, " +
                                      device.path,
                                  errno);
        }
        if (auto s = claim_for_stores(alone.get(), device.path); !s) {
            return s.error();
        }
    }
    if (auto s = dm.create(name, {{0, part.length, "linear",
                                   number_of(device.number) + " " +
                                       std::to_string(part.start)}});
        !s) {
        return s.error();
    }
    const auto number = dm.device_of(name);
    if (!number) {
        return number.error();
    }
    auto store = std::make_unique<DeviceStore>(name, *number);
    if (auto s = store->clear(); !s) {
        return s.error();
    }
    return std::unique_ptr<CowStore>(std::move(store));
}

}  // namespace xl_colo
