"""The command line: streaming, exit codes, files, JSON, interrupts."""
import json
import os
import re
import signal
import subprocess
import time

from harness import DaemonCase, limit
from waiting import wait_until


class Exec(DaemonCase):
    def run_cli(self, *args, **kw):
        return self.daemon.cli(*args, **kw)

    def test_a_result_is_printed(self):
        done = self.run_cli("exec", "1+1")
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "2"), done)
        done = self.run_cli("exec", "import sys; print('o'); print('e', file=sys.stderr)")
        self.assertEqual((done.stdout, done.stderr), ("o\n", "e\n"), done)

    def test_output_streams_line_by_line(self):
        code = "import time\nfor i in range(5):\n    print(i, flush=True)\n    time.sleep(0.5)"
        p = subprocess.Popen([self.daemon.binary, "exec", code], stdout=subprocess.PIPE,
                             env=self.daemon.cli_env())
        arrived = []
        for line in p.stdout:
            arrived.append((time.monotonic(), line))
        p.stdout.close()
        self.assertEqual(p.wait(10), 0)
        self.assertEqual([l for _, l in arrived], [b"%d\n" % i for i in range(5)])
        for (a, _), (b, _) in zip(arrived, arrived[1:]):
            self.assertTrue(0.2 < b - a < 0.9, arrived)

    def test_code_from_standard_input_and_from_a_file(self):
        done = self.run_cli("exec", "-", stdin="x = 20\nprint(x * 2 + 2)\n")
        self.assertEqual((done.returncode, done.stdout), (0, "42\n"), done)
        done = self.run_cli("exec", stdin="print('piped')\n")
        self.assertEqual((done.returncode, done.stdout), (0, "piped\n"), done)
        path = os.path.join(self.daemon.folder, "script.py")
        with open(path, "w", encoding="utf-8") as f:
            f.write("print('aus der Datei: ü')\n")
        done = self.run_cli("run", path)
        self.assertEqual((done.returncode, done.stdout), (0, "aus der Datei: ü\n"), done)
        self.assertEqual(self.run_cli("run", "/no/such/file.py").returncode, 2)

    def test_exit_codes(self):
        self.assertEqual(self.run_cli("exec", "1").returncode, 0)
        done = self.run_cli("exec", "1/0")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("ZeroDivisionError", done.stderr)
        self.assertEqual(self.run_cli("exec", "--no-such-flag", "1").returncode, 2)
        done = self.run_cli("exec", "--timeout", "1s", "while True: pass")
        self.assertEqual(done.returncode, 124, done)
        done = self.run_cli("exec", "import os; os.kill(os.getpid(), 9)")
        self.assertEqual(done.returncode, 137, done)
        self.assertIn("SIGKILL", done.stderr)

    def test_a_command_that_is_none_is_named(self):
        done = self.run_cli("exce", "1")
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stderr, r"^troupe: there is no command exce; did you mean exec\?.*$")
        done = self.run_cli("--bogus")
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stderr, r"^troupe: there is no option --bogus .*\n$")
        self.assertEqual(self.run_cli().returncode, 2)

    def test_an_unreachable_daemon_is_3_and_says_where_it_looked(self):
        done = self.run_cli("exec", "1", env={"TROUPE_URL": "http://127.0.0.1:1"})
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("127.0.0.1:1", done.stderr)
        self.assertNotEqual(self.run_cli("exec", "1", env={"TROUPE_TOKEN": "wrong"}).returncode, 0)

    def test_control_c_interrupts_the_kernel_and_keeps_its_state(self):
        self.client.execute("kept = 3")
        p = subprocess.Popen([self.daemon.binary, "exec",
                              "import time\nprint('up', flush=True)\ntime.sleep(60)"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=self.daemon.cli_env())
        self.assertEqual(p.stdout.readline(), b"up\n")
        began = time.monotonic()
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=10)
        self.assertEqual(p.returncode, 130)
        self.assertLess(time.monotonic() - began, 3)
        wait_until(lambda: self.client.kernel()["state"] == "idle", 5, "the kernel is idle")
        self.assertEqual(self.client.execute("kept")["text"].strip(), "3")

    def test_json_is_json(self):
        done = self.run_cli("exec", "--json", "print('a'); 1+1")
        self.assertEqual(done.returncode, 0, done)
        try:
            found = [json.loads(done.stdout)]
        except ValueError:
            found = [json.loads(l) for l in done.stdout.splitlines() if l]
        last = found[-1]
        self.assertEqual((last.get("data") or last)["status"], "ok")

    @limit(90)
    def test_pictures_become_files_whose_names_are_told(self):
        out = os.path.join(self.daemon.folder, "pictures")
        done = self.run_cli("exec", "--out", out, "import matplotlib.pyplot as plt\n"
                            "for i in range(2):\n    plt.figure(); plt.plot([1, i]); "
                            "plt.title('图表'); plt.show()")
        self.assertEqual(done.returncode, 0, done)
        files = sorted(os.listdir(out))
        self.assertEqual(len(files), 2, done)
        for name in files:
            self.assertIn(name, done.stdout + done.stderr)
            with open(os.path.join(out, name), "rb") as f:
                self.assertEqual(f.read(8), b"\x89PNG\r\n\x1a\n")

    def test_kernel_and_sandbox_can_be_chosen(self):
        sandbox = self.own_sandbox(id="other")
        done = self.run_cli("exec", "--sandbox", sandbox, "import os; print(os.getcwd())")
        workspace = self.client.get(f"/v1/sandboxes/{sandbox}").json["workspace"]
        self.assertEqual(done.stdout.strip(), workspace, done)
        done = self.run_cli("exec", "--kernel", "nope", "1")
        self.assertNotIn(done.returncode, (0, 1))
        self.assertIn("nope", done.stderr)

    def test_the_data_dir_tells_where_the_daemon_is(self):
        env = {k: v for k, v in self.daemon.env.items() if not k.startswith("TROUPE_")}
        done = subprocess.run([self.daemon.binary, "exec", "--data-dir", self.daemon.data_dir,
                               "1+1"], env=env, capture_output=True, text=True, timeout=30,
                              check=False)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "2"), done)

    def test_input_is_asked_on_the_terminal(self):
        done = self.run_cli("exec", "1+1", stdin="")
        self.assertEqual(done.stdout.strip(), "2")

    def test_a_closed_pipe_ends_the_command_quietly(self):
        p = subprocess.Popen(f"{self.daemon.binary} exec 'for i in range(100000): print(i)' "
                             "| head -1", shell=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=self.daemon.cli_env())
        out, err = p.communicate(timeout=30)
        self.assertEqual(out, b"0\n")
        self.assertNotIn(b"terminate", err)

    def test_the_looking_commands_show_what_is_there(self):
        self.assertIn("main", self.run_cli("kernels").stdout)
        self.assertIn("default", self.run_cli("sandboxes").stdout)
        self.assertEqual(self.run_cli("status").returncode, 0)
        version = self.run_cli("version")
        self.assertRegex(version.stdout, r"\d+\.\d+\.\d+")
        self.assertIn(self.daemon.ready["version"], version.stdout)
        for command in ("--help", "exec --help", "serve --help"):
            done = self.run_cli(*command.split())
            self.assertEqual(done.returncode, 0, command)
            self.assertTrue(re.search(r"usage|options", done.stdout, re.IGNORECASE), command)

    def test_events_follow_the_node(self):
        p = subprocess.Popen([self.daemon.binary, "events"], stdout=subprocess.PIPE,
                             env=self.daemon.cli_env())
        try:
            end = time.monotonic() + 10
            self.client.execute("1")
            seen = b""
            os.set_blocking(p.stdout.fileno(), False)
            while b"execution_ended" not in seen and time.monotonic() < end:
                seen += p.stdout.read() or b""
                if b"execution_ended" not in seen:
                    self.client.execute("1")
            self.assertIn(b"execution_ended", seen)
        finally:
            p.send_signal(signal.SIGINT)
            p.wait(5)
            p.stdout.close()
