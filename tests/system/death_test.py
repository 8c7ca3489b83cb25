"""Deaths of kernels: each way a process can go, what its executions are told, and how fast."""
import os
import shutil
import signal
import statistics
import tempfile
import time

from harness import Case, DaemonCase, alive, limit, own_daemon, sleepers
from waiting import wait_until


class Death(DaemonCase):
    def running(self, code, **fields):
        """A stream whose execution has begun, the events so far, and the kernel's process."""
        s = self.client.follow(code, **fields)
        seen = s.until("execute_input")
        return s, seen, self.client.kernel()["pid"]

    def finish(self, s, seen):
        events = seen + s.rest()
        return events, self.check_events(events, s.id)

    @limit(90)
    def test_a_kernel_killed_while_running_ends_its_execution_within_50_ms(self):
        spent = []
        for _ in range(7):
            self.client.wait_idle()
            s, seen, pid = self.running("import time; print('up', flush=True); time.sleep(60)")
            seen += s.until("stream")
            queued = [self.client.begin("1").json["id"] for _ in range(3)]
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            events = seen + s.until("ended")
            spent.append((s.arrived - began) * 1000)
            ended = self.check_events(events + s.rest(), s.id)
            self.assertEqual(ended["status"], "kernel_died")
            self.assertEqual(ended["cause"]["kind"], "signal")
            self.assertEqual(ended["cause"]["signal"], "SIGKILL")
            self.assertTrue(ended["cause"]["detail"])
            self.assertFalse(ended["state_preserved"])
            self.assertEqual(self.texts(events), "up\n")
            for one in queued:
                ended = self.check_events(self.client.replay(one))
                self.assertEqual(ended["status"], "kernel_died")
                self.assertEqual(ended["cause"]["signal"], "SIGKILL")
            self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")
        print("     kill -9 to ended, ms:", " ".join(f"{x:.1f}" for x in spent))
        self.assertLessEqual(statistics.median(spent), 50)

    def test_an_idle_kernel_that_is_killed_comes_back_with_the_same_id(self):
        before = self.client.wait_idle()
        os.kill(before["pid"], signal.SIGKILL)
        after = self.client.wait_idle(above=before["generation"])
        self.assertEqual(after["generation"], before["generation"] + 1)
        self.assertNotEqual(after["pid"], before["pid"])
        self.assertEqual(after["last_cause"]["signal"], "SIGKILL")
        self.assertEqual(after["restarts"], before["restarts"] + 1)
        self.assertEqual(self.client.execute("1+1")["generation"], after["generation"])

    def test_an_execution_sent_while_the_kernel_restarts_is_run(self):
        before = self.client.wait_idle()
        os.kill(before["pid"], signal.SIGKILL)
        wait_until(lambda: not alive(before["pid"]), 5, "the kernel is dead")
        wait_until(lambda: self.client.kernel()["generation"] > before["generation"]
                   or self.client.kernel()["state"] == "restarting", 5, "the death was noticed")
        self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")

    def test_an_exit_tells_its_code(self):
        ended = self.check_events(self.client.follow("import os; x = bytearray(100 << 20)\n"
                                                     "os._exit(3)").rest())
        self.assertGreater(ended["usage"]["memory_peak_bytes"], 100 << 20)
        self.assertGreater(ended["usage"]["cpu_ms"], 0)
        self.assertEqual(ended["status"], "kernel_died")
        self.assertEqual((ended["cause"]["kind"], ended["cause"]["exit_code"]), ("exit", 3))
        self.assertFalse(ended["state_preserved"])
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_output_before_an_exit_is_not_lost(self):
        # Without the pause it may still be in the kernel's memory, where nobody can get it.
        s, seen, _ = self.running("import os, time\nprint('last words', flush=True)\n"
                                  "time.sleep(0.2)\nos._exit(4)")
        events, ended = self.finish(s, seen)
        self.assertEqual(ended["cause"]["exit_code"], 4)
        self.assertEqual(self.texts(events), "last words\n")

    def test_an_abort_tells_its_signal(self):
        ended = self.check_events(self.client.follow("import os; os.abort()").rest())
        self.assertEqual(ended["status"], "kernel_died")
        self.assertEqual(ended["cause"]["signal"], "SIGABRT")
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_a_segmentation_fault_tells_its_signal(self):
        ended = self.check_events(self.client.follow("import ctypes; ctypes.string_at(0)").rest())
        self.assertEqual(ended["cause"]["signal"], "SIGSEGV")

    def test_sys_exit_is_an_error_of_the_code_and_the_kernel_lives(self):
        before = self.client.wait_idle()["generation"]
        r = self.client.execute("import sys; sys.exit(1)")
        self.assertEqual((r["status"], r["error"]["ename"]), ("error", "SystemExit"))
        self.assertEqual(self.client.execute("1+1")["generation"], before)

    def test_orphans_of_a_kernel_go_with_it(self):
        nap = f"600.{os.getpid()}"
        code = f"""
import os, subprocess, sys, time
plain = subprocess.Popen(['sleep', '{nap}'])
session = subprocess.Popen(['sleep', '{nap}'], start_new_session=True)
if os.fork() == 0:                      # a daemon: forked twice, a session of its own
    os.setsid()
    if os.fork() == 0:
        os.execvp('sleep', ['sleep', '{nap}'])
    os._exit(0)
print('on', flush=True)
time.sleep(600)
"""
        s, seen, pid = self.running(code)
        seen += s.until("stream")
        wait_until(lambda: len(sleepers(nap)) == 3, 5, "three children sleep")
        os.kill(pid, signal.SIGKILL)
        _, ended = self.finish(s, seen)
        self.assertEqual(ended["status"], "kernel_died")
        wait_until(lambda: not sleepers(nap), 5, "the orphans are gone")
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_orphans_go_with_a_restart_too(self):
        nap = f"602.{os.getpid()}"
        self.client.execute("import subprocess; "
                            f"subprocess.Popen(['sleep', '{nap}'], start_new_session=True)")
        wait_until(lambda: sleepers(nap), 5, "the child sleeps")
        self.client.post("/v1/sandboxes/default/kernels/main/restart?wait=true")
        wait_until(lambda: not sleepers(nap), 5, "the orphan is gone")

    def test_a_fork_that_runs_on_in_the_cell_does_not_end_it_twice(self):
        s = self.client.follow("import os, time\npid = os.fork()\nif pid == 0:\n    os._exit(0)\n"
                               "os.waitpid(pid, 0); print('parent')")
        events = s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertEqual(self.texts(events), "parent\n")

    def test_an_endless_loop_is_interrupted_at_its_time_limit(self):
        self.client.execute("witness = 5")
        began = time.monotonic()
        s = self.client.follow("while True: pass", timeout_s=1)
        events = s.rest()
        ended = self.check_events(events)
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual((ended["status"], ended["state_preserved"]), ("timeout", True))
        self.assertEqual(ended["cause"]["kind"], "time_limit")
        steps = [e["data"]["step"] for e in events if e["type"] == "interrupt"]
        self.assertEqual(steps, ["interrupt"])
        self.assertEqual(self.client.execute("witness")["text"].strip(), "5")

    def test_an_endless_loop_that_ignores_sigint_is_killed(self):
        began = time.monotonic()
        s = self.client.follow("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                               "signal.signal = lambda *a: None\nwhile True: pass", timeout_s=1)
        events = s.rest()
        ended = self.check_events(events)
        self.assertLess(time.monotonic() - began, 6)
        self.assertEqual((ended["status"], ended["state_preserved"]), ("timeout", False))
        steps = [e["data"]["step"] for e in events if e["type"] == "interrupt"]
        self.assertEqual(steps, ["interrupt", "kill"])
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_a_loop_that_catches_every_interrupt_is_killed(self):
        s = self.client.follow("import time\nwhile True:\n    try:\n"
                               "        while True: time.sleep(0.01)\n"
                               "    except BaseException: pass", timeout_s=1)
        ended = self.check_events(s.rest())
        self.assertEqual((ended["status"], ended["state_preserved"]), ("timeout", False))
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_a_held_interpreter_lock_is_killed_at_the_time_limit(self):
        s = self.client.follow("import ctypes; ctypes.PyDLL(None).sleep(600)", timeout_s=1)
        ended = self.check_events(s.rest())
        self.assertEqual(ended["status"], "timeout")
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def test_closed_descriptors_of_the_kernel_end_the_execution(self):
        s = self.client.follow("import os\nfor fd in range(3, 300):\n    try: os.close(fd)\n"
                               "    except OSError: pass\nprint('x')", timeout_s=3)
        ended = self.check_events(s.rest())
        self.assertIn(ended["status"], ("kernel_died", "timeout"))
        self.assertEqual(self.client.execute("1+1")["status"], "ok")


class Silence(Case):
    def test_a_stopped_kernel_is_found_by_its_heartbeat(self):
        daemon = own_daemon(self, "--kernel.heartbeat_interval_ms", "100",
                            "--kernel.heartbeat_misses", "3")
        client = daemon.client
        s = client.follow("import time; time.sleep(60)")
        seen = s.until("execute_input")
        before = client.kernel()
        began = time.monotonic()
        os.kill(before["pid"], signal.SIGSTOP)
        events = seen + s.rest()
        self.assertLess(time.monotonic() - began, 5)
        ended = self.check_events(events)
        self.assertEqual(ended["status"], "kernel_died")
        self.assertEqual(ended["cause"]["kind"], "heartbeat")
        wait_until(lambda: not alive(before["pid"]), 5, "the stopped process is gone")
        self.assertEqual(client.execute("1+1")["generation"], before["generation"] + 1)

    def test_a_busy_kernel_is_not_taken_for_silent(self):
        daemon = own_daemon(self, "--kernel.heartbeat_interval_ms", "100",
                            "--kernel.heartbeat_misses", "5")
        r = daemon.client.execute("import time\nend = time.time() + 3\n"
                                  "while time.time() < end: pass\n'alive'")
        self.assertEqual(r["status"], "ok")
        self.assertEqual(r["generation"], 1)


class Exhaustion(Case):
    @limit(90)
    def test_a_kernel_that_cannot_start_fails_and_its_siblings_work(self):
        folder = tempfile.mkdtemp(prefix="tsys")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)  # a sandbox's own user reads it too
        python, poison = os.path.join(folder, "python3"), os.path.join(folder, "poison")
        with open(python, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\n[ -e {poison} ] && exit 9\nexec /usr/bin/python3 "$@"\n')
        os.chmod(python, 0o755)
        daemon = own_daemon(self, "--kernel.python", python)
        daemon.expect_trouble = True
        client = daemon.client
        sandbox = client.post("/v1/sandboxes", {}).json["id"]
        client.wait_idle(sandbox)
        open(poison, "w", encoding="ascii").close()
        os.kill(client.kernel(sandbox)["pid"], signal.SIGKILL)
        wait_until(lambda: client.kernel(sandbox)["state"] == "failed", 60, "it failed")
        k = client.kernel(sandbox)
        self.assertTrue(k["last_cause"])
        answer = client.post(f"/v1/sandboxes/{sandbox}/executions", {"code": "1"})
        self.check_problem(answer, 409, "wrong_state")
        self.assertEqual(client.execute("1+1")["text"].strip(), "2")
        os.remove(poison)
        again = client.post(f"/v1/sandboxes/{sandbox}/kernels/main/restart?wait=true")
        self.assertEqual(again.status, 200, again)
        self.assertEqual(client.execute("1+1", sandbox)["text"].strip(), "2")
