"""The HTTP edge: who is let in, what is malformed, what is too much, the shape of each error."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from harness import Case, DaemonCase, limit, own_daemon

EXECUTIONS = "/v1/sandboxes/default/executions"


class Raw:
    """Bytes on a socket, for what no HTTP library would send."""

    def __init__(self, client, timeout=10):
        self.client = client
        self.s = socket.create_connection((client.host, client.port), timeout=timeout)
        self.file = self.s.makefile("rb")

    def send(self, data):
        self.s.sendall(data)
        return self

    def head(self, method="GET", path="/kernel/status", *lines, host=True):
        text = f"{method} {path} HTTP/1.1\r\n"
        text += f"Host: {self.client.host}:{self.client.port}\r\n" if host else ""
        text += f"Authorization: Bearer {self.client.token}\r\n"
        return self.send((text + "".join(l + "\r\n" for l in lines) + "\r\n").encode("latin-1"))

    def answer(self):
        """Status, headers with lower-case names, body; None when the peer closed."""
        first = self.file.readline()
        if not first:
            return None
        status = int(first.split()[1])
        headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if 100 <= status < 200:
            return status, headers, b""
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def closed(self):
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.s.close()


class Access(DaemonCase):
    def test_without_a_valid_token_nothing_but_the_probes_answers(self):
        for path in ("/", "/health", "/kernel/status", "/v1/sandboxes", "/metrics",
                     "/v1/supervisor", "/v1/events"):
            for value in (None, "Bearer wrong", "Bearer ", "Basic abc", self.client.token,
                          f"Bearer {self.client.token}x", f"Bearer {self.client.token[:-1]}"):
                answer = self.client.get(path, headers={"Authorization": value})
                self.check_problem(answer, 401, "unauthorized")
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
                self.assertNotIn(self.client.token, answer.body.decode())
        for path in ("/livez", "/readyz"):
            self.assertEqual(self.client.get(path, headers={"Authorization": None}).status, 200)

    def test_a_wrong_token_runs_no_code(self):
        answer = self.client.post(EXECUTIONS, {"code": "leaked = 1"},
                                  headers={"Authorization": "Bearer x"})
        self.check_problem(answer, 401)
        self.assertEqual(self.client.execute("'leaked' in globals()")["text"].strip(), "False")

    def test_the_token_is_in_no_log_and_no_event(self):
        self.client.execute("1")
        log = self.daemon.log()
        lines = [l for l in log.splitlines() if self.client.token in l]
        self.assertEqual(lines, [])

    def test_another_host_is_refused(self):
        for host in ("evil.example", "evil.example:8888", "127.0.0.1.evil.example", "",
                     "localhost@evil.example"):
            answer = self.client.get("/kernel/status", headers={"Host": host})
            self.assertIn(answer.status, (400, 403), (host, answer))
            self.check_problem(answer, answer.status)
        for host in ("localhost", f"localhost:{self.client.port}", f"127.0.0.1:{self.client.port}"):
            self.assertEqual(self.client.get("/kernel/status", headers={"Host": host}).status, 200)

    def test_another_origin_is_refused_and_gets_no_cors_headers(self):
        for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example"):
            answer = self.client.get("/kernel/status", headers={"Origin": origin})
            self.check_problem(answer, 403, "origin_not_allowed")
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        same = f"http://127.0.0.1:{self.client.port}"
        answer = self.client.get("/kernel/status", headers={"Origin": same})
        self.assertEqual(answer.status, 200)
        answer = self.client.request("OPTIONS", "/execute", headers={
            "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)


class Origins(Case):
    def test_a_configured_origin_gets_cors_headers(self):
        client = own_daemon(self, "--http.allowed_origins", "http://app.example").client
        answer = client.get("/kernel/status", headers={"Origin": "http://app.example"})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "http://app.example")
        self.assertIn("Origin", answer.headers["Vary"])
        answer = client.request("OPTIONS", EXECUTIONS, headers={
            "Authorization": None, "Origin": "http://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type"})
        self.assertIn(answer.status, (200, 204), answer)
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        answer = client.get("/kernel/status", headers={"Origin": "http://other.example"})
        self.check_problem(answer, 403, "origin_not_allowed")


class Bodies(DaemonCase):
    def refuse(self, body, status, code=None, path=EXECUTIONS, headers=None):
        answer = self.client.request("POST", path, body, headers=headers, timeout=10)
        return self.check_problem(answer, status, code)

    def test_what_is_not_json_is_malformed(self):
        for body in (b"", b"{", b"nope", b'{"code": "1"', b'{"code": "1"} x', b"\xff\xfe",
                     b'{"code": "\xff"}', b'{"code": NaN}', b"{'code': '1'}", b"[" * 200000,
                     b'{"code":' * 50000):
            self.refuse(body, 400, "malformed_json")

    def test_json_that_is_no_object_is_refused(self):
        for body in (b"[]", b"1", b'"code"', b"null", b"true"):
            answer = self.client.request("POST", EXECUTIONS, body)
            self.assertIn(answer.status, (400, 422), (body, answer))
            self.check_problem(answer, answer.status)

    def test_an_unknown_field_is_told_with_the_nearest_name(self):
        p = self.refuse(b'{"code": "1", "timeout": 3}', 422, "invalid_field")
        self.assertEqual(p["errors"][0]["pointer"], "/timeout")
        self.assertIn("timeout_s", p["errors"][0]["detail"])
        p = self.refuse(b'{"code": "1", "kernel": "main", "lables": {}}', 422)
        self.assertEqual({e["pointer"] for e in p["errors"]}, {"/kernel", "/lables"})
        self.assertIn("kernel_id", json.dumps(p))
        self.assertIn("labels", json.dumps(p))

    def test_wrong_types_and_values_are_told_by_pointer(self):
        for field, values in {"code": [1, None, ["a"], {}], "timeout_s": ["5", -1, 0, 1801, 1e300],
                              "kernel_id": [5, {}], "allow_stdin": ["yes", 1],
                              "on_disconnect": ["explode", 1], "user_expressions": [[], "x"],
                              "labels": ["x", []], "silent": [0], "turn_id": [7]}.items():
            for value in values:
                body = {"code": "1", field: value}
                p = self.refuse(json.dumps(body).encode(), 422, "invalid_field")
                self.assertEqual(p["errors"][0]["pointer"], "/" + field, (field, value))
        p = self.refuse(b"{}", 422, "invalid_field")
        self.assertIn("code", json.dumps(p["errors"]))

    def test_unknown_ids_are_404_and_say_which(self):
        for path, code in (("/v1/sandboxes/nope/executions", "sandbox_not_found"),
                           ("/v1/sandboxes/nope/turns", "sandbox_not_found")):
            p = self.refuse(b'{"code": "1"}' if "exec" in path else b"{}", 404, code, path)
            self.assertIn("nope", p["detail"])
        p = self.refuse(b'{"code": "1", "kernel_id": "zap"}', 404, "kernel_not_found")
        self.assertIn("zap", p["detail"])
        for method, path in (("GET", "/v1/executions/exe_none"),
                             ("GET", "/v1/executions/exe_none/events"),
                             ("DELETE", "/v1/executions/exe_none")):
            p = self.check_problem(self.client.request(method, path), 404, "execution_not_found")
            self.assertIn("exe_none", p["detail"])
        self.check_problem(self.client.post("/v1/executions/exe_none/stdin", {"value": "x"}), 404,
                           "execution_not_found")
        self.check_problem(self.client.get("/v1/sandboxes/nope"), 404, "sandbox_not_found")
        self.check_problem(self.client.get("/v1/sandboxes/default/kernels/zap"), 404,
                           "kernel_not_found")
        self.check_problem(self.client.get("/nope"), 404, "route_not_found")

    def test_media_types_are_checked(self):
        self.refuse(b"code=1", 415, "unsupported_media_type",
                    headers={"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.client.post(EXECUTIONS, {"code": "1"}, headers={"Accept": "image/png"})
        self.check_problem(answer, 406, "not_acceptable")
        for accept in ("*/*", "application/json;q=0.5, text/html", "application/*", None):
            answer = self.client.post(EXECUTIONS, {"code": "1"}, headers={"Accept": accept})
            self.assertEqual(answer.status, 200, (accept, answer))
        ok = {"Content-Type": "application/json; charset=utf-8"}
        self.assertEqual(self.client.post(EXECUTIONS, {"code": "1"}, headers=ok).status, 200)

    def test_a_body_beyond_the_limit_is_refused_before_it_is_read(self):
        raw = Raw(self.client)
        raw.head("POST", EXECUTIONS, "Content-Type: application/json", "Content-Length: 999999999")
        status, headers, body = raw.answer()
        self.assertEqual(status, 413)
        self.assertEqual(json.loads(body)["code"], "body_too_large")
        self.assertEqual(json.loads(body)["limit_bytes"], 16 << 20)
        raw.close()
        raw = Raw(self.client)
        raw.head("POST", EXECUTIONS, "Content-Type: application/json", "Transfer-Encoding: chunked")
        try:
            for _ in range(40):
                raw.send(b"80000\r\n" + b" " * 0x80000 + b"\r\n")
        except OSError:
            pass
        try:
            status, _, _ = raw.answer()
            self.assertEqual(status, 413)
        except (ConnectionResetError, TypeError):
            pass  # cut while we still sent: also a refusal
        raw.close()
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_a_body_within_the_limit_arrives_whole(self):
        text = "x" * (8 << 20)
        r = self.client.execute(f"print(len({text!r}))")
        self.assertEqual(r["text"], f"{8 << 20}\n")


class Requests(DaemonCase):
    def raw(self, **kw):
        raw = Raw(self.client, **kw)
        self.addCleanup(raw.close)
        return raw

    def check_raw(self, answer, statuses):
        self.assertIsNotNone(answer, "closed without an answer")
        status, headers, body = answer
        self.assertIn(status, statuses, body)
        self.assertEqual(headers["content-type"], "application/problem+json")
        p = json.loads(body)
        self.assertEqual(p["status"], status)
        for key in ("type", "title", "detail", "code", "request_id", "retryable"):
            self.assertIn(key, p)
        self.assertEqual(headers["x-request-id"], p["request_id"])

    def test_methods_a_route_does_not_have_are_405_with_allow(self):
        for method, path, allow in (
                ("DELETE", "/kernel/status", {"GET"}), ("PUT", "/execute", {"POST"}),
                ("GET", "/execute", {"POST"}), ("PATCH", "/v1/sandboxes", {"GET", "POST"}),
                ("POST", "/v1/sandboxes/default", {"GET", "DELETE"}),
                ("GET", "/kernel/reset", {"POST"}), ("POST", "/metrics", {"GET"}),
                ("GET", "/v1/executions/exe_x/stdin", {"POST"})):
            answer = self.client.request(method, path)
            self.check_problem(answer, 405, "method_not_allowed")
            allowed = {m.strip() for m in answer.headers["Allow"].split(",")}
            self.assertLessEqual(allow, allowed, path)
            self.assertNotIn(method, allowed)

    def test_head_has_the_headers_of_get_and_no_body(self):
        raw = self.raw()
        raw.head("HEAD", "/kernel/status")
        first = raw.file.readline()
        self.assertIn(first.split()[1], (b"200", b"405"))
        for line in iter(raw.file.readline, b"\r\n"):
            self.assertTrue(line)
        raw.head("GET", "/livez")
        self.assertEqual(raw.answer()[0], 200)

    def test_a_header_beyond_the_limit_is_431(self):
        raw = self.raw()
        raw.head("GET", "/kernel/status", "X-Long: " + "a" * 40000)
        self.check_raw(raw.answer(), (431,))
        raw = self.raw()
        raw.head("GET", "/kernel/status", *[f"X-{i}: {'b' * 50}" for i in range(2000)])
        self.check_raw(raw.answer(), (431,))
        raw = self.raw()
        raw.head("GET", "/" + "a" * 60000)
        self.check_raw(raw.answer(), (414, 431))

    def test_malformed_requests_are_400(self):
        for data in (b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                     b"G\xc3\x88T / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                     b"GET /kernel/status HTTP/1.1\r\n\r\n"):
            raw = self.raw()
            raw.send(data)
            self.check_raw(raw.answer(), (400, 403, 501, 505))

    def test_requests_whose_length_is_ambiguous_are_refused(self):
        kind = "Content-Type: application/json"
        for lines in (("Content-Length: 5", "Transfer-Encoding: chunked"),
                      ("Content-Length: 5", "Content-Length: 6"), ("Content-Length: -1",),
                      ("Content-Length: 5x",), ("Content-Length: 99999999999999999999999",),
                      ("Transfer-Encoding: chunked, identity",), ("Transfer-Encoding: gzip",)):
            raw = self.raw()
            raw.head("POST", EXECUTIONS, kind, *lines)
            raw.send(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")
            answer = raw.answer()
            if answer:
                self.check_raw(answer, (400, 411, 413, 415, 501))
                self.assertTrue(raw.closed(), lines)
        raw = self.raw()
        raw.head("POST", EXECUTIONS, kind)
        self.check_raw(raw.answer(), (400, 411))

    def test_tricks_with_paths_lead_nowhere(self):
        for path in ("/v1/../v1/sandboxes", "//v1/sandboxes", "/v1//sandboxes", "/v1/sandboxes/..",
                     "/v1/sandboxes/%2e%2e", "/v1/sandboxes/%2e%2e%2fdefault", "/%00", "/v1/%ff",
                     "/v1/sandboxes/default%2fkernels", "/v1/sandboxes/%zz", "/%",
                     "/../../etc/passwd", "/v1/sandboxes/default/kernels/..%2f..", "*", "kernel",
                     "http://evil.example/kernel/status", "/v1/sandboxes/" + "a" * 5000,
                     "/kernel/status/", "/KERNEL/STATUS", "/kernel/status;x", "/v1/sandboxes/\\.."):
            raw = self.raw()
            raw.head("GET", path)
            self.check_raw(raw.answer(), (400, 403, 404, 405, 414))
        self.assertEqual(self.client.get("/kernel/status?x=1&y=%2f").status, 200)

    def test_percent_encoding_is_decoded_once(self):
        self.assertEqual(self.client.get("/v1/sandboxes/%64efault").json["id"], "default")
        self.check_problem(self.client.get("/v1/sandboxes/%2564efault"), 404, "sandbox_not_found")

    def test_pipelined_requests_are_answered_in_order(self):
        raw = self.raw()
        body = b'{"code": "40+2"}'
        head = (f"POST {EXECUTIONS} HTTP/1.1\r\nHost: {self.client.host}\r\n"
                f"Authorization: Bearer {self.client.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        look = (f"GET /kernel/status HTTP/1.1\r\nHost: {self.client.host}\r\n"
                f"Authorization: Bearer {self.client.token}\r\n\r\n").encode()
        raw.send((head + body + look) * 5)
        for _ in range(5):
            self.assertEqual(json.loads(raw.answer()[2])["text"].strip(), "42")
            self.assertIn("kernel_alive", json.loads(raw.answer()[2]))

    def test_a_request_that_comes_a_byte_at_a_time_is_served(self):
        raw = self.raw()
        body = b'{"code": "1+1"}'
        data = (f"POST {EXECUTIONS} HTTP/1.1\r\nHost: {self.client.host}\r\n"
                f"Authorization: Bearer {self.client.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        for i in range(len(data)):
            raw.send(data[i:i + 1])
        self.assertEqual(json.loads(raw.answer()[2])["text"].strip(), "2")

    def test_expect_continue_is_answered(self):
        raw = self.raw()
        body = b'{"code": "1+1"}'
        raw.head("POST", EXECUTIONS, "Content-Type: application/json",
                 f"Content-Length: {len(body)}", "Expect: 100-continue")
        self.assertEqual(raw.answer()[0], 100)
        raw.send(body)
        self.assertEqual(raw.answer()[0], 200)

    def test_an_old_client_gets_its_answer_and_the_end(self):
        raw = self.raw()
        raw.send(f"GET /kernel/status HTTP/1.0\r\nHost: {self.client.host}\r\n"
                 f"Authorization: Bearer {self.client.token}\r\n\r\n".encode())
        self.assertEqual(raw.answer()[0], 200)
        self.assertTrue(raw.closed())

    def test_request_ids_are_echoed_when_sane(self):
        answer = self.client.get("/kernel/status", headers={"X-Request-Id": "abc-123"})
        self.assertEqual(answer.headers["X-Request-Id"], "abc-123")
        for insane in ("a" * 5000, "a b<script>", "ä"):
            answer = self.client.get("/kernel/status",
                                     headers={"X-Request-Id": insane.encode("latin-1")})
            if answer.status != 431:
                self.assertNotEqual(answer.headers["X-Request-Id"], insane)
            self.assertTrue(answer.headers["X-Request-Id"])
        seen = {self.client.get("/livez").headers["X-Request-Id"] for _ in range(20)}
        self.assertEqual(len(seen), 20)


class Slow(Case):
    @limit(40)
    def test_slow_headers_bodies_and_idle_connections_are_cut(self):
        client = own_daemon(self, "--http.header_timeout_ms", "600", "--http.body_timeout_ms",
                            "600", "--http.idle_timeout_ms", "1000").client
        for slow in ("header", "body", "upload", "idle"):
            raw, began = Raw(client), time.monotonic()
            if slow == "header":
                raw.send(b"GET /kernel/status HTTP/1.1\r\nX: ")
            elif slow == "body":
                raw.head("POST", EXECUTIONS, "Content-Type: application/json",
                         "Content-Length: 100")
            elif slow == "upload":
                raw.head("PUT", "/v1/sandboxes/default/files/drops", "Content-Length: 100")
            else:
                raw.head()
                self.assertEqual(raw.answer()[0], 200)
            try:
                while time.monotonic() - began < 8:
                    if slow != "idle":
                        raw.send(b"a")
                    raw.s.settimeout(0.1)
                    try:
                        if raw.s.recv(4096) == b"" or slow != "idle":
                            break
                    except TimeoutError:
                        pass
            except OSError:
                pass
            self.assertLess(time.monotonic() - began, 4, slow)
            raw.close()
        self.assertEqual(client.execute("1+1")["text"].strip(), "2")

    @limit(40)
    def test_slow_connections_beyond_the_limit_do_not_lock_out_the_others_for_long(self):
        client = own_daemon(self, "--http.header_timeout_ms", "500",
                            "--http.connections_max", "50").client
        held = [Raw(client).send(b"GET / HT") for _ in range(50)]
        began = time.monotonic()
        while True:
            try:
                if client.get("/livez", timeout=2).status == 200:
                    break
            except OSError:
                pass
            self.assertLess(time.monotonic() - began, 5)
        for raw in held:
            raw.close()

    def test_too_many_requests_of_one_client_are_429(self):
        client = own_daemon(self, "--limits.requests_per_s", "5", "--limits.requests_burst",
                            "5").client
        answers = [client.begin("1") for _ in range(12)]
        refused = [a for a in answers if a.status == 429]
        self.assertTrue(refused)
        self.assertGreaterEqual(sum(a.status == 202 for a in answers), 5)
        p = self.check_problem(refused[0], 429, "rate_limited")
        self.assertTrue(p["retryable"])
        self.assertEqual((p["limit"], p["used"], p["remaining"]), (5, 5, 0))
        self.assertGreaterEqual(int(refused[0].headers["Retry-After"]), 1)
        self.assertTrue(any(h.lower().startswith("ratelimit") for h in refused[0].headers))
        self.assertEqual(client.get("/kernel/status").status, 200)


ROUTES = """GET / | GET /health | GET /kernel/status | POST /kernel/reset | POST /kernel/interrupt |
GET /kernel/connection | GET /kernel/connection-file | GET /kernel/debug | POST /execute |
GET /v1/sandboxes | POST /v1/sandboxes | GET /v1/sandboxes/{} | DELETE /v1/sandboxes/{} |
POST /v1/sandboxes/{}/turns | GET /v1/sandboxes/{}/kernels | POST /v1/sandboxes/{}/kernels |
GET /v1/sandboxes/{}/kernels/{} | DELETE /v1/sandboxes/{}/kernels/{} |
POST /v1/sandboxes/{}/kernels/{}/interrupt | POST /v1/sandboxes/{}/kernels/{}/restart |
POST /v1/sandboxes/{}/executions | GET /v1/executions/{} | DELETE /v1/executions/{} |
GET /v1/executions/{}/events | POST /v1/executions/{}/stdin | GET /v1/events | GET /v1/supervisor |
GET /livez | GET /readyz | GET /metrics | GET /openapi.json"""


class Description(DaemonCase):
    def test_openapi_lists_every_route(self):
        doc = self.client.get("/openapi.json").json
        self.assertTrue(doc["openapi"].startswith("3.1"))
        listed = {f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
                  for path, item in doc["paths"].items() for method in item}
        wanted = {r.strip() for r in ROUTES.replace("\n", " ").split("|")}
        self.assertEqual(wanted - listed, set())
        for path, item in doc["paths"].items():
            for method, operation in item.items():
                if method == "get" and "{" not in path and path != "/v1/events":
                    answer = self.client.get(path)
                    self.assertIn(str(answer.status), operation["responses"], path)

    @limit(180)
    def test_openapi_lints_clean(self):
        if not shutil.which("npx"):
            self.skipTest("npx is not installed")
        folder = tempfile.mkdtemp(prefix="tsys")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "openapi.json")
        with open(path, "wb") as f:
            f.write(self.client.get("/openapi.json").body)
        done = subprocess.run(["npx", "--yes", "@redocly/cli", "lint", path], text=True,
                              capture_output=True, timeout=170, cwd=folder, check=False)
        if "ENOTFOUND" in done.stderr or "EAI_AGAIN" in done.stderr:
            self.skipTest("no package registry")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotRegex(done.stdout + done.stderr, r"\d+ warning")

    def test_metrics_are_well_formed_and_count(self):
        def read():
            answer = self.client.get("/metrics")
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
            values = {}
            for line in answer.body.decode().splitlines():
                if line.startswith("#"):
                    self.assertRegex(line, r"^# (HELP|TYPE) [a-z_:][a-z0-9_:]* .+$")
                elif line:
                    found = re.fullmatch(
                        r"([a-zA-Z_:][\w:]*(?:\{(?:\w+=\"[^\"]*\",?)*\})?) (\S+)", line)
                    self.assertTrue(found, line)
                    values[found[1]] = float(found[2])
            return values
        before = read()
        for _ in range(3):
            self.client.execute("1")
        after = read()
        grown = [k for k in after if "execution" in k and after[k] - before.get(k, 0) == 3]
        self.assertTrue(grown, after)
        self.assertTrue(all(k.startswith(("troupe_", "process_")) for k in after), after)
