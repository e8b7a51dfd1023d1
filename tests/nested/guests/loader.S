// The reset vector of the loader in loader.c, from there to 32-bit code and
// its stack, and on from that code to the kernel's 64-bit entry.

        .section .reset, "ax"
        .code16
        ljmpl $0xf000, $start - 0xf0000
        .org 16

        .text
        .globl enter_kernel
start:
        cli
        addr32 lgdtl %cs:gdt_pointer - 0xf0000
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $8, $1f
        .code32
1:      mov $24, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $0x9f000, %esp
        call loader_main

// enter_kernel(page tables, kernel's entry, boot parameters)
enter_kernel:
        mov 4(%esp), %eax
        mov 8(%esp), %ebx
        mov 12(%esp), %esi
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x20, %eax          // PAE
        mov %eax, %cr4
        mov $0xc0000080, %ecx   // EFER
        rdmsr
        or $0x100, %eax         // LME
        wrmsr
        mov %cr0, %eax
        or $0x80000000, %eax    // PG
        mov %eax, %cr0
        ljmp $16, $1f
        .code64
1:      jmp *%rbx

        .balign 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        // 8: 32-bit code, flat
        .quad 0x00af9b000000ffff        // 16: 64-bit code
        .quad 0x00cf93000000ffff        // 24: data, flat
gdt_pointer:
        .word . - gdt - 1
        .long gdt

        .section .note.GNU-stack, "", @progbits
