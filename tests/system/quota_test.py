"""What the limit of a workspace's files lets clients do: see also limits_test.py, for code."""
import os

from harness import DaemonCase

MIB = 1 << 20


class Quota(DaemonCase):
    def test_an_upload_that_the_limit_of_the_disk_does_not_leave_room_for(self):
        small = self.own_sandbox(limits={"disk_bytes": MIB})
        url = f"/v1/sandboxes/{small}/files/new/f"
        refused = self.client.request("PUT", url, b"x" * (2 * MIB))
        self.assertLessEqual(self.check_problem(refused, 507, "disk_quota")["remaining"], MIB)
        self.assertEqual(self.client.get(f"/v1/sandboxes/{small}/fs/stat?path=new").status, 404)
        self.assertEqual(self.client.request("PUT", url, b"x").status, 201)

    def test_a_full_workspace_takes_nothing_more_until_something_is_removed(self):
        small = self.own_sandbox(limits={"disk_bytes": MIB})
        base = f"/v1/sandboxes/{small}"
        folder = os.path.join(self.client.get(base).json["workspace"], "output")
        self.assertEqual(self.client.request("PUT", f"{base}/files/output/note", b"a").status, 201)
        with open(os.path.join(folder, "large"), "wb") as f:
            f.write(b"x" * (2 * MIB))
        self.assertEqual(self.client.get(f"{base}/limits").json["disk_bytes"]["remaining"], 0)

        def ask(name, **fields):
            return self.client.post(f"{base}/fs/{name}", fields)
        for answer in (self.client.request("PUT", f"{base}/files/empty", b""),
                       ask("append", path="output/log", text="x"), ask("mkdir", path="output/new"),
                       ask("copy", **{"from": "output/large", "to": "output/again"}),
                       ask("edit", path="output/note", old="a", new="ab")):
            self.check_problem(answer, 507, "disk_quota")
        self.assertEqual(sorted(os.listdir(folder)), ["large", "note"])
        self.assertEqual(ask("edit", path="output/note", old="a", new="b").status, 200)
        self.assertEqual(ask("move", **{"from": "output/large", "to": "output/old"}).status, 200)
        self.assertEqual(ask("remove", path="output/old").status, 200)
        self.client.get(f"{base}/limits")
        self.assertEqual(ask("append", path="output/log", text="x").status, 201)
