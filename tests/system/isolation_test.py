"""Kernels with walls around them (`isolation.level = "auto"`), as far as this machine has them."""
import os
import re
import socket
import subprocess
import tempfile
import unittest

from harness import DOCTOR, LEVEL, TROUPE, WALLED, Daemon, DaemonCase, limit, run_threads
from waiting import wait_until


@WALLED
class Walls(DaemonCase):
    flags = ("--isolation.level", "auto")

    def refused(self, code, *errors):
        """The code ends with one of these errors."""
        r = self.client.execute(code)
        self.assertEqual(r["status"], "error", r)
        self.assertTrue(any(e in r["error"]["ename"] + r["error"]["evalue"] for e in errors), r)

    def test_a_kernel_sees_the_workspace_at_its_own_path(self):
        workspace = self.client.get("/v1/sandboxes/default").json["workspace"]
        r = self.client.execute("import os; open('note', 'w').write('x'); print(os.getcwd())")
        self.assertEqual(r["text"].splitlines()[0], workspace)
        self.assertTrue(os.path.exists(os.path.join(workspace, "note")))

    def test_a_kernel_has_processes_of_its_own(self):
        r = self.client.execute("import os; print(sorted(int(p) for p in os.listdir('/proc') "
                                "if p.isdigit()))")
        self.assertLess(len(r["text"].split(",")), 5)
        self.refused(f"import os; os.kill({self.daemon.pid}, 0)", "ProcessLookup")
        self.refused("open('/proc/1/environ').read()", "PermissionError")

    def test_a_kernel_has_no_files_but_its_own(self):
        self.refused(f"open('{self.daemon.ready['token_file']}').read()", "FileNotFound")
        self.refused("open('/etc/shadow').read()", "FileNotFound", "PermissionError")
        self.refused("open('/usr/planted', 'w')", "Read-only", "PermissionError")
        self.refused("open('/proc/sys/kernel/core_pattern', 'w')", "Read-only", "PermissionError")

    def test_upload_and_store_can_only_be_read(self):
        workspace = self.client.get("/v1/sandboxes/default").json["workspace"]
        for zone in ("upload", ".store"):
            with open(os.path.join(workspace, zone, "given"), "w", encoding="ascii") as f:
                f.write("kept")
            path = f"{zone}/given"
            self.assertEqual(self.client.execute(f"open('{path}').read()")["text"].strip(),
                             "'kept'")
            self.refused(f"open('{path}', 'w')", "Read-only", "PermissionError")
            self.refused(f"import os; os.remove('{path}')", "Read-only", "PermissionError")
            self.refused(f"import os; os.rename('{zone}', 'elsewhere')", "busy")
            self.refused(f"import os; os.link('{path}', 'other')", "cross-device", "Permission")

    def test_a_kernel_has_no_network_but_its_loopback(self):
        with socket.create_server(("127.0.0.1", 0)) as ours:
            port = ours.getsockname()[1]
            self.refused(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
                         "refused")
        self.refused("import socket; socket.create_connection(('192.0.2.1', 80), 2)",
                     "unreachable")
        r = self.client.execute("import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
                                "socket.create_connection(s.getsockname(), 2); print('own')")
        self.assertEqual(r["text"], "own\n")

    def test_calls_around_the_walls_are_refused(self):
        code = ("import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\n"
                "def no(n, *a):\n    r = c.syscall(n, *a)\n"
                "    return os.strerror(ctypes.get_errno()) if r < 0 else r\n"
                "print(no(250, 0, 0, 0, 0), no(425, 1, 0), no(272, 0x10000000), "
                "no(165, 0, 0, 0, 0), no(0x40000027), sep='|')")
        self.assertEqual(self.client.execute(code)["text"].strip(),
                         "Operation not permitted|Function not implemented|Operation not permitted|"
                         "Operation not permitted|Function not implemented")

    @unittest.skipUnless(LEVEL == "full", "there are no control groups")
    @limit(90)
    def test_too_much_memory_ends_the_execution_and_not_the_neighbour(self):
        mine, neighbour = self.own_sandbox(), self.own_sandbox()
        self.client.execute("kept = 7", neighbour)
        r = self.client.execute("x = bytearray(2 << 30)", mine)
        self.assertEqual(r["status"], "memory_limit", r)
        self.assertEqual(r["cause"]["kind"], "memory_limit")
        self.assertEqual(r["cause"]["limit"], "memory_bytes=500000000")
        self.assertEqual(self.client.execute("kept", neighbour)["text"].strip(), "7")
        self.assertEqual(self.client.execute("1+1", mine)["text"].strip(), "2")

    @unittest.skipUnless(LEVEL == "full", "there are no control groups")
    def test_a_fork_bomb_is_refused_and_goes_with_its_kernel(self):
        mine = self.own_sandbox()
        code = ("import os, time\nn = 0\ntry:\n    while True:\n        if os.fork() == 0:\n"
                "            time.sleep(600)\n        n += 1\nexcept BlockingIOError:\n"
                "    print('refused', n < 128)")
        self.assertEqual(self.client.execute(code, mine)["text"], "refused True\n")
        busy = run_threads([lambda: self.client.get("/kernel/status").status] * 4, 10)
        self.assertEqual(busy, [200] * 4)
        generation = self.client.kernel(mine)["generation"]
        self.client.post(f"/v1/sandboxes/{mine}/kernels/main/restart?wait=true")
        wait_until(lambda: self.client.kernel(mine)["generation"] > generation, 10, "it is new")
        self.assertEqual(self.client.execute("1+1", mine)["text"].strip(), "2")

    def test_in_chat_only_the_output_can_be_written(self):
        chat = self.own_sandbox(mode="chat")
        r = self.client.execute("open('note', 'w')", chat)
        self.assertEqual(r["status"], "error", r)
        self.assertEqual(self.client.execute("open('output/o', 'w').write('x')", chat)["status"],
                         "ok")
        self.client.post(f"/v1/sandboxes/{chat}/turns", {})
        self.assertEqual(self.client.execute("import os; os.listdir('output')", chat)["text"]
                         .strip(), "[]")


@unittest.skipUnless(re.search(r"^landlock +yes", DOCTOR, re.M), "there is no Landlock")
class Landlocked(DaemonCase):
    """The level `process`: no file system of its own, but only some of the host's can be opened."""

    flags = ("--isolation.level", "process")

    @classmethod
    def setUpClass(cls):  # /tmp may be written to
        cls.daemon = Daemon(*cls.flags, folder=tempfile.mkdtemp(prefix="tsys", dir="/var/tmp"))
        cls.daemon.start()

    def denied(self, code, sandbox="default"):
        r = self.client.execute(code, sandbox)
        self.assertEqual(r["status"], "error", r)
        self.assertEqual(r["error"]["ename"], "PermissionError", r["error"])

    def test_in_chat_only_output_and_deploy_can_be_written(self):
        chat = self.own_sandbox(mode="chat")
        for path in ("upload/u", ".store/s", "note"):
            self.denied(f"open('{path}', 'w')", chat)
        self.denied("import os; os.symlink('/etc', 'upload/l')", chat)
        for path in ("output/o", "deploy/d"):
            r = self.client.execute(f"open('{path}', 'w').write('x'); open('{path}').read()", chat)
            self.assertEqual(r["text"].strip(), "'x'", r)

    def test_a_zone_that_is_a_link_opens_nothing(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as outside:
            chat = self.own_sandbox(mode="chat")
            workspace = self.client.get(f"/v1/sandboxes/{chat}").json["workspace"]
            os.rmdir(os.path.join(workspace, "deploy"))
            os.symlink(outside, os.path.join(workspace, "deploy"))
            self.client.post(f"/v1/sandboxes/{chat}/kernels/main/restart?wait=true")
            self.denied("open('deploy/d', 'w')", chat)
            self.assertEqual(os.listdir(outside), [])

    def test_the_host_is_closed_and_the_workspace_open(self):
        self.denied("open('/var/tmp/planted', 'w')")
        self.denied(f"open('{self.daemon.ready['token_file']}')")
        self.denied("import os; os.listdir('/')")
        self.denied(f"import os; os.kill({self.daemon.pid}, 0)")
        r = self.client.execute("import os; os.makedirs('a/b'); open('a/b/c', 'w').write('x')\n"
                                "os.rename('a/b/c', 'd'); os.listdir('.')")
        self.assertIn("'d'", r["text"], r)

    @limit(90)
    def test_what_programs_need_is_there(self):
        code = ("import multiprocessing, pty, sqlite3, subprocess, tempfile\n"
                "pty.openpty(); multiprocessing.Lock(); tempfile.TemporaryFile()\n"
                "open('/tmp/' + str(multiprocessing.current_process().pid), 'w').close()\n"
                "p = multiprocessing.Process(target=lambda: print('child')); p.start(); p.join()\n"
                "print(subprocess.run('echo $((6 * 7)) > /dev/null && id -un', shell=True, "
                "check=True, text=True, capture_output=True).stdout)")
        r = self.client.execute(code)
        self.assertEqual(r["status"], "ok", r)
        r = self.client.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()")
        self.assertEqual((r["status"], r["text"]), ("ok", ""), r)

    def test_commands_are_closed_in_too(self):
        answer = self.client.post("/v1/sandboxes/default/commands", {"command": (
            "echo x > output/c && cat output/c; echo $HOME; cat " +
            self.daemon.ready["token_file"] + " 2>&1")})
        self.assertTrue(answer.json["text"].startswith("x\n/tmp\n"), answer)
        self.assertIn("Permission denied", answer.json["text"])
