"""A sandbox's browser: its process, CDP on a port of its own, and actions by HTTP."""
import http.server
import json
import os
import signal
import threading
import time
import unittest
import urllib.error
import urllib.request

from harness import WALLED, DaemonCase
from waiting import wait_until
from websocket import Closed, WebSocket

PAGES = {
    "/": b"<title>Home</title><h1>Orders</h1><a href='/two'>second</a>"
         b"<form action='/found'><input name=q><button>Go</button></form>"
         b"<button onclick='alert(1); document.title=String(2)'>Ask</button>"
         b"<iframe srcdoc='<button onclick=\"parent.hit=1\">Inside</button>'></iframe>",
    "/two": b"<title>Two</title>the second page",
    "/found": b"<title>Found</title>",
    "/covered": b"<title>C</title><button id=b>Under</button>"
                b"<div style='position:fixed;inset:0;background:#fff'>over</div>",
    "/agent": b"<title>A</title>",
    "/files": b"<title>F</title><input type=file id=f><button onclick='f.click()'>Choose</button>",
    "/hang": b"<title>Hang</title><script>setTimeout(() => { for (;;); }, 300)</script>",
    "/many": b"<title>Many</title>" + b"".join(b"<p>item %d</p>" % i for i in range(9)),
    "/long": b"<title>Long</title><input id=i><div style='height:5000px'>long</div>",
}


class Site(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        path = self.path.split("?")[0]
        self.seen.append((self.path, self.headers.get("User-Agent"),
                          self.headers.get("Accept-Language")))
        body = PAGES.get(path)
        if path == "/login":
            body = (self.headers.get("Authorization") or "nobody").encode()
            if body == b"nobody":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="here"')
                self.send_header("Content-Length", "0")
                return self.end_headers()
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


class BrowserCase(DaemonCase):
    flags = ("--browser.egress.allow", "127.0.0.1")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        cls.home = f"http://127.0.0.1:{cls.site.server_address[1]}"
        threading.Thread(target=cls.site.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.site.shutdown()
        cls.site.server_close()
        super().tearDownClass()

    base = "/v1/sandboxes/default/browser"

    def act(self, verb, page="active", status=200, **fields):
        answer = self.client.post(f"{self.base}/pages/{page}/{verb}", fields)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def look(self, what, page="active"):
        answer = self.client.get(f"{self.base}/pages/{page}/{what}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def open(self, path="/"):
        answer = self.client.post(f"{self.base}/pages", {"url": self.home + path})
        self.assertEqual(answer.status, 201, answer)
        page = answer.json
        self.addCleanup(lambda: self.client.delete(f"{self.base}/pages/{page['id']}"))
        return page

    def browser(self):
        return self.client.get(self.base).json


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


@WALLED
class Quiet(BrowserCase):
    def test_a_start_asks_nobody_for_anything(self):
        self.client.post(f"{self.base}/start", None)
        self.act("wait", time_s=5)
        metrics = self.client.get("/metrics").body.decode()
        self.assertIn("\ntroupe_egress_connections_total 0\n", metrics)
        self.assertIn("\ntroupe_egress_refusals_total 0\n", metrics)
        self.assertIn('\ntroupe_browsers{state="idle"} 1\n', metrics)

    def test_the_protocol_is_described_once_a_version(self):
        url = self.browser()["cdp_url"] + "/json/protocol"
        with urllib.request.urlopen(url, timeout=30) as answer:
            told = json.load(answer)
        self.assertIn("Page", [d["domain"] for d in told["domains"]])
        kept = os.listdir(os.path.join(self.daemon.data_dir, "cdp"))
        self.assertEqual(len(kept), 1, kept)
        with urllib.request.urlopen(url, timeout=5) as answer:
            self.assertEqual(json.load(answer), told)


@WALLED
class Recovery(BrowserCase):
    """Chromium is killed, and its pages are there again."""

    def kill(self):
        """What the node says of the pages that are back."""
        before = self.browser()
        os.kill(before["pid"], signal.SIGKILL)
        s = self.client.stream("/v1/events?from=1")
        self.addCleanup(s.close)
        return s.until(lambda e: e["type"] == "browser_restored" and
                       e["data"]["generation"] > before["generation"])[-1]["data"]

    def test_pages_come_back_as_they_were(self):
        first = self.open("/two")
        second = self.open("/")
        self.act("navigate", page=second["id"], url=self.home + "/long")
        self.act("fill", page=second["id"], selector="#i", text="typed")
        self.act("evaluate", page=second["id"], expression="""
            sessionStorage.setItem('s', '1'); localStorage.setItem('l', '2');
            document.cookie = 'c=3; path=/'; scrollTo(0, 1500)""")
        self.act("wait", page=second["id"], time_s=1)  # what is younger may be lost
        length = self.act("evaluate", page=second["id"], expression="history.length")["result"]
        asked = len(Site.seen)
        told = self.kill()
        pages = {p["id"]: p for p in self.browser()["pages"]}
        self.assertEqual(pages[first["id"]]["url"], self.home + "/two")
        self.assertEqual((pages[first["id"]]["title"], pages[second["id"]]["title"]),
                         ("Two", "Long"))
        self.assertTrue(pages[second["id"]]["active"])
        # Each page was asked for once, however long its history is.
        self.assertEqual(sorted(path for path, *_ in Site.seen[asked:]
                                if path != "/favicon.ico"), ["/long", "/two"])

        of = {p["page_id"]: p for p in told["pages"]}[second["id"]]
        self.assertEqual(sorted(of["restored"]), ["cookies", "history", "local_storage", "scroll",
                                                  "session_storage", "url"])
        self.assertEqual(sorted(of["lost"]), ["form_input", "javascript_state"])
        now = self.act("evaluate", page=second["id"], expression="""
            [sessionStorage.s, localStorage.l, document.cookie, scrollY, history.length]""")
        self.assertEqual(now["result"], ["1", "2", "c=3", 1500, length])
        self.assertEqual(now["restored"]["page_id"], second["id"])
        self.assertNotIn("restored", self.act("evaluate", page=second["id"], expression="1"))
        back = self.act("back", page=second["id"])
        self.assertEqual((back["url"], back["title"]), (self.home + "/", "Home"))
        self.assertIn("Orders", self.look("text", page=second["id"])["text"])

    def test_what_an_action_asks_for_meanwhile_waits_for_the_page(self):
        page = self.open("/two")
        os.kill(self.browser()["pid"], signal.SIGKILL)
        wait_until(lambda: self.browser()["state"] != "idle", 5, "its end")
        now = self.act("evaluate", page=page["id"], expression="document.title")
        self.assertEqual((now["result"], now["page_id"]), ("Two", page["id"]))

    def test_pages_outlive_one_death_after_another(self):
        page = self.open("/long")
        for _ in range(3):
            self.kill()
        now = self.act("evaluate", page=page["id"], expression="document.title")
        self.assertEqual(now["result"], "Long")

    def test_a_stopped_browser_forgets_its_pages(self):
        page = self.open("/two")
        self.client.post(f"{self.base}/stop", None)
        self.client.post(f"{self.base}/start", None)
        self.assertNotIn(page["id"], [p["id"] for p in self.browser()["pages"]])


@WALLED
class Rules(BrowserCase):
    """What is done about pages without being asked, and what they are told to do."""

    flags = BrowserCase.flags + ("--browser.pages_max", "3", "--browser.unresponsive_after_ms",
                                 "1000")

    def event(self, kind, where=lambda data: True):
        s = self.client.stream("/v1/events?from=1")
        self.addCleanup(s.close)
        return s.until(lambda e: e["type"] == kind and where(e["data"]))[-1]["data"]

    def test_the_page_used_least_makes_way_for_one_more(self):
        ids = [self.open("/two")["id"] for _ in range(3)]
        self.client.post(f"{self.base}/pages/{ids[0]}/activate", None)
        known = [p["id"] for p in self.browser()["pages"]]
        ids.append(self.open("/two")["id"])
        gone = self.event("browser_page_discarded", lambda d: d["page_id"] in known)["page_id"]
        self.assertNotIn(gone, (ids[0], ids[3]))
        wait_until(lambda: gone not in [p["id"] for p in self.browser()["pages"]], 5, "it is gone")

    def test_a_page_that_hangs_is_got_going(self):
        page = self.open("/hang")
        steps = self.event("browser_page_unresponsive", lambda d: d["step"] == "script_ended")
        self.assertEqual(steps["page_id"], page["id"])
        self.event("browser_page_responsive", lambda d: d["page_id"] == page["id"])
        self.assertEqual(self.act("evaluate", page=page["id"], expression="1 + 1")["result"], 2)

    def test_a_page_that_asks_for_files_says_where(self):
        page = self.open("/files")
        self.client.request("PUT", "/v1/sandboxes/default/files/upload/a.txt", b"hello")
        asked = self.act("click", page=page["id"], text="Choose")["file_choosers"]
        self.assertEqual(len(asked), 1)
        self.assertEqual(self.event("browser_file_chooser")["ref"], asked[0]["ref"])
        self.act("upload", page=page["id"], ref=asked[0]["ref"], paths=["upload/a.txt"])
        self.assertEqual(self.act("evaluate", page=page["id"],
                                  expression="f.files[0].name")["result"], "a.txt")

    def test_a_site_that_asks_who_is_there_is_told(self):
        page = self.open("/two")
        self.client.post(f"{self.base}/pages/{page['id']}/navigate", {"url": self.home + "/login"})
        self.assertEqual(self.event("browser_auth_required")["url"], self.home + "/login")
        self.act("authenticate", page=page["id"], username="me", password="secret")
        self.act("navigate", page=page["id"], url=self.home + "/login")
        self.assertIn("Basic bWU6c2VjcmV0", self.look("text", page=page["id"])["text"])
        self.act("authenticate", page=page["id"], username="me", password="other", origin="http://a")
        self.act("navigate", page=page["id"], url=self.home + "/two")

    def test_what_is_blocked_is_not_asked_for(self):
        page = self.open("/two")
        self.act("block", page=page["id"], patterns=["*/agent*"])
        asked = len(Site.seen)
        ask = "fetch('/agent').then(r => r.status, e => 'blocked')"
        self.assertEqual(self.act("evaluate", page=page["id"], expression=ask)["result"],
                         "blocked")
        self.assertNotIn("/agent", [path for path, *_ in Site.seen[asked:]])
        self.act("block", page=page["id"], patterns=[])
        self.assertEqual(self.act("evaluate", page=page["id"], expression=ask)["result"], 200)
        log = self.look("har", page=page["id"])["log"]
        self.assertIn((self.home + "/agent", 200),
                      [(e["request"]["url"], e["response"]["status"]) for e in log["entries"]])

    def test_cookies_are_saved_and_set_again(self):
        page = self.open("/two")
        self.act("cookies", page=page["id"], action="set", name="a", value="1")
        self.act("cookies", page=page["id"], action="set", name="b", value="2", expires=4e9)
        saved = self.look("cookies", page=page["id"])["cookies"]
        self.act("cookies", page=page["id"], action="clear")
        self.assertEqual(self.look("cookies", page=page["id"])["cookies"], [])
        self.act("cookies", page=page["id"], action="set", cookies=saved)
        again = self.look("cookies", page=page["id"])["cookies"]
        self.assertEqual(sorted(c["name"] for c in again), ["a", "b"])

    def test_pictures_go_into_the_workspace(self):
        page = self.open("/two")
        done = self.act("screenshot", page=page["id"], path="output/shot.png")
        self.assertNotIn("data", done)
        file = self.client.get("/v1/sandboxes/default/files/output/shot.png")
        self.assertEqual((file.body[:4], len(file.body)), (b"\x89PNG", done["size_bytes"]))
        self.check_problem(self.client.post(f"{self.base}/pages/{page['id']}/screenshot",
                                            {"path": "../out.png"}), 403, "path_escapes")

    def test_simple_tools_take_numbers(self):
        page = self.open("/many")
        tools = lambda name, **fields: self.client.post(f"{self.base}/{name}", fields)  # noqa: E731
        self.assertEqual(tools("visit", url=self.home + "/").json["title"], "Home")
        state = self.client.get(f"{self.base}/state").json
        number = int(state["snapshot"].split('textbox')[1].split("[ref=e")[1].split("]")[0])
        tab = [t for t in state["tabs"] if t["id"] == page["id"]][0]
        self.assertTrue(tab["active"])
        typed = tools("input", index=number, text="word", submit=True, tab=tab["index"])
        self.assertEqual((typed.status, typed.json["title"]), (200, "Found"), typed)
        tools("visit", url=self.home + "/many")
        self.assertIn("item 2", json.dumps(tools("find", text="item", skip=2).json["matches"]))
        self.assertEqual(tools("scroll_down", pixels=100).status, 200)
        self.assertEqual(tools("full_page_screenshot").json["mime"], "image/png")
        self.check_problem(tools("click", index=-1), 422, "invalid_field")


@WALLED
class Headful(BrowserCase):
    flags = BrowserCase.flags + ("--browser.headful",)

    def test_it_has_a_window_on_a_display_of_its_own(self):
        page = self.open("/two")
        words = self.act("evaluate", page=page["id"], expression="""
            [navigator.userAgent, screen.width, screen.height, innerWidth <= outerWidth]""")
        agent, width, height, fits = words["result"]
        self.assertNotIn("Headless", agent)
        self.assertEqual((width, height, fits), (1920, 1080, True))
        pid = self.browser()["pid"]
        self.client.post(f"{self.base}/stop", None)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "its process is gone")
