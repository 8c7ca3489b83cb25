"""Control groups: what is made for a sandbox, where the daemon puts it, and that nothing stays."""
import os
import subprocess
import unittest
import uuid

from harness import LEVEL, ORDINARY, Daemon, Case, DaemonCase, limit, ordinary_daemon, sleepers
from waiting import wait_until

MOUNT = "/sys/fs/cgroup"
VERSION_2 = os.path.exists(MOUNT + "/cgroup.controllers")


def read(*path):
    with open(os.path.join(*path), encoding="ascii") as f:
        return f.read().strip()


def write(text, *path):
    with open(os.path.join(*path), "w", encoding="ascii") as f:
        f.write(text)


def groups_of(sandbox, below=MOUNT):
    """The folders of a sandbox's groups: one, or in version 1 one for each controller."""
    return [os.path.join(folder, name) for folder, names, _ in os.walk(below) for name in names
            if name == "box-" + sandbox]


@unittest.skipUnless(LEVEL == "full", "there are no control groups")
class Groups(DaemonCase):
    flags = ("--isolation.level", "full")

    @limit(120)
    def test_a_deleted_sandbox_leaves_no_group_and_no_process(self):
        mine = self.client.post("/v1/sandboxes", {"limits": {
            "memory_bytes": 300_000_000, "processes": 77, "cpus": 0.5}}).json["id"]
        nap = str(4_000_000 + os.getpid())
        self.client.execute(f"import subprocess\nsubprocess.Popen(['sleep', '{nap}'], "
                            "start_new_session=True)", mine)
        wait_until(lambda: sleepers(nap), 20, "it sleeps")
        found = groups_of(mine)
        self.assertEqual(len(set(found)), len(found))
        pids = [g for g in found if os.path.exists(g + "/pids.max")][0]
        memory = [g for g in found if os.path.exists(g + "/memory.stat")][0]
        name = "/memory.max" if VERSION_2 else "/memory.limit_in_bytes"
        self.assertEqual(int(read(memory + name)) // 4096, 300_000_000 // 4096)
        self.assertEqual(read(pids + "/pids.max"), "77")
        self.assertIn(str(sleepers(nap)[0]), read(pids + "/cgroup.procs").split())
        if VERSION_2:
            self.assertEqual(read(found[0], "cpu.max"), "50000 100000")
            self.assertEqual(read(found[0], "memory.oom.group"), "0")
        self.assertEqual(self.client.delete(f"/v1/sandboxes/{mine}").status, 204)
        wait_until(lambda: not groups_of(mine), 20, "the groups are gone")
        self.assertEqual(sleepers(nap), [])


@unittest.skipUnless(VERSION_2 and os.geteuid() == 0, "needs control groups of version 2, and root")
class Places(Case):
    """Where a daemon finds its place in a tree of version 2."""

    limit_s = 120

    def setUp(self):
        write("+memory +pids +cpu", MOUNT, "cgroup.subtree_control")
        self.node = f"{MOUNT}/tsys-{uuid.uuid4().hex[:8]}"
        os.mkdir(self.node)
        self.addCleanup(os.rmdir, self.node)

    def serve(self, daemon):
        """Starts it in the node; gives it with its client."""
        daemon.prefix = ["sh", "-c", f'echo 0 > {self.node}/cgroup.procs && exec "$@"', "sh",
                         *daemon.prefix]
        self.addCleanup(lambda: self.assertEqual(daemon.close(), []))
        return daemon.start()

    def level(self, daemon):
        return daemon.client.get("/readyz").json["isolation"]["level"]

    def test_the_daemon_steps_into_a_leaf_and_back(self):
        daemon = self.serve(Daemon())
        for _ in range(2):  # the node is as it was, so another can be started there
            self.assertEqual(self.level(daemon), "full")
            own = self.node[len(MOUNT):] + "/daemon"
            self.assertEqual(read(f"/proc/{daemon.pid}/cgroup"), "0::" + own)
            self.assertEqual(len(groups_of("default", self.node)), 1)
            self.assertEqual(daemon.client.execute("6 * 7")["text"].strip(), "42")
            daemon.stop()
            self.assertEqual([e.name for e in os.scandir(self.node) if e.is_dir()], [])
            self.assertEqual(read(self.node, "cgroup.subtree_control"), "")
            daemon.start()

    def test_where_others_are_in_the_node_groups_are_made_beside_it(self):
        other = subprocess.Popen(["sh", "-c", f"echo 0 > {self.node}/cgroup.procs && cat"],
                                 stdin=subprocess.PIPE)
        self.addCleanup(other.wait, 10)
        self.addCleanup(other.stdin.close)
        wait_until(lambda: str(other.pid) in read(self.node, "cgroup.procs").split(), 10, "it is")
        daemon = self.serve(Daemon())
        self.assertEqual(self.level(daemon), "full")
        self.assertEqual(read(f"/proc/{daemon.pid}/cgroup"), "0::" + self.node[len(MOUNT):])
        self.assertEqual(groups_of("default", self.node), [])
        self.assertEqual(len(groups_of("default")), 1)

    def test_a_user_to_whom_the_node_was_given_has_control_groups(self):
        for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(os.path.join(self.node, name), ORDINARY, ORDINARY)
        daemon = self.serve(ordinary_daemon())
        self.assertEqual(self.level(daemon), "full")
        self.assertEqual(daemon.client.execute("6 * 7")["text"].strip(), "42")

    def test_a_user_to_whom_it_was_not_has_none_and_is_told_why(self):
        daemon = self.serve(ordinary_daemon())
        self.assertEqual(self.level(daemon), "namespaces")
        told = daemon.client.get("/readyz").json["isolation"]["missing"]
        self.assertIn("cgroup", told)
