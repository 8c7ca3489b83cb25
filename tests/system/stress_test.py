"""Many clients, many kernels, and kernels killed at random: every execution still ends, once."""
import os
import random
import signal
import threading
import time

from harness import STATUSES, Case, limit, own_daemon, run_threads
from waiting import wait_until


class Random(Case):
    @limit(180)
    def test_every_execution_ends_once_while_kernels_are_killed_at_random(self):
        seed = int(os.environ.get("TROUPE_SEED", random.randrange(1 << 31)))
        print(f"     seed={seed}")
        rng = random.Random(seed)
        daemon = own_daemon(self)
        client = daemon.client
        names = ["main"] + [f"k{i}" for i in range(1, 8)]
        for name in names[1:]:
            answer = client.post("/v1/sandboxes/default/kernels", {"id": name})
            self.assertEqual(answer.status, 201, answer)
        for name in names:
            client.wait_idle(kernel=name, timeout_s=60)
        jobs = [self.job(rng, rng.choice(names)) for _ in range(50)]
        done, over = [], threading.Event()
        lock = threading.Lock()

        def worker():
            while True:
                with lock:
                    if not jobs:
                        return
                    job = jobs.pop()
                done.append((job, self.run_one(client, job)))

        def killer():
            kills = 0
            while not over.wait(rng.uniform(0.1, 0.5)) and kills < 40:
                k = client.kernel(kernel=rng.choice(names))
                if k["state"] in ("idle", "busy") and k["pid"]:
                    try:
                        os.kill(k["pid"], signal.SIGKILL)
                        kills += 1
                    except ProcessLookupError:
                        pass
            return kills
        result = []
        hunter = threading.Thread(target=lambda: result.append(killer()), daemon=True)
        hunter.start()
        try:
            run_threads([worker] * 16, 150)
        finally:
            over.set()
            hunter.join(10)
        self.judge(client, done)
        print(f"     {result[0]} kills; statuses:",
              {s: sum(1 for _, e in done if e[-1]['data']['status'] == s) for s in STATUSES
               if any(e[-1]["data"]["status"] == s for _, e in done)})
        for name in names:
            self.assertEqual(client.execute("1+1", kernel_id=name)["text"].strip(), "2")

    @staticmethod
    def job(rng, kernel):
        code = rng.choice(["1+1", "import time; time.sleep({t}); print('slept')",
                           "import time\nfor i in range(20): print(i, flush=True); "
                           "time.sleep({t} / 20)", "1/0",
                           "end = __import__('time').time() + {t}\n"
                           "while __import__('time').time() < end: pass",
                           "print('z' * 500000)"]).replace("{t}", f"{rng.uniform(0.2, 1.5):.2f}")
        return {"code": code, "kernel_id": kernel, "timeout_s": 20}

    @staticmethod
    def run_one(client, job):
        """Follows one execution to its end; comes back by replay if the connection breaks."""
        s = client.stream("/v1/sandboxes/default/executions", job, timeout=60)
        return s.rest()

    def judge(self, client, done):
        self.assertEqual(len(done), 50)
        for job, events in done:
            ended = self.check_events(events)
            self.assertIn(ended["status"], ("ok", "error", "kernel_died"), (job, ended))
            if ended["status"] == "kernel_died":
                self.assertEqual(ended["cause"]["signal"], "SIGKILL", ended)
                self.assertFalse(ended["state_preserved"])
            self.assertLessEqual(len({e["generation"] for e in events if e["generation"]}), 1)
            self.assertEqual(client.replay(events[0]["execution_id"]), events)

    @limit(120)
    def test_sixteen_clients_on_eight_kernels_all_get_their_own_answer(self):
        daemon = own_daemon(self)
        client = daemon.client
        names = ["main"] + [f"k{i}" for i in range(1, 8)]
        for name in names[1:]:
            client.post("/v1/sandboxes/default/kernels", {"id": name})

        def one(me):
            c = client.connection()
            for i in range(25):
                r = client.request("POST", "/v1/sandboxes/default/executions",
                                   {"code": f"{me} * 1000 + {i}", "kernel_id": names[me % 8]},
                                   connection=c)
                self.assertEqual(r.status, 200, r)
                self.assertEqual(r.json["text"].strip(), str(me * 1000 + i))
            c.close()
        began = time.monotonic()
        run_threads([lambda m=m: one(m) for m in range(16)], 100)
        print(f"     {16 * 25 / (time.monotonic() - began):.0f} executions/s")

    @limit(90)
    def test_sandboxes_made_and_deleted_in_a_hurry_leave_nothing(self):
        daemon = own_daemon(self)
        client = daemon.client
        before = set(daemon.processes())  # the kernel of `default` with what watches over it

        def one(me):
            for i in range(3):
                sandbox = client.post("/v1/sandboxes", {}).json["id"]
                answer = client.begin("import time; time.sleep(30)", sandbox)
                if (me + i) % 2:
                    wait_until(lambda: client.get(
                        f"/v1/executions/{answer.json['id']}").json["state"] == "running", 40)
                deleted = client.delete(f"/v1/sandboxes/{sandbox}")
                self.assertIn(deleted.status, (200, 202, 204), deleted)
                self.check_events(client.replay(answer.json["id"]))
        run_threads([lambda m=m: one(m) for m in range(4)], 80)
        wait_until(lambda: set(daemon.processes()) <= before, 10,
                   "only the kernel of `default` is left")
        self.assertEqual(len(client.listed("/v1/sandboxes")), 1)
