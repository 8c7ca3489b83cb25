"""The daemon's own life: start, drain, kill -9 and restart, one a folder, other users, no disk."""
import http.client
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from harness import (TROUPE, Case, Daemon, alive, limit, ordinary_daemon, own_daemon,
                     processes_under, sleepers)
from waiting import wait_until


class Start(Case):
    def test_the_ready_file_the_token_and_the_folder_are_as_promised(self):
        daemon = own_daemon(self)
        ready = daemon.ready
        self.assertEqual(ready["pid"], daemon.process.pid)
        self.assertRegex(ready["url"], r"^http://127\.0\.0\.1:\d+$")
        self.assertIn("cdp_url", ready)
        self.assertTrue(ready["version"])
        self.assertGreater(ready["started_ms"], 0)
        self.assertEqual(stat.S_IMODE(os.stat(ready["token_file"]).st_mode), 0o600)
        self.assertEqual(ready["token_file"], os.path.join(daemon.data_dir, "token"))
        self.assertGreaterEqual(len(daemon.token), 32)
        kernel = daemon.client.kernel()
        self.assertEqual(kernel["state"], "idle", "ready means that main answers")
        connection = kernel["connection_file"]
        self.assertEqual(stat.S_IMODE(os.stat(connection).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(connection)).st_mode), 0o700)
        self.assertIn(ready["url"], daemon.log())
        self.assertIn("curl", daemon.log())

    def test_the_pasted_curl_line_prints_2(self):
        daemon = own_daemon(self)
        lines = [l for l in daemon.log().splitlines() if "curl" in l]
        line = lines[0][lines[0].index("curl"):]
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20,
                              check=False, env=daemon.env)
        self.assertEqual(done.returncode, 0, (line, done))
        self.assertIn("2", done.stdout, line)

    def test_the_kernel_inherits_no_descriptors_and_a_clean_signal_mask(self):
        daemon = own_daemon(self)
        code = ("import os\nprint([os.readlink(f'/proc/self/fd/{f}') for f in "
                "os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{f}')])\n"
                "s = open('/proc/self/status').read()\n"
                "print(s[s.index('SigBlk'):].split()[1], s[s.index('SigIgn'):].split()[1])\n"
                "print(os.getpid() == os.getsid(0) == os.getpgid(0), os.getcwd())")
        text = daemon.client.execute(code)["text"].splitlines()
        self.assertNotIn(".db", text[0])
        self.assertNotIn("daemon.log", text[0])
        blocked, ignored = (int(x, 16) for x in text[1].split())
        self.assertEqual(blocked, 0)
        # Python ignores SIGPIPE and SIGXFSZ; posix_spawn its own internal signal.
        self.assertEqual(ignored & ~(1 << 12 | 1 << 24 | 1 << 31), 0, f"{ignored:x}")
        leads, where = text[2].split(maxsplit=1)
        self.assertEqual(leads, "True")
        workspace = daemon.client.get("/v1/sandboxes/default").json["workspace"]
        self.assertEqual(where, workspace)

    def test_the_daemon_opens_as_many_files_as_it_is_allowed(self):
        daemon = own_daemon(self, prefix=("prlimit", "--nofile=256:4096"))
        with open(f"/proc/{daemon.pid}/limits", encoding="ascii") as f:
            line = next(l for l in f if l.startswith("Max open files"))
        self.assertEqual(line.split()[3:5], ["4096", "4096"])

    def test_one_daemon_a_data_dir_and_the_second_says_who_holds_it(self):
        daemon = own_daemon(self)
        done = subprocess.run(
            [TROUPE, "serve", "--listen", "127.0.0.1:0", "--cdp-listen", "127.0.0.1:0",
             "--data-dir", daemon.data_dir], capture_output=True, text=True, timeout=10,
            env=daemon.env, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(daemon.pid), done.stderr + done.stdout)
        self.assertEqual(daemon.client.execute("1+1")["text"].strip(), "2")

    def test_a_taken_port_is_told_and_leaves_nothing(self):
        daemon = own_daemon(self)
        folder = tempfile.mkdtemp(prefix="tsys")
        self.addCleanup(shutil.rmtree, folder)
        done = subprocess.run(
            [TROUPE, "serve", "--listen", f"127.0.0.1:{daemon.client.port}", "--cdp-listen",
             "127.0.0.1:0", "--data-dir", folder], capture_output=True, text=True, timeout=20,
            env=dict(daemon.env, TROUPE_TEST_MARK="other"), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines()[-1], "troupe: http.listen 127.0.0.1:"
                         f"{daemon.client.port}: cannot bind: Address already in use")
        self.assertNotIn("exception", done.stderr)
        wait_until(lambda: not processes_under(folder), 5, "no kernel is left")

    def test_a_ready_file_that_cannot_be_written_ends_the_start(self):
        daemon = Daemon()
        daemon.ready_file = os.path.join(daemon.folder, "missing", "ready.json")
        daemon.launch()
        self.addCleanup(daemon.remove)
        self.assertEqual(daemon.process.wait(30), 1, daemon.log())
        self.assertRegex(daemon.log(), r"(?m)^troupe: node\.ready_file: .*ready\.json.*No such")
        self.assertNotIn("is ready after", daemon.log())
        self.assertEqual(daemon.leftovers(), [])
        self.assertFalse(os.path.exists(os.path.join(daemon.data_dir, "daemon.json")))

    def test_a_token_that_could_be_guessed_ends_the_start(self):
        daemon = Daemon()
        os.makedirs(daemon.data_dir, exist_ok=True)
        token = os.path.join(daemon.data_dir, "token")
        with open(token, "w", encoding="utf-8") as f:
            f.write("x" * 15 + "\n")
        daemon.launch()
        self.addCleanup(daemon.remove)
        self.assertEqual(daemon.process.wait(30), 1, daemon.log())
        self.assertRegex(daemon.log(), rf"(?m)^troupe: {token} has 15 characters; it needs 16 ")
        with open(token, encoding="utf-8") as f:
            self.assertEqual(f.read(), "x" * 15 + "\n", "it is not replaced")

    def test_a_kernel_that_never_comes_up_ends_the_start_with_its_cause(self):
        daemon = Daemon("--kernel.python", "/nonexistent/python", "--kernel.restart.max_restarts",
                        "1").launch()
        self.addCleanup(daemon.remove)
        self.assertEqual(daemon.process.wait(30), 1, daemon.log())
        self.assertRegex(daemon.log(), r"(?m)^troupe: the kernel main of the sandbox default does "
                         r"not start: .*/nonexistent/python: No such file or directory$")
        self.assertFalse(os.path.exists(daemon.ready_file))
        self.assertEqual(daemon.leftovers(), [])

    def test_a_kernel_that_fails_later_leaves_the_daemon_up(self):
        daemon = own_daemon(self, "--kernel.restart.max_restarts", "0")
        daemon.expect_trouble = True
        os.kill(daemon.client.kernel()["pid"], signal.SIGKILL)
        wait_until(lambda: daemon.client.kernel()["state"] == "failed", 10, "main has failed")
        self.assertEqual(daemon.client.get("/readyz").status, 200)
        self.assertIsNone(daemon.process.poll())
        self.assertTrue(os.path.exists(daemon.ready_file))

    def test_insecure_asks_for_no_token(self):
        daemon = Daemon("--insecure")
        daemon.launch()
        try:
            wait_until(lambda: os.path.exists(daemon.ready_file), 30, "ready")
            with open(daemon.ready_file, encoding="utf-8") as f:
                daemon.pid, url = (lambda r: (r["pid"], r["url"]))(json.load(f))
            c = http.client.HTTPConnection(url.split("//")[1], timeout=20)
            c.request("POST", "/execute", json.dumps({"code": "1+1"}),
                      {"Content-Type": "application/json"})
            response = c.getresponse()
            self.assertEqual(json.loads(response.read())["text"].strip(), "2")
            c.close()
        finally:
            wrong = daemon.close()
        self.assertEqual(wrong, [])


class Configuration(Case):
    def refused(self, text, *flags, env=None, code=2):
        folder = tempfile.mkdtemp(prefix="tsys")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "my.toml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run(
            [TROUPE, "serve", "--config", path, "--listen", "127.0.0.1:0", "--cdp-listen",
             "127.0.0.1:0", "--data-dir", folder, *flags], capture_output=True, text=True,
            timeout=10, env=dict(os.environ, **(env or {})), check=False)
        self.assertEqual(done.returncode, code, done)
        return done.stderr + done.stdout

    def test_an_unknown_key_is_told_with_file_line_and_nearest(self):
        said = self.refused("[kernel]\ntimeout_ms = 1000\n\nqueue_mx = 3\n")
        self.assertRegex(said, r"my\.toml:4")
        self.assertIn("queue_max", said)

    def test_a_wrong_type_is_told_with_file_and_line(self):
        self.assertRegex(self.refused("[kernel]\nqueue_max = \"many\"\n"), r"my\.toml:2")

    def test_a_value_out_of_range_is_told_with_file_line_and_range(self):
        said = self.refused("[kernel]\n# a comment\nheartbeat_interval_ms = -5\n")
        self.assertRegex(said, r"my\.toml:3")
        self.assertIn("10", said)

    def test_broken_toml_is_told_with_file_and_line(self):
        self.assertRegex(self.refused("[kernel]\nqueue_max = = 4\n"), r"my\.toml:2")

    def test_wrong_flags_and_environment_are_told(self):
        self.assertIn("kernel.queue_max", self.refused("", "--kernel.queue_max", "x"))
        self.assertIn("no.such.key", self.refused("", "--no.such.key", "1"))
        said = self.refused("", env={"TROUPE_KERNEL_QUEUE_MAX": "x"})
        self.assertIn("TROUPE_KERNEL_QUEUE_MAX", said)

    def test_a_protection_that_is_none_is_told_with_the_place_and_the_names(self):
        said = self.refused("", "--isolation.require", "a_moat", code=2)
        self.assertRegex(said, r"^troupe: --isolation\.require: .*seccomp.*a_moat")
        said = self.refused("[isolation]\nrequire = [\"seccomp\", \"a_moat\"]\n", code=2)
        self.assertRegex(said, r"my\.toml:2: isolation\.require .*namespaces.*a_moat")

    def test_walls_that_cannot_be_had_are_told_in_one_line(self):
        said = self.refused("", "--isolation.require", "cgroup", "--isolation.level", "none",
                            code=1)
        self.assertRegex(said, r"^troupe: isolation\.require: cgroup is .*\n$")

    def test_print_config_tells_where_each_value_came_from(self):
        folder = tempfile.mkdtemp(prefix="tsys")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "my.toml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[kernel]\nqueue_max = 7\nsettle_ms = 700\n")
        done = subprocess.run(
            [TROUPE, "serve", "--config", path, "--kernel.settle_ms", "800", "--print-config"],
            capture_output=True, text=True, timeout=10, check=False,
            env=dict(os.environ, TROUPE_HTTP_CONNECTIONS_MAX="99"))
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stdout, r"queue_max\s*=\s*7.*my\.toml")
        self.assertRegex(done.stdout, r"settle_ms\s*=\s*800")
        self.assertRegex(done.stdout, r"connections_max\s*=\s*99.*TROUPE_HTTP_CONNECTIONS_MAX")

    def test_file_environment_and_flags_come_in_that_order(self):
        daemon = own_daemon(self, "--kernel.timeout_ms", "700",
                            config="[kernel]\ntimeout_ms = 500\nqueue_max = 1\n",
                            env={"TROUPE_KERNEL_TIMEOUT_MS": "600"})
        began = time.monotonic()
        r = daemon.client.execute("while True: pass")
        self.assertEqual(r["status"], "timeout")
        self.assertGreaterEqual(time.monotonic() - began, 0.65)
        self.assertGreaterEqual(r["duration_ms"], 650)


class Shutdown(Case):
    def test_sigterm_drains(self):
        daemon = own_daemon(self)
        client = daemon.client
        s = client.follow("import time; time.sleep(2.5); print('finished')")
        seen = s.until("execute_input")
        os.kill(daemon.pid, signal.SIGTERM)
        wait_until(lambda: client.get("/readyz").status == 503, 2, "readyz says 503")
        self.assertEqual(client.get("/livez").status, 200)
        refused = client.post("/v1/sandboxes/default/executions", {"code": "1"})
        self.check_problem(refused, 503, "draining")
        self.assertTrue(refused.headers["Retry-After"])
        events = seen + s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertEqual(self.texts(events), "finished\n")
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertEqual(daemon.leftovers(), [])

    def test_what_outlasts_the_drain_ends_as_shutdown(self):
        daemon = own_daemon(self, "--node.drain_ms", "500")
        s = daemon.client.follow("import time; time.sleep(60)")
        seen = s.until("execute_input")
        queued = daemon.client.begin("1").json["id"]
        began = time.monotonic()
        os.kill(daemon.pid, signal.SIGTERM)
        ended = self.check_events(seen + s.rest())
        self.assertEqual(ended["status"], "shutdown")
        self.assertEqual(ended["cause"]["kind"], "shutdown")
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertLess(time.monotonic() - began, 6)
        self.assertEqual(daemon.leftovers(), [])
        daemon.start()
        again = daemon.client.get(f"/v1/executions/{s.id}").json
        self.assertEqual(again["status"], "shutdown")
        self.assertEqual(daemon.client.get(f"/v1/executions/{queued}").json["status"], "shutdown")

    def test_a_second_sigterm_is_at_once(self):
        daemon = Daemon().start()
        s = daemon.client.follow("import time; time.sleep(60)")
        s.until("execute_input")
        os.kill(daemon.pid, signal.SIGTERM)
        wait_until(lambda: daemon.client.get("/readyz").status == 503, 2, "it drains")
        began = time.monotonic()
        os.kill(daemon.pid, signal.SIGTERM)
        daemon.process.wait(5)
        self.assertLess(time.monotonic() - began, 2)
        wait_until(lambda: not daemon.processes(), 2, "no process is left")
        self.assertEqual(daemon.leftovers(), [])
        daemon.remove()

    def test_sigint_drains_too_and_sigpipe_harms_nothing(self):
        daemon = Daemon().start()
        os.kill(daemon.pid, signal.SIGPIPE)
        self.assertEqual(daemon.client.execute("1+1")["text"].strip(), "2")
        os.kill(daemon.pid, signal.SIGINT)
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertEqual(daemon.leftovers(), [])
        daemon.remove()


class Kill(Case):
    @limit(90)
    def test_a_killed_daemon_comes_back_with_all_that_had_ended(self):
        daemon = own_daemon(self)
        client = daemon.client
        ended = {}
        for code in ("1+1", "print('x' * 100000)", "1/0", "import os; os._exit(3)"):
            s = client.follow(code)
            ended[s.id] = s.rest()
        resources = {i: client.get(f"/v1/executions/{i}").json for i in ended}
        s = client.follow("import time; print('begun', flush=True); time.sleep(60)")
        running = s.until("stream")
        queued = client.begin("print('never')").json["id"]
        kernels = daemon.processes()
        generation = client.kernel()["generation"]
        self.assertTrue(kernels)
        daemon.kill()
        daemon.start()
        client = daemon.client
        for one, events in ended.items():
            self.assertEqual(client.get(f"/v1/executions/{one}").json, resources[one])
            self.assertEqual(client.replay(one), events)
        for one in (s.id, queued):
            events = client.replay(one)
            told = self.check_events(events)
            self.assertEqual(told["status"], "node_lost", one)
            self.assertFalse(told["state_preserved"])
            self.assertEqual(told["cause"]["kind"], "daemon_lost")
            self.assertEqual(client.get(f"/v1/executions/{one}").json["state"], "ended")
        again = client.replay(s.id)
        self.assertEqual(again[:len(running) - 1], running[:-1])
        for pid, line in kernels.items():
            self.assertFalse(alive(pid), f"{pid} {line}")
        self.assertGreater(client.kernel()["generation"], generation)
        self.assertEqual(client.execute("1+1")["text"].strip(), "2")

    @limit(120)
    def test_what_was_told_as_ended_survives_a_kill_at_any_moment(self):
        daemon = own_daemon(self)
        told = {}
        for round_ in range(4):
            for i in range(5 + 7 * round_):
                r = daemon.client.execute(f"print({round_}, {i})")
                told[r["id"]] = r
            daemon.kill()
            daemon.start()
        for one, r in told.items():
            self.assertEqual(daemon.client.get(f"/v1/executions/{one}").json, r)
            self.check_events(daemon.client.replay(one), one)

    def test_orphans_of_a_killed_daemon_are_swept_by_the_next_start(self):
        daemon = own_daemon(self)
        nap = f"603.{os.getpid()}"
        daemon.client.execute("import subprocess; "
                              f"subprocess.Popen(['sleep', '{nap}'], start_new_session=True)")
        wait_until(lambda: sleepers(nap), 5, "the child sleeps")
        kernel = daemon.client.kernel()
        daemon.kill()
        daemon.start()
        wait_until(lambda: not sleepers(nap), 5, "the orphan is swept")
        self.assertFalse(alive(kernel["pid"]))

    def test_sandboxes_come_back_after_a_kill(self):
        daemon = own_daemon(self)
        made = daemon.client.post("/v1/sandboxes", {"id": "mine", "labels": {"a": "b"}}).json
        daemon.client.execute("open('output/kept.txt', 'w').write('x')", "mine")
        daemon.kill()
        daemon.start()
        back = daemon.client.get("/v1/sandboxes/mine").json
        for key in ("id", "mode", "created_at", "labels", "workspace"):
            self.assertEqual(back[key], made[key])
        r = daemon.client.execute("open('output/kept.txt').read()", "mine")
        self.assertEqual(r["text"].strip(), "'x'")


@unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
class Disk(Case):
    def small_disk(self, size="24m"):
        folder = tempfile.mkdtemp(prefix="tsys")
        data = os.path.join(folder, "data")
        os.mkdir(data)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", data],
                              capture_output=True, check=False)
        if done.returncode:
            shutil.rmtree(folder)
            self.skipTest("tmpfs cannot be mounted here")
        self.addCleanup(lambda: (subprocess.run(["umount", "-l", data], check=False),
                                 shutil.rmtree(folder, ignore_errors=True)))
        return folder, data

    @limit(90)
    def test_with_a_full_disk_code_still_runs_and_readyz_tells(self):
        folder, data = self.small_disk()
        daemon = Daemon(folder=folder, data_dir=data).start()
        daemon.expect_trouble = True
        client = daemon.client
        try:
            self.assertEqual(client.execute("1+1")["status"], "ok")
            with open(os.path.join(data, "filler"), "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"z" * 65536)
                except OSError:
                    pass
            for i in range(20):
                s = client.follow(f"print('{i}', 'q' * 200000)")
                self.assertEqual(self.check_events(s.rest())["status"], "ok")
            ready = client.get("/readyz")
            self.assertIn("durab", ready.body.decode().lower(), ready)
            self.assertTrue(any(e["type"].startswith("journal") or "durab" in json.dumps(e)
                                for e in self.node_events(client)))
            os.remove(os.path.join(data, "filler"))
            self.assertEqual(client.execute("1+1")["status"], "ok")
            wait_until(lambda: b"true" in client.get("/readyz").body, 10, "durable again")
        finally:
            daemon.stop()
            self.assertEqual(daemon.leftovers(), [])

    def node_events(self, client):
        s = client.stream("/v1/events?from=1", timeout=2)
        seen = []
        try:
            for event in s:
                seen.append(event)
        except OSError:
            pass
        s.close()
        return seen

    @limit(60)
    def test_with_a_read_only_disk_code_still_runs_and_readyz_tells(self):
        folder, data = self.small_disk()
        daemon = Daemon(folder=folder, data_dir=data).start()
        daemon.expect_trouble = True
        client = daemon.client
        try:
            journal = [f for f in os.listdir(data) if re.search(r"\.(db|sqlite)", f)]
            self.assertTrue(journal, os.listdir(data))
            for name in journal:  # the folder cannot be remounted while files are open for writing
                subprocess.run(["chattr", "+i", os.path.join(data, name)], check=False,
                               capture_output=True)
            subprocess.run(["mount", "-o", "remount,ro,size=24m", data], check=False,
                           capture_output=True)
            for i in range(5):
                s = client.follow(f"print({i})")
                self.assertEqual(self.check_events(s.rest())["status"], "ok")
            self.assertIn(client.get("/readyz").status, (200, 503))
            self.assertEqual(client.get("/livez").status, 200)
        finally:
            for name in os.listdir(data):
                subprocess.run(["chattr", "-i", os.path.join(data, name)], check=False,
                               capture_output=True)
            subprocess.run(["mount", "-o", "remount,rw", data], check=False, capture_output=True)
            daemon.stop()


@unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
class OrdinaryUser(Case):
    def test_an_ordinary_user_can_run_it(self):
        daemon = ordinary_daemon().start()
        client = daemon.client
        r = client.execute("import os; print(os.getuid(), os.getgroups())")
        self.assertEqual(r["text"], "65534 []\n")
        s = client.follow("import time; time.sleep(60)")
        s.until("execute_input")
        before = client.kernel()
        os.kill(before["pid"], signal.SIGKILL)
        self.assertEqual(s.rest()[-1]["data"]["status"], "kernel_died")
        self.assertEqual(client.execute("1+1")["text"].strip(), "2")
        self.assertEqual(daemon.close(), [])

    def test_walls_that_only_root_can_build_are_refused_in_one_line(self):
        for flags, said in ((("--isolation.level", "full"), "isolation.level = full cannot"),
                            (("--isolation.require", "own_user"), "own_user is missing")):
            daemon = ordinary_daemon(*flags).launch()
            self.addCleanup(daemon.remove)
            self.assertEqual(daemon.process.wait(20), 1, daemon.log())
            self.assertRegex(daemon.log().splitlines()[-1], "^troupe: .*" + said)
            self.assertEqual(daemon.leftovers(), [])


class LongPath(Case):
    def test_a_data_dir_with_a_long_path_works_and_leaves_nothing(self):
        folder = tempfile.mkdtemp(prefix="tsys")
        daemon = Daemon(folder=folder, data_dir=os.path.join(folder, "long" * 30, "dätä dir"))
        daemon.start()
        self.assertEqual(daemon.client.execute("1+1")["text"].strip(), "2")
        run = os.path.dirname(daemon.client.kernel()["connection_file"])
        self.assertEqual(daemon.close(), [])
        self.assertFalse(os.path.exists(run))
        self.assertFalse(os.path.exists(os.path.dirname(run)), "the folder of sockets is gone")
