"""Steps of a turn that are not executions: what a client writes to the files of a workspace."""
from files_test import FilesCase
from harness import run_threads


class Steps(FilesCase):
    """A file write is a step of the turn, as an execution is."""

    def begin(self, steps):
        self.client.request("PATCH", f"{self.base}/limits", {"steps_per_turn": steps})
        self.assertEqual(self.client.post(f"{self.base}/turns", {}).status, 201)

    def used(self):
        return self.client.get(f"{self.base}/limits").json["steps_per_turn"]["used"]

    def test_each_kind_of_write_is_one_and_reads_are_none(self):
        self.begin(20)
        self.put("a", b"one")
        self.fs("append", path="a", text=" two")
        self.fs("edit", path="a", old="two", new="three")
        self.fs("mkdir", 201, path="f")
        self.fs("copy", **{"from": "a", "to": "f/b"})
        self.fs("move", **{"from": "f/b", "to": "c"})
        self.fs("remove", path="c")
        self.get("a", "DELETE")
        self.assertEqual(self.used(), 8)
        self.put("upload/given", b"x")  # the user's, not a tool's
        self.get("upload/given")
        self.client.get(f"{self.base}/fs/list")
        self.fs("glob", pattern="*")
        self.fs("grep", pattern="x")
        self.fs("edit", path="upload/given", old="x", new="y", dry_run=True)
        self.assertEqual(self.used(), 8)

    def test_what_is_refused_otherwise_uses_none(self):
        self.begin(1)
        self.check_problem(self.put("a", b"x", If_Match='"no"'), 412)
        self.fs("remove", 404, path="nothing")
        self.fs("move", 404, **{"from": "nothing", "to": "b"})
        self.assertEqual(self.used(), 0)

    def test_writes_and_executions_share_the_steps_of_a_turn(self):
        self.begin(2)
        self.put("a", b"x")
        self.assertEqual(self.client.execute("1", self.sandbox)["status"], "ok")
        p = self.check_problem(self.put("a", b"y"), 429, "step_limit")
        self.assertEqual((p["limit"], p["used"], p["remaining"]), (2, 2, 0))
        for name, fields in (("append", {"path": "a", "text": "y"}), ("mkdir", {"path": "m"}),
                             ("edit", {"path": "a", "old": "x", "new": "y"}),
                             ("copy", {"from": "a", "to": "b"}), ("remove", {"path": "a"})):
            self.check_problem(self.client.post(f"{self.base}/fs/{name}", fields), 429,
                               "step_limit")
        self.assertEqual(self.get("a").body, b"x")
        row = self.client.get(f"{self.base}/limits").json["steps_per_turn"]
        self.assertEqual(row["last_refusal"]["action"], "refused")
        self.assertEqual(self.client.post(f"{self.base}/turns", {}).status, 201)
        self.assertEqual(self.put("a", b"y").status, 200)

    def test_many_at_once_are_never_more_than_the_limit(self):
        self.begin(5)
        made = run_threads([lambda n=n: self.put(f"n{n}", b"x").status for n in range(16)], 30)
        self.assertEqual(sorted(made), [201] * 5 + [429] * 11)
