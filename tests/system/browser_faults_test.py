"""What goes wrong in a browser: its processes die, hang, starve; messages are cut or too large."""
import http.server
import json
import os
import signal
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from browser_case import BrowserCase, Site
from harness import WALLED, limit, run_threads
from waiting import wait_until
from websocket import Closed, WebSocket


def below(pid):
    """Process id -> its command line, of all that descend from it."""
    out = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            for child in f.read().split():
                try:
                    with open(f"/proc/{child}/cmdline", "rb") as line:
                        out[int(child)] = line.read().decode().replace("\0", " ")
                    out |= below(int(child))
                except (FileNotFoundError, ProcessLookupError):
                    pass  # it has just ended
    return out


class FaultCase(BrowserCase):
    def kind_of(self, kind):
        """Those of the browser's processes."""
        return [pid for pid, line in below(self.browser()["pid"]).items()
                if f"--type={kind}" in line]

    def page(self, page_id):
        """As it is now: its target is another one in each generation."""
        return next(p for p in self.browser()["pages"] if p["id"] == page_id)

    def page_socket(self, page):
        s = WebSocket(f"{self.browser()['cdp_url']}/devtools/page/{page['target_id']}")
        self.addCleanup(s.close)
        self.assertEqual(s.status, 101)
        return s


@WALLED
class Deaths(FaultCase):
    def test_a_killed_renderer_costs_its_pages_a_reload_and_no_id(self):
        page = self.open("/two")
        before = self.browser()
        begun = time.monotonic()
        for pid in self.kind_of("renderer"):
            os.kill(pid, signal.SIGKILL)
        told = self.event("browser_page_crashed", lambda d: d["page_id"] == page["id"])
        self.assertLess(time.monotonic() - begun, 2)
        self.assertTrue(told["reloads"])
        text = f"{self.base}/pages/{page['id']}/text"
        wait_until(lambda: self.client.get(text).status == 200, 10, "it is loaded again")
        self.assertEqual(self.look("text", page["id"])["text"].strip(), "the second page")
        now = self.browser()
        self.assertEqual((now["generation"], now["pid"]), (before["generation"], before["pid"]))

    def test_addresses_that_crash_a_page_crash_no_other(self):
        kept, page = self.open("/two"), self.open("/two")
        s = self.page_socket(page)
        for times, address in enumerate(("chrome://crash", "chrome://kill"), 1):
            # Clients of CDP may go there; actions may not.
            s.send_text(json.dumps({"id": 1, "method": "Page.navigate",
                                    "params": {"url": address}}))
            left = iter(range(times - 1, -1, -1))
            self.event("browser_page_crashed",
                       lambda d, n=left: d["page_id"] == page["id"] and next(n) == 0)
            self.act("navigate", page=page["id"], url=self.home + "/two")
        refused = self.client.post(f"{self.base}/pages/{page['id']}/navigate",
                                   {"url": "chrome://crash"})
        self.check_problem(refused, 403, "url_refused")
        self.assertEqual(self.look("text", kept["id"])["text"].strip(), "the second page")

    def test_pages_outlive_the_process_of_the_gpu(self):
        page = self.open("/two")
        self.act("evaluate", page=page["id"], expression="window.kept = 7")
        before = self.browser()
        for pid in self.kind_of("gpu-process"):
            os.kill(pid, signal.SIGKILL)
        shot = self.client.post(f"{self.base}/pages/{page['id']}/screenshot", {})
        self.assertEqual(shot.status, 200, shot)
        self.assertEqual(self.act("evaluate", page=page["id"], expression="window.kept")["result"],
                         7)
        self.assertEqual(self.browser()["generation"], before["generation"])

    def test_a_message_that_is_cut_in_its_midst_reaches_nobody(self):
        page = self.open("/two")
        for wait_s in (0.2, 0.5, 0.8):
            before = self.browser()
            s = self.page_socket(self.page(page["id"]))
            s.send_text(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": {
                "expression": "'x'.repeat(60e6)", "returnByValue": True}}))
            time.sleep(wait_s)  # tidy: cut somewhere on its way
            os.kill(before["pid"], signal.SIGKILL)
            with self.assertRaises(Closed) as closed:
                while True:  # whole, or not at all
                    self.assertEqual(len(json.loads(s.receive())["result"]["result"]["value"]),
                                     60_000_000)
            self.assertEqual(closed.exception.code, 1012)
            self.event("browser_restored", lambda d, b=before: d["generation"] > b["generation"])
            self.assertEqual(self.look("text", page["id"])["text"].strip(), "the second page")


@WALLED
class Stopped(FaultCase):
    flags = FaultCase.flags + ("--browser.ping_interval_ms", "200", "--browser.ping_misses", "3")

    def test_a_browser_that_is_stopped_is_replaced(self):
        page = self.open("/two")
        before = self.browser()
        for pid in [before["pid"], *below(before["pid"])]:
            os.kill(pid, signal.SIGSTOP)
        told = self.event("browser_restored", lambda d: d["generation"] > before["generation"])
        self.assertIn(page["id"], [p["page_id"] for p in told["pages"]])
        cause = self.browser()["last_cause"]
        self.assertEqual(cause["kind"], "heartbeat", cause)
        self.assertIn("ping", cause["detail"])
        self.assertEqual(self.look("text", page["id"])["text"].strip(), "the second page")


@WALLED
@unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
class FullDisk(FaultCase):
    def test_pages_go_on_where_the_profile_has_no_room(self):
        place = os.path.join(self.daemon.data_dir, "browsers")
        os.makedirs(place, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", place], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", place], check=True)
        self.addCleanup(self.client.post, f"{self.base}/stop", None)
        page = self.open("/two")
        with open(os.path.join(place, "filler"), "wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 20)):
                    pass
            except OSError:
                pass  # now it is full
        self.act("evaluate", page=page["id"], expression="localStorage.k = 'x'.repeat(1e6); 1")
        self.act("navigate", page=page["id"], url=self.home + "/long")
        before = self.browser()
        os.kill(before["pid"], signal.SIGKILL)
        self.event("browser_restored", lambda d: d["generation"] > before["generation"])
        self.assertIn("long", self.look("text", page["id"])["text"])
        shot = self.client.post(f"{self.base}/pages/{page['id']}/screenshot", {})
        self.assertEqual(shot.status, 200, shot)


@WALLED
class Hungry(FaultCase):
    flags = FaultCase.flags + ("--browser.memory_bytes", "600000000",
                               "--browser.unresponsive_after_ms", "1000")

    @limit(60)
    def test_a_page_that_eats_memory_is_told_and_its_neighbour_stays(self):
        page, kept = self.open("/two"), self.open("/two")
        limit_of_it = self.client.get("/v1/sandboxes/default/limits").json["browser_memory_bytes"]
        self.assertEqual(limit_of_it["limit"], 600_000_000)
        if limit_of_it["held_by"] != "control_group":
            raise unittest.SkipTest("needs control groups")
        self.assertGreater(limit_of_it["used"], 20_000_000)
        answer = self.client.post(f"{self.base}/pages/{page['id']}/evaluate", {
            "expression": "(async () => { window.all = []; for (;;) {"
                          "all.push(new Uint8Array(8 << 20).fill(1));"
                          "await new Promise(r => setTimeout(r)); } })()"})
        self.assertIn(answer.json["code"], ("page_crashed", "browser_restarted"), answer)
        wait_until(lambda: self.client.get(f"{self.base}/pages/{kept['id']}/text").status == 200,
                   20, "the neighbour is there")
        self.assertEqual(self.look("text", kept["id"])["text"].strip(), "the second page")
        self.assertEqual(self.client.execute("1 + 1")["text"], "2")

    @limit(60)
    def test_a_page_that_hangs_again_and_again_loses_its_document(self):
        page = self.open("/two")
        # Each turn of its own hangs, so it does not help to end a script.
        self.act("evaluate", page=page["id"],
                 expression="setInterval(() => { for (;;); }, 1); 1")
        steps = []
        s = self.client.stream("/v1/events?from=1")
        self.addCleanup(s.close)
        for e in s:
            if e["type"] == "browser_page_unresponsive" and e["data"]["page_id"] == page["id"]:
                steps.append(e["data"]["step"])
                if steps[-1] in ("left", "closed"):
                    break
        self.assertIn("script_ended", steps)
        self.assertIn(steps[-1], ("left", "closed"))


@WALLED
class Messages(FaultCase):
    def test_a_message_of_95_mib_less_a_little_passes(self):
        page = self.open("/two")
        s = self.page_socket(page)
        room = 95 << 20
        expression = "/*" + "x" * (room - 200) + "*/ 40 + 2"
        told = s.call("Runtime.evaluate", {"expression": expression})
        self.assertEqual(told["result"]["result"]["value"], 42)

    def test_a_message_in_fragments_is_one(self):
        page = self.open("/two")
        s = self.page_socket(page)
        text = json.dumps({"id": 1, "method": "Runtime.evaluate",
                           "params": {"expression": "40 + 2"}}).encode()
        pieces = [text[i:i + 7] for i in range(0, len(text), 7)]
        for i, piece in enumerate(pieces):
            first = (0 if i else 1) | (0x80 if i == len(pieces) - 1 else 0)
            s.socket.sendall(struct.pack("!BB", first, 0x80 | len(piece)) + bytes(4) + piece)
        self.assertEqual(json.loads(s.receive())["result"]["result"]["value"], 42)

    def test_a_hundred_clients_get_their_own_answers(self):
        page = self.open("/two")
        sockets = [self.page_socket(page) for _ in range(100)]

        def talk(number):
            for _ in range(3):
                told = sockets[number].call("Runtime.evaluate", {"expression": f"{number} * 1000"})
                self.assertEqual(told["result"]["result"]["value"], number * 1000)

        run_threads([lambda n=n: talk(n) for n in range(100)], 60)
        self.assertEqual(self.browser()["clients"], 100)

    def test_two_clients_that_fight_over_a_page_both_get_answers(self):
        page = self.open("/two")

        def fight(path):
            s = self.page_socket(page)
            for _ in range(15):
                told = s.call("Page.navigate", {"url": self.home + path})
                self.assertTrue("result" in told or "error" in told, told)

        run_threads([lambda: fight("/two"), lambda: fight("/long")], 60)
        self.act("navigate", page=page["id"], url=self.home + "/two")
        self.assertEqual(self.look("text", page["id"])["text"].strip(), "the second page")


class Secure(http.server.ThreadingHTTPServer):
    """A site whose certificate nobody has signed."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Site)
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = (os.path.join(folder, n) for n in ("key", "certificate"))
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                            "/CN=127.0.0.1", "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request, client_address):
        pass  # browsers turn away


class SecureCase(FaultCase):
    def setUp(self):
        super().setUp()
        self.secure = Secure()
        threading.Thread(target=self.secure.serve_forever, daemon=True).start()
        self.addCleanup(self.secure.server_close)
        self.addCleanup(self.secure.shutdown)
        self.address = f"https://127.0.0.1:{self.secure.server_address[1]}/two"


@WALLED
class Certificates(SecureCase):
    def test_a_site_without_a_good_certificate_is_refused_and_told(self):
        page = self.open("/two")
        answer = self.client.post(f"{self.base}/pages/{page['id']}/navigate",
                                  {"url": self.address})
        self.check_problem(answer, 422, "navigation_failed")
        self.assertIn("CERT", answer.json["detail"])
        told = self.event("browser_certificate_error", lambda d: d["page_id"] == page["id"])
        self.assertEqual(told["url"], self.address)


@WALLED
class CertificatesIgnored(SecureCase):
    flags = SecureCase.flags + ("--browser.certificate_errors", "ignore")

    def test_by_option_nobody_minds(self):
        page = self.open("/two")
        self.act("navigate", page=page["id"], url=self.address)
        self.assertEqual(self.look("text", page["id"])["text"].strip(), "the second page")
