"""Folders of a workspace as tar archives, with the system's `tar` as the other side."""
import os
import subprocess
import tempfile
import urllib.parse

from files_test import MIB, FilesCase
from harness import rss_bytes


class Archives(FilesCase):
    def archive(self, path, method="GET", body=None):
        target = f"{self.base}/fs/archive?path=" + urllib.parse.quote(path)
        return self.client.request(method, target, body, {})

    def tar(self, *arguments, **kw):
        return subprocess.run(["tar", *arguments], check=True, capture_output=True, **kw).stdout

    def test_tar_reads_what_is_given_and_makes_what_is_taken(self):
        code = ("import os; os.makedirs('output/a/b'); os.symlink('a', 'output/l')\n"
                "open('output/a/b/ä.txt', 'w').write('text'); os.mkfifo('output/pipe')")
        self.assertEqual(self.client.execute(code, self.sandbox)["status"], "ok")
        got = self.archive("output")
        self.assertEqual((got.status, got.headers["Content-Type"]), (200, "application/x-tar"))
        names = self.tar("tf", "-", "--quoting-style=literal", input=got.body).decode().split()
        self.assertEqual(names, ["a/", "a/b/", "a/b/ä.txt", "l"])
        with tempfile.TemporaryDirectory() as folder:
            self.tar("xf", "-", "-C", folder, input=got.body)
            made = self.tar("czf", "-", "-C", folder, ".")
        put = self.archive("upload/new", "PUT", made)
        self.assertEqual(put.status, 200, put)
        self.assertEqual(put.json, {"path": "upload/new", "files": 1, "folders": 2, "links": 1,
                                    "size_bytes": 4})
        code = "print(open('upload/new/a/b/ä.txt').read()); open('upload/new/a/b/ä.txt', 'a')"
        r = self.client.execute(code, self.sandbox)
        self.assertEqual((r["text"].splitlines()[0], r["status"]), ("text", "error"), r)

    def test_what_is_no_archive_or_leads_out_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "f"), "wb") as f:
                f.write(b"x")
            out = self.tar("cf", "-", "-C", folder, "--transform", "s,f,../../f,", "f")
            absolute = self.tar("cPf", "-", os.path.join(folder, "f"))
        self.check_problem(self.archive("output/to", "PUT", out), 403, "path_escapes")
        self.check_problem(self.archive("output/to", "PUT", absolute), 403, "path_escapes")
        self.check_problem(self.archive("output/to", "PUT", b"text"), 400, "malformed_request")
        self.check_problem(self.archive(".store", "PUT", b""), 403, "zone_append_only")
        self.check_problem(self.archive("output/to"), 404, "file_not_found")
        self.assertEqual(os.listdir(self.inside("output")), [])

    def test_a_large_folder_goes_through_constant_memory(self):
        pid = self.daemon.pid
        self.put("output/large", os.urandom(MIB) * 200)
        before = rss_bytes(pid)
        got = self.archive("output")
        self.assertGreater(len(got.body), 200 * MIB)
        put = self.archive("deploy", "PUT", got.body)
        self.assertEqual(put.json["size_bytes"], 200 * MIB, put)
        self.assertLess(rss_bytes(pid) - before, 24 * MIB)
