#!/usr/bin/env bash
# A long run at 200 streams: memory and descriptors of client and server must stay flat.
#
#   tests/faults/soak.sh [MINUTES] [LLMARK]      30 minutes of target/release/llmark
#
# Prints a line a minute and fails if, after the first tenth of the time, either process grows by more than 5 % and a few
# MiB, or gains more than a few descriptors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
minutes=${1:-30}
llmark=$(realpath "${2:-target/release/llmark}")
folder=$(mktemp -d)
started=()
cleanup() {
  for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap cleanup EXIT

cat > "$folder/profile.yaml" <<'P'
name: soak
unknown_model: serve
models:
  - {id: m, ttft: 50ms, gap: 10ms, default_mode: minimal, price: {input: 1, output: 2}}
P
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$llmark" sim --port "$port" --profile "$folder/profile.yaml" > "$folder/sim.log" 2>&1 &
server=$!
started+=("$server")
cat > "$folder/suite.yaml" <<S
name: soak
seed: 7
targets:
  - {id: t, protocol: openai-chat, base_url: "http://127.0.0.1:$port/v1", model: m, price: {input: 1, output: 2}}
params: {max_tokens: 120}
prompts: [{id: p, user: "[[sim:tokens=100]] Write on."}]
cases: [{id: c}]
loads: [{concurrency: 200, duration: ${minutes}m}]
S
sleep 1
"$llmark" run "$folder/suite.yaml" --out "$folder/run" --quiet > "$folder/run.log" 2>&1 &
client=$!
started+=("$client")
SECONDS=0

rss() { awk '/^VmRSS/ {print $2}' "/proc/$1/status" 2>/dev/null || echo 0; }
fds() { ls "/proc/$1/fd" 2>/dev/null | wc -l; }
# The server's ledger keeps the latest 65,536 requests, so it grows by some MiB until these are reached.
room=(4096 16 24576 16)
what=("memory of the client" "descriptors of the client" "memory of the server" "descriptors of the server")
base=()
printed=0
echo "minute  client KiB  client fds  server KiB  server fds  log lines"
while kill -0 "$client" 2>/dev/null && ((SECONDS < minutes * 60)); do
  sleep 5
  now=("$(rss "$client")" "$(fds "$client")" "$(rss "$server")" "$(fds "$server")")
  if ((SECONDS / 60 > printed)); then
    printed=$((SECONDS / 60))
    printf '%6d  %10d  %10d  %10d  %10d  %9d\n' "$printed" "${now[@]}" "$(wc -l < "$folder/run/events.jsonl")"
  fi
  ((SECONDS > minutes * 6 && SECONDS < minutes * 60)) || continue
  [ ${#base[@]} -gt 0 ] || base=("${now[@]}")
  for i in 0 1 2 3; do
    if ((now[i] > base[i] * 105 / 100 + room[i])); then
      echo "${what[i]} grew from ${base[i]} to ${now[i]} within $SECONDS s"
      exit 1
    fi
  done
done
code=0
wait "$client" || code=$?
tail -5 "$folder/run.log"
echo "the run ended with code $code; $(wc -l < "$folder/run/trials.csv") rows"
# Without objectives a run on a busy machine may say that the client was the limit.
[ "$code" = 0 ] || [ "$code" = 6 ]
