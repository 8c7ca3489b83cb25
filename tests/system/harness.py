"""What the system tests share: a real daemon in a folder of its own, and a small HTTP client.

A `Daemon` is started on ports the kernel chooses and awaited by its ready file. When it has ended,
`leftovers` names every process, socket file and temporary folder it should have taken along.
Only the standard library is used.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

from client import Client
from waiting import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TROUPE = os.environ.get("TROUPE_BINARY", os.path.join(ROOT, "build", "bin", "troupe"))
DOCTOR = subprocess.run([TROUPE, "doctor"], capture_output=True, text=True, check=False).stdout
LEVEL = DOCTOR.rsplit("gives:", 1)[-1].strip()
WALLED = unittest.skipUnless(LEVEL in ("namespaces", "full"), f"this machine offers {LEVEL}")
STATUSES = {"ok", "error", "interrupted", "timeout", "memory_limit", "kernel_died", "cancelled",
            "output_limit", "node_lost", "shutdown"}
ORDINARY = 65534  # a user without rights
LOG_TROUBLE = re.compile(
    r"\[(error|critical)\]|\blevel=(error|critical)\b|terminate called|AddressSanitizer|"
    r"runtime error:|Assertion .* failed", re.IGNORECASE)


def alive(pid):
    """Whether `pid` is a process that still runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def processes_under(*marks):
    """Processes whose environment, arguments or working directory hold one of `marks`."""
    found = {}
    needles = [m.encode() for m in marks]
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid() or not alive(name):
            continue
        seen = b""
        for part in ("environ", "cmdline"):
            try:
                with open(f"/proc/{name}/{part}", "rb") as f:
                    seen += f.read()
            except OSError:
                pass
        try:
            seen += os.readlink(f"/proc/{name}/cwd").encode()
        except OSError:
            pass
        if any(n in seen for n in needles):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    found[int(name)] = f.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                pass
    return found


def sleepers(nap):
    """Living processes `sleep NAP`; inside a sandbox they have other numbers than here."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as f:
                if f.read() == f"sleep\0{nap}\0".encode() and alive(name):
                    found.append(int(name))
        except OSError:
            pass
    return found


def rss_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024


class Daemon:
    """One `troupe serve`, in a folder that is removed when the daemon has been stopped."""

    def __init__(self, *flags, folder=None, config=None, prefix=(), env=None, binary=TROUPE,
                 data_dir=None):
        self.folder = folder or tempfile.mkdtemp(prefix="tsys")
        self.mark = "mark" + uuid.uuid4().hex
        self.data_dir = data_dir or os.path.join(self.folder, "data")
        self.temp_dir = os.path.join(self.folder, "tmp")
        os.makedirs(self.temp_dir, exist_ok=True)
        self.ready_file = os.path.join(self.folder, "ready.json")
        self.log_path = os.path.join(self.folder, "daemon.log")
        self.flags, self.prefix, self.binary = list(flags), list(prefix), binary
        if config is not None:
            self.config = os.path.join(self.folder, "troupe.toml")
            with open(self.config, "w", encoding="utf-8") as f:
                f.write(config)
            self.flags = ["--config", self.config] + self.flags
        self.env = dict(os.environ, TMPDIR=self.temp_dir, TROUPE_TEST_MARK=self.mark,
                        HOME=self.folder, **(env or {}))
        for name in ("TROUPE_URL", "TROUPE_TOKEN", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            if not env or name not in env:
                self.env.pop(name, None)
        self.process = None
        self.expect_trouble = False
        self.temp_before = set(os.listdir("/tmp"))

    def command(self):
        return [*self.prefix, self.binary, "serve", "--listen", "127.0.0.1:0", "--cdp-listen",
                "127.0.0.1:0", "--data-dir", self.data_dir, "--ready-file", self.ready_file,
                *self.flags]

    def launch(self):
        if os.path.exists(self.ready_file):
            os.remove(self.ready_file)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env=self.env,
                                            cwd=self.folder)
        return self

    def start(self, timeout_s=30):
        self.launch()

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log()}")
            return os.path.exists(self.ready_file)
        try:
            wait_until(ready, timeout_s, "the ready file")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        with open(self.ready_file, encoding="utf-8") as f:
            self.ready = json.load(f)
        self.pid, self.url = self.ready["pid"], self.ready["url"]
        with open(self.ready["token_file"], encoding="ascii") as f:
            self.token = f.read().strip()
        self.client = Client(self.url, self.token)
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-6000:]

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.process.wait(10)

    def stop(self, timeout_s=20):
        """Ends the daemon by SIGTERM; gives its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"SIGTERM did not end it in {timeout_s} s:\n{self.log()}")
        return self.process.returncode

    def marks(self):
        """What gives this daemon's processes away: their environment, arguments or folder."""
        try:
            with open(os.path.join(self.data_dir, "instance"), encoding="ascii") as f:
                return (self.mark, self.data_dir, "TROUPE_INSTANCE=" + f.read().strip())
        except OSError:
            return (self.mark, self.data_dir)

    def processes(self):
        """Living processes that belong to this daemon, without the daemon itself."""
        found = processes_under(*self.marks())
        found.pop(self.process.pid, None)
        found.pop(getattr(self, "pid", 0), None)
        return found

    def leftovers(self):
        """What the ended daemon left behind: processes, socket files, temporary folders."""
        found = [f"process {pid}: {line}" for pid, line in self.processes().items()]
        for where in (self.data_dir, self.temp_dir):
            for folder, _, files in os.walk(where):
                found += [f"socket {os.path.join(folder, f)}" for f in files
                          if is_socket(os.path.join(folder, f))]
        found += [f"temporary {name}" for name in os.listdir(self.temp_dir)]
        found += [f"temporary /tmp/{n}" for n in set(os.listdir("/tmp")) - self.temp_before
                  if "troupe" in n and belongs_to(os.path.join("/tmp", n), self.data_dir)]
        return found

    def close(self):
        """Stops the daemon, gives what is wrong with what it left and with its log, and cleans."""
        wrong = []
        try:
            code = self.stop()
            if code != 0:
                wrong.append(f"serve ended with {code}")
        except AssertionError as e:
            wrong.append(str(e))
        wrong += self.leftovers()
        if not self.expect_trouble:
            wrong += [f"log: {l}" for l in self.log().splitlines() if LOG_TROUBLE.search(l)][:20]
        self.remove()
        return wrong

    def remove(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if os.environ.get("TROUPE_KEEP"):
            print(f"     kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def cli(self, *args, stdin=None, timeout=60, env=None):
        """Runs the command line against this daemon; the completed process, output as text."""
        return subprocess.run([self.binary, *args], input=stdin, text=True, capture_output=True,
                              timeout=timeout, env=self.cli_env(env), cwd=self.folder, check=False)

    def cli_env(self, env=None):
        return {**self.env, "TROUPE_URL": self.url, "TROUPE_TOKEN": self.token, **(env or {})}


def ordinary_daemon(*flags, folder=None, **kw):
    """A daemon that runs as a user without rights; only root can make one."""
    folder = folder or tempfile.mkdtemp(prefix="tsys")
    binary = os.path.join(folder, "troupe")
    shutil.copy(TROUPE, binary)  # the user may not enter the folders above ours
    os.makedirs(os.path.join(folder, "tmp"))
    for name in ("", "troupe", "tmp"):
        os.chown(os.path.join(folder, name), ORDINARY, ORDINARY)
    return Daemon(*flags, folder=folder, binary=binary, prefix=(
        "setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"), **kw)


def is_socket(path):
    try:
        return os.stat(path, follow_symlinks=False).st_mode & 0o170000 == 0o140000
    except OSError:
        return False


def belongs_to(folder, data_dir):
    """Whether a folder in /tmp speaks of `data_dir`, or was made by nobody else alive."""
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                with open(os.path.join(where, name), "rb") as f:
                    if data_dir.encode() in f.read(65536):
                        return True
            except OSError:
                pass
    return False


class Case(unittest.TestCase):
    """A test with a time limit. The runner enforces `limit_s`, or a method's own (`limit`)."""

    limit_s = 60
    maxDiff = 4000

    def check_events(self, events, execution_id=None):
        """Numbered from 1 without gaps; `ended` last, once; one execution. Gives the last data."""
        self.assertTrue(events, "no events")
        self.assertEqual([e["n"] for e in events], list(range(1, len(events) + 1)))
        types = [e["type"] for e in events]
        self.assertEqual(types.count("ended"), 1, types[-20:])
        self.assertEqual(types[-1], "ended")
        ids = {e["execution_id"] for e in events}
        self.assertEqual(len(ids), 1)
        if execution_id:
            self.assertEqual(ids, {execution_id})
        ended = events[-1]["data"]
        self.assertIn(ended["status"], STATUSES)
        self.assertIn("state_preserved", ended)
        self.assertIn("duration_ms", ended)
        if ended["status"] in ("ok", "error"):
            self.assertIsNone(ended["cause"])
        return ended

    def check_problem(self, answer, status, code=None):
        """The shape every error has. Gives its JSON."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json", answer)
        p = answer.json
        for key in ("type", "title", "status", "detail", "code", "request_id", "retryable"):
            self.assertIn(key, p)
        self.assertEqual(p["status"], status)
        self.assertIsInstance(p["retryable"], bool)
        self.assertTrue(p["detail"], "detail is empty")
        self.assertTrue(p["title"])
        self.assertTrue(p["type"].endswith("/docs/errors#" + p["code"]), p["type"])
        self.assertEqual(p["request_id"], answer.headers["X-Request-Id"])
        if code:
            self.assertEqual(p["code"], code, p)
        return p

    def texts(self, events, name="stdout"):
        return "".join(e["data"]["text"] for e in events
                       if e["type"] == "stream" and e["data"]["name"] == name)


class DaemonCase(Case):
    """Tests that share one daemon; it is started anew should a test have ended it."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(*cls.flags).start()

    @classmethod
    def tearDownClass(cls):
        wrong = cls.daemon.close()
        if wrong:
            raise AssertionError("after the daemon had ended:\n  " + "\n  ".join(wrong))

    def setUp(self):
        if self.daemon.process.poll() is not None:
            print(f"     the daemon had ended ({self.daemon.process.returncode}); its log:\n"
                  + self.daemon.log())
            type(self).daemon = Daemon(*self.flags).start()
        self.client = self.daemon.client

    def own_sandbox(self, **fields):
        """A sandbox for one test, deleted after it; its id."""
        answer = self.client.post("/v1/sandboxes", fields)
        self.assertEqual(answer.status, 201, answer)
        sandbox_id = answer.json["id"]
        self.addCleanup(lambda: self.client.delete(f"/v1/sandboxes/{sandbox_id}"))
        return sandbox_id

    def own_daemon(self, *flags, **kw):
        """A second daemon for one test; what it leaves behind fails the test."""
        return own_daemon(self, *flags, **kw)


def own_daemon(case, *flags, **kw):
    daemon = Daemon(*flags, **kw).start()

    def close():
        wrong = daemon.close()
        case.assertEqual(wrong, [], "after the daemon had ended")
    case.addCleanup(close)
    return daemon


def limit(seconds):
    """Gives a test method a time limit of its own."""
    def mark(method):
        method.limit_s = seconds
        return method
    return mark


def run_threads(functions, timeout_s):
    """Runs each in a thread; gives the results in order; raises the first failure."""
    results, failures = [None] * len(functions), []

    def call(i, function):
        try:
            results[i] = function()
        except BaseException as e:  # noqa: BLE001 - handed to the caller
            failures.append(e)
    threads = [threading.Thread(target=call, args=(i, f), daemon=True)
               for i, f in enumerate(functions)]
    for t in threads:
        t.start()
    end = time.monotonic() + timeout_s
    for t in threads:
        t.join(max(0.0, end - time.monotonic()))
    if failures:
        raise failures[0]
    if any(t.is_alive() for t in threads):
        raise AssertionError(f"a thread did not end within {timeout_s} s")
    return results


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
