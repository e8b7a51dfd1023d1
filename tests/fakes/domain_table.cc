#include "domain_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr size_t table_bytes = DomainTable::size * sizeof(DomainRecord);

void put(char* to, size_t room, const std::string& text)
{
    std::memset(to, 0, room);
    std::memcpy(to, text.data(), std::min(text.size(), room - 1));
}

}  // namespace

void DomainRecord::set_name(const std::string& text)
{
    put(name, sizeof name, text);
}

// A new file, and new memory, is all zeros: no place is used.
DomainTable::DomainTable(const std::string& path)
{
    const UniqueFd file(
        path.empty() ? -1
                     : open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (file && ftruncate(file.get(), table_bytes) < 0) {
        std::abort();
    }
    void* const mapped =
        mmap(nullptr, table_bytes, PROT_READ | PROT_WRITE,
             file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file.get(), 0);
    if (mapped == MAP_FAILED) {
        std::abort();
    }
    records_ = static_cast<DomainRecord*>(mapped);
}

DomainTable::~DomainTable()
{
    munmap(records_, table_bytes);
}

Domid DomainTable::add(const std::string& name, const std::string& uuid)
{
    size_t place = 0;
    while (place < size && records_[place].used) {
        ++place;
    }
    if (place == size) {
        std::abort();
    }
    DomainRecord& record = records_[place];
    record.set_name(name);
    put(record.uuid, sizeof record.uuid, uuid);
    record.state = GuestState::running;
    record.used = true;
    return Domid{static_cast<uint32_t>(place + 1)};
}

DomainRecord* DomainTable::find(Domid domid)
{
    return domid.value() == 0 || domid.value() > count()
               ? nullptr
               : &records_[domid.value() - 1];
}

size_t DomainTable::count() const
{
    return static_cast<size_t>(std::count_if(
        records_, records_ + size,
        [](const DomainRecord& record) { return record.used.load(); }));
}

}  // namespace xl_colo
