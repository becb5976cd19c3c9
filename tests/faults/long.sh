#!/bin/sh
# The fault tests of tests/it with many rounds: kills at random moments and at random writes, each held against the
# simulator's ledger. Takes about a minute per 50 rounds. Usage: tests/faults/long.sh [ROUNDS], 200 by default.
set -eu
cd "$(dirname "$0")/../.."
LLMARK_FAULT_ROUNDS=${1:-200} exec cargo test --release --test it -- --nocapture crash:: disk:: leaks::
