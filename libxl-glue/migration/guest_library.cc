#include "migration/guest_library.h"

#include <dlfcn.h>
#include <elf.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace xl_colo {

namespace {

// <link.h> has names for these, but here that is another file.
constexpr bool wide = sizeof(void*) == 8;
using Header = std::conditional_t<wide, Elf64_Ehdr, Elf32_Ehdr>;
using Segment = std::conditional_t<wide, Elf64_Phdr, Elf32_Phdr>;

// Of the library or program that `address` is in; null when in none.
const uint8_t* loaded_at(const void* address)
{
    Dl_info info{};
    return dladdr(address, &info) ? static_cast<uint8_t*>(info.dli_fbase)
                                  : nullptr;
}

// In what the file brings, in the order in which it lies in memory.
bool contains(const uint8_t* library, const char* text)
{
    const auto* header = reinterpret_cast<const Header*>(library);
    const auto* segments =
        reinterpret_cast<const Segment*>(library + header->e_phoff);
    for (size_t i = 0; i < header->e_phnum; ++i) {
        const Segment& s = segments[i];
        if (s.p_type == PT_LOAD && (s.p_flags & PF_R) &&
            memmem(library + s.p_vaddr, s.p_filesz, text,
                   std::strlen(text) + 1)) {
            return true;
        }
    }
    return false;
}

const char own = 0;

}  // namespace

bool guest_library_knows_record(const char* name)
{
    // Asked by name: as the program sees it, its address may be a stub's.
    const void* const save = dlsym(RTLD_DEFAULT, "xc_domain_save");
    const uint8_t* const library = save ? loaded_at(save) : nullptr;
    // The program holds that very name for its messages.
    return library && library != loaded_at(&own) && contains(library, name);
}

}  // namespace xl_colo
