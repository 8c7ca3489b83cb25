"""What is measured, one function each; every one gives plain numbers.

Contestants take turns in short rounds, so that a disturbance of the machine hits all of them alike.
"""
import os
import random
import re
import signal
import statistics
import subprocess
import threading
import time

from contestants import PYTHON, Tool, plain_kernel_start  # noqa: F401
from harness import percentile, rss_bytes

CODE = {"code": "1+1"}


def latency(tools, rounds=20, count=50):
    """p50 and p99 of `1+1` in ms for each tool, in rounds that alternate; and each round's p50."""
    seen = {name: [] for name in tools}
    medians = {name: [] for name in tools}
    for tool in tools.values():
        tool.order(clients=1, count=count)  # warm
    for round_ in range(rounds):
        order = list(tools) if round_ % 2 else list(reversed(list(tools)))
        for name in order:
            got = tools[name].order(clients=1, count=count)["latencies_us"]
            seen[name] += got
            medians[name].append(statistics.median(got) / 1000)
    return {name: {"p50": statistics.median(v) / 1000, "p99": percentile(v, 0.99) / 1000,
                   "rounds": medians[name]} for name, v in seen.items()}


def added(measured, over, base):
    """Median over the rounds of what `over` adds to `base`: as a share, and in ms."""
    pairs = list(zip(measured[over]["rounds"], measured[base]["rounds"]))
    return (statistics.median(a / b for a, b in pairs),
            statistics.median(a - b for a, b in pairs))


def chance(measured, one, other):
    """How far from each other two that are alike may seem to be, as a share: of the medians that
    rounds drawn again from those measured would give, 95 % lie within."""
    ratios = [a / b for a, b in zip(measured[one]["rounds"], measured[other]["rounds"])]
    draw = random.Random(1)
    return percentile([abs(statistics.median(draw.choices(ratios, k=len(ratios))) - 1)
                       for _ in range(1000)], 0.95)


def throughput(name, targets, clients, rounds=3, seconds=3):
    """Executions a second, the median of some rounds."""
    tool = Tool(name, targets)
    tool.order(clients=clients, count=clients * 5)
    rates = []
    for _ in range(rounds):
        got = tool.order(clients=clients, seconds=seconds)
        rates.append(got["count"] / got["seconds"])
    tool.close()
    return statistics.median(rates)


class ReadyWatch(threading.Thread):
    """Notes when the daemon tells `kernel_ready`, by generation."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.stream = client.stream("/v1/events", timeout=600)
        self.seen, self.changed = {}, threading.Condition()
        self.start()

    def run(self):
        try:
            for event in self.stream:
                if event["type"] == "kernel_ready":
                    with self.changed:
                        self.seen[event["data"]["generation"]] = time.monotonic()
                        self.changed.notify_all()
        except (OSError, ValueError, AttributeError):
            pass

    def await_generation(self, generation):
        with self.changed:
            if not self.changed.wait_for(lambda: generation in self.seen, 60):
                raise RuntimeError("no kernel_ready came")
            return self.seen[generation]


def recovery(troupe, rounds=12):
    """Medians in ms: kill -9 of an idle kernel to ready, to the next result, and a plain start."""
    watch = ReadyWatch(troupe.client)
    ready, result, plain = [], [], []
    for _ in range(rounds):
        k = troupe.client.wait_idle()
        time.sleep(0.4)
        began = time.monotonic()
        os.kill(k["pid"], signal.SIGKILL)
        ready.append(watch.await_generation(k["generation"] + 1) - began)
        time.sleep(0.4)  # longer than kernel.restart.stable_after_ms: no backoff is measured
        plain.append(plain_kernel_start())
        k = troupe.client.wait_idle()
        began = time.monotonic()
        os.kill(k["pid"], signal.SIGKILL)
        while troupe.client.post("/execute", CODE).json.get("status") != "ok":
            pass
        result.append(time.monotonic() - began)
        time.sleep(0.4)
        plain.append(plain_kernel_start())
    return tuple(statistics.median(x) * 1000 for x in (ready, result, plain))


def death_to_ended(troupe, rounds=15):
    """ms from kill -9 during an execution to that execution's `ended`: median and worst."""
    spent = []
    for _ in range(rounds):
        troupe.client.wait_idle()
        time.sleep(0.4)  # longer than kernel.restart.stable_after_ms: deaths are not counted up
        s = troupe.client.follow("import time; print('up', flush=True); time.sleep(60)")
        s.until("stream")
        pid = troupe.client.kernel()["pid"]
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        last = s.until("ended")[-1]
        if last["data"]["status"] != "kernel_died":
            raise RuntimeError(f"ended as {last['data']}")
        spent.append((s.arrived - began) * 1000)
        s.close()
    return statistics.median(spent), max(spent)


def jupyter_recovery(jupyter, index):
    """ms from kill -9 of an idle kernel of jupyter_server to the next result."""
    tool_ok = None
    began = time.monotonic()
    os.kill(jupyter.kernel_pid(index), signal.SIGKILL)
    while tool_ok is None and time.monotonic() - began < 90:
        # The executable itself waits for ever on a dead kernel; a fresh one is tried in turn.
        tool = Tool("websocket_load", [jupyter.targets(index + 1)[index]])
        timer = threading.Timer(2.0, tool.process.kill)
        timer.start()
        try:
            tool.order(clients=1, count=1)
            tool_ok = time.monotonic()
        except (RuntimeError, BrokenPipeError):
            time.sleep(0.05)
        finally:
            timer.cancel()
            tool.process.kill()
            tool.process.wait()
            tool.process.stdout.close()
    return None if tool_ok is None else (tool_ok - began) * 1000


def resets(call, rounds=8):
    """Median ms of a reset, that is until the new kernel answers."""
    spent = []
    for _ in range(rounds):
        began = time.monotonic()
        call()
        spent.append((time.monotonic() - began) * 1000)
        time.sleep(0.4)
    return statistics.median(spent)


def requests_per_second(urls, rounds=5, seconds=3):
    """By wrk at 16 connections, in rounds that alternate: each one's median, and each round."""
    seen = {name: [] for name in urls}
    for _ in range(rounds):
        for name, (url, token) in urls.items():
            done = subprocess.run(
                ["wrk", "-t1", "-c16", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}",
                 url], capture_output=True, text=True, check=True)
            if "Non-2xx" in done.stdout:
                raise RuntimeError(f"{url}: {done.stdout}")
            seen[name].append(float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]))
    return {name: statistics.median(v) for name, v in seen.items()}, seen


def cpu_seconds(pid):
    """Time all threads of a process spent running, to the nanosecond the scheduler counts."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def idle_share(pid, seconds=20):
    """Share of one core that an idle process uses."""
    began, before = time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - began)


def rss_mb(pid):
    return rss_bytes(pid) / 1e6
