"""A sandbox's browser: its process, CDP on a port of its own, and actions by HTTP."""
import json
import os
import signal
import time
import unittest
import urllib.error
import urllib.request

from browser_case import BrowserCase, Site
from harness import WALLED
from waiting import wait_until
from websocket import Closed, WebSocket


@WALLED
class Process(BrowserCase):
    def test_it_starts_stops_and_starts_again(self):
        started = self.client.post(f"{self.base}/start", None)
        self.assertEqual((started.status, started.json["state"]), (200, "idle"), started)
        pid = started.json["pid"]
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            words = f.read()  # a browser joins them by spaces
        self.assertIn(b" --remote-debugging-pipe ", words)
        self.assertNotIn(b"--no-sandbox", words)
        stopped = self.client.post(f"{self.base}/stop", None)
        self.assertEqual((stopped.status, stopped.json["state"]), (200, "stopped"), stopped)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "its process is gone")
        again = self.client.post(f"{self.base}/start", None).json
        self.assertEqual(again["state"], "idle")
        self.assertGreater(again["generation"], started.json["generation"])

    def test_a_killed_browser_comes_back_and_says_why(self):
        before = self.client.post(f"{self.base}/start", None).json
        os.kill(before["pid"], signal.SIGKILL)

        def back():
            now = self.browser()
            return now["state"] == "idle" and now["generation"] > before["generation"]
        wait_until(back, 30, "the next generation")
        after = self.browser()
        self.assertEqual((after["last_cause"]["kind"], after["last_cause"]["signal"]),
                         ("signal", "SIGKILL"))
        self.assertEqual(self.open("/two")["title"], "Two")

    def test_a_sandbox_that_is_deleted_takes_its_browser_along(self):
        made = self.client.post("/v1/sandboxes", {"id": "Web"})
        self.assertEqual(made.status, 201, made)
        pid = self.client.post("/v1/sandboxes/Web/browser/start", None).json["pid"]
        self.assertEqual(self.client.delete("/v1/sandboxes/Web").status, 204)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "its process is gone")
        folder = os.path.join(self.daemon.data_dir, "browsers", "Web")
        wait_until(lambda: not os.path.exists(folder), 5, "its files are gone")

    def test_it_reaches_no_file_and_no_host_that_it_may_not(self):
        self.open()
        for url in ("file:///etc/passwd", "chrome://version", "view-source:" + self.home):
            self.check_problem(
                self.client.post(f"{self.base}/pages/active/navigate", {"url": url}), 403,
                "url_refused")
        other = self.own_daemon()  # with the rules as they are: no loopback of the host
        before = len(Site.seen)
        other.client.post(f"{self.base}/pages", {"url": self.home + "/two"})
        self.assertEqual(len(Site.seen), before)


@WALLED
class Actions(BrowserCase):
    def test_a_page_is_read_and_acted_on_by_refs(self):
        page = self.open()
        self.assertEqual((page["title"], page["state"]), ("Home", "ready"))
        self.assertIn(page["id"], [p["id"] for p in self.browser()["pages"]])
        shown = self.look("snapshot")["snapshot"]
        for part in ('heading "Orders"', 'link "second"', 'button "Go"', 'button "Inside"'):
            self.assertIn(part, shown)
        ref = shown.split('link "second" [ref=')[1].split("]")[0]
        done = self.act("click", ref=ref)
        self.assertEqual((done["title"], done["changed"]), ("Two", True))
        stale = self.client.post(f"{self.base}/pages/active/click", {"ref": ref})
        self.check_problem(stale, 409, "stale_ref")
        self.assertIn("snapshot", stale.json)
        self.assertEqual(self.act("back")["title"], "Home")

    def test_a_form_is_filled_and_sent(self):
        self.open()
        self.act("fill", selector="input", text="Ünïcode 你好 🙂")
        value = self.act("evaluate", expression="document.querySelector('input').value")
        self.assertEqual(value["result"], "Ünïcode 你好 🙂")
        self.assertEqual(self.act("press", key="Enter")["title"], "Found")
        self.assertTrue(any(path.startswith("/found?q=") for path, *_ in Site.seen))

    def test_what_is_in_a_frame_can_be_clicked(self):
        self.open()
        shown = self.look("snapshot")["snapshot"]
        self.act("click", ref=shown.split('button "Inside" [ref=')[1].split("]")[0])
        self.assertEqual(self.act("evaluate", expression="window.hit")["result"], 1)

    def test_a_dialog_holds_nothing(self):
        self.open()
        done = self.act("click", text="Ask")
        self.assertEqual([d["type"] for d in done["dialogs"]], ["alert"])

        def goes_on():
            answer = self.client.get(f"{self.base}/pages/active/text")
            return answer.status == 200 and answer.json["title"] == "2"
        wait_until(goes_on, 5, "the page goes on")

    def test_what_is_covered_is_not_clicked(self):
        self.open("/covered")
        answer = self.client.post(f"{self.base}/pages/active/click",
                                  {"selector": "#b", "timeout_s": 1})
        self.check_problem(answer, 409, "not_actionable")

    def test_pictures_and_documents(self):
        self.open()
        for verb, accept, begin in (("screenshot", "image/png", b"\x89PNG"),
                                    ("pdf", "application/pdf", b"%PDF")):
            answer = self.client.request("POST", f"{self.base}/pages/active/{verb}", {},
                                         {"Accept": accept})
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, accept))
            self.assertTrue(answer.body.startswith(begin))
        told = self.act("screenshot", full_page=True, format="jpeg")
        self.assertEqual(told["mime"], "image/jpeg")

    def test_wrong_fields_and_pages_cost_nothing(self):
        self.open()
        post = lambda verb, body: self.client.post(f"{self.base}/pages/active/{verb}", body)
        self.check_problem(post("click", {}), 422, "invalid_field")
        self.check_problem(post("click", {"ref": "e1", "colour": "red"}), 422, "invalid_field")
        self.check_problem(post("navigate", {"url": 5}), 422, "invalid_field")
        self.check_problem(self.client.post(f"{self.base}/pages/pag_0/reload", {}), 404,
                           "page_not_found")
        self.check_problem(post("evaluate", {"expression": "nonsense("}), 422,
                           "javascript_error")

    def test_it_looks_the_same_everywhere(self):
        self.open("/agent")
        seen = self.act("evaluate", expression="({w: navigator.webdriver, a: navigator.userAgent, "
                        "l: navigator.languages.join(), z: "
                        "Intl.DateTimeFormat().resolvedOptions().timeZone})")["result"]
        self.assertEqual((seen["w"], seen["l"], seen["z"]),
                         (False, "en-US,en", "America/New_York"))
        self.assertNotIn("Headless", seen["a"])
        sent = [s for s in Site.seen if s[0] == "/agent"][-1]
        self.assertEqual(sent[1], seen["a"])
        self.assertTrue(sent[2].startswith("en-US,en"))


@WALLED
class Cdp(BrowserCase):
    def get(self, path, base=None, **headers):
        ask = urllib.request.Request((base or self.daemon.ready["cdp_url"]) + path,
                                     headers=headers)
        with urllib.request.urlopen(ask, timeout=30) as answer:
            return json.load(answer)

    def connect(self):
        version = self.get("/json/version")
        ws = WebSocket(version["webSocketDebuggerUrl"])
        self.addCleanup(ws.close)
        self.assertEqual(ws.status, 101)
        return ws

    def page_session(self, ws):
        target = ws.call("Target.createTarget", {"url": "about:blank"})["result"]["targetId"]
        return ws.call("Target.attachToTarget", {"targetId": target, "flatten": True})[
            "result"]["sessionId"]

    def test_it_looks_like_chromium(self):
        version = self.get("/json/version")
        self.assertTrue(version["Browser"].startswith("Chrome/"))
        self.assertEqual(version["Protocol-Version"], "1.3")
        self.assertIn("page", [t["type"] for t in self.get("/json/list")])

    def test_two_clients_share_a_browser_and_nothing_else(self):
        one, two = self.connect(), self.connect()
        mine = self.page_session(one)
        found = one.call("Runtime.evaluate", {"expression": "6*7"}, mine)
        self.assertEqual(found["result"]["result"]["value"], 42)
        refused = two.call("Runtime.evaluate", {"expression": "1"}, mine)
        self.assertEqual(refused["error"]["code"], -32001)
        self.assertEqual(one.call("Browser.close")["result"], {})
        self.assertIn("product", two.call("Browser.getVersion")["result"])

    def test_the_other_port_needs_the_token(self):
        url = self.daemon.url + "/v1/sandboxes/default/cdp"
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.get("/json/version", url)
        self.assertEqual(refused.exception.code, 401)
        shown = self.get("/json/version", url, Authorization="Bearer " + self.daemon.token)
        self.assertIn("/v1/sandboxes/default/cdp/devtools/browser/",
                      shown["webSocketDebuggerUrl"])
        ws = WebSocket(shown["webSocketDebuggerUrl"],
                       {"Authorization": "Bearer " + self.daemon.token})
        self.addCleanup(ws.close)
        self.assertIn("product", ws.call("Browser.getVersion")["result"])

    def test_a_client_is_told_when_the_browser_dies(self):
        ws = self.connect()
        pid = self.browser()["pid"]
        os.kill(pid, signal.SIGKILL)
        with self.assertRaises(Closed) as closed:
            ws.receive()
        self.assertEqual(closed.exception.code, 1012)
        self.assertIn("product", self.connect().call("Browser.getVersion")["result"])

    def test_a_large_message_costs_its_client_alone(self):
        big, other = self.connect(), self.connect()
        began = time.monotonic()
        session = self.page_session(other)
        text = other.call("Runtime.evaluate", {"expression": "'x'.repeat(20e6)"}, session)
        self.assertEqual(len(text["result"]["result"]["value"]), 20_000_000)
        self.assertLess(time.monotonic() - began, 30)
        with self.assertRaises((Closed, OSError)) as closed:
            big.send_text("x" * (96 << 20))
            big.receive()
        self.assertIn(getattr(closed.exception, "code", 1006), (1006, 1009))
        self.assertIn("product", other.call("Browser.getVersion")["result"])


if __name__ == "__main__":
    unittest.main()
