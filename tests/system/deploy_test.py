"""The site in `deploy/`: who sees it, under which host, and what a hostile site tries."""
import os
import time
import urllib.parse

from files_test import FilesCase

POLICY = ("default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self'; frame-ancestors "
          "'self' http://localhost:* http://127.0.0.1:*; form-action 'self'; base-uri 'self'")


class Site(FilesCase):
    def setUp(self):
        super().setUp()
        self.put("deploy/index.html", b"<script src=app.js></script>")
        self.put("deploy/app.js", b"0123456789")
        self.put("deploy/sub/index.html", b"sub")

    def ask(self, path, method="GET", host=None, token=True, **headers):
        host = host or f"{self.sandbox}.deploy.localhost:{self.client.port}"
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        if not token:
            given["Authorization"] = None
        return self.client.request(method, path, None, {"Host": host, **given})

    def link(self, **fields):
        """The host and the target of a signed link."""
        made = self.fs("sign", deploy=True, **fields)
        self.assertEqual(set(made), {"url", "expires_at"})
        _, host, path, query, _ = urllib.parse.urlsplit(made["url"])
        return host, f"{path}?{query}"

    def cookie(self, **fields):
        host, target = self.link(**fields)
        opened = self.ask(target, host=host, token=False)
        self.assertEqual((opened.status, opened.headers["Location"]), (303, "/"), opened)
        value, *attributes = opened.headers["Set-Cookie"].split("; ")
        self.assertLessEqual({"Path=/", "HttpOnly", "SameSite=Lax"}, set(attributes))
        return value

    def test_the_token_sees_the_site(self):
        home = self.ask("/")
        self.assertEqual((home.status, home.body), (200, b"<script src=app.js></script>"))
        for name, value in (("Content-Type", "text/html; charset=utf-8"),
                            ("Content-Security-Policy", POLICY),
                            ("X-Content-Type-Options", "nosniff"),
                            ("Referrer-Policy", "no-referrer"),
                            ("Cross-Origin-Opener-Policy", "same-origin"),
                            ("Cross-Origin-Resource-Policy", "same-origin")):
            self.assertEqual(home.headers.get_all(name), [value])
        self.assertNotIn("Access-Control-Allow-Origin", home.headers)
        self.assertEqual(self.ask("/app.js").headers["Content-Type"],
                         "text/javascript; charset=utf-8")
        moved = self.ask("/sub")
        self.assertEqual((moved.status, moved.headers["Location"]), (301, "/sub/"))
        self.assertEqual(self.ask("/sub/").body, b"sub")
        self.assertEqual(self.ask("/sub/", "HEAD").headers["Content-Length"], "3")
        self.check_problem(self.ask("/none"), 404, "file_not_found")

    def test_what_code_writes_is_there_at_once_and_without_an_index_there_is_none(self):
        code = ("import os; open('deploy/new.txt', 'w').write('made')\n"
                "os.remove('deploy/index.html')")
        self.assertEqual(self.client.execute(code, self.sandbox)["status"], "ok")
        self.assertEqual(self.ask("/new.txt").body, b"made")
        self.check_problem(self.ask("/"), 404, "file_not_found")

    def test_parts_and_conditions(self):
        part = self.ask("/app.js", Range="bytes=2-4")
        self.assertEqual((part.status, part.body), (206, b"234"))
        self.assertEqual(part.headers["Content-Range"], "bytes 2-4/10")
        self.assertTrue(part.headers["Last-Modified"])
        same = self.ask("/app.js", If_None_Match=part.headers["ETag"])
        self.assertEqual((same.status, same.body), (304, b""))
        self.check_problem(self.ask("/app.js", Range="bytes=10-"), 416)

    def test_a_link_gives_a_cookie_for_this_site_alone(self):
        host, target = self.link()
        self.assertEqual(host, f"{self.sandbox}.deploy.localhost:{self.client.port}")
        cookie = self.cookie()
        seen = self.ask("/app.js", token=False, Cookie=f"a=b; {cookie}")
        self.assertEqual((seen.status, seen.body), (200, b"0123456789"))
        # A browser spells the host in lower case.
        self.assertEqual(self.ask("/", host=host.lower(), token=False, Cookie=cookie).status, 200)
        self.assertEqual(self.ask("/", host=host.upper(), token=False, Cookie=cookie).status, 200)
        other = self.own_sandbox()
        there = f"{other}.deploy.localhost"
        self.check_problem(self.ask("/", host=there, token=False, Cookie=cookie), 401)
        self.check_problem(self.ask(target, host=there, token=False), 401)
        for api in ("localhost", f"127.0.0.1:{self.client.port}"):
            for path in ("/v1/sandboxes", self.url("deploy/index.html"), target):
                answer = self.ask(path, host=api, token=False, Cookie=cookie)
                self.check_problem(answer, 401, "unauthorized")

    def test_who_shows_nothing_or_something_else_sees_nothing(self):
        self.assertEqual(self.ask("/", token=False).headers["Content-Security-Policy"], POLICY)
        self.check_problem(self.ask("/", token=False), 401, "unauthorized")
        self.check_problem(self.ask("/", Authorization="Bearer other"), 401)
        self.check_problem(self.ask("/", token=False, Cookie="troupe_deploy=1.f"), 401)
        signed = self.fs("sign", path="deploy/index.html")["url"]
        query = urllib.parse.urlsplit(signed).query
        self.check_problem(self.ask(f"/index.html?{query}", token=False), 401)
        given = urllib.parse.parse_qs(query)
        forged = f"{given['expires'][0]}.{given['signature'][0]}"
        self.check_problem(self.ask(f"/?troupe_key={forged}", token=False), 401)
        _, target = self.link()
        expires, signature = target.split("=")[1].split(".")
        crossed = f"{self.url('deploy/index.html')}?expires={expires}&signature={signature}"
        self.check_problem(self.ask(crossed, host="localhost", token=False), 401)

    def test_a_link_and_its_cookie_expire(self):
        host, target = self.link(expires_s=1)
        end = time.monotonic() + 10
        while self.ask(target, token=False).status == 303 and time.monotonic() < end:
            pass
        key = target.split("=")[1]
        for answer in (self.ask(target, host=host, token=False),
                       self.ask("/", token=False, Cookie=f"troupe_deploy={key}")):
            self.assertIn("expired", self.check_problem(answer, 401)["detail"])

    def test_what_is_signed_is_one_file_or_the_site(self):
        for fields in ({}, {"deploy": True, "path": "a"}, {"deploy": True, "method": "GET"}):
            self.check_problem(self.client.post(f"{self.base}/fs/sign", fields), 422)

    def test_no_path_and_no_link_leaves_the_site(self):
        self.fs("append", 201, path=".store/log", text="kept")
        self.put("output/secret", b"no")
        for target, status in (("/..%2foutput/secret", 403), ("/%2e%2e/output/secret", 403),
                               ("/../output/secret", 403), ("/sub/../../output/secret", 403),
                               ("/%2e%2e/", 403), ("/..%5coutput/secret", 404),
                               ("/%00", 400), ("//etc/passwd", 403), ("/output/secret", 404)):
            self.assertEqual(self.ask(target).status, status, target)
        for name, to in (("store", "../.store/log"), ("stores", "../.store"), ("etc", "/etc"),
                         ("passwd", "/etc/passwd"), ("up", ".."), ("proc", "/proc/self/root")):
            os.symlink(to, self.inside(f"deploy/{name}"))
        for target in ("/store", "/stores/log", "/stores/", "/etc/passwd", "/etc/", "/passwd",
                       "/up/output/secret", "/proc/etc/passwd"):
            self.check_problem(self.ask(target), 403, "path_escapes")

    def test_no_redirect_leaves_the_origin(self):
        self.put("deploy/evil.example/x", b"")
        _, target = self.link()
        for path in ("//evil.example", "///evil.example/", "/%2fevil.example", "/.//evil.example"):
            for answer in (self.ask(path), self.ask(path + target[1:], token=False)):
                self.assertIn(answer.headers["Location"],
                              (None, "/evil.example/", "/evil.example"), path)
        self.assertEqual(self.ask("/.//evil.example").headers["Location"], "/evil.example/")

    def test_a_site_is_only_read_and_only_by_its_own_pages(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            refused = self.check_problem(self.ask("/", method), 405, "method_not_allowed")
            self.assertTrue(refused["detail"])
        self.assertEqual(self.ask("/", "POST").headers["Allow"], "GET, HEAD")
        for origin in (f"http://localhost:{self.client.port}", "http://evil.example", "null"):
            answer = self.ask("/", Origin=origin)
            self.check_problem(answer, 403, "origin_not_allowed")
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_a_host_without_a_sandbox(self):
        self.check_problem(self.ask("/", host="none.deploy.localhost"), 404, "sandbox_not_found")
        for host in ("deploy.localhost", ".deploy.localhost", "x.localhost",
                     f"{self.sandbox}.deploy.localhost.", f"{self.sandbox}.deploy.example"):
            self.check_problem(self.ask("/", host=host), 403, "host_not_allowed")
        cookie = self.cookie()
        self.assertEqual(self.client.delete(self.base).status, 204)
        self.check_problem(self.ask("/", token=False, Cookie=cookie), 404, "sandbox_not_found")

    def test_a_key_is_void_for_a_later_sandbox_of_the_same_name(self):
        named = {"id": "Again"}
        self.sandbox = self.own_sandbox(**named)
        self.base = f"/v1/sandboxes/{self.sandbox}"
        cookie = self.cookie()
        self.assertEqual(self.client.delete(self.base).status, 204)
        self.own_sandbox(**named)
        self.check_problem(self.ask("/", token=False, Cookie=cookie), 401)
