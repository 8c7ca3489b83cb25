"""A client of WebSockets for tests (RFC 6455): text frames, and what a server closes with."""
import base64
import json
import os
import socket
import struct
from urllib.parse import urlsplit


class Closed(Exception):
    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class WebSocket:
    def __init__(self, url, headers=None, timeout_s=20):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout_s)
        target = parts.path + ("?" + parts.query if parts.query else "")
        lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            more = self.socket.recv(65536)
            if not more:
                break
            self.bytes += more
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        self.last_id = 0
        self.events = []

    def send_text(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        head = (struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else
                struct.pack("!BBH", 0x81, 0xFE, size) if size < 65536 else
                struct.pack("!BBQ", 0x81, 0xFF, size))
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        self.socket.sendall(head + mask + masked)

    def take(self, size):
        pieces, have = [self.bytes], len(self.bytes)
        while have < size:
            pieces.append(self.socket.recv(1 << 20))
            if not pieces[-1]:
                raise Closed(1006)
            have += len(pieces[-1])
        whole = b"".join(pieces)
        self.bytes = whole[size:]
        return whole[:size]

    def receive(self):
        """The next text; raises Closed with the server's code."""
        text = b""
        while True:
            first, size = struct.unpack("!BB", self.take(2))
            if size == 126:
                size, = struct.unpack("!H", self.take(2))
            elif size == 127:
                size, = struct.unpack("!Q", self.take(8))
            data = self.take(size)
            kind = first & 15
            if kind == 8:
                raise Closed(struct.unpack("!H", data[:2])[0] if len(data) >= 2 else 1005)
            if kind in (0, 1):
                text += data
                if first & 0x80:
                    return text.decode()

    def call(self, method, params=None, session=None):
        """One command of CDP: its answer. Events that come before it are kept."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        self.send_text(json.dumps(message))
        while True:
            got = json.loads(self.receive())
            if got.get("id") == self.last_id:
                return got
            self.events.append(got)

    def close(self):
        self.socket.close()
