"""What a browser does without being asked: pages come back, and are looked after."""
import json
import os
import signal
import urllib.request

from browser_case import BrowserCase, Site
from harness import WALLED
from waiting import wait_until


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
        self.act("authenticate", page=page["id"], username="me", password="x", origin="http://a")
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

    def test_what_a_site_keeps_goes_into_files_and_back(self):
        page = self.open("/two")
        self.act("cookies", page=page["id"], action="clear")
        self.act("cookies", page=page["id"], action="set", name="a", value="1")
        self.act("storage", page=page["id"], action="set", items={"k": "v"})
        for what, file in (("cookies", "output/c.json"), ("storage", "output/s.json")):
            saved = self.act(what, page=page["id"], action="save", file=file)
            self.assertNotIn("cookies", saved)
            stored = self.client.get("/v1/sandboxes/default/files/" + file)
            self.assertEqual((saved["path"], saved["size_bytes"]), (file, len(stored.body)))
            self.act(what, page=page["id"], action="clear")
            self.act(what, page=page["id"], action="load", file=file)
        told = self.look("cookies", page=page["id"])["cookies"]
        self.assertEqual([(c["name"], c["value"]) for c in told], [("a", "1")])
        self.assertEqual(self.look("storage", page=page["id"])["items"], {"k": "v"})
        self.act("cookies", page=page["id"], action="clear")
        self.act("cookies", page=page["id"], action="save", file="output/none.json")
        self.assertEqual(self.act("cookies", page=page["id"], action="load",
                                  file="output/none.json")["set"], 0)

    def test_a_file_that_is_not_what_was_saved_sets_nothing(self):
        page = self.open("/two")
        put = lambda body: self.client.request(  # noqa: E731
            "PUT", "/v1/sandboxes/default/files/output/x.json", body)
        ask = lambda **fields: self.client.post(  # noqa: E731
            f"{self.base}/pages/{page['id']}/cookies", {"action": "load", **fields})
        for body in (b"", b"[]", b"{}", b"\xff", b'{"cookies": 1}', b'{"cookies": [{}]}'):
            put(body)
            self.check_problem(ask(file="output/x.json"), 422, "invalid_field")
        self.check_problem(ask(), 422, "invalid_field")
        self.check_problem(ask(file="output/not_there.json"), 404, "file_not_found")
        self.check_problem(ask(file="../x.json"), 403, "path_escapes")

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
