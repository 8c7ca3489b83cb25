"""One execution from request to `ended`: its forms, its numbers, its replay, input, cancelling."""
import json
import socket
import time

from harness import Case, DaemonCase, limit, own_daemon, run_threads
from waiting import wait_until

NDJSON, SSE = "application/x-ndjson", "text/event-stream"


class Forms(DaemonCase):
    def test_one_plus_one_waits_and_answers_the_resource(self):
        answer = self.client.post("/v1/sandboxes/default/executions", {"code": "1+1"})
        self.assertEqual(answer.status, 200, answer)
        r = answer.json
        self.assertEqual(answer.headers["Troupe-Execution-Id"], r["id"])
        self.assertTrue(r["id"].startswith("exe_"))
        self.assertEqual((r["sandbox_id"], r["kernel_id"]), ("default", "main"))
        self.assertEqual((r["state"], r["status"], r["cause"]), ("ended", "ok", None))
        self.assertEqual(r["text"].strip(), "2")
        self.assertEqual(r["outputs"][0]["output_type"], "execute_result")
        self.assertEqual(r["outputs"][0]["data"]["text/plain"], "2")
        self.assertEqual(r["outputs"][0]["execution_count"], r["execution_count"])
        self.assertEqual((r["images"], r["error"], r["truncated"]), ([], None, None))
        self.assertTrue(r["state_preserved"])
        self.assertGreater(r["duration_ms"], 0)
        self.assertGreater(r["usage"]["memory_peak_bytes"], 10_000_000)
        for key in ("queued_at", "started_at", "ended_at"):
            self.assertRegex(r[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertGreaterEqual(r["generation"], 1)
        self.assertEqual(self.client.get(f"/v1/executions/{r['id']}").json, r)

    def test_one_plus_one_as_lines_of_json(self):
        s = self.client.follow("print(1+1)")
        self.assertEqual(s.headers.get_content_type(), NDJSON)
        events = s.rest()
        self.assertEqual(self.check_events(events, s.id)["status"], "ok")
        self.assertEqual(self.texts(events), "2\n")
        types = [e["type"] for e in events]
        self.assertIn("execute_input", types)
        self.assertEqual(events[types.index("execute_input")]["data"]["code"], "print(1+1)")
        for e in events:
            self.assertRegex(e["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertGreaterEqual(e["generation"], 1)

    def test_one_plus_one_as_server_sent_events(self):
        s = self.client.follow("1+1", accept=SSE)
        self.assertEqual(s.headers.get_content_type(), SSE)
        events = s.rest()
        self.assertEqual(self.check_events(events, s.id)["status"], "ok")
        self.assertEqual(s.sse_ids, [e["n"] for e in events])
        self.assertEqual(s.sse_types, [e["type"] for e in events])
        result = [e for e in events if e["type"] == "execute_result"]
        self.assertEqual(result[0]["data"]["data"]["text/plain"], "2")

    def test_the_begin_form_answers_at_once_with_a_location(self):
        began = time.monotonic()
        answer = self.client.begin("import time; time.sleep(1); 1+1")
        self.assertLess(time.monotonic() - began, 0.5)
        self.assertEqual(answer.status, 202, answer)
        r = answer.json
        self.assertEqual(answer.headers["Location"], f"/v1/executions/{r['id']}")
        self.assertIn(r["state"], ("queued", "running"))
        self.assertIsNone(r["status"])
        self.assertEqual(self.check_events(self.client.replay(r["id"]))["status"], "ok")

    def test_the_short_form_runs_on_the_default_kernel(self):
        answer = self.client.post("/execute", {"code": "print('short')", "timeout_s": 5})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["text"], "short\n")
        self.assertEqual(answer.json["kernel_id"], "main")

    def test_state_stays_between_executions(self):
        self.assertEqual(self.client.execute("kept = 41")["status"], "ok")
        self.assertEqual(self.client.execute("kept + 1")["text"].strip(), "42")

    def test_an_error_in_the_code_is_a_result(self):
        r = self.client.execute("raise ValueError('no such thing')")
        self.assertEqual((r["status"], r["cause"]), ("error", None))
        self.assertEqual(r["error"]["ename"], "ValueError")
        self.assertEqual(r["error"]["evalue"], "no such thing")
        self.assertTrue(r["error"]["traceback"])
        self.assertEqual(r["outputs"][-1]["output_type"], "error")
        self.assertTrue(r["state_preserved"])
        self.assertNotIn("\x1b", r["text"])

    def test_every_stream_has_the_same_events_as_the_replay(self):
        s = self.client.follow("print('a'); import sys; print('b', file=sys.stderr); 3")
        live = s.rest()
        self.assertEqual(live, self.client.replay(s.id))
        self.assertEqual(live[2:], self.client.replay(s.id, 3))

    def test_user_expressions_and_silent_reach_the_kernel(self):
        r = self.client.execute("x = 20", user_expressions={"double": "x*2"})
        self.assertEqual(r["status"], "ok")
        before = self.client.execute("1")["execution_count"]
        self.assertEqual(self.client.execute("1", silent=True)["status"], "ok")
        after = self.client.execute("1")["execution_count"]
        self.assertEqual(after, before + 1)

    def test_update_display_and_clear_output_are_events(self):
        s = self.client.follow("from IPython.display import display, clear_output\n"
                               "h = display('one', display_id=True)\nh.update('two')\n"
                               "clear_output()")
        types = [e["type"] for e in s]
        for wanted in ("display_data", "update_display_data", "clear_output"):
            self.assertIn(wanted, types)


class Replay(DaemonCase):
    CODE = ("import time\nfor i in range(60):\n    print(i, flush=True)\n    time.sleep(0.02)")

    def test_a_dropped_connection_that_comes_back_misses_nothing(self):
        s = self.client.follow(self.CODE)
        seen = s.until(lambda e: e["type"] == "stream" and "20\n" in e["data"]["text"])
        s.close()
        for _ in range(3):
            again = self.client.stream(f"/v1/executions/{s.id}/events?from={seen[-1]['n'] + 1}")
            for event in again:
                seen.append(event)
                if len(seen) % 17 == 0 and event["type"] != "ended":
                    break
            again.close()
            if seen[-1]["type"] == "ended":
                break
        if seen[-1]["type"] != "ended":
            seen += self.client.replay(s.id, seen[-1]["n"] + 1)
        self.check_events(seen, s.id)
        self.assertEqual(self.texts(seen), "".join(f"{i}\n" for i in range(60)))

    def test_last_event_id_resumes_after_that_number(self):
        s = self.client.follow(self.CODE, accept=SSE)
        first = s.until(lambda e: e["n"] == 5)
        s.close()
        again = self.client.stream(f"/v1/executions/{s.id}/events", accept=SSE,
                                   headers={"Last-Event-ID": "5"})
        rest = again.rest()
        self.assertEqual(rest[0]["n"], 6)
        self.assertEqual(again.sse_ids[0], 6)
        self.check_events(first + rest, s.id)

    def test_many_readers_see_the_same(self):
        s = self.client.follow(self.CODE)
        all_seen = run_threads([lambda: self.client.replay(s.id)] * 8, 30)
        mine = s.rest()
        for seen in all_seen:
            self.assertEqual(seen, mine)

    def test_a_number_beyond_the_end_is_an_empty_stream_or_a_typed_error(self):
        r = self.client.execute("1")
        answer = self.client.get(f"/v1/executions/{r['id']}/events?from={r['last_event'] + 1}",
                                 timeout=5)
        self.assertIn(answer.status, (200, 422), answer)
        if answer.status == 200:
            self.assertEqual(answer.body.strip(), b"")
        for wrong in ("0", "-1", "x", "99999999999999999999"):
            answer = self.client.get(f"/v1/executions/{r['id']}/events?from={wrong}", timeout=5)
            self.assertIn(answer.status, (400, 422), (wrong, answer))
            self.check_problem(answer, answer.status)

    def test_a_client_that_asked_for_it_cancels_by_going_away(self):
        s = self.client.follow("import time; time.sleep(60)", on_disconnect="cancel")
        s.until("execute_input")
        s.close()
        ended = self.client.replay(s.id)[-1]["data"]
        self.assertEqual(ended["status"], "cancelled")

    def test_a_client_that_goes_away_leaves_its_execution_running(self):
        s = self.client.follow("import time; time.sleep(0.7); print('done')")
        s.until("execute_input")
        s.close()
        events = self.client.replay(s.id)
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertEqual(self.texts(events), "done\n")

    @limit(40)
    def test_a_silent_stream_is_kept_alive(self):
        s = self.client.follow("import time; time.sleep(11.5)")
        self.check_events(s.rest())
        self.assertGreaterEqual(s.keepalives, 1)
        s = self.client.follow("import time; time.sleep(11.5)", accept=SSE)
        self.check_events(s.rest())
        self.assertGreaterEqual(s.keepalives, 1)


class Input(DaemonCase):
    def test_input_is_answered_by_post(self):
        s = self.client.follow("name = input('who? '); print('hello', name)", allow_stdin=True)
        seen = s.until("input_request")
        self.assertEqual(seen[-1]["data"]["prompt"], "who? ")
        answer = self.client.post(f"/v1/executions/{s.id}/stdin", {"value": "wörld 🌍"})
        self.assertIn(answer.status, (200, 202), answer)
        events = seen + s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertIn("hello wörld 🌍\n", self.texts(events))

    def test_two_inputs_in_one_execution(self):
        s = self.client.follow("print(int(input('a')) + int(input('b')))", allow_stdin=True)
        seen = []
        for value in ("40", "2"):
            seen += s.until("input_request")
            self.client.post(f"/v1/executions/{s.id}/stdin", {"value": value})
        self.assertIn("42\n", self.texts(seen + s.rest()))

    def test_input_that_was_not_allowed_is_an_error(self):
        r = self.client.execute("input('x')")
        self.assertEqual(r["status"], "error")
        self.assertEqual(r["error"]["ename"], "StdinNotImplementedError")

    def test_an_answer_nobody_asked_for_is_wrong_state(self):
        r = self.client.execute("1")
        answer = self.client.post(f"/v1/executions/{r['id']}/stdin", {"value": "x"})
        self.check_problem(answer, 409, "wrong_state")

    def test_an_execution_that_waits_for_input_can_be_cancelled(self):
        s = self.client.follow("input('x')", allow_stdin=True)
        s.until("input_request")
        self.assertEqual(self.client.delete(f"/v1/executions/{s.id}").status, 202)
        self.assertEqual(s.rest()[-1]["data"]["status"], "cancelled")
        self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")


class Order(DaemonCase):
    def test_a_cell_right_after_an_error_is_never_aborted(self):
        for i in range(50):
            bad = self.client.begin(f"raise RuntimeError({i})").json["id"]
            good = self.client.begin(f"{i} + 1").json["id"]
            events = self.client.replay(good)
            self.assertEqual(self.check_events(events)["status"], "ok", (i, events))
            self.assertEqual(self.client.replay(bad)[-1]["data"]["status"], "error")
        for i in range(50):
            self.assertEqual(self.client.execute("1/0")["status"], "error")
            r = self.client.execute(f"{i}")
            self.assertEqual((r["status"], r["text"].strip()), ("ok", str(i)))

    def test_queued_executions_run_in_the_order_they_came(self):
        sandbox = self.own_sandbox()
        self.client.execute("seen = []", sandbox)
        ids = [self.client.begin(f"seen.append({i})", sandbox).json["id"] for i in range(30)]
        for one in ids:
            self.assertEqual(self.client.replay(one)[-1]["data"]["status"], "ok")
        text = self.client.execute("print(seen)", sandbox)["text"].strip()
        self.assertEqual(text, str(list(range(30))))

    def test_a_full_queue_refuses_with_retry_after(self):
        sandbox = self.own_sandbox()
        s = self.client.follow("import time; time.sleep(60)", sandbox)
        s.until("execute_input")
        taken = []
        for i in range(64):
            answer = self.client.begin(str(i), sandbox)
            self.assertEqual(answer.status, 202, (i, answer))
            taken.append(answer.json["id"])
        refused = self.client.begin("1", sandbox)
        problem = self.check_problem(refused, 429, "queue_full")
        self.assertTrue(problem["retryable"])
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(self.client.kernel(sandbox)["queue"], 64)
        self.assertEqual(self.client.delete(f"/v1/executions/{s.id}").status, 202)
        self.assertEqual(s.rest()[-1]["data"]["status"], "cancelled")
        for one in taken:
            self.assertEqual(self.check_events(self.client.replay(one))["status"], "ok")

    def test_a_running_execution_is_cancelled_and_its_state_kept(self):
        self.client.execute("witness = 7")
        s = self.client.follow("import time\nwhile True: time.sleep(0.01)")
        seen = s.until("execute_input")
        answer = self.client.delete(f"/v1/executions/{s.id}")
        self.assertEqual(answer.status, 202, answer)
        events = seen + s.rest()
        ended = self.check_events(events)
        self.assertEqual((ended["status"], ended["state_preserved"]), ("cancelled", True))
        self.assertEqual(ended["cause"]["kind"], "cancelled")
        self.assertEqual(self.client.delete(f"/v1/executions/{s.id}").status, 200)
        self.assertEqual(self.client.execute("witness")["text"].strip(), "7")

    def test_a_queued_execution_is_cancelled_and_never_runs(self):
        s = self.client.follow("import time; time.sleep(1)")
        s.until("execute_input")
        queued = self.client.begin("ran = True").json["id"]
        self.assertEqual(self.client.get(f"/v1/executions/{queued}").json["state"], "queued")
        self.assertEqual(self.client.delete(f"/v1/executions/{queued}").status, 202)
        events = self.client.replay(queued)
        self.assertEqual(self.check_events(events)["status"], "cancelled")
        self.assertNotIn("execute_input", [e["type"] for e in events])
        s.rest()
        self.assertEqual(self.client.execute("'ran' in globals()")["text"].strip(), "False")

    def test_an_interrupt_ends_what_runs_as_interrupted(self):
        s = self.client.follow("import time; time.sleep(60)")
        s.until("execute_input")
        answer = self.client.post("/v1/sandboxes/default/kernels/main/interrupt")
        self.assertEqual(answer.status, 202, answer)
        ended = self.check_events_of_rest(s)
        self.assertEqual((ended["status"], ended["state_preserved"]), ("interrupted", True))
        self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")

    def test_an_interrupt_of_an_idle_kernel_harms_nothing(self):
        for _ in range(20):
            self.client.post("/v1/sandboxes/default/kernels/main/interrupt")
            self.assertEqual(self.client.execute("1+1")["status"], "ok")

    def check_events_of_rest(self, stream):
        stream.rest()
        return self.check_events(self.client.replay(stream.id))

    def test_a_restart_ends_what_runs_and_waits_for_ready(self):
        sandbox = self.own_sandbox()
        self.client.execute("gone = 1", sandbox)
        s = self.client.follow("import time; time.sleep(60)", sandbox)
        s.until("execute_input")
        queued = self.client.begin("2", sandbox).json["id"]
        before = self.client.kernel(sandbox)["generation"]
        answer = self.client.post(f"/v1/sandboxes/{sandbox}/kernels/main/restart?wait=true")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["generation"], before + 1)
        self.assertEqual(answer.json["state"], "idle")
        for one in (s.id, queued):
            ended = self.check_events(self.client.replay(one))
            self.assertEqual(ended["status"], "cancelled")
        self.assertEqual(self.client.execute("'gone' in globals()", sandbox)["text"].strip(),
                         "False")
        answer = self.client.post(f"/v1/sandboxes/{sandbox}/kernels/main/restart")
        self.assertEqual(answer.status, 202, answer)


class Idempotency(Case):
    @limit(60)
    def test_a_key_stands_for_one_execution_also_after_a_restart(self):
        daemon = own_daemon(self)
        client, key = daemon.client, {"Idempotency-Key": "k-1"}
        path, body = "/v1/sandboxes/default/executions", {"code": "print('once')"}
        first = client.post(path, body, headers=key).json
        self.assertEqual(client.post(path, body, headers=key).json["id"], first["id"])
        other = client.post(path, {"code": "print('twice')"}, headers=key)
        self.check_problem(other, 422, "idempotency_mismatch")
        lines = client.stream(path, body, headers=key).rest()
        self.check_events(lines, first["id"])
        daemon.stop()
        daemon.start()
        again = daemon.client.post(path, body, headers=key)
        self.assertEqual((again.status, again.json["id"]), (200, first["id"]), again)
        self.assertEqual(again.json["text"], "once\n")

    def test_a_key_used_by_many_at_once_runs_the_code_once(self):
        client = own_daemon(self).client
        client.execute("count = 0")
        answers = run_threads([lambda: client.post(
            "/v1/sandboxes/default/executions", {"code": "count += 1; print(count)"},
            headers={"Idempotency-Key": "same"}) for _ in range(12)], 30)
        self.assertEqual({a.status for a in answers}, {200}, answers)
        self.assertEqual(len({a.json["id"] for a in answers}), 1)
        self.assertEqual(client.execute("count")["text"].strip(), "1")


class NodeEvents(DaemonCase):
    def test_the_node_tells_what_happens_numbered_without_gaps(self):
        s = self.client.stream("/v1/events?from=1", accept=SSE)
        before = self.client.kernel()["generation"]
        r = self.client.execute("1+1")
        self.client.post("/v1/sandboxes/default/kernels/main/restart?wait=true")
        seen = s.until(lambda e: e["type"] == "kernel_ready"
                       and e["data"].get("generation") == before + 1)
        s.close()
        self.assertEqual([e["n"] for e in seen], list(range(1, len(seen) + 1)))
        types = [e["type"] for e in seen]
        for wanted in ("sandbox_created", "kernel_started", "kernel_ready", "execution_started",
                       "execution_ended", "kernel_down"):
            self.assertIn(wanted, types)
        ended = [e for e in seen if e["type"] == "execution_ended"]
        self.assertIn(r["id"], json.dumps(ended))
        again = self.client.stream("/v1/events?from=3")
        self.assertEqual(next(iter(again)), seen[2])
        again.close()


class Connections(DaemonCase):
    def test_a_thousand_connections_dropped_in_the_middle_harm_nothing(self):
        body = json.dumps({"code": "1"}).encode()
        head = (f"POST /v1/sandboxes/default/executions HTTP/1.1\r\nHost: {self.client.host}\r\n"
                f"Authorization: Bearer {self.client.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        for i in range(1000):
            with socket.create_connection((self.client.host, self.client.port)) as s:
                s.sendall((head + body)[:(i * 7) % (len(head) + len(body) - 1)])
        def descriptors():
            import os
            return len(os.listdir(f"/proc/{self.daemon.pid}/fd")) < 200
        wait_until(descriptors, 10, "closed connections are given back")
        self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")
