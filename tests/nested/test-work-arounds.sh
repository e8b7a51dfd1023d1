#!/bin/bash
# What the work-arounds are for, each seen failing without it: F3 (the
# secondary's dirty bitmap sized from an empty domain) and F4 (QEMU aborts when
# it loads its state a second time). F2 is in Xen 4.18 and later only.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

progress "without the work-around for F3"
must_go_wrong f3 40 'verification of checkpoint [0-9]+: .* differ'
progress "without the work-around for F4"
must_go_wrong f4 40 'QEMU|device model|device state'
