"""Names that change their address, or have bad ones: with a name server of the test's own."""
import http.server
import os
import socket
import struct
import subprocess
import threading
import unittest

from egress_test import Outside, Site, flags
from harness import WALLED, Daemon, DaemonCase

NAME_SERVER = "127.0.0.54"
# The daemon sees files of ours in the place of the system's.
PREFIX = ("unshare", "--mount", "sh", "-c",
          f"echo nameserver {NAME_SERVER} >resolv.conf && echo hosts: files dns >nsswitch.conf && "
          "for f in resolv.conf nsswitch.conf; do mount --bind $f /etc/$f || exit; done && "
          'exec "$0" "$@"')
CAN_MOUNT = os.geteuid() == 0 and subprocess.run(
    [*PREFIX[:4], "mount --bind /etc/hosts /etc/resolv.conf"], check=False).returncode == 0


class NameServer:
    """Answers for A, each time with the next of a name's answers, then with the last again."""

    def __init__(self):
        self.answers, self.asked = {}, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAME_SERVER, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(512)
            end = query.index(b"\0", 12)
            labels, at = [], 12
            while at < end:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind, = struct.unpack(">H", query[end + 1:end + 3])
            found = self.next_of(".".join(labels)) if kind == 1 else []
            head = query[:2] + struct.pack(">5H", 0x8180, 1, len(found), 0, 0)
            records = [struct.pack(">3HIH", 0xc00c, 1, 1, 0, 4) + socket.inet_aton(a)
                       for a in found]
            self.socket.sendto(head + query[12:end + 5] + b"".join(records), client)

    def next_of(self, name):
        self.asked.append(name)
        left = self.answers.get(name, [[]])
        return left.pop(0) if len(left) > 1 else left[0]


@unittest.skipUnless(CAN_MOUNT, "needs root, who may mount")
@WALLED
class Names(Outside, DaemonCase):
    """A page at an address that is allowed, and one at the same port of one that is not."""

    @classmethod
    def setUpClass(cls):
        cls.open_hosts()
        cls.secret = http.server.ThreadingHTTPServer(("127.0.0.1", cls.site_port), Site)
        cls.secret.seen = []
        threading.Thread(target=cls.secret.serve_forever, args=(0.05,), daemon=True).start()
        cls.addClassCleanup(lambda: (cls.secret.shutdown(), cls.secret.server_close()))
        cls.names = NameServer()
        allow = [f"127.0.0.2:{cls.site_port}", f"127.0.0.3:{cls.site_port}", ".near.test",
                 "exact.test"]
        cls.daemon = Daemon(*flags(allow), prefix=PREFIX).start()

    def tearDown(self):
        self.assertEqual(self.secret.seen, [], "what is not allowed was reached")

    def get(self, name, *answers):
        self.names.answers[name] = list(answers)
        return self.run_in(f"print(get('{name}:{self.site_port}'))", self.own_sandbox())

    def test_a_name_that_changes_its_address_is_reached_where_it_was_judged(self):
        answers = (["127.0.0.2"], ["127.0.0.1"])
        self.assertIn("HTTP/1.1 200", self.get("turns.test", *answers))
        self.assertEqual(self.names.asked.count("turns.test"), 1, "it was resolved once")
        text = self.get("turns.test", answers[1])
        self.assertIn("HTTP/1.1 403", text)
        self.assertIn('"rule":"built-in loopback 127.0.0.0/8"', text)

    def test_of_several_addresses_only_allowed_ones_are_tried(self):
        both = ["127.0.0.1", "127.0.0.2"]
        for name, answer in (("both.test", both), ("turned.test", both[::-1])):
            self.assertIn("HTTP/1.1 200", self.get(name, answer))
        self.assertIn("HTTP/1.1 502", self.get("silent.test", ["127.0.0.3", "127.0.0.1"]))

    def test_a_name_that_has_no_allowed_address_is_refused(self):
        text = self.get("a.near.test", ["10.0.0.1", "127.0.0.1"], ["127.0.0.2"])
        self.assertIn("HTTP/1.1 403", text)
        self.assertIn('"rule":"built-in ', text)
        text = self.get("exact.test", ["169.254.169.254"])
        self.assertIn('"rule":"built-in link-local 169.254.0.0/16"', text)

    def test_a_name_without_address_is_a_bad_gateway(self):
        self.assertIn("HTTP/1.1 502", self.get("none.near.test", []))
