"""The way out of sandboxes: the daemon's forward proxy, its rules, and programs that abuse it."""
import http.server
import os
import socket
import socketserver
import subprocess
import tempfile
import threading
import unittest

from harness import (TROUPE, WALLED, Case, Daemon, DaemonCase, limit, ordinary_daemon,
                     run_threads)
from waiting import wait_until

# What programs inside use: the proxy asked in so many bytes, and the bytes it answers.
ASK = """
import socket, urllib.request
def connect():
    return socket.create_connection(('127.0.0.1', 3128), 20)
def read_all(s):
    out = b''
    try:
        while more := s.recv(65536):
            out += more
    except ConnectionResetError:
        out += b'<reset>'
    return out
def ask(data):
    with connect() as s:
        s.sendall(data)
        return read_all(s).decode('latin-1')
def status(data):
    return int(ask(data).split()[1])
def get(where, more=''):
    return ask(f'GET http://{where}/ HTTP/1.1\\r\\n{more}\\r\\n'.encode())
"""


class Site(http.server.BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.headers.get("Content-Length", 0))
        body = f"{self.command} {self.path} host={self.headers['Host']} got={size} ".encode()
        body += self.rfile.read(size)[:20]
        self.server.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Echo(socketserver.BaseRequestHandler):
    """Gives back what comes until it ends, then says so."""

    def handle(self):
        self.server.open.add(self)
        try:
            while more := self.request.recv(65536):
                self.request.sendall(more)
            self.request.sendall(b"<end>")
        except OSError:
            pass
        self.server.open.discard(self)


def serve(case, make, address):
    server = make((address, 0))
    server.seen, server.open = [], set()
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    case.addClassCleanup(lambda: (server.shutdown(), server.server_close()))
    return server, server.server_address[1]


class Outside:
    """Hosts to reach. 127.0.0.2 is not among those for which programs go without a proxy."""

    @classmethod
    def open_hosts(cls):
        site = lambda a: http.server.ThreadingHTTPServer(a, Site)  # noqa: E731
        echo = lambda a: socketserver.ThreadingTCPServer(a, Echo)  # noqa: E731
        cls.site, cls.site_port = serve(cls, site, "127.0.0.2")
        _, cls.other_port = serve(cls, site, "127.0.0.2")
        _, cls.local_port = serve(cls, site, "127.0.0.1")
        cls.echo, cls.echo_port = serve(cls, echo, "127.0.0.2")

    def run_in(self, code, sandbox="default"):
        r = self.client.execute(ASK + code, sandbox)
        self.assertEqual(r["status"], "ok", r)
        return r["text"]

    def command(self, text, sandbox="default", **fields):
        answer = self.client.post(f"/v1/sandboxes/{sandbox}/commands", {"command": text, **fields})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def refusals(self, sandbox="default"):
        """The events `egress_refused` so far."""
        mark = self.client.execute("1")["id"]
        s = self.client.stream("/v1/events?from=1")
        seen = s.until(lambda e: e["type"] == "execution_ended" and
                       e["data"]["execution_id"] == mark)
        s.close()
        return [e["data"] for e in seen if e["type"] == "egress_refused"
                and e["data"]["sandbox_id"] == sandbox]

    def counter(self, name):
        for line in self.client.get("/metrics").body.decode().splitlines():
            if line.startswith(f"troupe_{name} "):
                return float(line.split()[1])
        raise AssertionError(f"no {name}")


def flags(allow, deny=(), **more):
    out = ["--isolation.level", "auto", "--kernel.egress.mode", "proxy",
           "--kernel.egress.setup_timeout_ms", "3000"]
    for key, rules in (("allow", allow), ("deny", deny)):
        for rule in rules:
            out += [f"--kernel.egress.{key}", rule]
    for key, value in more.items():
        out += [f"--kernel.egress.{key}", str(value)]
    return out


@WALLED
class WayOut(Outside, DaemonCase):
    @classmethod
    def setUpClass(cls):
        cls.open_hosts()
        cls.flags = flags([f"127.0.0.2:{cls.site_port}", f"127.0.0.2:{cls.echo_port}",
                           f"localhost:{cls.local_port}", "127.0.0.2:1"])
        super().setUpClass()

    def test_a_kernel_and_a_command_get_a_page_by_their_environment(self):
        url = f"http://127.0.0.2:{self.site_port}/a?b"
        said = f"GET /a?b host=127.0.0.2:{self.site_port} got=0 "
        self.assertEqual(self.run_in(f"print(urllib.request.urlopen('{url}').read().decode())"),
                         said + "\n")
        for program in ([f"/usr/bin/curl -sS {url}"] if os.path.exists("/usr/bin/curl") else []) + [
                "python3 -c \"import urllib.request as u; print(u.urlopen('" + url +
                "').read().decode(), end='')\""]:
            r = self.command(program)
            self.assertEqual(r["stdout"], said, r)

    def test_every_workload_of_a_sandbox_has_the_proxy(self):
        mine = self.own_sandbox()
        self.client.post(f"/v1/sandboxes/{mine}/kernels", {"id": "second"})
        self.client.wait_idle(mine, "second")
        code = ASK + f"print(get('127.0.0.2:{self.site_port}').split()[1])"
        for kernel in ("main", "second"):
            self.assertEqual(self.client.execute(code, mine, kernel_id=kernel)["text"], "200\n")
        self.client.post(f"/v1/sandboxes/{mine}/kernels/main/restart?wait=true")
        self.assertEqual(self.client.execute(code, mine)["text"], "200\n")

    def test_there_is_no_way_but_the_proxy(self):
        text = self.run_in(f"""
for to in (('127.0.0.2', {self.site_port}), ('192.0.2.1', 80), ('localhost', {self.local_port})):
    try:
        socket.create_connection(to, 5)
        print('connected')
    except OSError as e:
        print(type(e).__name__)
""")
        self.assertNotIn("connected", text)
        self.assertEqual(len(text.split()), 3)

    def test_a_refusal_names_its_rule_is_an_event_and_is_counted(self):
        mine, before = self.own_sandbox(), self.counter("egress_refusals_total")
        text = self.run_in(f"print(get('127.0.0.2:{self.other_port}'))", mine)
        self.assertTrue(text.startswith("HTTP/1.1 403 "), text)
        self.assertIn('"rule":"built-in loopback 127.0.0.0/8"', text)
        text = self.run_in("print(ask(b'CONNECT nobody.example:443 HTTP/1.1\\r\\n\\r\\n'))", mine)
        self.assertIn('"rule":"no rule of allow"', text)
        self.assertEqual(self.refusals(mine), [
            {"sandbox_id": mine, "host": "127.0.0.2", "port": self.other_port,
             "rule": "built-in loopback 127.0.0.0/8", "times": 1},
            {"sandbox_id": mine, "host": "nobody.example", "port": 443,
             "rule": "no rule of allow", "times": 1}])
        self.assertEqual(self.counter("egress_refusals_total"), before + 2)
        r = self.command("curl -sS https://nobody.example/ || true")
        if os.path.exists("/usr/bin/curl"):
            self.assertIn("CONNECT tunnel failed, response 403", r["stderr"])

    def test_a_name_of_the_host_itself_is_reached_when_a_rule_names_it(self):
        self.assertIn(f"host=localhost:{self.local_port}",
                      self.run_in(f"print(get('LOCALHOST:{self.local_port}'))"))
        self.assertIn("HTTP/1.1 403", self.run_in(f"print(get('127.0.0.1:{self.local_port}'))"))
        self.assertIn("HTTP/1.1 403", self.run_in(f"print(get('localhost:{self.site_port}'))"))

    def test_a_tunnel_carries_bytes_both_ways_until_both_have_ended(self):
        before = self.counter("egress_bytes_total")
        text = self.run_in(f"""
import os, threading
sent = os.urandom(3 << 20)
with connect() as s:
    s.sendall(b'CONNECT 127.0.0.2:{self.echo_port} HTTP/1.1\\r\\n\\r\\nearly ')
    def send():
        s.sendall(sent)
        s.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=send)
    t.start()
    head, _, got = read_all(s).partition(b'\\r\\n\\r\\n')
    t.join()
print(head.split(b'\\r\\n')[0].decode(), got == b'early ' + sent + b'<end>')
""")
        self.assertEqual(text, "HTTP/1.1 200 Connection established True\n")
        self.assertGreaterEqual(self.counter("egress_bytes_total") - before, 6 << 20)

    def test_a_body_goes_out_whole_and_nothing_after_it(self):
        text = self.run_in(f"""
body = b'x' * 300_000
print(urllib.request.urlopen('http://127.0.0.2:{self.site_port}/p', body).read().decode())
two = b'GET http://127.0.0.2:{self.site_port}/one HTTP/1.1\\r\\n\\r\\n' \\
      b'GET http://127.0.0.2:{self.site_port}/two HTTP/1.1\\r\\n\\r\\n'
print(status(two))
print(status(b'POST http://127.0.0.2:{self.site_port}/c HTTP/1.1\\r\\n'
             b'Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n'))
with connect() as s:
    s.sendall(b'POST http://127.0.0.2:{self.site_port}/three HTTP/1.1\\r\\n'
              b'Content-Length: 2\\r\\n\\r\\nab')
    first = s.recv(1)
    s.sendall(b'GET http://127.0.0.2:{self.site_port}/four HTTP/1.1\\r\\n\\r\\n')
    read_all(s)
""")
        self.assertIn("POST /p host=127.0.0.2", text)
        self.assertIn("got=300000 xxxxx", text)
        self.assertEqual(text.split()[-2:], ["400", "411"])
        self.assertIn("/three", self.site.seen)
        for path in ("/one", "/two", "/four"):
            self.assertNotIn(path, self.site.seen)

    def test_a_host_that_is_not_there_is_a_bad_gateway(self):
        self.assertIn("HTTP/1.1 502", self.run_in("print(get('127.0.0.2:1'))"))

    def test_what_a_workload_had_open_ends_with_it(self):
        code = (f"exec 3<>/dev/tcp/127.0.0.1/3128; printf 'CONNECT 127.0.0.2:{self.echo_port} "
                "HTTP/1.1\\r\\n\\r\\n' >&3; head -1 <&3; sleep 600")
        answer = self.client.post("/v1/sandboxes/default/commands?wait=false", {"command": code})
        answer = answer.json
        wait_until(lambda: self.echo.open, 10, "the tunnel")
        self.client.delete(f"/v1/commands/{answer['id']}")
        wait_until(lambda: not self.echo.open, 10, "its end")


@WALLED
class AllAllowed(Outside, DaemonCase):
    """The rules allow everything, but not what nobody named."""

    @classmethod
    def setUpClass(cls):
        cls.open_hosts()
        cls.flags = flags(["0.0.0.0/0", "::/0"], ["192.0.2.0/24", ".evil.example:80"])
        super().setUpClass()

    def test_the_machine_itself_and_what_is_near_it_are_refused(self):
        mine = self.own_sandbox()
        port = self.daemon.url.rsplit(":", 1)[1]
        hosts = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"0.0.0.0:{port}",
                 f"[::ffff:127.0.0.1]:{port}", f"[64:ff9b::7f00:1]:{port}",
                 f"[2002:7f00:1::]:{port}", "169.254.169.254", "10.0.0.1", "192.168.0.1",
                 "100.64.0.1", "[fe80::1]", "[fd00:ec2::254]", "224.0.0.1"]
        text = self.run_in(f"for h in {hosts}:\n    print(get(h))", mine)
        self.assertEqual(text.count("HTTP/1.1 403"), len(hosts), text)
        self.assertEqual(text.count('"rule":"built-in '), len(hosts), text)

    def test_an_address_in_another_spelling_is_none(self):
        port = self.daemon.url.rsplit(":", 1)[1]
        hosts = [f"{h}:{port}" for h in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1")]
        text = self.run_in(f"for h in {hosts}:\n    print(get(h))", self.own_sandbox())
        self.assertEqual(text.count("HTTP/1.1 400"), len(hosts), text)

    def test_deny_wins(self):
        text = self.run_in("print(get('192.0.2.7'), get('a.evil.example'))", self.own_sandbox())
        self.assertIn('"rule":"deny 192.0.2.0/24"', text)
        self.assertIn('"rule":"deny .evil.example:80"', text)


@WALLED
class Abuse(Outside, DaemonCase):
    limit_s = 90

    @classmethod
    def setUpClass(cls):
        cls.open_hosts()
        cls.flags = flags([f"127.0.0.2:{cls.site_port}", f"127.0.0.2:{cls.echo_port}"],
                          connections_max=16, idle_timeout_ms=2_000)
        super().setUpClass()

    def page(self, sandbox):
        return self.run_in(f"print(get('127.0.0.2:{self.site_port}').split()[1])", sandbox)

    def test_garbage_gets_an_answer_or_an_end(self):
        text = self.run_in("""
import os
for data in (b'\\r\\n\\r\\n', b'\\0' * 100 + b'\\r\\n\\r\\n', b'GET / HTTP/1.1\\r\\n\\r\\n',
             b'\\x16\\x03\\x01' + b'\\r\\n\\r\\n', b'CONNECT [::1 HTTP/1.1\\r\\n\\r\\n'):
    print(status(data))
print(status(b'x' * 20_000))
print(status(b'GET http://a/ HTTP/1.1\\r\\n' + b'A: b\\r\\n' * 200 + b'\\r\\n'))
for _ in range(20):
    with connect() as s:
        s.sendall(os.urandom(2_000))
""")
        self.assertEqual(text.split(), ["400"] * 5 + ["431"] * 2)
        self.assertEqual(self.page("default"), "200\n")

    def test_a_thousand_connections_wait_and_nobody_else_does(self):
        mine, neighbour = self.own_sandbox(limits={"open_files": 4_096}), self.own_sandbox()
        self.run_in("kept = []\nfor _ in range(100):\n    kept.append(connect())\n", mine)
        self.assertEqual(self.page(neighbour), "200\n")
        self.assertEqual(self.client.get("/livez").status, 200)
        before = self.counter("process_open_fds")
        self.run_in("""
for _ in range(900):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(('127.0.0.1', 3128))
    kept.append(s)
""", mine)
        self.assertLess(self.counter("process_open_fds"), before + 40)
        self.assertEqual(self.page(neighbour), "200\n")
        self.run_in("for s in kept:\n    s.close()\n", mine)
        self.assertEqual(self.page(mine), "200\n")

    def test_slow_heads_are_cut_and_hold_up_nobody_else(self):
        mine, neighbour = self.own_sandbox(), self.own_sandbox()
        code = """
import time
slow = [connect() for _ in range(16)]
end = time.monotonic() + 20
cut = 0
while slow and time.monotonic() < end:
    for s in list(slow):
        try:
            s.sendall(b'G')
            s.settimeout(0.01)
            told = s.recv(100)
        except TimeoutError:
            continue
        except OSError:
            told = b''
        cut += told.startswith(b'HTTP/1.1 408')
        slow.remove(s)
print(cut, len(slow))
"""
        told = run_threads([lambda: self.run_in(code, mine),
                            lambda: [self.page(neighbour) for _ in range(5)]], 60)
        self.assertEqual(told, ["16 0\n", ["200\n"] * 5])

    def test_a_silent_tunnel_is_cut(self):
        text = self.run_in(f"""
with connect() as s:
    s.sendall(b'CONNECT 127.0.0.2:{self.echo_port} HTTP/1.1\\r\\n\\r\\n')
    print(read_all(s).split(b'\\r\\n')[0].decode())
""", self.own_sandbox())
        self.assertEqual(text, "HTTP/1.1 200 Connection established\n")
        wait_until(lambda: not self.echo.open, 10, "its end at the host")

    def test_refusals_without_end_fill_no_journal(self):
        mine, before = self.own_sandbox(), self.counter("egress_refusals_total")
        self.run_in("for _ in range(300):\n    get('127.0.0.1')", mine)
        told = self.refusals(mine)
        self.assertEqual(self.counter("egress_refusals_total"), before + 300)
        self.assertLess(len(told), 60)
        self.assertGreaterEqual(len(told), 10)


@WALLED
class Bytes(Outside, DaemonCase):
    """A sandbox may exchange 1 MiB with other hosts."""

    @classmethod
    def setUpClass(cls):
        cls.open_hosts()
        cls.flags = flags([f"127.0.0.2:{cls.site_port}", f"127.0.0.2:{cls.echo_port}"],
                          bytes_max=1 << 20)
        super().setUpClass()

    def row(self, sandbox):
        return self.client.get(f"/v1/sandboxes/{sandbox}/limits").json["egress_bytes"]

    def test_at_its_limit_a_sandbox_is_cut_off_for_good(self):
        mine, neighbour = self.own_sandbox(), self.own_sandbox()
        self.client.post(f"/v1/sandboxes/{mine}/kernels", {"id": "second"})
        self.client.wait_idle(mine, "second")
        ask = f"b'CONNECT 127.0.0.2:{self.echo_port} HTTP/1.1\\r\\n\\r\\n'"
        self.client.execute(f"{ASK}\nidle = connect(); idle.sendall({ask}); idle.recv(100)", mine,
                            kernel_id="second")
        self.assertEqual(self.row(mine)["used"], 0)
        text = self.run_in(f"""
with connect() as s:
    s.sendall({ask})
    s.recv(100)
    got = 0
    try:
        for _ in range(64):
            s.sendall(b'x' * 65536)
            got += len(s.recv(65536))
    except OSError:
        pass
print(got)
""", mine)
        self.assertTrue(0 < int(text) <= 1 << 19, text)  # less: a reset throws away
        r = self.client.execute("print(read_all(idle) in (b'', b'<reset>'))", mine,
                                kernel_id="second")
        self.assertEqual(r["text"], "True\n", "the tunnel of the other kernel is cut too")
        page = f"print(get('127.0.0.2:{self.site_port}'))"
        self.client.post(f"/v1/sandboxes/{mine}/kernels/main/restart?wait=true")
        text = self.run_in(page, mine)
        self.assertIn("HTTP/1.1 403", text)
        self.assertIn('"rule":"kernel.egress.bytes_max"', text)
        self.assertEqual([(e["port"], e["rule"]) for e in self.refusals(mine)],
                         [(self.echo_port, "kernel.egress.bytes_max"),
                          (self.site_port, "kernel.egress.bytes_max")])
        row = self.row(mine)
        self.assertEqual((row["limit"], row["remaining"], row["held_by"]), (1 << 20, 0, "daemon"))
        self.assertTrue(1 << 20 < row["used"] <= (1 << 20) + (32 << 10), row)
        self.assertEqual(row["last_refusal"]["action"], "refused")
        self.assertIn("HTTP/1.1 200", self.run_in(page, neighbour))
        self.assertIsNone(self.row(neighbour)["last_refusal"])


class NoWayOut(DaemonCase):
    flags = ("--isolation.level", "auto")

    def test_without_the_option_there_is_no_proxy(self):
        r = self.client.execute("import os, socket\nprint([n for n in os.environ if 'proxy' in "
                                "n.lower()])\nsocket.create_connection(('127.0.0.1', 3128), 5)")
        self.assertEqual(r["text"], "[]\n")
        self.assertEqual(r["error"]["ename"], "ConnectionRefusedError")
        self.assertNotIn("egress_bytes",
                         self.client.get("/v1/sandboxes/default/limits").json)


class Start(Outside, Case):
    @classmethod
    def setUpClass(cls):
        cls.open_hosts()

    def refused(self, *more):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([TROUPE, "serve", "--data-dir", folder, "--listen", "127.0.0.1:0",
                                   "--cdp-listen", "127.0.0.1:0", *more], capture_output=True,
                                  text=True, timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_below_namespaces_the_daemon_does_not_start(self):
        for level in ("none", "process"):
            text = self.refused("--isolation.level", level, "--kernel.egress.mode", "proxy")
            self.assertIn("kernel.egress.mode = proxy needs isolation.level namespaces", text)

    def test_a_rule_that_is_none_is_told_with_its_place(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            config.write('[kernel.egress]\nmode = "proxy"\nallow = ["a.org", "10.0.0.1/8"]\n')
            config.flush()
            self.assertIn(f'{config.name}:3: kernel.egress.allow has "10.0.0.1/8"',
                          self.refused("--config", config.name))

    @unittest.skipUnless(os.geteuid() == 0, "only root can make one")
    @WALLED
    @limit(90)
    def test_an_ordinary_users_sandboxes_have_the_same_way_out(self):
        daemon = ordinary_daemon(*flags([f"127.0.0.2:{self.site_port}"])).start()
        try:
            level = daemon.client.get("/readyz").json["isolation"]["level"]
            self.client = daemon.client
            if level not in ("namespaces", "full"):
                self.skipTest(f"an ordinary user gets {level}")
            self.assertIn("HTTP/1.1 200", self.run_in(f"print(get('127.0.0.2:{self.site_port}'))"))
            self.assertIn("HTTP/1.1 403", self.run_in(f"print(get('127.0.0.2:{self.other_port}'))"))
        finally:
            wrong = daemon.close()
        self.assertEqual(wrong, [])
