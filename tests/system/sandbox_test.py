"""Sandboxes, kernels, turns and the routes that speak of them; the supervision tree."""
import json
import os
import signal
import time

from harness import DaemonCase, limit, own_daemon
from waiting import wait_until


class Sandboxes(DaemonCase):
    def test_the_default_sandbox_is_there_from_the_start(self):
        s = self.client.get("/v1/sandboxes/default").json
        self.assertEqual((s["id"], s["mode"], s["state"]), ("default", "agent", "ready"))
        self.assertEqual(s["kernels"], ["main"])
        for key in ("cause", "created_at", "expires_at", "limits", "labels", "workspace"):
            self.assertIn(key, s)
        self.assertTrue(os.path.isdir(s["workspace"]))
        self.assertIn("default", [x["id"] for x in self.client.listed("/v1/sandboxes")])

    def test_create_list_get_delete(self):
        answer = self.client.post("/v1/sandboxes", {"id": "mine", "labels": {"team": "α"}})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.headers["Location"], "/v1/sandboxes/mine")
        s = answer.json
        self.assertEqual((s["id"], s["labels"]), ("mine", {"team": "α"}))
        self.check_problem(self.client.post("/v1/sandboxes", {"id": "mine"}), 409,
                           "already_exists")
        self.assertIn("mine", [x["id"] for x in self.client.listed("/v1/sandboxes")])
        self.assertEqual(self.client.get("/v1/sandboxes/mine").json["id"], "mine")
        self.assertEqual(self.client.execute("1+1", "mine")["text"].strip(), "2")
        pid = self.client.kernel("mine")["pid"]
        running = self.client.follow("import time; time.sleep(60)", "mine")
        running.until("execute_input")
        deleted = self.client.delete("/v1/sandboxes/mine")
        self.assertIn(deleted.status, (200, 202, 204), deleted)
        ended = running.rest()[-1]
        self.assertEqual((ended["type"], ended["data"]["status"]), ("ended", "cancelled"))
        wait_until(lambda: self.client.get("/v1/sandboxes/mine").status == 404, 10, "it is gone")
        wait_until(lambda: not os.path.exists(s["workspace"]), 5, "its workspace is gone")
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "its kernel is gone")
        self.check_problem(self.client.delete("/v1/sandboxes/mine"), 404, "sandbox_not_found")

    def test_an_id_is_made_up_when_none_is_given(self):
        made = [self.own_sandbox() for _ in range(2)]
        self.assertEqual(len(set(made)), 2)
        self.assertTrue(all(x.startswith("sbx_") for x in made))

    def test_a_deleted_id_is_free_at_once(self):
        for _ in range(20):
            made = self.client.post("/v1/sandboxes", {"id": "again"})
            self.assertEqual(made.status, 201, made)
            self.assertEqual(self.client.delete("/v1/sandboxes/again").status, 204)

    def test_ids_that_are_no_ids_are_refused(self):
        for wrong in ("", "..", "a/b", "a b", "ä", "x" * 300, "a\x00b", ".", "-rf"):
            answer = self.client.post("/v1/sandboxes", {"id": wrong})
            p = self.check_problem(answer, 422, "invalid_field")
            self.assertEqual(p["errors"][0]["pointer"], "/id")

    def test_sandboxes_share_nothing(self):
        a, b = self.own_sandbox(), self.own_sandbox()
        self.client.execute("x = 1; open('output/f', 'w').write('a')", a)
        r = self.client.execute("import os; 'x' in globals(), os.path.exists('output/f')", b)
        self.assertEqual(r["text"].strip(), "(False, False)")

    def test_ttl_ends_a_sandbox(self):
        began = time.monotonic()
        sandbox = self.client.post("/v1/sandboxes", {"ttl_s": 2}).json
        self.assertTrue(sandbox["expires_at"])
        s = self.client.follow("import time; time.sleep(60)", sandbox["id"])
        ended = self.check_events(s.rest())
        self.assertEqual(ended["status"], "cancelled")
        wait_until(lambda: self.client.get(f"/v1/sandboxes/{sandbox['id']}").status == 404, 8)
        self.assertGreaterEqual(time.monotonic() - began, 1.9)
        self.assertEqual(self.client.get(f"/v1/executions/{s.id}").json["status"], "cancelled")

    def test_idleness_ends_a_sandbox_but_work_keeps_it(self):
        sandbox = self.client.post("/v1/sandboxes", {"idle_s": 1}).json["id"]
        r = self.client.execute("import time; time.sleep(3); 'kept'", sandbox)
        self.assertEqual((r["status"], r["text"].strip()), ("ok", "'kept'"))
        wait_until(lambda: self.client.get(f"/v1/sandboxes/{sandbox}").status == 404, 10)

    def test_limits_of_a_sandbox_are_kept_and_checked(self):
        sandbox = self.client.post("/v1/sandboxes", {"limits": {"output_bytes": 100000}})
        self.assertEqual(sandbox.json["limits"]["output_bytes"], 100000)
        s = self.client.follow("print('x' * 1000000)", sandbox.json["id"])
        events = s.rest()
        self.assertLessEqual(len(self.texts(events)), 100000)
        self.assertIn("truncated", [e["type"] for e in events])
        self.client.delete(f"/v1/sandboxes/{sandbox.json['id']}")
        p = self.check_problem(self.client.post("/v1/sandboxes", {"limits": {"memory": 5}}), 422)
        self.assertEqual(p["errors"][0]["pointer"], "/limits/memory")
        self.assertIn("memory_bytes", p["errors"][0]["detail"])


class Turns(DaemonCase):
    def test_a_chat_turn_has_ten_steps_and_the_refusal_says_so(self):
        sandbox = self.own_sandbox(mode="chat")
        turn = self.client.post(f"/v1/sandboxes/{sandbox}/turns", {"text": "hello"})
        self.assertEqual(turn.status, 201, turn)
        self.assertEqual((turn.json["steps_limit"], turn.json["steps_used"]), (10, 0))
        for i in range(10):
            r = self.client.execute(f"{i}", sandbox, turn_id=turn.json["turn_id"])
            self.assertEqual(r["status"], "ok")
        refused = self.client.post(f"/v1/sandboxes/{sandbox}/executions", {"code": "1"})
        p = self.check_problem(refused, 429, "step_limit")
        self.assertIs(p["retryable"], False)
        self.assertIn("10", p["detail"])
        named = {k: v for k, v in p.items() if isinstance(v, int)}
        self.assertTrue(any("used" in k and v == 10 for k, v in named.items()), p)
        self.assertTrue(any(("remain" in k or "left" in k) and v == 0
                            for k, v in named.items()), p)
        again = self.client.post(f"/v1/sandboxes/{sandbox}/turns", {})
        self.assertEqual(again.status, 201)
        self.assertNotEqual(again.json["turn_id"], turn.json["turn_id"])
        self.assertEqual(self.client.execute("1", sandbox)["status"], "ok")

    def test_a_chat_turn_wipes_what_was_not_uploaded(self):
        sandbox = self.own_sandbox(mode="chat")
        workspace = self.client.get(f"/v1/sandboxes/{sandbox}").json["workspace"]
        with open(os.path.join(workspace, "upload", "in.txt"), "w", encoding="ascii") as f:
            f.write("given")
        self.client.post(f"/v1/sandboxes/{sandbox}/turns", {})
        r = self.client.execute("open('output/f', 'w').write(open('upload/in.txt').read())",
                                sandbox)
        self.assertEqual(r["status"], "ok", r)
        self.client.post(f"/v1/sandboxes/{sandbox}/turns", {})
        r = self.client.execute("import os; os.listdir('output'), os.listdir('upload')", sandbox)
        self.assertEqual(r["text"].strip(), "([], ['in.txt'])")

    def test_an_agent_has_unlimited_steps(self):
        turn = self.client.post("/v1/sandboxes/default/turns", {}).json
        self.assertIn(turn["steps_limit"], (None, 0))
        for i in range(15):
            self.assertEqual(self.client.execute(f"{i}")["status"], "ok")

    def test_an_old_turn_is_not_open_any_more(self):
        sandbox = self.own_sandbox()
        old = self.client.post(f"/v1/sandboxes/{sandbox}/turns", {}).json["turn_id"]
        self.client.post(f"/v1/sandboxes/{sandbox}/turns", {})
        answer = self.client.post(f"/v1/sandboxes/{sandbox}/executions",
                                  {"code": "1", "turn_id": old})
        self.check_problem(answer, 404, "turn_not_found")


class Kernels(DaemonCase):
    def test_several_kernels_of_a_sandbox(self):
        path = "/v1/sandboxes/default/kernels"
        answer = self.client.post(path, {"id": "second"})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.headers["Location"], path + "/second")
        self.client.execute("x = 'main'")
        self.client.execute("x = 'second'", kernel_id="second")
        self.assertEqual(self.client.execute("x")["text"].strip(), "'main'")
        self.assertEqual({k["id"] for k in self.client.listed(path)}, {"main", "second"})
        self.assertEqual(set(self.client.get("/v1/sandboxes/default").json["kernels"]),
                         {"main", "second"})
        self.check_problem(self.client.post(path, {"id": "second"}), 409, "already_exists")
        pid = self.client.kernel(kernel="second")["pid"]
        deleted = self.client.delete(path + "/second")
        self.assertIn(deleted.status, (200, 202, 204), deleted)
        wait_until(lambda: self.client.get(path + "/second").status == 404, 5)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "its process is gone")

    def test_a_deleted_id_is_free_at_once(self):
        sandbox = self.own_sandbox()
        for _ in range(5):
            made = self.client.post(f"/v1/sandboxes/{sandbox}/kernels", {"id": "again"})
            self.assertEqual(made.status, 201, made)
            gone = self.client.delete(f"/v1/sandboxes/{sandbox}/kernels/again")
            self.assertEqual(gone.status, 204)

    def test_a_kernel_says_what_it_is(self):
        k = self.client.wait_idle()
        for key in ("id", "sandbox_id", "state", "generation", "restarts", "pid", "spec", "queue",
                    "last_cause", "started_at", "last_activity", "connection_file"):
            self.assertIn(key, k)
        with open(k["connection_file"], encoding="utf-8") as f:
            self.assertEqual(json.load(f)["transport"], "ipc")
        with open(f"/proc/{k['pid']}/cmdline", "rb") as f:
            self.assertIn(b"python", f.read())

    def test_more_kernels_than_allowed_are_refused(self):
        sandbox = self.own_sandbox(limits={"kernels_max": 2})
        path = f"/v1/sandboxes/{sandbox}/kernels"
        self.assertEqual(self.client.post(path, {}).status, 201)
        answer = self.client.post(path, {})
        p = self.check_problem(answer, 429, "kernel_limit")
        self.assertEqual((p["limit"], p["used"], p["remaining"]), (2, 2, 0))

    def test_more_sandboxes_than_allowed_are_refused(self):
        client = own_daemon(self, "--sandbox.max", "1").client
        p = self.check_problem(client.post("/v1/sandboxes", {}), 429, "sandbox_limit")
        self.assertEqual((p["limit"], p["used"], p["remaining"]), (1, 1, 0))


class Reference(DaemonCase):
    """The routes and field names of the control plane that clients already know."""

    def test_what_the_daemon_is(self):
        self.assertEqual(set(self.client.get("/").json), {"service", "version", "status"})

    def test_health_and_status(self):
        for path in ("/health", "/kernel/status"):
            answer = self.client.get(path)
            self.assertEqual(answer.status, 200)
            r = answer.json
            self.assertEqual(set(r), {"success", "kernel_alive", "kernel_pid", "connection_file",
                                      "client_connected"})
            self.assertIs(r["success"], True)
            self.assertIs(r["kernel_alive"], True)
            self.assertIs(r["client_connected"], True)
            self.assertEqual(r["kernel_pid"], self.client.kernel()["pid"])
            self.assertTrue(os.path.exists(r["connection_file"]))

    def test_connection_routes(self):
        r = self.client.get("/kernel/connection").json
        self.assertEqual(set(r), {"success", "connection_file", "connection_info", "kernel_alive",
                                  "kernel_pid"})
        with open(r["connection_file"], encoding="utf-8") as f:
            self.assertEqual(json.load(f)["key"], r["connection_info"]["key"])
        for key in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port", "ip",
                    "transport", "signature_scheme", "key"):
            self.assertIn(key, r["connection_info"])
        r = self.client.get("/kernel/connection-file").json
        self.assertEqual(set(r), {"success", "connection_file", "kernel_alive"})
        self.assertEqual(self.client.get("/kernel/debug").status, 200)

    def test_interrupt_and_reset(self):
        s = self.client.follow("import time; time.sleep(60)")
        s.until("execute_input")
        r = self.client.post("/kernel/interrupt").json
        self.assertEqual(set(r), {"success", "message", "data"})
        self.assertEqual(r["data"], {"kernel_pid": self.client.kernel()["pid"]})
        self.assertEqual(s.rest()[-1]["data"]["status"], "interrupted")
        before = self.client.get("/kernel/status").json
        self.client.execute("gone = 1")
        answer = self.client.post("/kernel/reset")
        self.assertEqual(answer.status, 200, answer)
        r = answer.json
        self.assertEqual(set(r), {"success", "message", "data"})
        self.assertEqual(set(r["data"]), {"old_connection_file", "new_connection_file"})
        self.assertEqual(r["data"]["old_connection_file"], before["connection_file"])
        after = self.client.get("/kernel/status").json
        self.assertEqual(r["data"]["new_connection_file"], after["connection_file"])
        self.assertNotEqual(after["kernel_pid"], before["kernel_pid"])
        self.assertEqual(self.client.execute("'gone' in globals()")["text"].strip(), "False")

    def test_health_is_503_while_the_kernel_is_dead(self):
        before = self.client.wait_idle()
        os.kill(before["pid"], signal.SIGKILL)
        seen = wait_until(lambda: next((a for a in [self.client.get("/health")]
                                        if a.status == 503), None), 3, "503 was seen")
        self.assertIs(seen.json["kernel_alive"], False)
        self.assertEqual(seen.headers["Retry-After"], "1")
        self.client.wait_idle(above=before["generation"])
        self.assertEqual(self.client.get("/health").status, 200)


class Supervisor(DaemonCase):
    def flat(self, node, found):
        if isinstance(node, list):
            for x in node:
                self.flat(x, found)
        elif isinstance(node, dict):
            if "policy" in node and "state" in node:
                found.append(node)
            for x in node.values():
                if isinstance(x, (list, dict)):
                    self.flat(x, found)
        return found

    def tree(self):
        return self.flat(self.client.get("/v1/supervisor").json, [])

    def test_the_tree_shows_every_part_with_its_policy(self):
        entries = self.tree()
        names = " ".join(json.dumps(e.get("path") or e.get("name") or e.get("id"))
                         for e in entries)
        for part in ("journal", "limiter", "cdp", "sandboxes", "default", "main", "workspace",
                     "http"):
            self.assertIn(part, names)
        for e in entries:
            for key in ("state", "generation", "restarts", "last_cause", "policy"):
                self.assertIn(key, e)
            self.assertTrue(any("uptime" in k or "started_at" in k for k in e), e)
            for key in ("max_restarts", "window_ms", "backoff_min_ms", "backoff_max_ms", "jitter",
                        "stable_after_ms", "stop_grace_ms"):
                self.assertIn(key, e["policy"])

    @limit(30)
    def test_a_death_shows_in_the_tree(self):
        def kernel():
            return [e for e in self.tree()
                    if str(e.get("path") or e.get("name")).endswith("main")][0]
        before = kernel()
        k = self.client.wait_idle()
        os.kill(k["pid"], signal.SIGKILL)
        self.client.wait_idle(above=k["generation"])
        after = wait_until(lambda: kernel() if kernel()["restarts"] == before["restarts"] + 1
                           else None, 5, "the restart is counted")
        self.assertEqual(after["last_cause"]["signal"], "SIGKILL")
