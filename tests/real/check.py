"""Holds the figures of an llmark run against those of the llama.cpp server that it measured.

    check.py RUN_FOLDER SERVER_LOG METRICS_FILE

The server knows three things that no client can invent: how many tokens each request read and wrote (its log and its
counters), how long each request generated (its log), and the sums of both (its counters). Token counts must agree
exactly, times within what scheduling on a shared machine explains.
"""

import collections
import csv
import pathlib
import re
import sys

TIMING = re.compile(r"task (\d+) \|\s+(prompt eval|eval) time =\s*([\d.]+) ms /\s*(\d+) tokens")


def server_requests(log):
    """Per request in order: prompt tokens, output tokens, prompt ms, generation ms."""
    tasks = collections.OrderedDict()
    for task, kind, ms, tokens in TIMING.findall(log):
        tasks.setdefault(task, {})[kind] = (float(ms), int(tokens))
    return [
        {"input": t["prompt eval"][1], "output": t["eval"][1], "prompt_ms": t["prompt eval"][0], "eval_ms": t["eval"][0]}
        for t in tasks.values()
        if len(t) == 2
    ]


def counter(metrics, name):
    return float(re.search(rf"^llamacpp:{name} (\S+)$", metrics, re.M).group(1))


def main():
    folder, log_file, metrics_file = sys.argv[1:]
    attempts = list(csv.DictReader((pathlib.Path(folder) / "trials.csv").open(newline="")))
    requests = server_requests(pathlib.Path(log_file).read_text(errors="replace"))
    metrics = pathlib.Path(metrics_file).read_text()
    problems = []

    def hold(condition, text):
        print(("ok    " if condition else "WRONG ") + text)
        if not condition:
            problems.append(text)

    # This server announces keep-alive and closes after every stream. A request that meets the closing is lost before
    # it is read; llmark calls that a reset and tries again, as a further attempt.
    lost = [r for r in attempts if r["outcome"] == "reset" and not r["http_status"]]
    rows = [r for r in attempts if r not in lost]
    print(f"      {len(lost)} of {len(attempts)} attempts met a closing connection")
    hold({r["trial"] for r in lost} <= {r["trial"] for r in rows}, "each of them was tried again")
    odd = [f"{r['target']}/{r['case']}: {r['outcome']}" for r in rows if r["outcome"] not in ("ok", "length")]
    hold(not odd, f"{len(rows)} trials ended well {odd or ''}")
    hold(len(rows) == len(requests), f"{len(rows)} trials, {len(requests)} requests in the server's log")

    def shape(row):
        """Prompt tokens that were computed, and output tokens, as the server's log counts them."""
        return int(row["input_tokens"]) - int(row["cached_tokens"] or 0), int(row["output_tokens"])

    client = collections.Counter(shape(r) for r in rows)
    server = collections.Counter((r["input"], r["output"]) for r in requests)
    hold(client == server, f"input and output tokens of every request agree {(client - server) or ''} {(server - client) or ''}")
    cached = sum(int(r["cached_tokens"] or 0) for r in rows)
    # The route for messages drops `cache_prompt: false`; whatever was reused must be reported.
    reused = counter(metrics, "prompt_tokens_cached_total")
    hold(cached == reused, f"cached tokens sum to the server's counter, {reused:.0f}")
    read = counter(metrics, "prompt_tokens_total")
    written = counter(metrics, "tokens_predicted_total")
    hold(read == sum(shape(r)[0] for r in rows), f"other input tokens sum to the server's counter, {read:.0f}")
    hold(written == sum(int(r["output_tokens"]) for r in rows), f"output tokens sum to the server's counter, {written:.0f}")

    generated = [float(r["e2e_ms"]) - float(r["ttft_ms"]) for r in rows]
    total = 1000 * counter(metrics, "tokens_predicted_seconds_total")
    ratio = sum(generated) / total
    hold(0.9 < ratio < 1.1, f"first to last token sums to {sum(generated):.0f} ms, the server's counter to {total:.0f} ms")
    prompts = sum(r["prompt_ms"] for r in requests)
    ttft = sum(float(r["ttft_ms"]) for r in rows)
    hold(ttft > 0.97 * prompts, f"ttft sums to {ttft:.0f} ms, at least the {prompts:.0f} ms that prompts took")

    # One at a time, the order is the same on both sides, so that each trial has its request.
    serial = [(n, r) for n, r in enumerate(rows) if r["load"] == "c1"]
    requests_by_shape = collections.defaultdict(list)
    for request in requests:
        requests_by_shape[request["input"], request["output"]].append(request)
    errors = []
    for n, row in serial:
        same = requests_by_shape[shape(row)]
        off = [abs(generated[n] - request["eval_ms"]) / max(request["eval_ms"], 50) for request in same]
        errors.append(min(off, default=1.0))
    errors.sort()
    typical, worst = errors[len(errors) // 2], errors[-1]
    # The worst one is told and not judged: a processor that is taken away between two stamps is nobody's error.
    hold(typical < 0.05, f"at concurrency 1 generation times are {100 * typical:.1f} % off the server's own at the median, {100 * worst:.1f} % at worst")
    for row in rows:
        n = int(row["output_tokens"])
        if n > 1:
            tpot = (float(row["e2e_ms"]) - float(row["ttft_ms"])) / (n - 1)
            if row["tpot_ms"] and abs(float(row["tpot_ms"]) - tpot) > 0.002 * tpot + 0.01:
                hold(False, f"tpot of {row['target']}/{row['case']} is {row['tpot_ms']}, expected {tpot:.3f}")
    sys.exit(1 if problems else 0)


main()
