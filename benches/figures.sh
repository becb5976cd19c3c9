#!/usr/bin/env bash
# Every figure that the README claims about the instrument, measured again on this machine, in one Markdown table.
#
#   cargo build --release && benches/figures.sh [ROUNDS]        default: 5 rounds of each, the median with least and most
#
# Needs jq, about five minutes, and a machine that does nothing else: what else runs is measured, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${1:-5}
target=${CARGO_TARGET_DIR:-target}
llmark=$target/release/llmark
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Median, least and most of the numbers on stdin.
spread() {
  jq -rs 'def show: if . == null then "n/a" else (. * 1000 | round / 1000 | tostring) end;
    map(select(. != null)) | sort | if length == 0 then "n/a"
    else "\(.[length / 2 | floor] | show) [\(first | show), \(last | show)]" end'
}

row() { printf '| %s | %s | %s | %s |\n' "$@"; }

# selftest STREAMS TOKENS GAP_MS: one JSON object per round.
selftest() {
  for _ in $(seq "$rounds"); do
    "$llmark" selftest --streams "$1" --tokens "$2" --gap-ms "$3" --json || true
  done
}

# Peak memory of a command in MB; its output is dropped.
peak_mb() {
  "$@" > /dev/null 2>&1 &
  local pid=$! most=0 now
  while kill -0 "$pid" 2> /dev/null; do
    now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2> /dev/null || true)
    if [ -n "$now" ] && [ "$now" -gt "$most" ]; then most=$now; fi
    sleep 0.05
  done
  wait "$pid" || true
  echo $((most / 1024))
}

errors() {
  local name=$1 bar=$2 out
  shift 2
  out=$work/selftest.json
  selftest "$@" > "$out"
  row "TTFT error, $name, p50 (ms)" "$(jq '.ttft_error_ms.p50.value' "$out" | spread)" "${bar% *}" "\`llmark selftest --streams $1\`"
  # 100 streams cannot carry a p99: the largest of all is stated in its place.
  row "TTFT error, $name, p99 or largest (ms)" "$(jq '.ttft_error_ms.p99.value // .ttft_error_ms.max' "$out" | spread)" "${bar#* }" "same"
  row "gap error, $name, p50 (ms)" "$(jq '.itl_error_ms.p50.value' "$out" | spread)" "" "same"
  row "rate error, $name, p50 (%)" "$(jq '.rate_error_percent.p50.value' "$out" | spread)" "" "same"
  row "failed streams, $name" "$(jq '.failed' "$out" | spread)" "0" "same"
}

# suite LOAD PROMPT: a suite on a simulator of its own.
suite() {
  cat > "$work/profile.yaml" << YAML
name: fast
description: known times
unknown_model: serve
models:
  - {id: fast, ttft: 5ms, gap: 1ms, default_mode: minimal}
YAML
  cat > "$work/suite.yaml" << YAML
name: figures
targets: [{id: simulated, sim: {profile: profile.yaml}}]
prompts: [{id: p, user: "$2"}]
cases: [{id: one}]
loads: [$1]
YAML
}

pacing() {
  suite '{rate: 500, arrivals: constant, duration: 10s}' '[[sim:tokens=2]]'
  for at in $(seq "$rounds"); do
    "$llmark" run --quiet --out "$work/pacing$at" "$work/suite.yaml" > /dev/null 2>&1 || true
    jq -s '[.[] | select(.k == "observed" and (.warmup | not))] | {late: ([.[] | (.sent - .due) / 1e6] | sort | .[(length * 0.99 | ceil) - 1]),
      rate: (([.[] | .sent] | sort) as $s | ((($s | length) - 1) / (($s | last) - ($s | first)) * 1e9 / 500 - 1) * 100)}' \
      "$work/pacing$at/events.jsonl"
    rm -rf "$work/pacing$at"
  done > "$work/pacing.json"
  row "send lateness at 500 arrivals/s, p99 (ms)" "$(jq .late "$work/pacing.json" | spread)" "< 0.5" "\`llmark run\` with \`{rate: 500, arrivals: constant, duration: 10s}\`"
  row "mean rate error over 10 s (%)" "$(jq .rate "$work/pacing.json" | spread)" "< 0.1" "same"
}

memory() {
  row "5,000 streams at once, client and server in one process: peak memory (MB)" \
    "$(peak_mb "$llmark" selftest --streams 5000 --tokens 20 --gap-ms 100)" "< 300" "\`llmark selftest --streams 5000 --tokens 20 --gap-ms 100\`"
  row "failed of 5,000 streams" "$("$llmark" selftest --streams 5000 --tokens 20 --gap-ms 100 --json | jq .failed)" "0" "same"
}

cost() {
  local name=$1 found
  shift
  found=$(cargo bench --quiet --bench bare_client -- "$@" "$rounds" 2> /dev/null)
  row "CPU per event, bare client, $name (us)" "$(sed -n 's/^bare client: \(.*\) us$/\1/p' <<< "$found")" "" "\`cargo bench --bench bare_client -- $*\`"
  row "CPU per event, llmark in flight over bare, $name" "$(sed -n 's/^llmark in flight: .* us, \(.*\) times.*/\1/p' <<< "$found")" "< 1.3" "same"
  row "CPU per event, llmark whole run over bare, $name" "$(sed -n 's/^llmark whole run: .* us, \(.*\) times.*/\1/p' <<< "$found")" "" "same"
}

# The same load with the log on a disk and in memory, where a sync costs nothing.
durability() {
  suite '{concurrency: 100, requests: 2000}' '[[sim:tokens=50,gap=4ms]]'
  local in_memory at
  in_memory=$(mktemp -d -p /dev/shm)
  for at in $(seq "$rounds"); do
    for place in "$work" "$in_memory"; do
      "$llmark" run --quiet --out "$place/log$at" "$work/suite.yaml" > /dev/null 2>&1 || true
    done
    jq -n --slurpfile a "$work/log$at/summary.json" --slurpfile b "$in_memory/log$at/summary.json" \
      '(1 - $a[0].cells[0].throughput_rps.value / $b[0].cells[0].throughput_rps.value) * 100'
    rm -rf "$work/log$at" "$in_memory/log$at"
  done > "$work/durability.json"
  rm -rf "$in_memory"
  row "throughput lost to durability at 100 streams (%)" "$(spread < "$work/durability.json")" "< 5" "\`llmark run --out\` on a disk and on /dev/shm"
}

bench() {
  local name=$1 bar=$2 bench=$3 id=$4
  cargo bench --quiet --bench "$bench" -- --quick "$id" > /dev/null 2>&1 || true
  row "$name" "$(jq -r --slurpfile b "$target/criterion/$id/new/benchmark.json" \
    '($b[0].throughput.Elements * 1e9 / .median.point_estimate / 1e4 | round / 100 | tostring) + " million/s"' \
    "$target/criterion/$id/new/estimates.json" 2> /dev/null || echo n/a)" "$bar" "\`cargo bench --bench $bench\`"
}

echo "$(date -u +%Y-%m-%d), $("$llmark" --version), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg); median [least, most] of $rounds rounds"
echo
echo "| what | figure | bar | command |"
echo "|---|---|---|---|"
errors "100 streams of 100 tokens at 10 ms" "<0.3 <2" 100 100 10
errors "1,000 streams of 100 tokens at 10 ms" "<1 <10" 1000 100 10
memory
pacing
durability
cost "unpaced" 64 100 0ms 8192
cost "paced" 256 100 10ms 2048
bench "framing and decoding of OpenAI chunks, one core" "> 1.5 million/s" sse "chat/frame and decode/events"
