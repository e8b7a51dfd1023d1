// Entry of the freestanding guest: protected mode, no paging, no stack.

        .text
        .globl start, hypercall_page, timer_entry, trap_entry
start:
        cli
        lgdt gdt_pointer
        ljmp $8, $1f
1:      mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $stack_top, %esp
        call guest_main

timer_entry:
        pusha
        cld
        call on_timer
        popa
        iret

trap_entry:
        call on_trap
        hlt

        .data
        .balign 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        // code, flat
        .quad 0x00cf93000000ffff        // data, flat
gdt_pointer:
        .word . - gdt - 1
        .long gdt

        .balign 4096
hypercall_page:
        .skip 4096

        .bss
        .balign 16
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
