"""A small HTTP client for Troupe: plain requests, and event streams as NDJSON or SSE.

One connection a request, so that a test never meets another's. Only the standard library is used.
"""
import http.client
import json
import socket
import time
import urllib.parse

from waiting import wait_until


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Stream:
    """An event stream: iterating gives events; `arrived` is when the last one came."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response
        self.status, self.headers = response.status, response.headers
        self.id = response.headers.get("Troupe-Execution-Id")
        self.sse = response.headers.get("Content-Type", "").startswith("text/event-stream")
        self.arrived = None
        self.sse_ids, self.sse_types, self.keepalives = [], [], 0

    def __iter__(self):
        while True:
            line = self.response.readline()
            if not line:
                return
            self.arrived = time.monotonic()
            event = self._sse_line(line) if self.sse else self._ndjson_line(line)
            if event is not None:
                yield event

    def _ndjson_line(self, line):
        if not line.strip():
            self.keepalives += 1
            return None
        return json.loads(line)

    def _sse_line(self, line):
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name == "id":
            self.sse_ids.append(int(value) if value.isdigit() else value)
        elif name == "event":
            self.sse_types.append(value)
        elif name == "data":
            return json.loads(value)
        elif name == "" or line.startswith(b":"):
            self.keepalives += line.startswith(b":")
        return None

    def until(self, matches):
        """The events up to the first for which `matches` (a type, or a function) holds."""
        if isinstance(matches, str):
            wanted = matches
            matches = lambda e: e["type"] == wanted  # noqa: E731
        seen = []
        for event in self:
            seen.append(event)
            if matches(event):
                return seen
        raise AssertionError(f"the stream ended early, after {[e['type'] for e in seen]}")

    def rest(self):
        return list(self)

    def close(self):
        self.response.close()
        self.connection.close()


class Client:
    def __init__(self, url, token):
        self.url, self.token = url, token
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    def connection(self, timeout=60):
        c = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        c.connect()
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return c

    def headers(self, body, extra):
        h = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            h["Content-Type"] = "application/json"
        h.update(extra or {})
        return {k: v for k, v in h.items() if v is not None}

    def request(self, method, path, body=None, headers=None, timeout=60, connection=None):
        c = connection or self.connection(timeout)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        c.request(method, path, data, self.headers(data, headers))
        response = c.getresponse()
        answer = Answer(response, response.read())
        if connection is None:
            c.close()
        return answer

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, {} if body is None else body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def stream(self, path, body=None, accept="application/x-ndjson", headers=None, timeout=60):
        c = self.connection(timeout)
        data = None if body is None else json.dumps(body).encode()
        extra = {"Accept": accept, **(headers or {})}
        c.request("POST" if body is not None else "GET", path, data, self.headers(data, extra))
        response = c.getresponse()
        if response.status != 200:
            raise AssertionError(f"{path}: {Answer(response, response.read())}")
        return Stream(c, response)

    # -- the routes that most tests use ------------------------------------------------------------

    def execute(self, code, sandbox="default", **fields):
        """Runs code in the waiting form; the resource."""
        timeout = fields.get("timeout_s", 30) + 30
        answer = self.post(f"/v1/sandboxes/{sandbox}/executions", {"code": code, **fields},
                           timeout=timeout)
        if answer.status != 200:
            raise AssertionError(f"execute: {answer}")
        return answer.json

    def follow(self, code, sandbox="default", accept="application/x-ndjson", headers=None,
               timeout=60, **fields):
        return self.stream(f"/v1/sandboxes/{sandbox}/executions", {"code": code, **fields}, accept,
                           headers, timeout)

    def begin(self, code, sandbox="default", headers=None, **fields):
        return self.post(f"/v1/sandboxes/{sandbox}/executions?wait=false",
                         {"code": code, **fields}, headers=headers)

    def replay(self, execution_id, start=1, timeout=60):
        s = self.stream(f"/v1/executions/{execution_id}/events?from={start}", timeout=timeout)
        events = s.rest()
        s.close()
        return events

    def kernel(self, sandbox="default", kernel="main"):
        return self.get(f"/v1/sandboxes/{sandbox}/kernels/{kernel}").json

    def listed(self, path):
        """The items of a list route, whose JSON names them by the last part of the path."""
        return self.get(path).json[path.rsplit("/", 1)[1]]

    def wait_idle(self, sandbox="default", kernel="main", timeout_s=30, above=0):
        """The kernel when it is idle, in a generation above `above`."""
        def look():
            k = self.kernel(sandbox, kernel)
            return k if k.get("state") == "idle" and k["generation"] > above else None
        return wait_until(look, timeout_s, f"kernel {sandbox}/{kernel} idle above {above}")
