#!/bin/sh
# The fault tests of tests/it with many rounds: runs killed at random moments and at every write, each resumed and held
# against the simulator's ledger; a full disk, failing syncs, hunts for keys; and thousands of requests through bad
# networks. Takes about an hour with the defaults.
#
#   tests/faults/long.sh [KILLS] [REQUESTS]      1,000 kills at random moments and 10,000 requests
set -eu
cd "$(dirname "$0")/../.."
kills=${1:-1000}
requests=${2:-10000}
LLMARK_FAULT_ROUNDS=$kills cargo test --test it -- --nocapture crash:: disk:: leaks:: frozen::
# Each of the nine ways through the network takes its share.
LLMARK_FAULT_ROUNDS=$(((requests + 8) / 9)) cargo test --test it -- --nocapture chaos::
