#!/bin/bash
# test-pv-shutdown.sh with a PVH guest.
BED_GUEST=linux-pvh
. "$(dirname "$0")/test-pv-shutdown.sh"
