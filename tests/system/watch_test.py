"""Changes in a folder of a workspace, followed as they happen."""
import os
import urllib.parse

from files_test import FilesCase
from harness import run_threads
from waiting import wait_until

SSE = "text/event-stream"


def said(event):
    return event["type"], event["path"]


class Watches(FilesCase):
    flags = ("--http.keepalive_ms", "1000")

    def watch(self, path="", accept="application/x-ndjson", headers=None, **query):
        target = f"{self.base}/fs/watch?" + urllib.parse.urlencode({"path": path, **query})
        stream = self.client.stream(target, accept=accept, headers=headers, timeout=20)
        self.addCleanup(stream.close)
        return stream

    def upto(self, stream, *last):
        """The events through the last of those that are waited for, in any order."""
        left = set(last)

        def over(event):
            left.discard(said(event))
            return not left
        return stream.until(over)

    def run_code(self, code):
        r = self.client.execute(code, self.sandbox)
        self.assertEqual(r["status"], "ok", r)

    def instances(self):
        """Of inotify, that the daemon has open."""
        folder = f"/proc/{self.daemon.pid}/fd"
        return sum("inotify" in os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder))

    def test_what_clients_and_code_change_is_told(self):
        stream = self.watch()
        self.put("output/f", b"1")
        first = self.upto(stream, ("created", "output/f"))[-1]
        self.assertEqual((first["n"], first["kind"]), (1, "file"))
        self.assertEqual(set(first), {"n", "type", "path", "kind", "time", "cursor"})
        self.put("output/f", b"2")
        self.upto(stream, ("modified", "output/f"))
        self.fs("append", path="output/f", text="3")
        self.upto(stream, ("modified", "output/f"))
        self.fs("move", **{"from": "output/f", "to": "output/g"})
        moved = self.upto(stream, ("moved", "output/g"))[-1]
        self.assertEqual((moved["from"], moved["kind"]), ("output/f", "file"))
        self.assertEqual(self.get("output/g", "DELETE").status, 204)
        self.upto(stream, ("removed", "output/g"))
        self.run_code("open('output/k', 'w').write('1')")
        self.upto(stream, ("created", "output/k"))
        self.run_code("open('output/k', 'a').write('2')")
        self.upto(stream, ("modified", "output/k"))
        self.run_code("import os; os.rename('output/k', 'output/l'); os.symlink('l', 'output/m')")
        seen = self.upto(stream, ("moved", "output/l"), ("created", "output/m"))
        self.assertEqual(seen[-1]["kind"], "link")
        self.run_code("os.remove('output/l')")
        self.upto(stream, ("removed", "output/l"))

    def test_folders_that_are_made_quickly_are_watched_too(self):
        stream = self.watch("output")
        self.run_code("import os\nos.system('mkdir -p output/a/b/c; touch output/a/b/c/f')")
        made = [("created", "output/" + p) for p in ("a", "a/b", "a/b/c", "a/b/c/f")]
        self.upto(stream, *made)
        self.put("output/a/b/c/g", b"1")
        self.upto(stream, ("created", "output/a/b/c/g"))
        self.run_code("os.system('mv output/a output/z; echo 1 > output/z/b/c/f')")
        self.upto(stream, ("moved", "output/z"), ("modified", "output/z/b/c/f"))
        self.fs("remove", path="output/z", recursive=True)
        self.upto(stream, ("removed", "output/z/b/c/f"), ("removed", "output/z"))

    def test_one_folder_alone(self):
        self.put("output/d/f", b"1")
        stream = self.watch("output", recursive="false")
        self.put("output/d/f", b"2")
        self.put("output/last", b"1")
        self.assertEqual([said(e) for e in self.upto(stream, ("created", "output/last"))],
                         [("created", "output/last")])

    def test_a_client_that_comes_back_loses_nothing(self):
        stream = self.watch("output", accept=SSE)
        begun = stream.headers["Troupe-Cursor"]
        self.put("output/a", b"1")
        seen = self.upto(stream, ("created", "output/a"))[-1]
        self.assertEqual((stream.sse_ids, stream.sse_types), ([seen["cursor"]], ["created"]))
        stream.close()
        for i in range(20):
            self.put(f"output/{i}", b"1")
        wanted = {("created", f"output/{i}") for i in range(20)}
        again = self.watch("output", accept=SSE, headers={"Last-Event-ID": seen["cursor"]})
        missed = self.upto(again, *wanted)
        self.assertEqual([e["n"] for e in missed], list(range(2, 22)))
        self.assertEqual([e["cursor"] for e in missed], again.sse_ids)
        replayed = self.watch("output", **{"from": begun})
        self.upto(replayed, ("created", "output/a"), *wanted)

    def test_a_cursor_that_is_not_known_is_an_overflow(self):
        stream = self.watch("output", **{"from": "1-5"})
        first = next(iter(stream))
        self.assertEqual((said(first), first["reason"]), (("overflow", "output"), "cursor"))
        self.assertEqual(first["n"], 0)
        self.put("output/f", b"1")
        self.assertEqual(self.upto(stream, ("created", "output/f"))[0]["n"], 1)

    def test_readers_share_what_they_see(self):
        streams = [self.watch("output"), self.watch("output"), self.watch("")]
        self.put("output/f", b"1")
        seen = run_threads([lambda s=s: self.upto(s, ("created", "output/f"))[-1]
                            for s in streams], 20)
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0]["cursor"], seen[2]["cursor"])

    def test_what_is_refused(self):
        def refused(query, status, code=None, **headers):
            answer = self.client.get(f"{self.base}/fs/watch?{query}", headers=headers)
            self.check_problem(answer, status, code)
        self.run_code("import os; os.symlink('/', 'output/out'); os.symlink('output', 'in')")
        refused("path=..", 403, "path_escapes")
        refused("path=/etc", 403, "path_escapes")
        refused("path=output/out", 403, "path_escapes")
        refused("path=output/out/etc", 403, "path_escapes")
        refused("path=in", 403, "path_escapes")
        refused("path=none", 404, "file_not_found")
        refused("recursive=maybe", 422, "invalid_field")
        refused("from=x", 422, "invalid_field")
        refused("path=", 406, "not_acceptable", Accept="application/json")
        missing = self.client.get("/v1/sandboxes/none/fs/watch")
        self.check_problem(missing, 404, "sandbox_not_found")

    def test_a_link_that_leads_out_is_not_followed(self):
        outside = os.path.join(self.daemon.folder, "outside")
        os.makedirs(outside, exist_ok=True)
        stream = self.watch()
        os.symlink(outside, self.inside("output/out"))
        self.assertEqual(self.upto(stream, ("created", "output/out"))[-1]["kind"], "link")
        with open(os.path.join(outside, "unheard"), "w", encoding="ascii"):
            pass
        self.put("output/last", b"1")
        seen = self.upto(stream, ("created", "output/last"))
        self.assertEqual([e for e in seen if "unheard" in e["path"]], [])

    def test_the_end_of_the_sandbox_ends_the_stream_and_leaves_nothing_open(self):
        before = self.instances()
        streams = [self.watch(), self.watch("output"), self.watch("output")]
        self.assertEqual(self.instances(), before + 2)
        self.assertEqual(self.client.delete(self.base).status // 100, 2)
        ends = run_threads([s.rest for s in streams], 20)
        self.assertEqual([said(end[-1]) for end in ends],
                         [("removed", ""), ("removed", "output"), ("removed", "output")])
        wait_until(lambda: self.instances() == before, 10, "the watches are closed")
