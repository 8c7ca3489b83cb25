"""Limits of a sandbox that bite, are told once, and can be seen and changed while it lives."""
import os
import time
import unittest

from harness import LEVEL, Case, DaemonCase, limit, own_daemon, run_threads
from waiting import wait_until

MIB = 1 << 20
LEVELS = [name for name in ("none", "process", "namespaces", "full")
          if ("none", "process", "namespaces", "full").index(name) <=
          ("none", "process", "namespaces", "full").index(LEVEL or "none")]
FILL = ("import os\nn = 0\nwhile n < 400:\n    with open(f'output/f{n}', 'wb') as f:\n"
        "        f.write(os.urandom(1 << 20))\n        os.fsync(f.fileno())\n    n += 1")


class Watched:
    """A daemon that looks often, and what all tests of limits ask of it."""

    def limits(self, sandbox):
        answer = self.client.get(f"/v1/sandboxes/{sandbox}/limits")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def change(self, sandbox, **limits):
        return self.client.request("PATCH", f"/v1/sandboxes/{sandbox}/limits", limits)

    def hits(self, sandbox, name):
        """The events `limit_hit` so far."""
        mark = self.client.execute("1")["id"]  # its end is an event that ends the look
        s = self.client.stream("/v1/events?from=1")
        seen = s.until(lambda e: e["type"] == "execution_ended" and
                       e["data"]["execution_id"] == mark)
        s.close()
        return [e["data"] for e in seen if e["type"] == "limit_hit" and e["data"]["limit"] == name
                and e["data"]["sandbox_id"] == sandbox]

    def told(self, sandbox, name, times=1):
        def look():
            hits = self.hits(sandbox, name)
            return hits if len(hits) >= times else None
        return wait_until(look, 15, f"limit_hit {name}")

    def own_kernel(self, sandbox, kernel):
        self.client.post(f"/v1/sandboxes/{sandbox}/kernels", {"id": kernel})
        self.client.wait_idle(sandbox, kernel)


class Limits(Watched, DaemonCase):
    """What holds at every level of isolation, here at the weakest."""

    flags = ("--limits.watch_ms", "200", "--isolation.level", "none")

    def test_every_limit_tells_what_is_used_and_what_remains(self):
        mine = self.own_sandbox(limits={"steps_per_turn": 5})
        self.client.execute("open('output/f', 'wb').write(b'x' * (3 << 20))", mine)
        rows = self.limits(mine)
        for name, row in rows.items():
            self.assertEqual(set(row), {"limit", "used", "remaining", "held_by", "last_refusal"},
                             name)
            if row["limit"] is not None and row["used"] is not None:
                self.assertEqual(row["remaining"], max(0, row["limit"] - row["used"]), name)
        self.assertEqual(rows["steps_per_turn"]["used"], 1)
        self.assertEqual(rows["kernels_max"]["used"], 1)
        self.assertIsNone(rows["cpus"]["limit"])
        self.assertGreater(rows["memory_bytes"]["used"], 10 * MIB)
        wait_until(lambda: self.limits(mine)["processes"]["used"] > 3, 5, "threads are counted")
        self.assertGreater(rows["open_files"]["used"], 5)
        used = wait_until(lambda: self.limits(mine)["disk_bytes"]["used"] >= 3 * MIB and
                          self.limits(mine)["disk_bytes"]["used"], 5, "it is measured")
        self.assertLess(used, 4 * MIB)
        self.check_problem(self.client.get("/v1/sandboxes/nobody/limits"), 404,
                           "sandbox_not_found")

    def test_a_refused_step_is_remembered(self):
        mine = self.own_sandbox(limits={"steps_per_turn": 1})
        self.client.execute("1", mine)
        self.check_problem(self.client.post(f"/v1/sandboxes/{mine}/executions", {"code": "1"}),
                           429, "step_limit")
        last = self.limits(mine)["steps_per_turn"]["last_refusal"]
        self.assertEqual((last["action"], last["measure"]), ("refused", 1))

    def test_changed_limits_hold_for_what_comes_and_are_kept(self):
        daemon = own_daemon(self, *self.flags)
        self.client = daemon.client
        mine = self.client.post("/v1/sandboxes", {"id": "mine"}).json["id"]
        answer = self.change(mine, steps_per_turn=2, timeout_s_max=7, memory_bytes=700_000_000,
                             kernels_max=1)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["timeout_s_max"]["limit"], 7)
        shown = self.client.get(f"/v1/sandboxes/{mine}").json["limits"]
        self.assertEqual((shown["steps_per_turn"], shown["timeout_s_max"]), (2, 7))
        self.check_problem(self.client.post(f"/v1/sandboxes/{mine}/executions",
                                            {"code": "1", "timeout_s": 8}), 422, "invalid_field")
        self.check_problem(self.client.post(f"/v1/sandboxes/{mine}/kernels", {}), 429,
                           "kernel_limit")
        for _ in range(2):
            self.client.execute("1", mine)
        self.check_problem(self.client.post(f"/v1/sandboxes/{mine}/executions", {"code": "1"}),
                           429, "step_limit")
        self.assertEqual(self.change(mine, steps_per_turn=None).json["steps_per_turn"]["limit"],
                         None)
        self.client.execute("1", mine)
        daemon.stop()
        self.client = daemon.start().client
        rows = self.limits(mine)
        self.assertEqual((rows["memory_bytes"]["limit"], rows["timeout_s_max"]["limit"]),
                         (700_000_000, 7))

    def test_bad_changes_are_named_and_change_nothing(self):
        mine = self.own_sandbox()
        before = self.client.get(f"/v1/sandboxes/{mine}").json["limits"]
        p = self.check_problem(self.change(mine, memory_bytes=5, cpus=-1, proceses=3, cpu="x"),
                               422, "invalid_field")
        self.assertEqual({e["pointer"] for e in p["errors"]},
                         {"/memory_bytes", "/cpus", "/proceses", "/cpu"})
        p = self.check_problem(self.change(mine, memory_bytes=10 << 40), 422, "invalid_field")
        self.assertEqual(p["errors"], [{
            "pointer": "/memory_bytes",
            "detail": "must be at least 67108864 and at most 1099511627776"}])
        self.check_problem(self.change("nobody", cpus=1), 404, "sandbox_not_found")
        self.assertEqual(self.change(mine).status, 200)
        self.assertEqual(self.client.get(f"/v1/sandboxes/{mine}").json["limits"], before)

    def test_two_changes_at_once_are_both_in_force(self):
        mine = self.own_sandbox()
        run_threads([lambda: self.change(mine, processes=77),
                     lambda: self.change(mine, output_bytes=77_000)] * 4, 20)
        shown = self.client.get(f"/v1/sandboxes/{mine}").json["limits"]
        self.assertEqual((shown["processes"], shown["output_bytes"]), (77, 77_000))

    def test_a_changed_output_limit_holds_for_the_next_execution(self):
        mine = self.own_sandbox()
        code = "print('x' * 50_000)"
        self.assertIsNone(self.client.execute(code, mine)["truncated"])
        self.change(mine, output_bytes=4_096)
        self.assertEqual(self.client.execute(code, mine)["truncated"]["bytes_total"], 50_001)

    @limit(90)
    def test_a_disk_filler_is_ended_and_others_wait_until_files_are_deleted(self):
        mine, neighbour = self.own_sandbox(limits={"disk_bytes": 20 * MIB}), self.own_sandbox()
        self.client.execute("kept = 7", mine)
        r = self.client.execute(FILL, mine, timeout_s=60)
        self.assertEqual(r["status"], "interrupted", r)
        self.assertEqual(r["cause"]["kind"], "disk_quota")
        self.assertEqual(r["cause"]["limit"], f"disk_bytes={20 * MIB}")
        self.assertTrue(r["state_preserved"])
        hit = self.told(mine, "disk_bytes")
        self.assertEqual(len(hit), 1)
        self.assertGreater(hit[0]["measure"], 20 * MIB)
        self.assertEqual((hit[0]["of"], hit[0]["action"]), (20 * MIB, "interrupted"))
        p = self.check_problem(self.client.post(f"/v1/sandboxes/{mine}/executions",
                                                {"code": "1"}), 507, "disk_quota")
        self.assertEqual((p["limit"], p["remaining"]), (20 * MIB, 0))
        self.assertGreater(p["used"], 20 * MIB)
        row = self.limits(mine)["disk_bytes"]
        self.assertEqual((row["remaining"], row["held_by"]), (0, "watch"))
        self.assertEqual(self.client.execute("1+1", neighbour)["status"], "ok")
        output = os.path.join(self.client.get(f"/v1/sandboxes/{mine}").json["workspace"], "output")
        for name in os.listdir(output):
            os.remove(os.path.join(output, name))
        self.assertEqual(self.client.execute("kept", mine)["text"].strip(), "7")

    @limit(90)
    def test_a_raised_disk_limit_lets_code_in_that_deletes(self):
        mine = self.own_sandbox(limits={"disk_bytes": 5 * MIB})
        self.assertEqual(self.client.execute(FILL, mine, timeout_s=60)["cause"]["kind"],
                         "disk_quota")
        self.assertEqual(self.change(mine, disk_bytes=500 * MIB).status, 200)
        r = self.client.execute("import glob, os\nfor f in glob.glob('output/*'): os.remove(f)",
                                mine)
        self.assertEqual(r["status"], "ok", r)
        self.assertEqual(self.change(mine, disk_bytes=5 * MIB).status, 200)
        self.assertEqual(self.client.execute("1+1", mine)["text"].strip(), "2")

    @limit(90)
    def test_a_filler_that_does_not_listen_is_killed(self):
        mine = self.own_sandbox(limits={"disk_bytes": 5 * MIB})
        deaf = ("import subprocess\nsubprocess.Popen(['/usr/bin/python3', '-c', '''"
                "import os, time\nn = 0\nwhile n < 4000:\n"
                "    open(f\"output/b{n}\", \"wb\").write(os.urandom(1 << 18)); n += 1\n"
                "    time.sleep(0.002)'''], start_new_session=True)")
        self.client.execute(deaf, mine)
        generation = self.client.kernel(mine)["generation"]
        k = self.client.wait_idle(mine, above=generation)
        self.assertEqual(k["last_cause"]["kind"], "disk_quota")
        self.assertIn("killed", [h["action"] for h in self.told(mine, "disk_bytes", 2)])

    def test_the_end_of_what_ran_tells_its_processes_and_bytes(self):
        mine = self.own_sandbox()
        used = self.client.execute(
            "import threading, time\n"
            "all = [threading.Thread(target=time.sleep, args=(1.5,)) for _ in range(40)]\n"
            "for each in all: each.start()\n"
            "for each in all: each.join()\n"
            "print('x' * 9_999)", mine)["usage"]
        self.assertEqual(used["output_bytes"], 10_000)
        self.assertGreater(used["processes"], 40)
        self.assertLess(used["processes"], 100)
        ended = self.client.post(f"/v1/sandboxes/{mine}/commands", {
            "command": "for i in {1..50}; do sleep 1.5 & done; wait; printf %01000d 0"}).json
        self.assertEqual(ended["usage"]["output_bytes"], 1_000)
        self.assertGreater(ended["usage"]["processes"], 50)
        kept = self.client.get(f"/v1/commands/{ended['id']}").json
        self.assertEqual(kept["usage"], ended["usage"])

    def test_the_node_tells_its_isolation_and_sums_its_use(self):
        ready = self.client.get("/readyz").json
        self.assertEqual(ready["isolation"]["level"], "none")
        self.assertIn("namespaces", ready["isolation"]["missing"])
        self.assertEqual(self.client.get("/v1/supervisor").json["isolation"], ready["isolation"])
        self.client.execute("sum(range(3_000_000))")
        self.limits("default")
        metrics = self.client.get("/metrics").body.decode()
        value = {line.split()[0]: float(line.split()[1]) for line in metrics.splitlines()
                 if line.startswith("troupe_sandboxes_")}
        self.assertGreater(value["troupe_sandboxes_memory_bytes"], 10 * MIB)
        self.assertGreater(value["troupe_sandboxes_processes"], 3)
        self.assertGreater(value["troupe_sandboxes_cpu_seconds_total"], 0)
        self.assertIn("troupe_sandboxes_memory_peak_bytes", value)
        self.assertIn("troupe_sandboxes_disk_bytes", value)
        self.assertIn("troupe_limit_hits_total", metrics)


class AtEachLevel(Watched, Case):
    """Too much memory, at every level that this machine offers."""

    def serve(self, level):
        self.daemon = own_daemon(self, "--limits.watch_ms", "200", "--isolation.level", level)
        self.client = self.daemon.client

    def new_sandbox(self, **limits):
        answer = self.client.post("/v1/sandboxes", {"limits": limits})
        self.assertEqual(answer.status, 201, answer)
        return answer.json["id"]

    def too_much_memory(self, level):
        self.serve(level)
        mine, neighbour = self.new_sandbox(memory_bytes=200_000_000), self.new_sandbox()
        self.client.execute("kept = 7", neighbour)
        # Children each have less than the limit, which only their sum exceeds.
        code = ("import subprocess, time\np = [subprocess.Popen(['/usr/bin/python3', '-c', "
                "'x = bytearray(b\"1\") * 90_000_000; import time; time.sleep(60)'])"
                " for _ in range(4)]\ntime.sleep(30)")
        r = self.client.execute(code, mine, timeout_s=40)
        self.assertEqual((r["status"], r["state_preserved"]), ("memory_limit", False), r)
        self.assertEqual(r["cause"]["limit"], "memory_bytes=200000000")
        self.assertIn("of 200000000 bytes", r["cause"]["detail"])
        hit = self.told(mine, "memory_bytes")[0]
        self.assertEqual((hit["of"], hit["action"]), (200_000_000, "killed"))
        self.assertGreater(hit["measure"], 150_000_000)
        self.assertEqual(self.client.execute("kept", neighbour)["text"].strip(), "7")
        self.assertEqual(self.hits(neighbour, "memory_bytes"), [])
        self.assertEqual(self.limits(mine)["memory_bytes"]["held_by"], "watch")
        self.assertEqual(self.client.execute("1+1", mine)["text"].strip(), "2")

    @limit(120)
    def test_at_none_memory_is_watched(self):
        self.too_much_memory("none")

    @unittest.skipUnless("process" in LEVELS, "not offered here")
    @limit(120)
    def test_at_process_memory_is_watched(self):
        self.too_much_memory("process")

    @unittest.skipUnless("namespaces" in LEVELS, "not offered here")
    @limit(120)
    def test_at_namespaces_memory_is_watched(self):
        self.too_much_memory("namespaces")


@unittest.skipUnless(LEVEL == "full", "there are no control groups")
class Grouped(Watched, DaemonCase):
    """Where control groups hold the limits."""

    flags = ("--limits.watch_ms", "200", "--isolation.level", "full")

    @limit(90)
    def test_of_two_kernels_one_is_killed_and_it_is_told_once(self):
        mine, neighbour = self.own_sandbox(), self.own_sandbox()
        self.own_kernel(mine, "other")
        self.client.execute("kept = 7", mine, kernel_id="other")
        self.client.execute("kept = 8", neighbour)
        r = self.client.execute("x = bytearray(b'1') * (2 << 30)", mine)
        self.assertEqual((r["status"], r["state_preserved"]), ("memory_limit", False), r)
        self.assertEqual(r["cause"]["limit"], "memory_bytes=500000000")
        self.assertIn("of 500000000 bytes", r["cause"]["detail"])
        hits = self.told(mine, "memory_bytes")
        self.assertEqual((len(hits), hits[0]["times"], hits[0]["action"]), (1, 1, "killed"))
        self.assertEqual(hits[0]["of"], 500_000_000)
        self.assertEqual(self.client.execute("kept", mine, kernel_id="other")["text"].strip(), "7")
        self.assertEqual(self.client.execute("kept", neighbour)["text"].strip(), "8")
        self.assertEqual(self.limits(mine)["memory_bytes"]["last_refusal"]["action"], "killed")
        self.assertEqual(len(self.hits(mine, "memory_bytes")), 1)

    @limit(90)
    def test_a_kernel_that_kills_itself_is_no_memory_kill(self):
        mine = self.own_sandbox()
        child = ("import subprocess\nsubprocess.run(['/usr/bin/python3', '-c', "
                 "'x = bytearray(b\"1\") * (2 << 30)']).returncode")
        r = self.client.execute(child, mine)
        self.assertEqual(r["text"].strip(), "-9", r)  # only the child was killed
        self.told(mine, "memory_bytes")
        later = time.monotonic() + 3  # then the child's kill can be claimed by nobody
        wait_until(lambda: self.limits(mine) and time.monotonic() > later, 10, "looks")
        r = self.client.execute("import os; os.kill(os.getpid(), 9)", mine)
        self.assertEqual((r["status"], r["cause"]["kind"]), ("kernel_died", "signal"), r)

    @limit(90)
    def test_a_fork_bomb_is_told_once_for_both_kernels(self):
        mine = self.own_sandbox(limits={"processes": 64})
        self.own_kernel(mine, "other")
        code = ("import os, time\ntry:\n    while True:\n        if os.fork() == 0:\n"
                "            time.sleep(600)\nexcept BlockingIOError:\n    print('refused')")
        self.assertEqual(self.client.execute(code, mine)["text"], "refused\n")
        hits = self.told(mine, "processes")
        self.assertEqual((hits[0]["measure"], hits[0]["of"], hits[0]["action"]),
                         (64, 64, "refused"))
        self.assertEqual(sum(h["times"] for h in self.hits(mine, "processes")), 1)
        row = self.limits(mine)["processes"]
        self.assertEqual((row["remaining"], row["held_by"]), (0, "control_group"))

    @limit(90)
    def test_limits_of_a_live_sandbox_go_up_and_down_at_once(self):
        mine = self.own_sandbox(limits={"memory_bytes": 200_000_000, "processes": 64})
        hold = "x = bytearray(b'1') * 300_000_000"
        self.assertEqual(self.client.execute(hold, mine)["status"], "memory_limit")
        answer = self.change(mine, memory_bytes=600_000_000)
        self.assertEqual(answer.json["memory_bytes"]["limit"], 600_000_000)
        self.assertEqual(self.client.execute(hold, mine)["status"], "ok")
        self.assertGreater(self.limits(mine)["memory_bytes"]["used"], 300_000_000)
        p = self.check_problem(self.change(mine, memory_bytes=200_000_000), 409, "wrong_state")
        self.assertIn("200000000", p["detail"])
        self.client.execute("del x", mine)
        self.assertEqual(self.change(mine, memory_bytes=250_000_000).status, 200)
        self.assertEqual(self.client.execute(hold, mine)["status"], "memory_limit")

    def test_processor_time_is_held_and_counted(self):
        mine = self.own_sandbox()
        self.change(mine, cpus=0.2)
        r = self.client.execute("import time\nt, c = time.time(), time.process_time()\n"
                                "while time.time() < t + 2: pass\nprint(time.process_time() - c)",
                                mine)
        self.assertLess(float(r["text"]), 0.8)
        self.assertGreater(float(r["text"]), 0.1)
        row = self.limits(mine)["cpus"]
        self.assertEqual((row["limit"], row["held_by"]), (0.2, "control_group"))

    def test_an_execution_is_told_the_time_of_what_it_started(self):
        mine = self.own_sandbox()
        burn = ("import subprocess\nsubprocess.run(['/usr/bin/python3', '-c', '"
                "import time\\nwhile time.process_time() < 0.5: pass'])")
        self.assertGreater(self.client.execute(burn, mine)["usage"]["cpu_ms"], 450)
        self.own_kernel(mine, "other")  # now the group's time may be another's
        self.assertLess(self.client.execute(burn, mine)["usage"]["cpu_ms"], 450)

    def test_temporary_space_is_shown(self):
        mine = self.own_sandbox()
        self.client.execute("open('/tmp/f', 'wb').write(b'x' * (5 << 20))", mine)
        row = self.limits(mine)["tmp_bytes"]
        self.assertGreaterEqual(row["used"], 5 * MIB)
        self.assertEqual(row["held_by"], "mount")
