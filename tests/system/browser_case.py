"""Tests of a sandbox's browser: a site on loopback, and a daemon whose browser may reach it."""
import http.server
import json
import threading

from harness import DaemonCase

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

    def event(self, kind, where=lambda data: True):
        s = self.client.stream("/v1/events?from=1")
        self.addCleanup(s.close)
        return s.until(lambda e: e["type"] == kind and where(e["data"]))[-1]["data"]

    def browser(self):
        return self.client.get(self.base).json
