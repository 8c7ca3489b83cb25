"""Hostile code, at every level of isolation that this machine offers, as root and as another user.

`attacks.py` has the single attacks; here are also those that need a view from outside. The table of
all outcomes is printed at the end.
"""
import ctypes
import json
import os
import platform
import re
import socket
import tempfile
import time
import unittest
import uuid

import attacks
from footprint import footprint, zombies_of
from harness import ROOT, Case, Daemon, limit, ordinary_daemon, run_threads, sleepers
from waiting import wait_until

SMALL = {"memory_bytes": 320_000_000, "processes": 96, "open_files": 512, "tmp_bytes": 4 << 20,
         "disk_bytes": 16 << 20}
WORD = re.compile(r"E[A-Z0-9]+|SIG[A-Z]+|open")
with open(os.path.join(os.path.dirname(__file__), "attacker.py"), encoding="utf-8") as file:
    ATTACKER = file.read()
LANDLOCK = ctypes.CDLL(None).syscall(444, 0, 0, 1)  # its version
outcomes = {}  # (user, level) -> the outcome of each attack


class Outside:
    """What the host has that attacks look for."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "outside")
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "secret")
        with open(self.path, "w", encoding="ascii") as f:
            f.write("secret")
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix, self.abstract = (socket.socket(socket.AF_UNIX) for _ in range(2))
        self.unix.bind(os.path.join(self.folder, "socket"))
        self.abstract.bind("\0attacks" + uuid.uuid4().hex)
        self.sockets = [self.tcp, self.udp, self.unix, self.abstract]
        self.tcp6 = self.tcp
        if socket.has_dualstack_ipv6():
            self.tcp6 = socket.create_server(("::1", 0), family=socket.AF_INET6)
            self.sockets.append(self.tcp6)
        self.unix.listen()
        self.abstract.listen()
        self.libc = ctypes.CDLL(None)
        self.shared_key = uuid.uuid4().int & 0x3fffffff
        self.shared = self.libc.shmget(self.shared_key, 4096, 0o1666)

    def known(self):
        return {"OUTSIDE": self.folder, "TCP": self.tcp.getsockname()[1],
                "TCP6": self.tcp6.getsockname()[1], "UDP": self.udp.getsockname()[1],
                "ABSTRACT": self.abstract.getsockname().decode(), "SHARED_KEY": self.shared_key}

    def close(self):
        for each in self.sockets:
            each.close()
        self.libc.shmctl(self.shared, 0, None)


class Attacked:
    """The tests of one level; `user` and `level` are set below."""

    user = level = None

    @classmethod
    def setUpClass(cls):
        if platform.machine() != "x86_64":
            raise unittest.SkipTest("system calls are named by their numbers on x86-64")
        if cls.user == "root" and os.geteuid() != 0:
            raise unittest.SkipTest("needs root")
        make = Daemon if cls.user == "root" or os.geteuid() else ordinary_daemon
        # Not below /tmp, which a workload may write to where it has none of its own.
        folder = tempfile.mkdtemp(prefix="tsys", dir="/var/tmp")
        way_out = attacks.WAY_OUT if issubclass(cls, Walled) else ()
        cls.daemon = make("--isolation.level", cls.level, *way_out, folder=folder)
        try:
            cls.daemon.start()
        except AssertionError as e:
            cls.daemon.remove()
            if "cannot be had here" not in str(e):
                raise
            raise unittest.SkipTest("not offered here") from None
        cls.outside = Outside(cls.daemon.folder)
        cls.daemon.client.execute("kept = 7; open('output/secret', 'w').write('secret')")

    @classmethod
    def tearDownClass(cls):
        cls.outside.close()
        wrong = cls.daemon.close()
        if wrong:
            raise AssertionError("after the daemon had ended:\n  " + "\n  ".join(wrong))

    def setUp(self):
        self.client = self.daemon.client
        self.victim = self.client.kernel()

    def tearDown(self):
        """Whatever it was, the daemon and the neighbour noticed nothing."""
        self.assertIsNone(self.daemon.process.poll(), "the daemon has ended")
        now = self.client.kernel()
        self.assertEqual((now["pid"], now["generation"]),
                         (self.victim["pid"], self.victim["generation"]))
        self.assertEqual(self.client.execute("kept")["text"].strip(), "7")

    def reaches(self, level):
        return attacks.LEVELS.index(self.level) >= attacks.LEVELS.index(level)

    def sandbox(self, **fields):
        """Its id and its workspace; the caller may delete it."""
        answer = self.client.post("/v1/sandboxes", fields)
        self.assertEqual(answer.status, 201, answer)
        self.addCleanup(self.client.delete, "/v1/sandboxes/" + answer.json["id"])
        return answer.json["id"], answer.json["workspace"]

    def delete(self, sandbox):
        answer = self.client.delete("/v1/sandboxes/" + sandbox)
        self.assertIn(answer.status, (200, 202, 204), answer)

    def run_code(self, code, sandbox):
        r = self.client.execute(code, sandbox)
        self.assertEqual(r["status"], "ok", r)
        return r["text"]

    @limit(90)
    def test_attacks(self):
        sandbox, workspace = self.sandbox(limits=SMALL)
        self.run_code(ATTACKER, sandbox)
        for zone in ("upload", ".store"):
            for name in ("given", "spare"):
                with open(os.path.join(workspace, zone, name), "w", encoding="ascii") as f:
                    f.write("kept")
        known = self.outside.known() | {
            "DAEMON": self.daemon.pid, "PORT": self.client.port,
            "TOKEN_FILE": self.daemon.ready["token_file"], "VICTIM": self.victim["pid"],
            "VICTIM_FILES": self.client.get("/v1/sandboxes/default").json["workspace"],
            "CONNECTION": self.client.get("/kernel/connection").json,
            "OWN_CONNECTION": self.client.kernel(sandbox)["connection_file"]}
        codes = [a.code for a in attacks.ALL]
        told = json.loads(self.run_code(f"tell_all({codes!r}, {known!r})", sandbox))
        outcomes[self.user, self.level] = told
        wrong = [f"{a.name}: {word} instead of {wanted}" for a, word in zip(attacks.ALL, told)
                 if (wanted := self.judge(a, word))]
        self.assertEqual(wrong, [])
        if self.reaches("namespaces"):
            for zone in ("upload", ".store"):
                self.assertEqual(sorted(os.listdir(os.path.join(workspace, zone))),
                                 ["given", "spare"])

    def judge(self, attack, word):
        """Empty: as it should be. Below an attack's level only root is sure to get through."""
        refusals = attack.refusals.split()
        held = set(word.split()) <= set(refusals)
        missing = self.level == "process" and LANDLOCK < attack.landlock
        if self.reaches(attack.level) and not missing:
            return "" if held else attack.refusals
        if not held and not all(WORD.fullmatch(w) or w in refusals for w in word.split()):
            return "an attack"
        if held and attack.proven and self.user == "root":
            return "getting through, as docs/attacks.md says"
        return ""

    def test_nothing_outlives_its_sandbox(self):
        nap = f"603.{os.getpid()}"
        sandbox, _ = self.sandbox()
        self.run_code(f"""
import os, signal
for quiet in (False, True):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for s in (signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
            os.execve('/bin/sleep', ['sleep', '{nap}'], {{}} if quiet else os.environ)
        os._exit(0)                  # a zombie, since nobody waits
""", sandbox)
        wait_until(lambda: len(sleepers(nap)) == 2, 5, "they sleep")
        self.delete(sandbox)
        wait_until(lambda: not sleepers(nap), 5, "they are gone")
        wait_until(lambda: not zombies_of(self.daemon.pid), 5, "no zombies")


class Walled(Attacked):
    """What holds from `namespaces` on."""

    def test_each_sandbox_has_a_user_without_rights(self):
        if self.user != "root":
            self.skipTest("only a daemon of root's can give them")
        sandbox, workspace = self.sandbox()
        self.client.execute("1", sandbox)
        seen = set()
        for pid in (self.victim["pid"], self.client.kernel(sandbox)["pid"]):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                uids = set(re.search(r"Uid:\t(.*)", f.read()).group(1).split())
            self.assertEqual(len(uids), 1)
            with open(f"/proc/{pid}/uid_map", encoding="ascii") as f:
                self.assertEqual(f.read().split()[1:], [*uids, "1"])
            seen |= uids
        self.assertEqual(len(seen), 2, "each has its own")
        self.assertGreaterEqual(min(map(int, seen)), 2_000_000_000)
        self.assertEqual(os.stat(workspace).st_uid, int(uids.pop()))

    def test_signals_end_nothing_but_its_own(self):
        sandbox, _ = self.sandbox()
        code = ("import os, signal, subprocess\nown = subprocess.Popen(['sleep', '600'])\n"
                "for s in range(1, 65):\n    os.kill(1, s)\n"
                "os.kill(-1, signal.SIGKILL); print(own.wait())")
        self.assertEqual(self.run_code(code, sandbox), "-9\n")
        self.assertEqual(self.client.kernel(sandbox)["generation"], 1)

    def test_a_hostile_tree_is_deleted_and_its_links_are_not_followed(self):
        sandbox, workspace = self.sandbox()
        self.client.execute(f"""
import os
os.symlink({self.outside.folder!r}, 'folder'); os.symlink({self.outside.path!r}, 'output/file')
os.mkfifo('fifo'); os.makedirs('closed/inner'); open(b'\\xff\\n\\x1b', 'w')
os.chmod('closed', 0)
""", sandbox)
        self.delete(sandbox)
        wait_until(lambda: not os.path.exists(workspace), 10, "the workspace is gone")
        self.assertTrue(os.path.exists(self.outside.path))

    def test_a_closed_folder_does_not_outlive_its_turn(self):
        chat, _ = self.sandbox(mode="chat")
        self.run_code("import os; os.makedirs('output/closed/inner')\n"
                      "os.chmod('output/closed', 0o500)", chat)
        self.assertEqual(self.client.post(f"/v1/sandboxes/{chat}/turns").status, 201)
        self.assertEqual(self.run_code("import os; print(os.listdir('output'))", chat), "[]\n")

    def test_a_pipe_where_output_is_kept_holds_up_nobody(self):
        sandbox, _ = self.sandbox()
        r = self.client.execute("""
import os, sys
execution = get_ipython().kernel.get_parent('shell')['header']['msg_id']
os.mkfifo(f'output/{execution}.log')
os.open(f'output/{execution}.log', os.O_RDONLY | os.O_NONBLOCK)
for _ in range(150): print('x' * 100_000)
""", sandbox)
        # It cannot be kept, which ends the code, unless that has ended before.
        self.assertIn(r["status"], ("ok", "output_limit"), r["cause"])
        self.assertTrue(r["truncated"], "there was something to keep")
        self.delete(sandbox)
        self.assertEqual(self.run_code("print(1)", self.sandbox()[0]), "1\n")

    def test_memory_is_limited(self):
        sandbox, _ = self.sandbox(limits=SMALL)
        r = self.client.execute("b'x' * (600 << 20)", sandbox)
        if r["status"] != "memory_limit":
            self.assertEqual(r["error"] and r["error"]["ename"], "MemoryError", r)


class Grouped(Walled):
    """What control groups hold."""

    @limit(90)
    def test_a_flood_of_output_is_bounded_and_nobody_else_waits(self):
        sandbox, _ = self.sandbox(limits=SMALL)
        self.client.execute("1", sandbox)
        spent = []

        def others():
            for _ in range(20):
                began = time.monotonic()
                self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")
                spent.append(time.monotonic() - began)

        def flood():
            return self.client.execute("while True: print('x' * 65536)", sandbox, timeout_s=2)
        r = run_threads([flood, others], 60)[0]
        # What is cut is kept in the workspace, which has a limit too.
        ends = ["timeout", "output_limit", "memory_limit", "error"]
        if (r["cause"] or {}).get("kind") == "disk_quota":
            ends.append("interrupted")
        self.assertIn(r["status"], ends)
        self.assertLess(max(spent), 2)

    def test_memory_that_no_process_owns_is_limited(self):
        shared = ("import mmap\nm = mmap.mmap(-1, 600 << 20)\n"
                  "for n in range(0, len(m), 4096): m[n] = 1")
        names = ("import os\nfor n in range(1 << 20):\n"
                 "    os.close(os.open(f'/tmp/{n:0>200}', os.O_CREAT))")
        sandbox, _ = self.sandbox(limits=SMALL | {"memory_bytes": 110_000_000})
        for code in (shared, names):
            r = self.client.execute(code, sandbox)
            self.assertEqual(r["status"], "memory_limit", r["cause"])
        self.assertEqual(self.run_code("import os; print(len(os.listdir('/tmp')) < 9)", sandbox),
                         "True\n", "they went with the kernel")

    @limit(90)
    def test_fifty_sandboxes_leave_nothing(self):

        def cycle(n):
            sandbox, _ = self.sandbox()
            if n % 10 == 0:
                self.run_code("import subprocess; subprocess.Popen(['sleep', '600'])", sandbox)
            self.delete(sandbox)
        cycle(0)
        wait_until(lambda: len(self.daemon.processes()) <= 3, 10, "only one kernel is left")
        before = footprint(self.daemon)
        for at in range(0, 50, 5):
            run_threads([lambda n=n: cycle(n) for n in range(at, at + 5)], 30)
        wait_until(lambda: footprint(self.daemon) == before, 10, "all is as before")


TESTS = {"none": Attacked, "process": Attacked, "namespaces": Walled, "full": Grouped}
for one_user in ("root", "ordinary"):
    for one_level, tests in TESTS.items():
        title = one_user.title() + one_level.title()
        globals()[title] = type(title, (tests, Case), {
            "user": one_user, "level": one_level, "__module__": __name__})


class Documented(Case):
    def test_the_page_says_what_is_tried_here(self):
        with open(os.path.join(ROOT, "docs", "attacks.md"), encoding="utf-8") as f:
            self.assertEqual(f.read(), attacks.document(), "run tests/system/attacks.py")


def tearDownModule():
    """The table: by what each attack was refused; `open` is one that got through."""
    if not outcomes:
        return
    width = max(len(a.name) for a in attacks.ALL) + 1
    print("     " + "attack".ljust(width) + " ".join(f"{u:11}" for u, _ in outcomes))
    print("     " + " " * width + " ".join(f"{level:11}" for _, level in outcomes))
    for i, attack in enumerate(attacks.ALL):
        words = []
        for told in outcomes.values():
            held = set(told[i].split()) <= set(attack.refusals.split())
            words.append(told[i].split()[0] + "…" * (" " in told[i]) if held else "open")
        print("     " + attack.name.ljust(width) + " ".join(f"{w:11.11}" for w in words))
