"""A site for clients of a browser: a shop where one logs in and reads tables, and a playground."""
import http.server
import json
import threading
import time
import urllib.parse

ORDERS, PER_PAGE = 15, 3

LOGIN = """<title>Log in</title><h1>Log in</h1><form method=post action=/login>
<label>Name <input name=name></label><label>Password <input name=password type=password></label>
<button>Log in</button></form>"""

PLAY = """<title>Play</title><h1>Play</h1>
<a href=/two>second</a> <a href=/popup target=_blank rel=noopener>apart</a>
<a href=/file download>file</a>
<form action=/two><input name=q id=q><button>Go</button></form><input type=file id=f>
<button onclick="document.title = confirm('sure?')">Confirm</button>
<button onclick="document.title = prompt('name?', 'me')">Prompt</button>
<button onclick="popup = window.open('/popup')">Open</button>
<button onclick="fetch('/data').then(r => r.text(), e => 'failed')
                              .then(t => out.textContent = t)">Ask</button>
<p id=out></p><iframe src=/two></iframe>"""

PAGES = {
    "/play": PLAY,
    "/two": "<title>Two</title>the second page",
    "/popup": "<title>none</title><script>document.title = String(window.mark)</script>popup",
    "/long": "<title>Long</title><div style='height:3000px'>long</div>",
    "/leave": "<title>Leave</title><button>Stay</button><script>onbeforeunload = () => 1</script>",
    "/worker": "<title>Worker</title><script>w = new Worker('/worker.js');"
               "w.onmessage = e => document.title = e.data</script>",
}


def orders_page(number):
    first = (number - 1) * PER_PAGE + 1
    rows = "".join(f"<tr><td>{n}</td><td>item {n}</td><td>{n * 10}.00</td></tr>"
                   for n in range(first, first + PER_PAGE))
    more = f"<a href=/orders?page={number + 1}>Next</a>" if first + PER_PAGE <= ORDERS else ""
    return (f"<title>Orders {number}</title><h1>Orders</h1><table><thead><tr><th>Number</th>"
            f"<th>Item</th><th>Price</th></tr></thead><tbody>{rows}</tbody></table>{more}"
            "<div style='height:2000px'></div>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    delay_s, seen = 0.0, []

    def do_GET(self):
        time.sleep(self.delay_s)
        self.seen.append(self.path)
        path, _, query = self.path.partition("?")
        known = "session=1" in (self.headers.get("Cookie") or "")
        if path == "/":
            self.page(LOGIN)
        elif path == "/shop" and known:
            self.page("<title>Shop</title><h1>Hello</h1><a href=/orders>Orders</a>")
        elif path == "/orders" and known:
            self.page(orders_page(int(dict(urllib.parse.parse_qsl(query)).get("page", 1))))
        elif path in ("/shop", "/orders"):
            self.answer(303, b"", Location="/")
        elif path == "/data":
            self.answer(200, b"from the site", "text/plain")
        elif path == "/echo":
            self.answer(200, json.dumps(dict(self.headers)).encode(), "application/json")
        elif path == "/worker.js":
            self.answer(200, b"postMessage('from a worker')", "text/javascript")
        elif path == "/file":
            self.answer(200, b"the content" * 1000, "application/octet-stream",
                        Content_Disposition='attachment; filename="report.bin"')
        elif path in PAGES:
            self.page(PAGES[path])
        else:
            self.answer(404, b"")

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        fields = dict(urllib.parse.parse_qsl(sent))
        if fields == {"name": "ann", "password": "secret"}:
            self.answer(303, b"", Location="/shop", Set_Cookie="session=1; Path=/")
        else:
            self.answer(303, b"", Location="/")

    def page(self, body):
        self.answer(200, b"<!doctype html><link rel=icon href=data:>" + body.encode())

    def answer(self, status, body, kind="text/html; charset=utf-8", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)),
                            **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Shop:
    """The site, on a port of its own until it is closed. `delay_s` makes it slow."""

    def __init__(self, delay_s=0.0):
        self.seen = []
        handler = type("Handler", (Handler,), {"delay_s": delay_s, "seen": self.seen})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a browser that was killed reads no answer
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
