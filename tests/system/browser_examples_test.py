"""The scripts of `docs/examples/` do their task while the browser is killed again and again."""
import os
import signal
import subprocess
import sys
import threading
import unittest

from harness import ROOT, WALLED, DaemonCase, limit, run_threads
from npm import copy_scripts, install
from shop import ORDERS, Shop
from waiting import wait_until

EXAMPLES = os.path.join(ROOT, "docs", "examples")
KILL_EVERY_S = 3


@WALLED
class Examples(DaemonCase):
    flags = ("--browser.egress.allow", "127.0.0.1")

    @classmethod
    def setUpClass(cls):
        install()
        super().setUpClass()
        cls.scripts = copy_scripts(EXAMPLES, cls.daemon.folder)

    def kill_browser(self):
        pid = self.client.get("/v1/sandboxes/default/browser").json.get("pid")
        if pid:
            os.kill(pid, signal.SIGKILL)

    def run_example(self, command, shop, folder):
        os.mkdir(folder)
        env = dict(os.environ, TROUPE_URL=self.daemon.url, TROUPE_TOKEN=self.daemon.token,
                   CDP_URL=self.daemon.ready["cdp_url"], TMPDIR=self.daemon.folder)
        done = subprocess.run([*command, shop.url, folder], env=env, capture_output=True, text=True,
                              timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:ORDERS],
                         [f"{n}\titem {n}\t{n * 10}.00" for n in range(1, ORDERS + 1)])
        self.assertTrue(any(f" {shop.url}/" in line for line in lines[ORDERS:]), lines)
        heights = []
        for name in ("page.png", "full_page.png"):
            with open(os.path.join(folder, name), "rb") as f:
                head = f.read(24)
            self.assertEqual(head[:4], b"\x89PNG")
            heights.append(int.from_bytes(head[20:24], "big"))
        self.assertGreater(heights[1], heights[0])

    @limit(120)
    def test_both_finish_while_the_browser_is_killed(self):
        one, two = Shop(delay_s=0.2), Shop(delay_s=0.2)
        self.addCleanup(one.close)
        self.addCleanup(two.close)
        stop = threading.Event()

        def killer():
            for shop in (one, two):
                wait_until(lambda: stop.is_set() or "/orders" in shop.seen, 60, "it is under way")
                self.kill_browser()
            while not stop.wait(KILL_EVERY_S):
                self.kill_browser()

        def both():
            try:
                run_threads([
                    lambda: self.run_example(
                        ["node", os.path.join(self.scripts, "browser_playwright.mjs")], one,
                        os.path.join(self.daemon.folder, "one")),
                    lambda: self.run_example(
                        [sys.executable, os.path.join(EXAMPLES, "browser_http.py")], two,
                        os.path.join(self.daemon.folder, "two"))], 110)
            finally:
                stop.set()
        run_threads([killer, both], 115)


if __name__ == "__main__":
    unittest.main()
