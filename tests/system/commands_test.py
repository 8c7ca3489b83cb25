"""Commands on the real daemon: streams, ends, limits, input, terminals, and what outlives what."""
import json
import os
import pty
import select
import signal
import subprocess
import time

from harness import Case, Daemon, DaemonCase, own_daemon, run_threads, sleepers
from waiting import wait_until

IDS = "/v1/commands/"


def nap_of(number):
    """A length of sleep that no other test uses."""
    return number * 10_000 + os.getpid() % 10_000


class CommandChecks:
    """What every command test uses; mixed into a case that has a `client`."""

    def post(self, fields, sandbox="default", query="", headers=None):
        return self.client.post(f"/v1/sandboxes/{sandbox}/commands{query}", fields,
                                headers=headers)

    def command(self, command=None, sandbox="default", headers=None, **fields):
        """Runs it in the waiting form; the resource."""
        if command is not None:
            fields["command"] = command
        answer = self.post(fields, sandbox, headers=headers)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Troupe-Command-Id"], answer.json["id"])
        return answer.json

    def refused(self, status, code, sandbox="default", **fields):
        return self.check_problem(self.post(fields, sandbox), status, code)

    def begin(self, command, sandbox="default", **fields):
        """Begins it and comes back at once; its id."""
        answer = self.post({"command": command, **fields}, sandbox, "?wait=false")
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.headers["Location"], IDS + answer.json["id"])
        return answer.json["id"]

    def stream(self, command, sandbox="default", accept="application/x-ndjson", **fields):
        return self.client.stream(f"/v1/sandboxes/{sandbox}/commands",
                                  {"command": command, **fields}, accept)

    def follow(self, command_id, start=1):
        return self.client.stream(f"{IDS}{command_id}/events?from={start}")

    def feed(self, command_id, value, **fields):
        return self.client.post(f"{IDS}{command_id}/stdin", {"value": value, **fields})

    def look(self, command_id):
        answer = self.client.get(IDS + command_id)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def await_end(self, command_id, timeout_s=20):
        def ended():
            c = self.look(command_id)
            return c if c["state"] == "ended" else None
        return wait_until(ended, timeout_s, f"the end of {command_id}")

    def check_command_events(self, events):
        """Numbered from 1 without gaps; `ended` last, once. Gives its data."""
        self.assertEqual([e["n"] for e in events], list(range(1, len(events) + 1)))
        types = [e["type"] for e in events]
        self.assertEqual((types.count("ended"), types[-1]), (1, "ended"), types[-20:])
        for key in ("status", "cause", "exit_code", "signal", "duration_ms", "usage"):
            self.assertIn(key, events[-1]["data"])
        return events[-1]["data"]

    def await_gone(self, nap):
        wait_until(lambda: not sleepers(nap), 10, "the end of what slept")


class CommandTests(CommandChecks):
    """The same at every level of isolation."""

    def test_the_exit_code_and_both_streams_come_back(self):
        c = self.command("echo out; echo err >&2; exit 7")
        self.assertEqual((c["status"], c["exit_code"], c["signal"]), ("error", 7, None))
        self.assertEqual((c["stdout"], c["stderr"]), ("out\n", "err\n"))
        self.assertEqual(sorted(c["text"].split()), ["err", "out"])
        self.assertIsNone(c["cause"])
        ok = self.command("true")
        self.assertEqual((ok["status"], ok["exit_code"], ok["stdout"]), ("ok", 0, ""))
        self.assertGreater(ok["usage"]["memory_peak_bytes"], 0)

    def test_words_are_not_touched_by_a_shell(self):
        c = self.command(argv=["printf", "%s|", "$HOME", "a b", "*", ""])
        self.assertEqual((c["status"], c["stdout"]), ("ok", "$HOME|a b|*||"))

    def test_the_shell_has_arrays(self):
        self.assertEqual(self.command("a=(1 2 3); echo ${#a[@]}")["stdout"], "3\n")

    def test_a_program_that_is_not_there_gives_127(self):
        c = self.command(argv=["no-such-program"])
        self.assertEqual((c["status"], c["exit_code"]), ("error", 127))
        self.assertIn("no-such-program", c["stderr"])

    def test_a_signal_is_told(self):
        c = self.command("kill -SEGV $$")
        self.assertEqual((c["status"], c["exit_code"], c["signal"]), ("error", None, "SIGSEGV"))

    def test_commands_and_kernels_see_the_same_files(self):
        sandbox = self.own_sandbox()
        self.command("echo from-command > output/a.txt", sandbox=sandbox)
        said = self.client.execute("print(open('output/a.txt').read())\n"
                                   "open('output/b.txt', 'w').write('from-kernel')",
                                   sandbox=sandbox)
        self.assertIn("from-command", said["text"])
        c = self.command("cat output/b.txt", sandbox=sandbox)
        self.assertEqual(c["stdout"], "from-kernel")

    def test_folder_and_environment(self):
        sandbox = self.own_sandbox()
        self.command("mkdir -p sub/deep", sandbox=sandbox)
        c = self.command("pwd; echo $A-$HOME", cwd="sub/./x/../deep", env={"A": "1 2"},
                         sandbox=sandbox)
        where, variables = c["stdout"].splitlines()
        self.assertTrue(where.endswith("/sub/deep"), c)
        self.assertTrue(variables.startswith("1 2-/"), c)
        for path in ("..", "/etc", "a/../../b"):
            self.refused(403, "path_escapes", command="true", cwd=path)
        self.refused(422, "invalid_field", command="true", env={"TROUPE_INSTANCE": "x"})
        missing = self.command("true", cwd="not-there")
        self.assertEqual((missing["status"], missing["exit_code"]), ("error", 127))
        self.assertIn("not-there", missing["stderr"])

    def test_no_library_of_the_environment_is_loaded_before_the_walls_stand(self):
        c = self.command("echo ran", env={"LD_PRELOAD": "/no/such/library.so"})
        self.assertEqual((c["status"], c["stdout"]), ("ok", "ran\n"), c)
        # The shell's own loader complains, once; a loader of the init's would have before it.
        self.assertEqual(c["stderr"].count("/no/such/library.so"), 1, c)

    def test_nothing_of_the_daemon_is_in_the_environment(self):
        said = self.command("env")["stdout"]
        self.assertNotIn(self.daemon.token, said)
        self.assertNotIn("TROUPE_TEST_MARK", said)
        open_files = self.command("ls /proc/self/fd | wc -w")["stdout"]
        self.assertEqual(open_files.strip(), "4")  # the three streams, and the folder it reads

    def test_bad_requests_are_told_field_by_field(self):
        self.refused(422, "invalid_field")
        self.refused(422, "invalid_field", command="a", argv=["b"])
        p = self.refused(422, "invalid_field", comand="a")
        self.assertIn("command", json.dumps(p["errors"]))
        self.refused(404, "sandbox_not_found", sandbox="nobody", command="true")
        for path in ("cmd_none", "exe_none", "x/events"):
            self.check_problem(self.client.get(IDS + path), 404, "execution_not_found")
        ended = self.command("true")["id"]
        self.check_problem(self.client.get("/v1/executions/" + ended), 404, "execution_not_found")

    def test_events_come_as_they_are_printed(self):
        s = self.stream("echo one; read x; echo got $x", keep_stdin=True)
        command = s.headers["Troupe-Command-Id"]
        first = s.until("stream")
        self.assertEqual(first[-1]["data"], {"name": "stdout", "text": "one\n"})
        answer = self.feed(command, "two\n")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.check_command_events(first + s.rest())["exit_code"], 0)
        self.assertEqual(self.look(command)["stdout"], "one\ngot two\n")

    def test_server_sent_events(self):
        s = self.stream("echo 1; echo 2", accept="text/event-stream")
        events = s.rest()
        self.check_command_events(events)
        self.assertEqual(s.sse_ids, [e["n"] for e in events])

    def test_standard_input_is_given_and_ends(self):
        text = "".join(f"line {i} é\n" for i in range(20_000))
        c = self.command("wc -l; echo over", stdin=text)
        self.assertEqual(c["stdout"].split(), ["20000", "over"])
        self.assertEqual(self.command("cat")["stdout"], "")  # nothing given: at its end at once
        gone = self.command("exec 0<&-; echo done", stdin=text)
        self.assertEqual((gone["status"], gone["stdout"]), ("ok", "done\n"))

    def test_standard_input_that_is_kept_is_closed_by_hand(self):
        command = self.begin("cat; echo end", keep_stdin=True, stdin="a\n")
        self.assertEqual(self.feed(command, "b\n").status, 200)
        self.assertEqual(self.feed(command, "c\n", close=True).status, 200)
        self.assertEqual(self.await_end(command)["stdout"], "a\nb\nc\nend\n")
        self.check_problem(self.feed(command, "e\n"), 409, "wrong_state")
        plain = self.begin("sleep 5")
        self.check_problem(self.feed(plain, "x"), 409, "wrong_state")
        self.client.delete(IDS + plain)

    def test_text_that_is_split_or_is_none(self):
        c = self.command(r"printf '\xe4'; sleep 0.1; printf '\xb8\xad|\xff|\xf0\x9f'")
        self.assertEqual(c["stdout"], "中|\ufffd|\ufffd\ufffd")

    def test_a_time_limit_asks_first_and_kills_then(self):
        polite = self.command("trap 'echo bye; exit 3' TERM; sleep 60 & wait", timeout_s=0.5)
        self.assertEqual((polite["status"], polite["exit_code"]), ("timeout", 3))
        self.assertEqual(polite["stdout"], "bye\n")
        self.assertEqual(polite["cause"]["limit"], "timeout_s=0.5")
        events = self.stream("trap '' TERM; while :; do sleep 0.1; done", timeout_s=0.3).rest()
        ended = self.check_command_events(events)
        self.assertLess(ended["duration_ms"], 10_000)
        self.assertEqual((ended["status"], ended["signal"]), ("timeout", "SIGKILL"))
        self.assertEqual([e["data"]["step"] for e in events if e["type"] == "interrupt"],
                         ["interrupt", "kill"])

    def test_the_request_to_end_reaches_those_who_left_the_group(self):
        sandbox = self.own_sandbox()
        c = self.command("setsid sh -c 'trap \"echo left > output/left; exit\" TERM; "
                         "while :; do sleep 0.05; done' & "
                         "trap 'until test -s output/left; do sleep 0.05; done; exit 4' TERM; wait",
                         timeout_s=1, sandbox=sandbox)
        self.assertEqual((c["status"], c["exit_code"]), ("timeout", 4))

    def test_cancelling_kills_the_whole_tree(self):
        nap = nap_of(4)
        command = self.begin(f"setsid nohup sleep {nap} & sleep {nap} & trap '' TERM; "
                             "echo up; wait")
        self.follow(command).until("stream")
        wait_until(lambda: len(sleepers(nap)) == 2, 10, "both sleepers")
        answer = self.client.delete(IDS + command)
        self.assertEqual(answer.status, 202, answer)
        ended = self.await_end(command)
        self.assertEqual((ended["status"], ended["cause"]["kind"]), ("cancelled", "cancelled"))
        self.await_gone(nap)
        self.assertEqual(self.client.delete(IDS + command).status, 200)

    def test_what_a_command_leaves_behind_ends_with_it(self):
        nap = nap_of(5)
        c = self.command(f"setsid sleep {nap} & sleep {nap} & echo started")
        self.assertEqual((c["status"], c["stdout"]), ("ok", "started\n"))
        self.assertLess(c["duration_ms"], 10_000)
        self.await_gone(nap)

    def test_output_beyond_the_bound_is_all_there(self):
        sandbox = self.own_sandbox(limits={"output_bytes": 100_000})
        c = self.command("seq 400000", sandbox=sandbox)
        self.assertEqual(c["status"], "ok")
        cut, printed = c["truncated"], c["stdout"]
        whole = "".join(f"{i}\n" for i in range(1, 400_001))
        self.assertEqual((cut["bytes_total"], cut["bytes_kept"]), (len(whole), len(printed)))
        spilled = int(self.command(f"wc -c < {cut['path']}", sandbox=sandbox)["stdout"])
        self.assertEqual(spilled + len(printed), len(whole))
        self.assertTrue(whole.startswith(printed[:10_000]))
        self.assertTrue(whole.endswith(printed[-1_000:]))

    def test_a_dropped_connection_loses_nothing(self):
        s = self.stream("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done")
        command = s.headers["Troupe-Command-Id"]
        seen = s.until(lambda e: e["n"] == 2)
        s.close()
        events = seen + self.follow(command, 3).rest()
        self.check_command_events(events)
        self.assertEqual(self.texts(events), "1\n2\n3\n4\n5\n6\n")
        self.assertEqual(self.follow(command).rest(), events)  # from the journal
        self.assertEqual(self.look(command)["last_event"], len(events))

    def test_a_key_stands_for_one_command(self):
        headers = {"Idempotency-Key": f"key-{os.getpid()}-{self.id()}"}
        first = self.command("echo $RANDOM$RANDOM", headers=headers)
        again = self.command("echo $RANDOM$RANDOM", headers=headers)
        self.assertEqual(again["id"], first["id"])
        other = self.post({"command": "true"}, headers=headers)
        self.check_problem(other, 422, "idempotency_mismatch")

    def test_a_client_that_goes_may_take_it_along(self):
        s = self.stream("echo up; sleep 30", on_disconnect="cancel")
        s.until("stream")
        s.close()
        self.assertEqual(self.await_end(s.headers["Troupe-Command-Id"])["status"], "cancelled")

    def test_in_the_background_nobody_waits(self):
        answer = self.post({"command": "sleep 0.3; echo done", "background": True})
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.json["state"], "running")
        self.assertEqual(self.await_end(answer.json["id"])["stdout"], "done\n")

    def test_a_terminal_has_a_size_and_one_stream(self):
        command = self.begin("stty size; read line; stty size", pty=True, rows=30, columns=100)
        s = self.follow(command)
        first = s.until(lambda e: "30 100" in e["data"].get("text", ""))
        self.assertEqual(first[-1]["data"]["name"], "pty")
        size = {"rows": 50, "columns": 132}
        resize = f"{IDS}{command}/resize"
        self.assertEqual(self.client.post(resize, size).status, 200)
        self.feed(command, "go\n")
        self.assertEqual(self.check_command_events(first + s.rest())["status"], "ok")
        self.assertIn("50 132", self.look(command)["stdout"])
        self.check_problem(self.client.post(resize, size), 409, "wrong_state")
        self.check_problem(self.client.post(resize, {"rows": 0}), 422, "invalid_field")

    def test_control_c_reaches_what_runs_at_a_terminal(self):
        command = self.begin("trap 'echo interrupted; exit 9' INT; echo up; sleep 30 & wait",
                             pty=True)
        s = self.follow(command)
        first = s.until(lambda e: "up" in e["data"].get("text", ""))
        self.feed(command, "\x03")
        self.assertEqual(self.check_command_events(first + s.rest())["exit_code"], 9)
        self.assertIn("interrupted", self.look(command)["stdout"])

    def test_deleting_the_sandbox_ends_its_commands(self):
        sandbox = self.client.post("/v1/sandboxes", {}).json["id"]
        nap = nap_of(6)
        s = self.stream(f"echo up; sleep {nap}", sandbox=sandbox)
        first = s.until("stream")
        self.assertEqual(self.client.delete(f"/v1/sandboxes/{sandbox}").status, 204)
        self.assertEqual(self.check_command_events(first + s.rest())["status"], "cancelled")
        self.await_gone(nap)

    def test_a_command_is_a_step_of_the_turn(self):
        sandbox = self.own_sandbox(limits={"steps_per_turn": 2})
        self.command("true", sandbox=sandbox)
        self.command("true", sandbox=sandbox)
        self.refused(429, "step_limit", sandbox=sandbox, command="true")

    def test_so_many_at_once(self):
        sandbox = self.own_sandbox()
        ids = [self.begin("sleep 30", sandbox=sandbox) for _ in range(16)]
        p = self.refused(429, "execution_limit", sandbox=sandbox, command="true")
        self.assertEqual((p["limit"], p["used"], p["remaining"]), (16, 16, 0))
        self.client.delete(IDS + ids[0])
        self.await_end(ids[0])
        self.assertEqual(self.command("echo fits", sandbox=sandbox)["stdout"], "fits\n")

    def test_many_together_keep_their_output_apart(self):
        def one(i):
            return self.command(f"for j in 1 2 3 4 5; do echo {i}-$j; done")["stdout"]
        told = run_threads([lambda i=i: one(i) for i in range(12)], 50)
        for i, text in enumerate(told):
            self.assertEqual(text, "".join(f"{i}-{j}\n" for j in range(1, 6)))

    def test_the_command_line_gives_the_commands_own_code(self):
        sh = lambda *words, **kw: self.daemon.cli("sh", *words, **kw)  # noqa: E731
        done = sh("echo out; echo err >&2; exit 7")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "out\n", "err\n"))
        self.assertEqual(sh("kill -TERM $$").returncode, 143)
        self.assertEqual(sh("--timeout", "300ms", "sleep 9").returncode, 124)
        words = sh("printf", "%s,", "--json", "$A")
        self.assertEqual((words.returncode, words.stdout), (0, "--json,$A,"))
        self.assertEqual(sh("-", stdin="x=3\necho $((x + 1))\n").stdout, "4\n")
        self.assertEqual(sh(stdin="echo 5").stdout, "5\n")
        self.assertEqual(sh("--cwd", "output", "basename $PWD").stdout, "output\n")
        self.assertEqual(sh("--bogus").returncode, 2)
        events = sh("--json", "echo 1").stdout.splitlines()
        self.assertEqual(json.loads(events[-1])["type"], "ended")

    def test_what_is_piped_to_the_command_line_is_the_commands_input(self):
        sh = lambda *words, **kw: self.daemon.cli("sh", *words, **kw)  # noqa: E731
        done = sh("cat", stdin="abc é\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "abc é\n", ""))
        self.assertEqual(sh("wc", "-l", stdin="").stdout, "0\n")
        many = "".join(f"line {i} é\n" for i in range(200_000))  # more than may wait
        self.assertEqual(sh("sleep 0.5; wc -l; echo over", stdin=many).stdout.split(),
                         ["200000", "over"])
        done = sh("head -n 1", stdin=many)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "line 0 é\n", ""))

    def test_without_a_command_and_a_script_the_command_line_says_so(self):
        done = self.daemon.cli("sh", stdin="")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^troupe: sh: no command; .*\n$")
        self.assertIn("Options come first", self.daemon.cli("sh", "--help").stdout)

    def test_without_a_command_a_terminal_gets_a_shell(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(self.daemon.binary, [self.daemon.binary, "sh"], self.daemon.cli_env())
        self.addCleanup(os.close, terminal)
        seen = b""

        def shows(text):
            nonlocal seen
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 4096)
            return text in seen
        os.write(terminal, b"stty -echo; echo is $((40 + 2))\n")
        wait_until(lambda: shows(b"is 42"), 20, "what the shell says")
        os.write(terminal, b"exit 5\n")
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 5, seen)

    def test_control_c_on_the_command_line_ends_the_command(self):
        nap = nap_of(7)
        p = subprocess.Popen([self.daemon.binary, "sh", f"echo up; sleep {nap}"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=self.daemon.cli_env())
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        self.assertEqual(p.stdout.readline(), "up\n")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(10), 130)
        self.await_gone(nap)


class CommandsWithoutWalls(CommandTests, DaemonCase):
    flags = ("--isolation.level", "none", "--command.kill_grace_ms", "1000")


class CommandsInWalls(CommandTests, DaemonCase):
    flags = ("--isolation.level", "auto", "--command.kill_grace_ms", "1000")

    def test_it_is_as_contained_as_a_kernel(self):
        tries = ["cat /etc/shadow", "ls /root", f"cat {self.daemon.data_dir}/token", "touch /usr/x",
                 "echo x > upload/x", f"(echo > /dev/tcp/127.0.0.1/{self.client.port})",
                 f"kill -9 {self.daemon.pid}", "mount -t tmpfs none /tmp", "unshare -U true"]
        said = self.command("; ".join(f"{t} && echo broken {i}" for i, t in enumerate(tries)))
        self.assertEqual(said["stdout"], "")
        self.assertEqual(self.client.get("/livez").status, 200)
        kernel = self.client.execute("import os; print(os.getuid(), os.getcwd())")["text"].split()
        self.assertEqual(self.command("id -u; pwd")["stdout"].split(), kernel)

    def test_memory_beyond_the_limit(self):
        sandbox = self.own_sandbox(limits={"memory_bytes": 200_000_000})
        c = self.command("python3 -c 'b = bytearray(600_000_000)'", sandbox=sandbox)
        self.assertIn(c["status"], ("memory_limit", "error"), c)
        if c["status"] == "memory_limit":
            self.assertEqual(c["cause"]["limit"], "memory_bytes=200000000")
        else:  # without control groups the program sees the refusal itself
            self.assertIn("MemoryError", c["stderr"])


class CommandsAndTheDaemonsEnd(CommandChecks, Case):
    def test_a_killed_daemon_takes_its_commands_along_and_the_next_one_ends_them(self):
        daemon = own_daemon(self, "--isolation.level", "auto")
        self.client = daemon.client
        daemon.expect_trouble = True
        nap = nap_of(8)
        command = self.begin(f"echo up; sleep {nap}")
        self.follow(command).until("stream")
        time.sleep(0.2)  # tidy: what was printed reaches the journal in batches
        daemon.kill()
        self.await_gone(nap)
        daemon.start()
        self.client = daemon.client
        ended = self.await_end(command)
        self.assertEqual((ended["status"], ended["cause"]["kind"]), ("node_lost", "daemon_lost"))
        self.assertEqual(ended["stdout"], "up\n")
        self.check_command_events(self.follow(command).rest())

    def test_draining_waits_for_commands_and_ends_those_that_take_too_long(self):
        daemon = Daemon("--node.drain_ms", "1500").start()
        self.client = daemon.client
        short = self.follow(self.begin("sleep 0.5; echo done"))
        s = self.stream("echo up; sleep 60")
        first = s.until("stream")
        daemon.process.terminate()
        self.assertEqual(short.rest()[-1]["data"]["status"], "ok")
        self.assertEqual(self.check_command_events(first + s.rest())["status"], "shutdown")
        self.assertEqual(daemon.close(), [])
