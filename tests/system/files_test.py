"""The files of a workspace over HTTP: bytes, folders, texts, and what a hostile program tries."""
import contextlib
import os
import socket
import stat
import subprocess
import threading
import time
import unittest
import urllib.parse

from harness import DaemonCase, limit, percentile, rss_bytes, run_threads

MIB = 1 << 20


class FilesCase(DaemonCase):
    def setUp(self):
        super().setUp()
        self.sandbox = self.own_sandbox()
        self.base = f"/v1/sandboxes/{self.sandbox}"
        self.workspace = self.client.get(self.base).json["workspace"]

    def url(self, path):
        return f"{self.base}/files/" + urllib.parse.quote(path)

    def put(self, path, body, **headers):
        return self.client.request("PUT", self.url(path), body,
                                   {k.replace("_", "-"): v for k, v in headers.items()})

    def get(self, path, method="GET", **headers):
        return self.client.request(method, self.url(path), None,
                                   {k.replace("_", "-"): v for k, v in headers.items()})

    def fs(self, name, status=200, **fields):
        answer = self.client.post(f"{self.base}/fs/{name}", fields)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def inside(self, path):
        return os.path.join(self.workspace, path)

    def raw(self, target, method="GET", extra=""):
        """The status of a request whose target is sent as it is."""
        with socket.create_connection((self.client.host, self.client.port), 10) as s:
            s.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                      f"Authorization: Bearer {self.client.token}\r\n{extra}\r\n".encode())
            answer = b""
            while part := s.recv(65536):
                answer += part
        return int(answer.split()[1]), answer


class Bytes(FilesCase):
    def test_what_is_put_is_got_and_is_there_for_code(self):
        made = self.put("output/a folder/ä.bin", b"\0one\xff")
        self.assertEqual(made.status, 201, made)
        self.assertEqual(set(made.json), {"path", "size_bytes", "etag", "modified_at"})
        self.assertEqual(made.json["path"], "output/a folder/ä.bin")
        got = self.get("output/a folder/ä.bin")
        self.assertEqual((got.status, got.body), (200, b"\0one\xff"))
        self.assertEqual(got.headers["ETag"], made.json["etag"])
        self.assertEqual(got.headers["Content-Type"], "application/octet-stream")
        head = self.get("output/a folder/ä.bin", "HEAD")
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]), (200, b"", "5"))
        replaced = self.put("output/a folder/ä.bin", b"two")
        self.assertEqual(replaced.status, 200, replaced)
        self.assertNotEqual(replaced.json["etag"], made.json["etag"])
        code = "p = 'output/a folder/ä.bin'; print(open(p).read()); open(p, 'a').write('!')"
        r = self.client.execute(code, self.sandbox)
        self.assertEqual(r["text"].splitlines()[0], "two", r)
        self.assertEqual(self.get("output/a folder/ä.bin").body, b"two!")
        self.assertEqual(self.get("output/a folder/ä.bin", "DELETE").status, 204)
        self.check_problem(self.get("output/a folder/ä.bin"), 404, "file_not_found")

    def test_an_empty_file_and_one_in_chunks(self):
        self.assertEqual(self.put("empty", b"").status, 201)
        self.assertEqual(self.get("empty").body, b"")
        c = self.client.connection()
        c.request("PUT", self.url("chunked"), iter([b"a" * 70_000, b"b" * 70_000]),
                  self.client.headers(None, {}), encode_chunked=True)
        self.assertEqual(c.getresponse().status, 201)
        c.close()
        self.assertEqual(self.get("chunked").body, b"a" * 70_000 + b"b" * 70_000)

    def test_ranges(self):
        self.put("f", b"0123456789")
        for header, status, body in (("bytes=0-3", 206, b"0123"), ("bytes=7-", 206, b"789"),
                                     ("bytes=-2", 206, b"89"), ("bytes=0-1,4-5", 200, None),
                                     ("nonsense", 200, None)):
            got = self.get("f", Range=header)
            self.assertEqual((got.status, got.body), (status, body or b"0123456789"), header)
        self.assertEqual(self.get("f", Range="bytes=7-").headers["Content-Range"], "bytes 7-9/10")
        beyond = self.get("f", Range="bytes=10-")
        self.check_problem(beyond, 416, "range_not_satisfiable")
        self.assertEqual(beyond.headers["Content-Range"], "bytes */10")
        etag = self.get("f").headers["ETag"]
        self.assertEqual(self.get("f", Range="bytes=0-0", If_Range=etag).status, 206)
        self.assertEqual(self.get("f", Range="bytes=0-0", If_Range='"old"').status, 200)

    def test_a_head_knows_no_ranges(self):
        self.put("f", b"0123456789")
        for header in ("bytes=0-3", "bytes=10-"):
            head = self.get("f", "HEAD", Range=header)
            self.assertEqual((head.status, head.headers["Content-Length"]), (200, "10"))

    def test_conditions(self):
        etag = self.put("f", b"1", If_None_Match="*").json["etag"]
        self.check_problem(self.put("f", b"2", If_None_Match="*"), 412, "precondition_failed")
        same = self.get("f", If_None_Match=etag)
        self.assertEqual((same.status, same.body), (304, b""))
        newer = self.put("f", b"3", If_Match=etag).json["etag"]
        refused = self.check_problem(self.put("f", b"4", If_Match=etag), 412)
        self.assertEqual(refused["etag"], newer)
        self.check_problem(self.get("f", "DELETE", If_Match=etag), 412)
        self.assertEqual(self.get("f").body, b"3")
        self.check_problem(self.put("none", b"4", If_Match=etag), 412)
        self.assertFalse(os.path.exists(self.inside("none")))

    def test_conditions_by_date(self):
        self.put("f", b"1")
        os.utime(self.inside("f"), (1_000_000_000.9, 1_000_000_000.9))
        at, before = "Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:39 GMT"
        got = self.get("f", If_Modified_Since=at)
        self.assertEqual((got.status, got.body, got.headers["Last-Modified"]), (304, b"", at))
        self.assertEqual(self.get("f", If_Modified_Since=before).status, 200)
        self.assertEqual(self.get("f", If_Modified_Since=at, If_None_Match='"old"').status, 200)
        refused = self.check_problem(self.put("f", b"2", If_Unmodified_Since=before), 412,
                                     "precondition_failed")
        self.assertEqual(refused["etag"], got.headers["ETag"])
        self.check_problem(self.get("f", "DELETE", If_Unmodified_Since=before), 412)
        self.assertEqual(self.get("f").body, b"1")
        self.assertEqual(self.put("f", b"2", If_Unmodified_Since=at).status, 200)
        self.check_problem(self.get("f", "DELETE", If_Unmodified_Since=at), 412)
        etag = self.get("f").headers["ETag"]
        self.assertEqual(self.put("f", b"3", If_Unmodified_Since=at, If_Match=etag).status, 200)
        self.assertEqual(self.get("f", "DELETE", If_Unmodified_Since="yesterday").status, 204)

    def test_a_folder_answers_its_listing(self):
        self.put("output/x", b"1")
        listed = self.get("output/").json
        self.assertEqual([e["path"] for e in listed["entries"]], ["output/x"])
        self.assertEqual(listed["entries"][0]["zone"], "output")
        names = [e["path"] for e in self.client.get(f"{self.base}/files/").json["entries"]]
        self.assertLessEqual({"upload", "output", "deploy", ".store"}, set(names))

    def test_the_zones(self):
        self.assertEqual(self.put("upload/data", b"given").status, 201)
        entry = self.client.get(f"{self.base}/fs/stat?path=upload/data").json
        self.assertEqual((entry["zone"], entry["writable"]), ("upload", False))
        self.check_problem(self.put(".store/log", b"x"), 403, "zone_append_only")
        self.fs("append", 201, path=".store/log", text="1\n")
        self.fs("append", 200, path=".store/log", text="2\n")
        self.assertEqual(self.get(".store/log").body, b"1\n2\n")
        self.check_problem(self.get(".store/log", "DELETE"), 403, "zone_append_only")
        self.check_problem(self.get("output", "DELETE"), 403, "zone_read_only")
        chat = self.own_sandbox(mode="chat")
        refused = self.client.request("PUT", f"/v1/sandboxes/{chat}/files/note", b"x")
        self.check_problem(refused, 403, "zone_read_only")

    def test_what_is_refused_costs_nothing_and_is_told(self):
        self.check_problem(self.client.request("PUT", "/v1/sandboxes/none/files/f", b"x"), 404,
                           "sandbox_not_found")
        self.check_problem(self.client.request("PUT", self.url("f"), b"x", {"Authorization": None}),
                           401)
        status, _ = self.raw(self.url("f"), "PUT")
        self.assertEqual(status, 411)
        self.put("f", b"x")
        self.check_problem(self.put("f/g", b"x"), 409, "wrong_state")
        self.check_problem(self.put("output", b"x"), 403)
        status, _ = self.raw(self.url("f"), "PUT", "Content-Length: 99999999999999\r\n")
        self.assertEqual(status, 413)

    def test_an_upload_that_breaks_off_leaves_the_old_file(self):
        self.put("output/f", b"old")
        with socket.create_connection((self.client.host, self.client.port), 10) as s:
            s.sendall(f"PUT {self.url('output/f')} HTTP/1.1\r\nHost: localhost\r\n"
                      f"Authorization: Bearer {self.client.token}\r\n"
                      f"Content-Length: 1000000\r\n\r\n".encode() + b"x" * 500_000)
        self.assertEqual(self.get("output/f").body, b"old")
        self.assertEqual(os.listdir(self.inside("output")), ["f"])

    @limit(120)
    def test_writers_at_once_leave_one_whole_file(self):
        bodies = [bytes([65 + i]) * 300_000 for i in range(6)]
        self.put("output/f", bodies[0])

        def write(body):
            return [self.put("output/f", body).status for _ in range(5)]

        def read():
            return [self.get("output/f").body in bodies for _ in range(20)]
        done = run_threads([lambda b=b: write(b) for b in bodies] + [read], 60)
        self.assertEqual(set(sum(done[:-1], [])), {200})
        self.assertEqual(set(done[-1]), {True})
        etag = self.get("output/f").headers["ETag"]
        won = run_threads([lambda b=b: self.put("output/f", b, If_Match=etag).status
                           for b in bodies], 60)
        self.assertEqual(sorted(won), [200] + [412] * 5)

    @contextlib.contextmanager
    def unmoved(self):
        """Meanwhile the daemon needs little memory, and answers others."""
        before = rss_bytes(self.daemon.pid)
        peak, waits, stop = [before], [], threading.Event()

        def watch():
            while not stop.wait(0.01):
                peak[0] = max(peak[0], rss_bytes(self.daemon.pid))
                began = time.monotonic()
                self.client.get("/kernel/status")
                waits.append(time.monotonic() - began)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
        self.assertLess(peak[0] - before, 48 * MIB)
        self.assertLess(percentile(waits, 0.9), 0.1)

    def upload(self, connection, pieces, size):
        headers = {**self.client.headers(None, {}), "Content-Length": str(size)}
        connection.request("PUT", self.url("output/large"), pieces, headers)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 201, answer.read())
        answer.read()
        self.addCleanup(os.unlink, self.inside("output/large"))

    @limit(180)
    def test_a_large_file_goes_both_ways_in_constant_memory(self):
        size = 256 * MIB
        piece = os.urandom(MIB)
        with self.unmoved():
            c = self.client.connection()
            self.upload(c, (piece for _ in range(size // MIB)), size)
            c.request("GET", self.url("output/large"), headers=self.client.headers(None, {}))
            answer = c.getresponse()
            for _ in range(size // MIB):
                self.assertTrue(answer.read(MIB) == piece)
            self.assertEqual(answer.read(), b"")
            c.close()

    @limit(180)
    def test_4_gib_need_no_more_memory(self):
        size = 4096 * MIB
        disk = os.statvfs(self.workspace)
        if disk.f_bavail * disk.f_frsize < size + 1024 * MIB:
            self.skipTest("needs 5 GiB of disk")
        changed = self.client.request("PATCH", self.base + "/limits", {"disk_bytes": 2 * size})
        self.assertEqual(changed.status, 200, changed)
        piece = bytes(MIB)
        with self.unmoved():
            c = self.client.connection(timeout=120)
            self.upload(c, (piece for _ in range(size // MIB)), size)
            c.close()
        self.assertEqual(self.get("output/large", "HEAD").headers["Content-Length"], str(size))

    def test_a_client_that_reads_slowly_holds_up_nobody(self):
        self.put("output/large", b"x" * (8 * MIB))
        slow = self.client.connection()
        slow.request("GET", self.url("output/large"), headers=self.client.headers(None, {}))
        answer = slow.getresponse()
        self.assertEqual(self.get("output/large").body, b"x" * (8 * MIB))
        self.assertEqual(len(answer.read()), 8 * MIB)
        slow.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
    def test_a_full_disk_is_507_and_the_old_file_stays_whole(self):
        self.put("output/first", b"x")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.inside("output")],
                       check=True)
        try:
            self.assertEqual(self.put("output/f", b"old").status, 201)
            self.check_problem(self.put("output/f", b"x" * (3 * MIB)), 507, "disk_full")
            self.assertEqual(self.get("output/f").body, b"old")
            full = self.client.post(f"{self.base}/fs/append", {"path": "output/f",
                                                              "text": "x" * (2 * MIB)})
            self.check_problem(full, 507, "disk_full")
            self.assertEqual(self.get("output/f").body, b"old")
            self.assertEqual(os.listdir(self.inside("output")), ["f"])
        finally:
            subprocess.run(["umount", self.inside("output")], check=True)


class Paths(FilesCase):
    """A path never leads out, whatever it says and whatever a program puts in its way."""

    def setUp(self):
        super().setUp()
        self.secret = os.path.join(self.daemon.folder, "secret")
        with open(self.secret, "w", encoding="ascii") as f:
            f.write("the secret")
        os.makedirs(self.inside("output/real"), exist_ok=True)

    def test_tricks_in_the_target(self):
        up = "../" * 12
        name = self.secret.lstrip("/")
        for path in (up + name, "output/" + up + name, up.replace("..", "%2e%2e") + name,
                     "%2e%2e%2f" * 12 + name.replace("/", "%2f"), "..%2f" * 12 + name, "/" + name,
                     "%2fetc%2fpasswd", "output/%00", "f%00.txt", "%c0%ae%c0%ae/" + name, "%ff",
                     "output/..", "output/.."):
            for method in ("GET", "DELETE"):
                status, answer = self.raw(f"{self.base}/files/{path}", method)
                self.assertIn(status, (400, 403, 404), (path, answer))
                self.assertNotIn(b"the secret", answer)
        status, _ = self.raw(f"{self.base}/files/../../secret")
        self.assertEqual(status, 403)
        for path in ("../secret", "/etc/passwd", "a/../../b"):
            self.check_problem(self.client.post(f"{self.base}/fs/append",
                                                {"path": path, "text": "x"}), 403, "path_escapes")
            quoted = urllib.parse.quote(path, safe="")
            self.check_problem(self.client.get(f"{self.base}/fs/stat?path={quoted}"), 403,
                               "path_escapes")

    def test_links_that_lead_out_are_not_followed(self):
        code = (f"import os\nos.symlink({self.secret!r}, 'output/file')\n"
                f"os.symlink({self.daemon.folder!r}, 'output/folder')\n"
                "os.symlink('/proc/self/root', 'output/root')\nos.symlink('real', 'output/near')")
        self.assertEqual(self.client.execute(code, self.sandbox)["status"], "ok")
        for path in ("output/file", "output/folder/secret", f"output/root{self.secret}"):
            self.check_problem(self.get(path), 403, "path_escapes")
        for path in ("output/folder/secret", f"output/root{self.secret}"):
            self.check_problem(self.put(path, b"x"), 403, "path_escapes")
            self.check_problem(self.get(path, "DELETE"), 403, "path_escapes")
        self.assertEqual(self.put("output/near/f", b"x").status, 201)
        self.assertEqual(self.get("output/real/f").body, b"x")
        self.assertEqual(self.put("output/file", b"mine").status, 200)
        found = self.fs("grep", path="output", pattern="secret")
        self.assertEqual(found["matches"], [])
        kinds = {e["path"]: e["kind"] for e in self.get("output").json["entries"]}
        self.assertEqual(kinds["output/folder"], "link")
        self.fs("remove", path="output/folder")
        with open(self.secret, encoding="ascii") as f:
            self.assertEqual(f.read(), "the secret")

    @limit(90)
    def test_a_program_that_swaps_a_folder_for_a_link_gets_nothing_out(self):
        with open(self.inside("output/real/secret"), "w", encoding="ascii") as f:
            f.write("harmless")
        code = (f"import os, time\nos.symlink({self.daemon.folder!r}, 'output/l')\n"
                "end = time.time() + 4\nwhile time.time() < end:\n"
                "    os.rename('output/real', 'output/r'); os.rename('output/l', 'output/real')\n"
                "    os.rename('output/real', 'output/l'); os.rename('output/r', 'output/real')\n")
        self.client.begin(code, self.sandbox)
        seen, end = set(), time.monotonic() + 4
        connection = self.client.connection()
        while time.monotonic() < end:
            answer = self.client.request("GET", self.url("output/real/secret"),
                                         connection=connection)
            self.assertNotEqual(answer.body, b"the secret")
            seen.add(answer.status)
            self.client.request("PUT", self.url("output/real/planted"), b"x",
                                connection=connection)
        connection.close()
        self.assertLessEqual(seen, {200, 403, 404})
        self.assertFalse(os.path.exists(os.path.join(self.daemon.folder, "planted")))

    def test_pipes_and_sockets_hold_nothing_up(self):
        os.mkfifo(self.inside("output/pipe"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.inside("output/s"))
            for path in ("output/pipe", "output/s"):
                self.check_problem(self.get(path), 409, "wrong_state")
                self.check_problem(self.client.post(f"{self.base}/fs/append",
                                                    {"path": path, "text": "x"}), 409)
            self.fs("grep", path="output", pattern="x")
            self.assertEqual(self.put("output/pipe", b"x").status, 200)
            self.assertEqual(self.get("output/s", "DELETE").status, 204)


class Operations(FilesCase):
    def test_folders_and_transfers(self):
        self.assertEqual(self.fs("mkdir", 201, path="output/a/b")["kind"], "folder")
        self.fs("mkdir", 200, path="output/a/b")
        self.put("output/a/f", b"text")
        self.assertEqual(self.fs("move", **{"from": "output/a/f", "to": "output/g"})["path"],
                         "output/g")
        self.fs("copy", **{"from": "output/g", "to": "upload/h"})
        self.fs("move", **{"from": "output/g", "to": "deploy/index.html"})
        answer = self.client.post(f"{self.base}/fs/copy", {"from": "upload/h",
                                                          "to": "deploy/index.html"})
        self.check_problem(answer, 409, "already_exists")
        self.assertEqual(self.get("deploy/index.html").headers["Content-Security-Policy"],
                         "sandbox; default-src 'none'")
        self.check_problem(self.client.post(f"{self.base}/fs/remove", {"path": "output/a"}), 409)
        self.assertEqual(self.fs("remove", path="output/a", recursive=True)["removed"], 2)
        unknown = self.client.post(f"{self.base}/fs/move", {"form": "a", "to": "b"})
        self.assertIn("from", self.check_problem(unknown, 422, "invalid_field")["detail"])

    def test_a_copy_keeps_holes_and_a_failed_one_leaves_nothing(self):
        os.makedirs(self.inside("output/from"))
        with open(self.inside("output/from/f"), "wb") as f:
            f.truncate(64 << 30)
        self.fs("copy", **{"from": "output/from", "to": "deploy/to"})
        copied = os.stat(self.inside("deploy/to/f"))
        self.assertEqual(copied.st_size, 64 << 30)
        self.assertLess(copied.st_blocks * 512, MIB)
        os.symlink("from", self.inside("output/link"))
        self.fs("copy", **{"from": "output/from", "to": "output/link/copy"})
        self.assertEqual(sorted(os.listdir(self.inside("output/from"))), ["copy", "f"])
        self.assertEqual(os.listdir(self.inside("output/from/copy")), ["f"])
        small = self.own_sandbox(limits={"disk_bytes": MIB})
        base = f"/v1/sandboxes/{small}"
        folder = os.path.join(self.client.get(base).json["workspace"], "output")
        with open(os.path.join(folder, "large"), "wb") as f:
            f.write(b"x" * (2 * MIB))
        for name in ("copy", "move"):
            answer = self.client.post(f"{base}/fs/{name}", {"from": "output/large",
                                                            "to": "deploy/large"})
            self.check_problem(answer, 507, "disk_quota")
        self.assertEqual(self.client.get(f"{base}/fs/list?path=deploy").json["entries"], [])
        self.assertEqual(os.listdir(folder), ["large"])

    def test_pages_of_a_listing(self):
        for i in range(25):
            self.put(f"output/{i % 3}/{i:02}", b"")
        seen, cursor = [], ""
        while cursor is not None:
            page = self.client.get(f"{self.base}/fs/list?path=output&depth=2&limit=7"
                                   f"&cursor={cursor}").json
            seen += [e["path"] for e in page["entries"]]
            cursor = page["next"]
        self.assertEqual(len(seen), 28)
        self.assertEqual(seen, sorted(set(seen)))
        self.check_problem(self.client.get(f"{self.base}/fs/list?path=output&cursor=zz"), 422)
        self.check_problem(self.client.get(f"{self.base}/fs/list?depth=0"), 422)

    def test_an_edit(self):
        self.put("code.py", b"a = 1\nb = 1\n")
        twice = self.client.post(f"{self.base}/fs/edit", {"path": "code.py", "old": "1",
                                                         "new": "2"})
        told = self.check_problem(twice, 422, "invalid_field")
        self.assertEqual(told["places"], [{"line": 1, "column": 5}, {"line": 2, "column": 5}])
        dry = self.fs("edit", path="code.py", old="b = 1", new="b = 2", dry_run=True)
        self.assertEqual(dry["diff"], "--- a/code.py\n+++ b/code.py\n@@ -1,2 +1,2 @@\n a = 1\n"
                                      "-b = 1\n+b = 2\n")
        self.assertEqual(self.get("code.py").body, b"a = 1\nb = 1\n")
        done = self.fs("edit", path="code.py", old="1", new="3", all=True)
        self.assertEqual((done["replacements"], done["etag"]),
                         (2, self.get("code.py").headers["ETag"]))
        self.assertEqual(self.get("code.py").body, b"a = 3\nb = 3\n")

    def test_searches(self):
        self.put("output/a.py", b"import os\nprint(os.name)\n")
        self.put("output/sub/b.txt", b"os\n")
        found = self.fs("glob", pattern="output/**/*.{py,txt}")
        self.assertEqual([e["path"] for e in found["entries"]], ["output/a.py", "output/sub/b.txt"])
        found = self.fs("grep", pattern=r"os\.\w+", glob="**/*.py")
        self.assertEqual(found["matches"], [{"path": "output/a.py", "line": 2, "column": 7,
                                             "text": "print(os.name)"}])
        self.assertEqual(self.fs("grep", pattern="os", limit=1)["stopped_by"], "matches")
        self.check_problem(self.client.post(f"{self.base}/fs/grep", {"pattern": "("}), 422)

    def test_a_signed_url_is_for_one_file_one_way_and_a_time(self):
        self.put("output/f 1", b"text")
        no_token = {"Authorization": None}

        def ask(url, method="GET", body=None):
            parts = urllib.parse.urlsplit(url)
            return self.client.request(method, f"{parts.path}?{parts.query}", body, no_token)
        made = self.fs("sign", path="output/f 1")
        self.assertEqual(ask(made["url"]).body, b"text")
        self.assertEqual(ask(made["url"], "HEAD").status, 200)
        self.check_problem(ask(made["url"], "PUT", b"x"), 401)
        self.check_problem(ask(made["url"], "DELETE"), 401)
        self.check_problem(ask(made["url"].replace("f%201", "f%202")), 401)
        self.check_problem(ask(made["url"].replace("expires=1", "expires=2")), 401)
        upload = self.fs("sign", path="output/f 1", method="PUT", expires_s=60)["url"]
        self.assertEqual(ask(upload, "PUT", b"new").status, 200)
        self.check_problem(ask(upload), 401)
        self.assertEqual(self.get("output/f 1").body, b"new")
        short = self.fs("sign", path="output/f 1", expires_s=1)["url"]
        end = time.monotonic() + 10
        while ask(short).status == 200 and time.monotonic() < end:
            pass
        self.assertIn("expired", self.check_problem(ask(short), 401)["detail"])


@unittest.skipUnless(os.geteuid() == 0, "only root gives each sandbox a user of its own")
class Owners(FilesCase):
    flags = ("--isolation.level", "auto")

    def test_what_is_written_belongs_to_the_sandbox_but_for_what_it_may_only_read(self):
        self.client.wait_idle(self.sandbox)
        mine = os.stat(self.workspace).st_uid
        for path in ("output/a/f", "note", "upload/b/f"):
            self.assertEqual(self.put(path, b"x").status, 201)
        self.assertEqual(os.stat(self.inside("output/a")).st_uid, mine)
        self.assertEqual(os.stat(self.inside("output/a/f")).st_uid, mine)
        self.assertEqual(os.stat(self.inside("upload/b/f")).st_uid, os.geteuid())
        code = ("open('output/a/f', 'a').write('y'); open('note', 'w').write('z')\n"
                "print(open('upload/b/f').read())\nopen('upload/b/f', 'w')")
        r = self.client.execute(code, self.sandbox)
        self.assertEqual((r["text"].splitlines()[0], r["status"]), ("x", "error"), r)
        self.assertEqual(self.get("output/a/f").body, b"xy")
        self.assertEqual(stat.S_IMODE(os.stat(self.inside("upload/b/f")).st_mode), 0o644)
