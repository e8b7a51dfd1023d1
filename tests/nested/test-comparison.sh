#!/bin/bash
# The seed's claim: without the secondary's dirty list no checkpoint makes an
# exact copy, and the comparison of test-checkpoints finds that out. So it does
# with digests that are no digests.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

differ='verification of checkpoint [0-9]+: .* differ'
progress "with the back channel's list dropped: must be found out"
must_go_wrong back-channel 10 "$differ"
progress "with digests that do not tell pages apart: must be found out"
must_go_wrong digest 10 "$differ"
