// What hvmloader starts in SeaBIOS's place for the Linux guest: under QEMU 10's
// emulation SeaBIOS tells Linux of no memory, and to unpack a kernel there
// takes long. The kernel is in memory already, unpacked, because it came with
// hvmloader (firmware.py); what is left is to tell it what hvmloader found out
// (Linux: Documentation/arch/x86/boot.rst and zero-page.rst) and to enter it.

#include <stdint.h>

// hvmloader's seabios.c, Xen 4.17, at BIOS_INFO_PHYSICAL_ADDRESS.
struct bios_info {
    char signature[14];
    uint8_t length, checksum;
    uint32_t tables, tables_count;
    uint32_t e820, e820_count;
} __attribute__((packed));

// From firmware.py.
struct payload {
    uint32_t kernel; // its 64-bit entry
    uint32_t ramdisk, ramdisk_size;
};

enum {
    BIOS_INFO = 0x1000,
    PAYLOAD = 0x800000,

    // Below 640 KiB: hvmloader's own begins at 0x10000, its e820 in it.
    BOOT_PARAMS = 0x90000,
    COMMAND_LINE = 0x91000,
    PAGE_TABLES = 0x92000,
    PAGE = 0x1000,

    E820_ENTRY = 20,
    E820_MOST = 16,
};

// It stays here, in what hvmloader has reserved for us; in .data, because .bss
// is not in the image.
static struct { char bytes[36]; } rsdp __attribute__((aligned(16))) = { "?" };

void enter_kernel(uint32_t tables, uint32_t kernel, uint32_t boot_params);

static void copy(uint32_t to, const void *from, uint32_t size)
{
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static void clear(uint32_t to, uint32_t size)
{
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(0) : "memory");
}

static void put(uint32_t at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

static int same(const char *at, const char *text)
{
    while (*text)
        if (*at++ != *text++)
            return 0;
    return 1;
}

// One to one, the first GiB.
static void map_memory(void)
{
    clear(PAGE_TABLES, 3 * PAGE);
    put(PAGE_TABLES, (PAGE_TABLES + PAGE) | 3);
    put(PAGE_TABLES + PAGE, (PAGE_TABLES + 2 * PAGE) | 3);
    for (uint32_t i = 0; i < 512; i++)
        put(PAGE_TABLES + 2 * PAGE + 8 * i, i << 21 | 0x83);
}

static void find_rsdp(const struct bios_info *info)
{
    const uint32_t *tables = (const uint32_t *)info->tables;

    for (uint32_t i = 0; i < info->tables_count; i++)
        if (same((const char *)tables[i], "RSD PTR "))
            copy((uint32_t)&rsdp, (const void *)tables[i], sizeof(rsdp));
}

void loader_main(void)
{
    static const char command_line[] = COMMAND_LINE_TEXT;
    const struct bios_info *info = (const struct bios_info *)BIOS_INFO;
    const struct payload *payload = (const struct payload *)PAYLOAD;
    uint32_t count = info->e820_count;

    clear(BOOT_PARAMS, PAGE);
    if (count > E820_MOST)
        count = E820_MOST;
    *(uint8_t *)(BOOT_PARAMS + 0x1e8) = count;
    copy(BOOT_PARAMS + 0x2d0, (const void *)info->e820, count * E820_ENTRY);

    put(BOOT_PARAMS + 0x1fe, 0xaa55);
    put(BOOT_PARAMS + 0x202, 0x53726448); // "HdrS"
    put(BOOT_PARAMS + 0x206, 0x20f);
    *(uint8_t *)(BOOT_PARAMS + 0x210) = 0xff; // no loader with a number
    *(uint8_t *)(BOOT_PARAMS + 0x211) = 1;    // loaded high
    put(BOOT_PARAMS + 0x218, payload->ramdisk);
    put(BOOT_PARAMS + 0x21c, payload->ramdisk_size);
    copy(COMMAND_LINE, command_line, sizeof(command_line));
    put(BOOT_PARAMS + 0x228, COMMAND_LINE);
    find_rsdp(info);
    put(BOOT_PARAMS + 0x70, (uint32_t)&rsdp);

    map_memory();
    enter_kernel(PAGE_TABLES, payload->kernel, BOOT_PARAMS);
}
