#!/usr/bin/env bash
# Fuzzes every target for a while, starting from the committed corpora.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET...]      60 s each by default
#
# Needs cargo-fuzz (`cargo install cargo-fuzz`); where there is no nightly compiler, the stable one is told to lend its
# instrumentation. What a run finds is kept in tests/fuzz/found, and an input that breaks a promise in
# tests/fuzz/artifacts: make it a test of the room that it broke.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(sse decoders suite template retry_after slo event_log report)
corpora=tests/fuzz/corpus
if cargo +nightly --version >/dev/null 2>&1; then cargo=(cargo +nightly); else
  cargo=(cargo)
  export RUSTC_BOOTSTRAP=1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
  found=tests/fuzz/found/$target
  mkdir -p "$found" "$corpora/$target"
  echo "== $target, $seconds s"
  "${cargo[@]}" fuzz run --fuzz-dir tests/fuzz --sanitizer none "$target" "$found" "$corpora/$target" -- \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=16384 -print_final_stats=1 >"$log" 2>&1 ||
    { tail -n 40 "$log" >&2; echo "$target failed" >&2; exit 1; }
  grep -E "^stat::number_of_executed_units|^stat::average_exec|^Done" "$log"
  if [ -n "$(ls -A "tests/fuzz/artifacts/$target" 2>/dev/null)" ]; then
    echo "$target broke a promise: tests/fuzz/artifacts/$target"
    exit 1
  fi
done
