"""A sandbox's browser beside Chromium alone: commands, streams, starts, ends."""
import http.server
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

from npm import copy_scripts, install
from websocket import WebSocket

PROGRAM = "/usr/lib/chromium/chromium"
NOBODY = 65534
BASE = "/v1/sandboxes/default/browser"
# As the daemon starts it, but for what leads to the daemon.
FLAGS = ["--headless=new", "--no-first-run", "--no-default-browser-check",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-breakpad", "--mute-audio", "--gaia-url=http://127.0.0.1:1",
         "--component-updater=url-source=http://127.0.0.1:1",
         "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,HttpsUpgrades,"
         "NetworkTimeServiceQuerying,Translate,OptimizationHints,MediaRouter",
         "--window-size=1280,800"]
PAGE = (b"<title>Page</title><h1>A page</h1><button id=b>B</button><input id=i>" +
        b"<p>text</p>" * 200)
PIPE_IN, PIPE_OUT = 3, 4


class Site:
    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            pass  # of browsers that were killed

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_):
            pass

    def __init__(self):
        self.server = self.Server(("127.0.0.1", 0), self.Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Bare:
    """Chromium with its own debugging port, as a user who is not root."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="tbench")
        os.chown(self.profile, NOBODY, NOBODY)
        self.process = subprocess.Popen(
            [PROGRAM, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={self.profile}",
             "about:blank"], stderr=subprocess.PIPE, text=True, user=NOBODY, group=NOBODY,
            extra_groups=[], env={"HOME": self.profile, "DBUS_SESSION_BUS_ADDRESS": "disabled:"})
        for line in self.process.stderr:
            if line.startswith("DevTools listening on "):
                self.url = line.split()[-1]
                break
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


class Walled:
    """Chromium by a pipe, in bubblewrap, as a user who is not root."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="tbench")
        os.chown(self.profile, NOBODY, NOBODY)

    def first_answer(self):
        """ms from the start of bubblewrap to the first answer."""
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()

        def place():
            high = [os.dup2(fd, 100 + fd) for fd in (theirs_in, theirs_out)]
            os.dup2(high[0], PIPE_IN)
            os.dup2(high[1], PIPE_OUT)
        began = time.monotonic()
        process = subprocess.Popen(
            ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev",
             "--proc", "/proc", "--tmpfs", "/tmp", "--bind", self.profile, self.profile, "--",
             PROGRAM, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={self.profile}",
             "about:blank"], preexec_fn=place, pass_fds=(PIPE_IN, PIPE_OUT), user=NOBODY,
            group=NOBODY, extra_groups=[], stderr=subprocess.DEVNULL,
            env={"HOME": self.profile, "DBUS_SESSION_BUS_ADDRESS": "disabled:"})
        os.close(theirs_in)
        os.close(theirs_out)
        os.write(ours_out, b'{"id":1,"method":"Browser.getVersion"}\0')
        answered = b'"product"' in os.read(ours_in, 65536)
        spent = (time.monotonic() - began) * 1000
        os.close(ours_out)
        os.close(ours_in)
        process.wait(10)
        if not answered:
            raise RuntimeError("Chromium alone did not answer")
        return spent

    def close(self):
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A page of its own on one connection."""

    def __init__(self, url):
        self.socket = WebSocket(url)
        made = self.socket.call("Target.createTarget", {"url": "about:blank"})
        self.id = made["result"]["targetId"]
        attached = self.socket.call("Target.attachToTarget", {"targetId": self.id, "flatten": True})
        self.session = attached["result"]["sessionId"]

    def evaluate(self, expression="1"):
        return self.socket.call("Runtime.evaluate", {"expression": expression,
                                                     "returnByValue": True}, self.session)

    def close(self):
        self.socket.call("Target.closeTarget", {"targetId": self.id})
        self.socket.close()


def cdp_url(troupe):
    url = troupe.client.get(BASE).json["cdp_url"]
    with urllib.request.urlopen(url + "/json/version", timeout=10) as answer:
        return json.load(answer)["webSocketDebuggerUrl"]


def in_turns(sides, rounds, measure):
    """{name: [what `measure(side)` gave]}, the sides in turns."""
    out = {name: [] for name in sides}
    for n in range(rounds):
        for name in list(sides) if n % 2 else list(reversed(sides)):
            out[name].append(measure(sides[name]))
    return out


def commands(troupe, bare, rounds, count=200):
    """p50 of Runtime.evaluate in µs by each, and the median of the differences and ratios."""
    pages = {"Troupe": Page(cdp_url(troupe)), "Chromium": Page(bare.url)}

    def p50(page):
        spent = []
        for _ in range(count):
            began = time.perf_counter()
            page.evaluate()
            spent.append(time.perf_counter() - began)
        return statistics.median(spent) * 1e6
    got = in_turns(pages, rounds, p50)
    for page in pages.values():
        page.close()
    pairs = list(zip(got["Troupe"], got["Chromium"]))
    return ({name: statistics.median(v) for name, v in got.items()},
            statistics.median(a - b for a, b in pairs), statistics.median(a / b for a, b in pairs))


def streams(troupe, bare, rounds, size=50_000_000):
    """MB/s of one message of 50 MB from a page, and the median of the ratios."""
    pages = {"Troupe": Page(cdp_url(troupe)), "Chromium": Page(bare.url)}

    def speed(page):
        began = time.perf_counter()
        page.socket.send_text(json.dumps({
            "id": 1_000_000, "method": "Runtime.evaluate", "sessionId": page.session,
            "params": {"expression": f"'x'.repeat({size})", "returnByValue": True}}))
        while len(page.socket.receive()) < size:
            pass
        return size / 1e6 / (time.perf_counter() - began)
    got = in_turns(pages, rounds, speed)
    for page in pages.values():
        page.close()
    return ({name: statistics.median(v) for name, v in got.items()},
            statistics.median(a / b for a, b in zip(got["Troupe"], got["Chromium"])))


def crowd(troupe, bare, clients=100, commands_each=20):
    """Seconds that so many clients on one browser take for their commands, by each."""
    spent = {}
    for name, url in (("Troupe", cdp_url(troupe)), ("Chromium", bare.url)):
        pages = [Page(url) for _ in range(10)]
        sockets = [WebSocket(url) for _ in range(clients)]
        sessions = [s.call("Target.attachToTarget", {"targetId": pages[i % 10].id,
                                                     "flatten": True})["result"]["sessionId"]
                    for i, s in enumerate(sockets)]
        began = time.perf_counter()
        for n in range(commands_each):
            for s, session in zip(sockets, sessions):
                s.send_text(json.dumps({"id": 1000 + n, "method": "Runtime.evaluate",
                                        "params": {"expression": "1"}, "sessionId": session}))
            for s in sockets:
                while json.loads(s.receive()).get("id") != 1000 + n:
                    pass
        spent[name] = time.perf_counter() - began
        for s in sockets:
            s.close()
        for page in pages:
            page.close()
    return spent


def starts(troupe, rounds):
    """ms to the first answer: of the daemon's browser, and of Chromium in bubblewrap."""
    walled, client = Walled(), troupe.client

    def ours(_):
        client.post(BASE + "/stop")
        began = time.monotonic()
        answer = client.post(BASE + "/start")
        if answer.status != 200:
            raise RuntimeError(f"start: {answer}")
        return (time.monotonic() - began) * 1000
    sides = {"Troupe": ours, "Chromium in bubblewrap": lambda _: walled.first_answer()}
    got = in_turns(sides, rounds, lambda side: side(None))
    walled.close()
    return {name: statistics.median(v) for name, v in got.items()}


def returns(troupe, site, rounds, pages=3):
    """ms from kill -9 to all pages loaded again, and of a fresh Chromium to the same pages."""
    client, urls = troupe.client, [f"{site.url}/{n}" for n in range(pages)]
    client.post(BASE + "/stop")
    for url in urls:
        client.post(BASE + "/pages", {"url": url})
    stream = client.stream("/v1/events?from=1")

    def ours():
        now = client.get(BASE).json
        began = time.monotonic()
        os.kill(now["pid"], signal.SIGKILL)
        stream.until(lambda e: e["type"] == "browser_restored" and
                     e["data"]["generation"] > now["generation"])
        return (time.monotonic() - began) * 1000

    def fresh():
        began = time.monotonic()
        bare = Bare()
        made = [Page(bare.url) for _ in urls]
        for page, url in zip(made, urls):
            page.socket.call("Page.enable", session=page.session)
            page.socket.call("Page.navigate", {"url": url}, page.session)
        for page in made:
            while not any(e["method"] == "Page.loadEventFired" for e in page.socket.events):
                page.socket.events.append(json.loads(page.socket.receive()))
        spent = (time.monotonic() - began) * 1000
        bare.close()
        return spent
    got = in_turns({"Troupe": ours, "Chromium": fresh}, rounds, lambda side: side())
    stream.close()
    return {name: statistics.median(v) for name, v in got.items()}


def steps(troupe, bare, site, rounds):
    """Medians in ms of steps on a page: by HTTP, and by Playwright on a Chromium of its own."""
    install()
    folder = tempfile.mkdtemp(prefix="tbench")
    scripts = copy_scripts(os.path.dirname(os.path.abspath(__file__)), folder)
    done = subprocess.run(
        ["node", os.path.join(scripts, "playwright_steps.mjs")], capture_output=True, check=True,
        env=dict(os.environ, CDP_URL=bare.url, SITE_URL=site.url, ROUNDS=str(rounds)))
    shutil.rmtree(folder)
    pages = f"{BASE}/pages/" + troupe.client.post(BASE + "/pages", {"url": site.url}).json["id"]
    connection, post = troupe.client.connection(), troupe.client.request
    ours = {"click": ("click", {"selector": "#b"}),
            "fill": ("fill", {"selector": "#i", "text": "some text"}),
            "evaluate": ("evaluate", {"expression": "1 + 1"}), "text": ("text", None),
            "screenshot": ("screenshot", {}),
            "navigate": ("navigate", {"url": site.url, "wait_until": "domcontentloaded"})}
    medians = {}
    for name, (verb, fields) in ours.items():
        spent = []
        for _ in range(rounds):
            began = time.perf_counter()
            answer = post("GET" if fields is None else "POST", f"{pages}/{verb}", fields,
                          connection=connection)
            spent.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"{verb}: {answer}")
        medians[name] = statistics.median(spent)
    connection.close()
    return {"Troupe": medians, "Playwright": json.loads(done.stdout)}


def crashes(troupe, site, rounds):
    """ms from a renderer's end to the event that says so: the longest."""
    client, spent = troupe.client, []
    stream = client.stream("/v1/events?from=1")
    socket = WebSocket(cdp_url(troupe))
    for _ in range(rounds):
        page = client.post(BASE + "/pages", {"url": site.url}).json
        session = socket.call("Target.attachToTarget", {"targetId": page["target_id"],
                                                        "flatten": True})["result"]["sessionId"]
        began = time.monotonic()
        socket.send_text(json.dumps({"id": 1, "method": "Page.crash", "sessionId": session}))
        stream.until(lambda e: e["type"] == "browser_page_crashed" and
                     e["data"]["page_id"] == page["id"])
        spent.append((time.monotonic() - began) * 1000)
        client.delete(f"{BASE}/pages/{page['id']}")
    socket.close()
    stream.close()
    return max(spent)


def start_browser(client, sandbox):
    answer = client.post(f"/v1/sandboxes/{sandbox}/browser/start")
    if answer.status != 200:
        raise RuntimeError(f"a browser in a new sandbox: {answer}")
