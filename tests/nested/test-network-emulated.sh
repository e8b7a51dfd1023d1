#!/bin/bash
# test-network-commit.sh with an HVM guest without PV drivers, whose card is an
# emulated one: all that it sends goes by the tap of QEMU's, vif*-emu.
BED_GUEST=linux-emu-net
. "$(dirname "$0")/test-network-commit.sh"
