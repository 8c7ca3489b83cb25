"""What the walls cost and hold: starts, executions, a large file beside nginx, attacks, a loop."""
import os
import shutil
import statistics
import subprocess
import threading
import time

import measures as m
from contestants import Server, Tool, Troupe, free_port
from footprint import footprint, grown
from harness import percentile
from waiting import wait_until

FILE = "output/large"
KERNEL = "/v1/sandboxes/default/kernels/main"

ATTACKS = {
    "forks": "import os\nwhile True:\n    try:\n        os.fork()\n"
             "    except OSError:\n        pass",
    "memory": "held = []\nwhile True:\n    held.append(bytearray(1 << 26))",
    "disk": "n = 0\nwhile True:\n    n += 1\n    try:\n"
            "        with open(f'output/{n}', 'wb') as f:\n            f.write(bytes(1 << 24))\n"
            "    except OSError:\n        pass",
    "processor": "import os\nfor _ in range(3):\n    os.fork()\nwhile True:\n    pass",
}


def starts(rounds):
    """ms of a kernel's restart at each level: medians, and of their differences in pairs."""
    levels = {level: Troupe(1, "--isolation.level", level) for level in ("none", "auto")}
    spent = {level: [] for level in levels}
    try:
        for round_ in range(rounds):
            for level in list(levels) if round_ % 2 else list(reversed(levels)):
                client = levels[level].client
                client.wait_idle()
                began = time.monotonic()
                answer = client.post(KERNEL + "/restart?wait=true")
                if answer.status != 200:
                    raise RuntimeError(f"restart: {answer}")
                spent[level].append((time.monotonic() - began) * 1000)
                time.sleep(0.4)  # longer than kernel.restart.stable_after_ms
    finally:
        for troupe in levels.values():
            troupe.close()
    pairs = [a - n for a, n in zip(spent["auto"], spent["none"])]
    return ({level: statistics.median(v) for level, v in spent.items()},
            statistics.median(pairs))


def executions(rounds):
    """p50 of `1+1` in ms without walls, so in a second kernel, and with all; what the walls add to
    the first, and what chance may between the first two: over rounds in turns, as shares."""
    bare = Troupe(2, "--isolation.level", "none")
    walled = Troupe(1, "--isolation.level", "auto")
    tools = {}
    try:
        for name, target in zip(("none", "again", "walls"), bare.targets(2) + walled.targets(1)):
            tools[name] = Tool("http_load", [target])
        measured = m.latency(tools, rounds)
    finally:
        for server in (*tools.values(), bare, walled):
            server.close()
    return ({name: v["p50"] for name, v in measured.items()},
            m.added(measured, "walls", "none")[0] - 1, m.chance(measured, "again", "none"))


class Nginx(Server):
    """Of the same file, with what its package has on: sendfile."""

    def __init__(self, folder):
        self.port = free_port()
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;\n"
                    "events {}\nhttp { access_log off; sendfile on; tcp_nopush on;\n"
                    f"client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
                    f"fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi;\n"
                    f"scgi_temp_path {folder}/scgi;\n"
                    f"server {{ listen 127.0.0.1:{self.port}; root {folder}; }} }}\n")
        self.launch(["/usr/sbin/nginx", "-c", config], stdout=subprocess.DEVNULL)
        self.wait_for("/nginx.conf")


def get_speed(url, *more):
    done = subprocess.run(["curl", "-sS", "-f", "-o", "/dev/null", "-w", "%{speed_download}",
                           *more, url], capture_output=True, text=True, check=True)
    return float(done.stdout) / 1e6


def large_file(rounds, size_bytes=1 << 30):
    """MB/s of one file by Troupe and by nginx: medians, and the median of their ratio in turns."""
    troupe = Troupe(1, "--limits.disk_bytes", "0")
    folder = troupe.client.get("/v1/sandboxes/default").json["workspace"]
    nginx = None
    token = ("-H", f"Authorization: Bearer {troupe.client.token}")
    url = f"{troupe.client.url}/v1/sandboxes/default/files/{FILE}"
    seen = {"Troupe": [], "nginx": []}
    beside = os.path.join(os.path.dirname(folder), "nginx")
    try:
        os.makedirs(beside, exist_ok=True)
        path = os.path.join(folder, FILE)
        with open(path, "wb") as f:
            block = os.urandom(1 << 20)
            for _ in range(size_bytes >> 20):
                f.write(block)
        os.link(path, os.path.join(beside, "large"))
        nginx = Nginx(beside)
        theirs = f"http://127.0.0.1:{nginx.port}/large"
        get_speed(url, *token), get_speed(theirs)  # both find it in memory
        for round_ in range(rounds):
            for name in list(seen) if round_ % 2 else list(reversed(seen)):
                seen[name].append(get_speed(theirs) if name == "nginx" else get_speed(url, *token))
    finally:
        if nginx:
            nginx.close()
        troupe.close()
        shutil.rmtree(beside, ignore_errors=True)
    ratios = [t / n for t, n in zip(seen["Troupe"], seen["nginx"])]
    return {name: statistics.median(v) for name, v in seen.items()}, statistics.median(ratios)


def control_latency(client, seconds):
    """ms of GET /kernel/status, asked every few ms on one connection."""
    spent = []
    connection = client.connection()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        answer = client.request("GET", "/kernel/status", connection=connection)
        spent.append((time.monotonic() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{answer}")
        time.sleep(0.005)
    connection.close()
    return spent


def under_attack(seconds):
    """p50 and p99 in ms of a control route: alone, and beside all of ATTACKS at once."""
    troupe = Troupe(1, "--isolation.level", "auto")
    client = troupe.client
    over = threading.Event()

    def attack(code):
        while not over.is_set():  # what it was ended for may bar a sandbox from more
            sandbox = client.post("/v1/sandboxes", {}).json["id"]
            answer = client.execute(code, sandbox, timeout_s=max(1, seconds // 2))
            if answer["status"] == "ok":
                raise RuntimeError(f"an attack ended: {answer}")
            client.delete(f"/v1/sandboxes/{sandbox}")

    threads = [threading.Thread(target=attack, args=(code,), daemon=True)
               for code in ATTACKS.values()]
    try:
        quiet = control_latency(client, seconds / 2)
        for t in threads:
            t.start()
        time.sleep(2)  # until all are at it
        loud = control_latency(client, seconds)
        over.set()
        for t in threads:
            t.join(seconds + 60)
    finally:
        troupe.close()
    return {name: (statistics.median(v), percentile(v, 0.99))
            for name, v in (("alone", quiet), ("beside the attacks", loud))}


def bytes_in(files):
    """What they take on the disk; one that is gone takes nothing."""
    total = 0
    for path in files:
        try:
            total += os.lstat(path).st_blocks * 512
        except OSError:
            pass
    return total


def run_code(client, sandbox):
    if client.execute("1+1", sandbox)["status"] != "ok":
        raise RuntimeError("an execution in a new sandbox failed")


def loop(count, use):
    """Makes, uses and deletes sandboxes; what they left behind, and ms of each."""
    troupe = Troupe(1)
    client, daemon = troupe.client, troupe.daemon

    def cycle():
        sandbox = client.post("/v1/sandboxes", {}).json["id"]
        use(client, sandbox)
        client.delete(f"/v1/sandboxes/{sandbox}")
    try:
        cycle()
        time.sleep(1)
        before = footprint(daemon)
        bytes_before, began = bytes_in(before["files"]), time.monotonic()
        for _ in range(count):
            cycle()
        each = (time.monotonic() - began) / count * 1000
        try:
            wait_until(lambda: not grown(before, footprint(daemon)), 10, "all is as before")
        except AssertionError:
            pass  # it is told below
        after = footprint(daemon)
        left = grown(before, after)
        more = bytes_in(after["files"]) - bytes_before
        if more > 0:
            left["bytes"] = more
    finally:
        wrong = daemon.close()
    return left, wrong, each
