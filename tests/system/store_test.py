"""The store of a workspace: added to from inside and outside, and never changed."""
import os
import unittest

from harness import WALLED, DaemonCase, limit, run_threads
from waiting import wait_until

SEND = """
import json, socket
def send(packet, times=1):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect("\\0troupe-store")
        for _ in range(times):
            s.send(packet)
            answer = json.loads(s.recv(65536))
    return answer
"""


class StoreCase(DaemonCase):
    def setUp(self):
        super().setUp()
        self.sandbox = self.own_sandbox()
        self.base = f"/v1/sandboxes/{self.sandbox}"
        self.folder = os.path.join(self.client.get(self.base).json["workspace"], ".store")

    def run_code(self, code):
        r = self.client.execute(code, self.sandbox)
        self.assertEqual(r["status"], "ok", r)
        return r["text"].strip()

    def command(self, text):
        answer = self.client.post(f"{self.base}/commands", {"command": text})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def kept(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return f.read()


class Records(StoreCase):
    def test_citations(self):
        one = {"url": "https://example.org/", "title": "Ä"}
        made = self.client.post(f"{self.base}/citations", one)
        self.assertEqual((made.status, made.json), (201, one))
        listed = self.client.get(f"{self.base}/citations").json
        self.assertEqual(listed, {"citations": [one], "skipped": 0, "complete": True})
        self.check_problem(self.client.post(f"{self.base}/citations", {"title": "no source"}), 422,
                           "invalid_field")
        self.check_problem(self.client.post(f"{self.base}/citations", b"{"), 400, "malformed_json")
        self.check_problem(self.client.get("/v1/sandboxes/nobody/citations"), 404,
                           "sandbox_not_found")

    def test_todo_as_it_stands(self):
        for record in ({"id": "1", "text": "plot"}, {"id": "2", "text": "send"},
                       {"id": "1", "status": "completed"}):
            self.assertEqual(self.client.post(f"{self.base}/todo", record).status, 201)
        self.assertEqual(self.client.get(f"{self.base}/todo").json["todo"],
                         [{"id": "1", "status": "completed", "text": "plot"},
                          {"id": "2", "status": "pending", "text": "send"}])
        self.assertEqual(self.kept("todo.jsonl").count("\n"), 3)

    def test_no_records_are_an_empty_list(self):
        self.assertEqual(self.client.get(f"{self.base}/todo").json,
                         {"todo": [], "skipped": 0, "complete": True})

    def test_lines_that_are_no_record_cost_nothing(self):
        self.client.post(f"{self.base}/fs/append",
                         {"path": ".store/todo.jsonl", "text": "nonsense\n{\"id\": 1}\n"})
        self.client.post(f"{self.base}/todo", {"id": "1"})
        listed = self.client.get(f"{self.base}/todo").json
        self.assertEqual((len(listed["todo"]), listed["skipped"]), (1, 2))


@WALLED
class Inside(StoreCase):
    def test_a_kernel_adds_by_the_module(self):
        self.run_code("import troupe_store\n"
                      "troupe_store.append('todo.jsonl', {'id': '1', 'text': 'übrig'})\n"
                      "troupe_store.append('notes', 'first')\n"
                      "troupe_store.append('notes', b'second\\n')")
        self.assertEqual(self.kept("notes"), "first\nsecond\n")
        self.assertEqual(self.client.get(f"{self.base}/todo").json["todo"],
                         [{"id": "1", "status": "pending", "text": "übrig"}])
        self.assertEqual(self.run_code("print(open('.store/notes').read())"), "first\nsecond")

    def test_a_command_adds_by_a_command(self):
        r = self.command("troupe-append notes one && printf 'two\\n' | troupe-append notes && "
                         "python3 -c 'import troupe_store; troupe_store.append(\"notes\", \"3\")'")
        self.assertEqual((r["status"], r["stderr"]), ("ok", ""), r)
        self.assertEqual(self.kept("notes"), "one\ntwo\n3\n")
        r = self.command("troupe-append todo.jsonl '{}'; echo $?; troupe-append; echo $?")
        self.assertIn("/id", r["stderr"])
        self.assertEqual(r["stdout"], "1\n2\n")

    def test_what_is_no_record_is_refused_and_says_why(self):
        asked = [b"", b"x", b"../x\0a", b"a/b\0a", b".x\0a", b"x\0", b"x\0" + b"r" * (128 << 10),
                 b"x\0" + b"r" * ((128 << 10) + 1), b"y.jsonl\0[]", b"todo.jsonl\0{}"]
        told = self.run_code(SEND + f"for packet in {asked!r}:\n    try:\n"
                             "        answer = send(packet)\n"
                             "        print(answer['status'], bool(answer.get('detail')))\n"
                             "    except ValueError:\n        print('closed')").splitlines()
        self.assertEqual(told, ["closed"] + ["422 True"] * 5 + ["200 False"] + ["422 True"] * 3)
        self.assertEqual(os.listdir(self.folder), ["x"])

    def test_a_link_in_its_place_is_not_followed(self):
        outside = os.path.join(self.folder, "..", "output", "o")
        with open(outside, "w", encoding="ascii") as f:
            f.write("mine")
        os.symlink("../output/o", os.path.join(self.folder, "log"))
        told = self.run_code(SEND + "print(send(b'log\\0more')['status'])")
        self.assertGreaterEqual(int(told), 400)
        with open(outside, encoding="ascii") as f:
            self.assertEqual(f.read(), "mine")

    def test_the_quota_holds(self):
        limits = f"{self.base}/limits"
        self.client.request("PATCH", limits, {"disk_bytes": 1 << 20})
        made = self.client.request("PUT", f"{self.base}/files/output/most", b"x" * 1_000_000)
        self.assertEqual(made.status, 201, made)
        wait_until(lambda: self.client.get(limits).json["disk_bytes"]["used"] >= 1_000_000, 10)
        told = self.run_code(SEND + "print(send(b'big\\0' + b'r' * 100_000)['status'])")
        self.assertEqual(told, "507")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "big")))

    def test_each_sandbox_has_its_own(self):
        other = self.own_sandbox()
        self.client.execute("import troupe_store; troupe_store.append('whose', 'other')", other)
        self.run_code("import troupe_store; troupe_store.append('whose', 'mine')")
        self.assertEqual(self.kept("whose"), "mine\n")

    @limit(60)
    def test_records_at_once_are_whole_and_none_is_lost(self):
        def add(i):
            def run():
                self.command(f"for n in $(seq 50); do troupe-append log \"$(printf '{i} %.0s' "
                             "$(seq 500))\" >/dev/null; done")
            return run
        run_threads([add(i) for i in range(4)], 50)
        lines = self.kept("log").splitlines()
        self.assertEqual(len(lines), 200)
        self.assertEqual({len(set(line.split())) for line in lines}, {1})
        self.assertEqual({len(line.split()) for line in lines}, {500})

    def test_more_connections_than_it_has_wait(self):
        told = self.run_code(SEND + """
open_ones = []
for i in range(40):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("\\0troupe-store")
    open_ones.append(s)
s.settimeout(1)
s.send(b"log\\0late")
try:
    print(s.recv(1000))
except TimeoutError:
    print("waits")
for each in open_ones[:-1]:
    each.close()
s.settimeout(10)
print(json.loads(s.recv(1000))["status"])
""").splitlines()
        self.assertEqual(told, ["waits", "200"])

    def test_a_flood_that_takes_no_answers_slows_nobody(self):
        begun = self.client.begin(SEND + """
import time
until = time.time() + 3
while time.time() < until:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    try:
        s.connect("\\0troupe-store")
        while True:
            s.send(b"flood\\0r")
    except OSError:
        pass
""", self.sandbox)
        other = self.own_sandbox()
        r = self.client.execute(
            "import troupe_store; print(troupe_store.append('a', 'b')['status'])", other)
        self.assertEqual(r["text"], "200\n")
        events = self.client.replay(begun.json["id"])
        self.assertEqual(events[-1]["data"]["status"], "ok", events[-1])

    def test_nothing_is_left_of_a_sandbox(self):
        before = self.daemon_descriptors()
        for _ in range(5):
            sandbox = self.own_sandbox()
            self.client.execute("import troupe_store; troupe_store.append('a', 'b')", sandbox)
            self.client.delete(f"/v1/sandboxes/{sandbox}")
        self.assertLessEqual(self.daemon_descriptors(), before + 4)

    def daemon_descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))


if __name__ == "__main__":
    unittest.main()
