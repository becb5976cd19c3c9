#!/usr/bin/env python3
"""llmark against other people's servers: mock servers from the package indexes, and the LiteLLM proxy before a real one.

    peers.py LLMARK FOLDER [NAME...]       all peers by default; FOLDER keeps what was fetched

Every peer is asked by every protocol that it speaks, in one stream and in four. Each must give right figures or a named
outcome. REAL_SERVER=http://127.0.0.1:PORT/v1 names the server that the LiteLLM proxy is put before. A peer that cannot
be fetched is skipped with a word.
"""

import collections
import csv
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

CHAT, RESPONSES, MESSAGES = "openai-chat", "openai-responses", "anthropic-messages"
PATHS = {CHAT: "/v1", RESPONSES: "/v1", MESSAGES: ""}

SUITE = """name: peer
seed: 7
targets:
  - {{id: t, protocol: {protocol}, base_url: "{url}", model: {model}, key_env: PEER_KEY, price: {{input: 1, output: 2}}}}
params: {{max_tokens: 60}}
prompts: [{{id: p, user: "Say {{{{ w }}}}"}}]
cases:
  - {{id: a, vars: {{w: hello}}}}
  - {{id: b, vars: {{w: goodbye}}}}
  - {{id: c, vars: {{w: "what is 2+2"}}}}
loads: [{{concurrency: 1}}, {{concurrency: 4}}]
repeats: 2
timeout: {{first_token: 8s, idle: 2s, total: 60s}}
retry: {{max_attempts: 1}}
"""

AIMOCK = {"fixtures": [{"match": {"userMessage": "Say"}, "response": {"content": "Hello there, my friend.", "reasoning": "They want a greeting."}}]}
MOCKLLM = {"responses": {"Say hello": "Hello there, how are you?"}, "defaults": {"unknown_response": "I do not know."}}
MOCKTOPUS = {"version": 1, "meta": {"description": "one rule"}, "rules": [{"type": "llm.openai", "when": {"model": "*"},
             "respond": {"content": "Hello! How can I help you today?", "usage": {"input_tokens": 10, "output_tokens": 8}}}]}

# Name, package, files, command, what to ask: protocol, model, the outcomes that are right, whether it streams.
Peer = collections.namedtuple("Peer", "name package files command asks")
Ask = collections.namedtuple("Ask", "protocol model outcomes streams thinks path", defaults=(True, False, None))


def aimock(name, *flags, outcome="ok"):
    asks = [Ask(p, m, outcome.split(), True, outcome == "ok") for p, m in ((CHAT, "gpt-5"), (MESSAGES, "claude-4"), (RESPONSES, "gpt-5"))]
    return Peer(name, "npm:@copilotkit/aimock", {"f.json": AIMOCK}, ["llmock", "-p", "{port}", "-f", "f.json", "--log-level", "warn", *flags], asks)


def llmock(name, *flags, outcome="ok"):
    asks = [Ask(CHAT, "gpt-4o", outcome.split()), Ask(MESSAGES, "claude-3-5-sonnet", outcome.split(), path="/anthropic")]
    return Peer(name, "llmock", {}, ["llmock", "serve", "-p", "{port}", "--host", "127.0.0.1", *flags], asks)


PEERS = [
    aimock("aimock"),
    aimock("aimock-429", "--chaos-ratelimit", "1", outcome="rate_limited"),
    aimock("aimock-disconnect", "--chaos-disconnect", "1", outcome="reset"),
    aimock("aimock-malformed", "--chaos-malformed", "1", outcome="protocol_error"),
    llmock("llmock"),
    llmock("llmock-disconnect", "--stream-fault", "disconnect=1", outcome="reset truncated"),
    llmock("llmock-truncate", "--stream-fault", "truncate=1", outcome="truncated"),
    llmock("llmock-stall", "--stream-fault", "stall=1", outcome="timeout"),
    llmock("llmock-malformed", "--stream-fault", "malformed=1", outcome="stream_error protocol_error truncated"),
    Peer("fakellm", "fakellm", {"fakellm.yaml": {"version": 1, "defaults": {"fallback": "deterministic_echo"}, "rules": []}},
         ["fakellm", "serve", "--port", "{port}"], [Ask(CHAT, "gpt-4o", ["ok"]), Ask(MESSAGES, "claude-3-5-sonnet", ["ok"])]),
    Peer("llm-mock-api", "llm-mock-api", {}, ["llm-mock-api", "start", "-H", "127.0.0.1", "-p", "{port}", "-f", "Hello there my friend", "-l", "5"],
         [Ask(CHAT, "gpt-4o", ["ok"]), Ask(MESSAGES, "claude-3-5-sonnet", ["ok"]), Ask(RESPONSES, "gpt-4o", ["ok"])]),
    # Its Anthropic stream has no event of that protocol: nothing is an answer there.
    Peer("mockllm", "mockllm", {"r.yml": MOCKLLM}, ["mockllm", "start", "-r", "r.yml", "-h", "127.0.0.1", "-p", "{port}"],
         [Ask(CHAT, "gpt-4o", ["ok"]), Ask(MESSAGES, "claude-3-5-sonnet", ["truncated", "protocol_error"])]),
    # Its Anthropic side ignores `stream`.
    Peer("mocktopus", "mocktopus", {"s.yaml": MOCKTOPUS}, ["mocktopus", "serve", "-s", "s.yaml", "-p", "{port}"],
         [Ask(CHAT, "gpt-4", ["ok"]), Ask(MESSAGES, "claude-3", ["ok"], False)]),
    Peer("litellm", "litellm[proxy]", {"c.yaml": {"model_list": [{"model_name": "m", "litellm_params": {
        "model": "openai/m", "api_base": os.environ.get("REAL_SERVER", ""), "api_key": "none"}}],
        "general_settings": {"dangerously_permit_weak_or_unset_master_key": True}}},
         ["litellm", "--config", "c.yaml", "--host", "127.0.0.1", "--port", "{port}"],
         [Ask(CHAT, "m", ["ok", "length"]), Ask(MESSAGES, "m", ["ok", "length"])]),
]


def fetch(package, folder):
    """Installs the peer's package once; the folder of its programs, or None."""
    if package.startswith("npm:"):
        name = package[4:]
        programs = folder / "npm" / "node_modules" / ".bin"
        command = ["npm", "install", "--prefix", str(folder / "npm"), "--no-save", "--no-audit", "--no-fund", name]
        done = (folder / "npm" / "node_modules" / name).exists()
    else:
        venv = folder / package.split("[")[0]
        programs = venv / "bin"
        done = venv.exists() and any(programs.glob(package.split("[")[0] + "*"))
        if not done:
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        command = [str(programs / "pip"), "--quiet", "--disable-pip-version-check", "--retries", "2", "install", package]
    if not done and subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        return None
    return programs


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, server):
    for _ in range(900):
        if server.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def check(ask, code, rows):
    """What is wrong with these rows, in words."""
    wrong = []
    if code not in (0, 1, 3, 4, 6):
        wrong.append(f"exit code {code}")
    if len(rows) != 12:
        wrong.append(f"{len(rows)} rows instead of 12")
    for row in rows:
        outcome = row["outcome"]
        if outcome not in ask.outcomes:
            wrong.append(f"trial {row['trial']}: {outcome}, not {' or '.join(ask.outcomes)}")
        if outcome not in ("ok", "length"):
            continue
        ttft, ttfa, e2e = (float(row[k]) if row[k] else None for k in ("ttft_ms", "ttfa_ms", "e2e_ms"))
        if not row["answer"] and not ask.thinks or e2e is None:
            wrong.append(f"trial {row['trial']}: ok without an answer or without its time")
        elif ask.streams and (ttft is None or not 0 < ttft <= (ttfa or e2e) <= e2e):
            wrong.append(f"trial {row['trial']}: times {ttft}, {ttfa}, {e2e}")
        if not ask.streams and ("not_streamed" not in row["warnings"] or ttft is not None):
            wrong.append(f"trial {row['trial']}: an answer in one piece was given a time to first token")
    return wrong


def ask_peer(llmark, work, peer, ask, port):
    name = f"{peer.name}-{ask.protocol}"
    suite, out = work / f"{name}.yaml", work / name
    suite.write_text(SUITE.format(protocol=ask.protocol, url=f"http://127.0.0.1:{port}{PATHS[ask.protocol] if ask.path is None else ask.path}", model=ask.model))
    subprocess.run(["rm", "-rf", str(out)], check=True)
    done = subprocess.run([llmark, "run", str(suite), "--out", str(out), "--quiet"], capture_output=True, text=True,
                          timeout=300, env={**os.environ, "PEER_KEY": "sk-peer-0123456789abcdef"})
    rows = list(csv.DictReader(open(out / "trials.csv"))) if (out / "trials.csv").exists() else []
    wrong = check(ask, done.returncode, rows) + (["it panicked"] if "panicked" in done.stderr else [])
    outcomes = collections.Counter(row["outcome"] for row in rows)
    first = next((row for row in rows if row["outcome"] in ("ok", "length")), rows[0] if rows else collections.defaultdict(str))
    facts = [f"{k[:-3]} {float(first[k]):.1f} ms" for k in ("ttft_ms", "ttfa_ms", "e2e_ms") if first[k]]
    facts += [f"{k} {first[k] or 'unknown'}" for k in ("input_tokens", "reasoning_tokens", "output_tokens")]
    facts += [f"warnings {first['warnings']}"] if first["warnings"] else []
    print(f"{'FAIL' if wrong else 'ok':4} {name:36} {dict(outcomes)}; {', '.join(facts)}", flush=True)
    for line in wrong[:5]:
        print(f"       {line}")
    if wrong:
        print(done.stderr[-2000:])
    return not wrong


def main():
    llmark, folder = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    wanted, good = sys.argv[3:], True
    for peer in PEERS:
        if wanted and peer.name not in wanted:
            continue
        if peer.name == "litellm" and not os.environ.get("REAL_SERVER"):
            print("SKIPPED litellm: REAL_SERVER is not set")
            continue
        programs = fetch(peer.package, folder)
        if programs is None:
            print(f"SKIPPED {peer.name}: cannot fetch {peer.package}")
            continue
        work = folder / "work" / peer.name
        work.mkdir(parents=True, exist_ok=True)
        for name, content in peer.files.items():
            (work / name).write_text(json.dumps(content))
        port = free_port()
        command = [str(programs / peer.command[0])] + [part.format(port=port) for part in peer.command[1:]]
        with open(work / "server.log", "w") as log:
            server = subprocess.Popen(command, cwd=work, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            if not wait_for(port, server):
                print(f"SKIPPED {peer.name}: the server does not start; see {work / 'server.log'}")
                continue
            time.sleep(0.5)
            good &= all([ask_peer(llmark, work, peer, ask, port) for ask in peer.asks])
        finally:
            server.terminate()
            server.wait(30)
    sys.exit(0 if good else 1)


main()
