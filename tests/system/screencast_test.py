"""Pictures of a page as it changes, over a WebSocket; and tokens that may less of a browser."""
import base64
import json
import os
import tempfile
import urllib.error
import urllib.request

from browser_case import BrowserCase
from harness import WALLED
from websocket import WebSocket

MOVING = """
    document.body.innerHTML = '<h1>0</h1>';
    let n = 0;
    setInterval(() => document.querySelector('h1').textContent = ++n, 20); 1"""


@WALLED
class Screencast(BrowserCase):
    def watch(self, page, query=""):
        s = WebSocket(f"{self.daemon.url}{self.base}/pages/{page}/screencast{query}",
                      {"Authorization": "Bearer " + self.daemon.token})
        self.addCleanup(s.close)
        return s

    def next_frame(self, s):
        while True:
            told = json.loads(s.receive())
            if told["type"] == "frame":
                return told
            self.assertEqual(told["type"], "visible")

    def test_a_moving_page_is_seen_move(self):
        page = self.open("/two")
        self.act("evaluate", page=page["id"], expression=MOVING)
        s = self.watch(page["id"], "?format=png&max_width=320&max_height=320")
        self.assertEqual(s.status, 101)
        seen = set()
        for number in range(1, 9):
            frame = self.next_frame(s)
            self.assertEqual((frame["n"], frame["mime"]), (number, "image/png"))
            picture = base64.b64decode(frame["data"])
            self.assertEqual(picture[:4], b"\x89PNG")
            self.assertLessEqual(int.from_bytes(picture[16:20], "big"), 320)
            seen.add(frame["data"])
            s.send_text(json.dumps({"ack": number}))
        self.assertGreater(len(seen), 3)

    def test_who_acknowledges_nothing_gets_few_frames_and_is_told_what_is_wrong(self):
        page = self.open("/two")
        self.act("evaluate", page=page["id"], expression=MOVING)
        s = self.watch("active")
        first = self.next_frame(s)
        self.assertEqual(first["mime"], "image/jpeg")
        self.act("wait", page=page["id"], time_s=1)
        s.send_text("what?")
        frames = 0
        while (told := json.loads(s.receive()))["type"] != "error":
            frames += told["type"] == "frame"
        self.assertLess(frames, 10)
        self.assertEqual(told["code"], "malformed_json")
        s.send_text(json.dumps({"ack": 1_000_000}))
        while (told := json.loads(s.receive()))["type"] != "error":
            pass
        self.assertEqual(told["code"], "invalid_field")
        s.send_text(json.dumps({"ack": first["n"]}))
        self.assertGreater(self.next_frame(s)["n"], first["n"])

    def test_what_cannot_be_watched_is_said_in_http(self):
        page = self.open("/two")["id"]
        for query, status, code in (("?quality=0", 422, "invalid_field"),
                                    ("?speed=1", 422, "invalid_field"),
                                    ("?quality=%zz", 400, None)):
            answer = self.client.get(f"{self.base}/pages/{page}/screencast{query}")
            self.check_problem(answer, status, code)
        self.check_problem(self.client.get(f"{self.base}/pages/pag_none/screencast"), 404,
                           "page_not_found")
        self.assertEqual(self.client.get(f"{self.base}/pages/{page}/screencast").status, 400)
        self.assertEqual(WebSocket(f"{self.daemon.url}{self.base}/pages/{page}/screencast").status,
                         401)


@WALLED
class Tokens(BrowserCase):
    """Of `cdp.tokens_file`."""

    LESS, NEARLY_ALL = "less" * 8, "more" * 8

    @classmethod
    def setUpClass(cls):
        handle, cls.file = tempfile.mkstemp(prefix="tsys")
        with os.fdopen(handle, "w") as file:  # 0600
            json.dump({"tokens": [
                {"token": cls.LESS, "allow": ["Target", "Page", "Runtime.evaluate"],
                 "deny": ["Page.navigate"]},
                {"token": cls.NEARLY_ALL, "deny": ["Target.createTarget"]}]}, file)
        cls.addClassCleanup(os.unlink, cls.file)
        cls.flags = BrowserCase.flags + ("--cdp.tokens_file", cls.file)
        super().setUpClass()

    def connect(self, token):
        version = json.loads(self.ask(token, "/json/version"))
        s = WebSocket(version["webSocketDebuggerUrl"])
        self.addCleanup(s.close)
        self.assertEqual(s.status, 101)
        return s

    def ask(self, token, path, method="GET"):
        request = urllib.request.Request(f"{self.daemon.ready['cdp_url']}/token/{token}{path}",
                                         method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def test_what_is_not_allowed_is_an_error_and_reaches_no_page(self):
        page = self.open("/two")
        s = self.connect(self.LESS)
        session = s.call("Target.attachToTarget", {"targetId": page["target_id"],
                                                   "flatten": True})["result"]["sessionId"]
        told = s.call("Runtime.evaluate", {"expression": "6 * 7"}, session)
        self.assertEqual(told["result"]["result"]["value"], 42)
        for method in ("Page.navigate", "DOM.enable", "Browser.close", "Runtime.enable",
                       "Target.exposeDevToolsProtocol"):
            told = s.call(method, {"url": "about:blank"}, session)
            self.assertEqual(told["error"]["code"], -32000, told)
            self.assertIn(f"'{method}' is not allowed", told["error"]["message"])
            self.assertEqual(told["sessionId"], session)
        inside = json.dumps({"id": 1, "method": "DOM.enable"})
        carried = s.call("Target.sendMessageToTarget", {"targetId": page["target_id"],
                                                        "message": inside})
        self.assertIn("is not allowed", carried["error"]["message"])
        self.assertEqual(self.look("text", page["id"])["text"].strip(), "the second page")

    def test_the_pages_of_the_port_count_as_what_they_stand_for(self):
        self.open("/two")
        self.assertIn(b"/two", self.ask(self.NEARLY_ALL, "/json/list"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.ask(self.NEARLY_ALL, "/json/new?about:blank", "PUT")
        self.assertEqual(refused.exception.code, 500)
        made = json.loads(self.ask(self.LESS, "/json/new?about:blank", "PUT"))
        self.ask(self.LESS, "/json/close/" + made["id"])

    def test_a_file_that_others_may_read_or_that_is_wrong_is_no_start(self):
        for text, mode, why in (("{\"tokens\": []}", 0o644, "chmod 600"),
                                ("{\"tokens\": [{}]}", 0o600, "/tokens/0/token")):
            handle, path = tempfile.mkstemp(prefix="tsys")
            self.addCleanup(os.unlink, path)
            with os.fdopen(handle, "w") as file:
                file.write(text)
            os.chmod(path, mode)
            done = self.daemon.cli("serve", "--listen", "127.0.0.1:0", "--cdp-listen",
                                   "127.0.0.1:0", "--data-dir", self.data_dir(),
                                   "--cdp.tokens_file", path)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(why, done.stderr)

    def data_dir(self):
        folder = tempfile.TemporaryDirectory(prefix="tsys")
        self.addCleanup(folder.cleanup)
        return folder.name
