"""Mends one instruction of Debian's QEMU 10, so that a guest's Linux starts.

QEMU 9.1 and later take a read of any control register for one of CR0 where
they look whether the hypervisor wants to know of it: decode_op() in
target/i386/tcg/decode-new.c.inc adds the register's number to the intercept's
only `if (decode->e.intercept)`, and that of CR0 is 0. So a guest's read of
CR2, which no hypervisor intercepts where there are nested page tables, goes
to Xen, which answers with an old value: the guest's first page fault is its
end. Seen on QEMU 10.0.2: the handler found 0 in CR2. The test in front of the
addition is not needed, since only instructions that have an intercept come
there.

The file is changed where the compiler's output is known, and not at all
elsewhere: a guest that has page faults then dies there.
"""

import pathlib
import re
import shutil

# sub $2,%eax; cmp $2,%al; jbe 1f; test $0xf7,%dl; jne <refuse>
# 1: movzbl 0x18(%r12),%eax; test %al,%al; je <on>; add %edx,%eax
_GUARD = re.compile(
    rb"\x83\xe8\x02\x3c\x02\x76.\xf6\xc2\xf7\x0f\x85.{4}"
    rb"\x41\x0f\xb6\x44\x24\x18\x84\xc0(\x0f\x84.{4})\x01\xd0", re.S)
_NOP = b"\x66\x0f\x1f\x44\x00\x00"


def mended(program):
    """Path of the mended copy, or `program` itself where nothing is known."""
    program = pathlib.Path(program)
    copy = program.with_name(program.name + ".mended")
    if copy.exists() and copy.stat().st_mtime >= program.stat().st_mtime:
        return copy
    data = program.read_bytes()
    found = list(_GUARD.finditer(data))
    if len(found) != 1:
        return program
    start, end = found[0].span(1)
    new = copy.with_name(copy.name + ".new")
    shutil.copyfile(program, new)
    new.chmod(0o755)
    with open(new, "r+b") as file:
        file.seek(start)
        file.write(_NOP[:end - start])
    new.rename(copy)
    return copy
