// A guest without firmware and operating system: the workload on the bare
// virtual machine. libxl loads it in hvmloader's place (firmware_override)
// and enters it in flat 32-bit mode; see start.S.

#include "workload.h"

enum {
    COM1 = 0x3f8,
    LINE_STATUS = COM1 + 5,
    DATA_READY = 1,
    MEMORY = 4 << 20, // of the guest, behind the program

    // xen/include/public/arch-x86/cpuid.h and sched.h, Xen 4.17
    CPUID_XEN = 0x40000000,
    SCHED_OP = 29,
    SCHEDOP_SHUTDOWN = 2,
    SHUTDOWN_POWEROFF = 0,
    SHUTDOWN_REBOOT = 1,
    SHUTDOWN_CRASH = 3,

    // AMD64 Architecture Programmer's Manual, volume 2, chapter 16
    APIC = 0xfee00000u,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_TIMER = 0x320,
    APIC_INITIAL_COUNT = 0x380,
    APIC_DIVIDE = 0x3e0,
    APIC_ENABLED = 0x100,
    APIC_PERIODIC = 0x20000,
    APIC_DIVIDE_BY_1 = 0xb,
    APIC_HZ = 100000000, // Xen's virtual bus: APIC_BUS_CYCLE_NS is 10
    TIMER_VECTOR = 0x40,
};

extern char hypercall_page[]; // start.S
void timer_entry(void);       // start.S
void trap_entry(void);        // start.S

static uint32_t sums[PAGES];
static struct { uint32_t low, high; } idt[256];

static uint64_t rdtsc(void)
{
    uint64_t value;

    asm volatile("rdtsc" : "=A"(value));
    return value;
}

static void cpuid(uint32_t leaf, uint32_t regs[4])
{
    asm volatile("cpuid"
                 : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]),
                   "=d"(regs[3])
                 : "0"(leaf), "2"(0));
}

static uint8_t in_byte(uint16_t port)
{
    uint8_t value;

    asm volatile("inb %1, %0" : "=a"(value) : "d"(port));
    return value;
}

static void apic_write(uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(APIC + reg) = value;
}

void platform_write(const char *line)
{
    uint32_t size = 0;

    while (line[size])
        size++;
    // One exit to the device model for the whole line.
    asm volatile("rep outsb" : "+S"(line), "+c"(size) : "d"(COM1) : "memory");
}

uint32_t platform_clock(void)
{
    return rdtsc();
}

static void shut_down(uint32_t reason)
{
    uint32_t result;

    asm volatile("call *%1"
                 : "=a"(result)
                 : "r"(hypercall_page + SCHED_OP * 32),
                   "b"(SCHEDOP_SHUTDOWN), "c"(&reason)
                 : "memory");
    platform_write("workload: BROKEN shutdown returned\n");
}

static void obey(struct workload *w)
{
    if (!(in_byte(LINE_STATUS) & DATA_READY))
        return;
    char c = in_byte(COM1);
    if (workload_input(w, c))
        return;
    if (c == 'p')
        shut_down(SHUTDOWN_POWEROFF);
    else if (c == 'r')
        shut_down(SHUTDOWN_REBOOT);
    else if (c == 'c')
        shut_down(SHUTDOWN_CRASH);
}

static void set_gate(int vector, void (*entry)(void))
{
    uint32_t address = (uint32_t)entry;

    idt[vector].low = 0x80000 | (address & 0xffff); // code segment 8
    idt[vector].high = (address & 0xffff0000) | 0x8e00;
}

static void set_up_timer(void)
{
    struct {
        uint16_t limit;
        void *base;
    } __attribute__((packed)) idtr = { sizeof(idt) - 1, idt };

    for (int vector = 0; vector < 256; vector++)
        set_gate(vector, trap_entry);
    set_gate(TIMER_VECTOR, timer_entry);
    asm volatile("lidt %0" : : "m"(idtr));
    apic_write(APIC_SPURIOUS, APIC_ENABLED | 0xff);
    apic_write(APIC_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_TIMER, APIC_PERIODIC | TIMER_VECTOR);
    apic_write(APIC_INITIAL_COUNT, APIC_HZ / TICKS_PER_SECOND);
    asm volatile("sti");
}

void on_timer(void)
{
    apic_write(APIC_EOI, 0);
}

void on_trap(void)
{
    platform_write("workload: BROKEN trap\n");
    shut_down(SHUTDOWN_CRASH);
}

// Returns the rate of the TSC and prepares hypercalls.
static uint32_t set_up_xen(void)
{
    uint32_t regs[4];

    cpuid(CPUID_XEN + 2, regs);
    asm volatile("wrmsr" : : "c"(regs[1]), "a"(hypercall_page), "d"(0));
    cpuid(CPUID_XEN + 3, regs);
    return regs[2] * 1000; // from kHz
}

void guest_main(void)
{
    static struct workload w;
    char line[LINE_SIZE];
    uint32_t seconds = 0;
    uint32_t second = set_up_xen();

    workload_init(&w, (uint32_t (*)[WORDS])MEMORY, sums);
    platform_write("workload: started\n");
    set_up_timer();
    uint64_t last = rdtsc();
    for (;;) {
        asm volatile("hlt");
        workload_tick(&w);
        obey(&w);
        uint64_t now = rdtsc();
        if (now < last) {
            platform_write("workload: clock went back\n");
            last = now;
        }
        if (now - last < second)
            continue;
        while (now - last >= second) {
            seconds++;
            last += second;
        }
        workload_status(&w, seconds, line);
        platform_write(line);
    }
}
