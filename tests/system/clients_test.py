"""Clients of the CDP as they are, from npm, against the real daemon: see `tests/clients/`.

A script there is a list of checks; each becomes a test of that name. One process of node runs the
checks of a script one after the other, and is started anew after one that failed.
"""
import json
import os
import re
import subprocess

from harness import WALLED, DaemonCase
from npm import CLIENTS, copy_scripts, install
from shop import Shop

class ClientCase(DaemonCase):
    flags = ("--browser.egress.allow", "127.0.0.1")
    script = ""
    node = None

    @classmethod
    def setUpClass(cls):
        install()
        super().setUpClass()
        cls.shop = Shop()
        cls.scripts = copy_scripts(CLIENTS, cls.daemon.folder)

    @classmethod
    def tearDownClass(cls):
        cls.end_node()
        cls.shop.close()
        super().tearDownClass()

    @classmethod
    def start_node(cls):
        cls.errors = open(os.path.join(cls.daemon.folder, "node.log"), "w+", encoding="utf-8")
        env = dict(os.environ, TROUPE_URL=cls.daemon.url, TROUPE_TOKEN=cls.daemon.token,
                   CDP_URL=cls.daemon.ready["cdp_url"], SITE_URL=cls.shop.url,
                   TMPDIR=cls.daemon.folder)
        cls.node = subprocess.Popen(
            ["node", os.path.join(cls.scripts, cls.script)], env=env, cwd=cls.daemon.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=cls.errors, text=True)

    @classmethod
    def end_node(cls):
        if cls.node:
            cls.node.stdin.close()
            try:
                cls.node.wait(5)  # it takes its temporary files along
            except subprocess.TimeoutExpired:
                cls.node.kill()
                cls.node.wait()
            cls.node.stdout.close()
            cls.errors.close()
            cls.node = None

    def run_check(self, name):
        if not self.node:
            self.start_node()
        error = "it did not answer"
        try:
            self.node.stdin.write(name + "\n")
            self.node.stdin.flush()
            said = self.node.stdout.readline()
            error = json.loads(said)["error"] if said else "it ended"
        finally:
            if error:
                self.errors.seek(0)
                said = self.errors.read()[-3000:]
                type(self).end_node()
        if error:
            self.fail(f"{error}\n{said}\nlog of the daemon:\n{self.daemon.log()[-2000:]}")


def checks_of(script):
    with open(os.path.join(CLIENTS, script), encoding="utf-8") as f:
        return re.findall(r'^check\("([^"]+)"', f.read(), re.M)


def with_checks(cls):
    for name in checks_of(cls.script):
        def test(self, name=name):
            self.run_check(name)
        setattr(cls, "test_" + re.sub(r"\W+", "_", name), test)
    return cls


@WALLED
@with_checks
class Playwright(ClientCase):
    script = "playwright.mjs"


@WALLED
@with_checks
class Puppeteer(ClientCase):
    script = "puppeteer.mjs"


@WALLED
@with_checks
class Cri(ClientCase):
    script = "cri.mjs"


@WALLED
@with_checks
class Together(ClientCase):
    script = "together.mjs"
