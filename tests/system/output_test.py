"""Output: floods, binary, pictures; what is kept, what goes to a file, and who is slowed by it."""
import base64
import io
import os
import socket
import threading
import time

from harness import DaemonCase, limit, percentile, rss_bytes

MIB = 1 << 20


class Bounds(DaemonCase):
    # What is cut of a GiB is kept in the workspace.
    flags = ("--limits.disk_bytes", str(4 << 30))
    CODE = ("import sys\nfiller = 'x' * (2**20 - 9) + '\\n'\n"
            "for i in range({n}):\n    sys.stdout.write('%07d\\n' % i + filler)\n"
            "    sys.stdout.flush()\n")
    FILLER = b"x" * (MIB - 9) + b"\n"

    def flood(self, n, timeout_s):
        """Prints `n` MiB; the events, and how many bytes the daemon grew by meanwhile."""
        before, peak = rss_bytes(self.daemon.pid), [0]
        over = threading.Event()

        def watch():
            while not over.wait(0.1):
                peak[0] = max(peak[0], rss_bytes(self.daemon.pid))
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            s = self.client.follow(self.CODE.format(n=n), timeout_s=timeout_s, timeout=timeout_s)
            events = s.rest()
        finally:
            over.set()
            watcher.join()
        return events, peak[0] - before

    def check_complete(self, events, n):
        """Head, file and tail together are exactly what was printed."""
        told = [e["data"] for e in events if e["type"] == "truncated"]
        self.assertEqual(len(told), 1)
        total = n * MIB
        kept = self.texts(events).encode()
        self.assertEqual(told[0]["bytes_total"], total)
        self.assertEqual(told[0]["bytes_kept"], len(kept))
        self.assertLessEqual(len(kept), 8 * MIB)
        self.assertGreater(len(kept), 4 * MIB)
        workspace = self.client.get("/v1/sandboxes/default").json["workspace"]
        path = os.path.join(workspace, told[0]["path"])
        self.assertEqual(os.path.getsize(path), total - len(kept))
        with open(path, "rb") as f:
            start = f.read(2 * MIB)
            at = next(i for i in range(MIB + 8) if start[i:i + 7].isdigit()
                      and start[i + 7:i + 8] == b"\n" and (i == 0 or start[i - 1:i] == b"\n"))
            head = int(start[at:at + 7]) * MIB - at
            self.assertGreater(head, MIB, "the head is kept")
            self.assertGreater(len(kept) - head, MIB // 2, "the tail is kept")
            self.check_span(lambda size, left=[kept[:head]]: take(left, size), 0, head)
            f.seek(0)
            self.check_span(f.read, head, total - len(kept))
        tail = kept[head:]
        self.check_span(lambda size, left=[tail]: take(left, size), total - len(tail), len(tail))

    def check_span(self, read, start, size):
        """What `read` gives is the printed text from byte `start` on, `size` bytes of it."""
        done = 0
        while done < size:
            chunk, within = divmod(start + done, MIB)
            want = (b"%07d\n" % chunk + self.FILLER)[within:within + size - done]
            got = read(len(want))
            if got != want:
                self.fail(f"differs in the MiB {chunk}: {got[:40]!r} is not {want[:40]!r}")
            done += len(want)

    @limit(60)
    def test_a_hundred_mib_keep_head_and_tail_and_spill_the_middle(self):
        events, _ = self.flood(100, 50)
        self.assertEqual(self.check_events(events)["status"], "ok", events[-1])
        self.check_complete(events, 100)
        r = self.client.get(f"/v1/executions/{events[0]['execution_id']}").json
        self.assertEqual(r["truncated"]["bytes_total"], 100 * MIB)
        self.assertEqual(r["last_event"], len(events))

    @limit(300)
    def test_a_gib_is_bounded_and_complete(self):
        events, grown = self.flood(1024, 280)
        self.assertEqual(self.check_events(events)["status"], "ok", events[-1])
        self.check_complete(events, 1024)
        print(f"     the daemon grew by at most {grown / MIB:.0f} MiB")
        self.assertLess(grown, 400 * MIB)
        self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")

    @limit(60)
    def test_a_hundred_thousand_small_lines_are_all_there(self):
        s = self.client.follow("for i in range(100000): print(i)")
        events = s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertEqual(self.texts(events), "".join(f"{i}\n" for i in range(100000)))

    @limit(120)
    def test_twenty_thousand_display_data_are_all_there(self):
        s = self.client.follow("from IPython.display import display\n"
                               "for i in range(20000): display({'text/plain': str(i)}, raw=True)",
                               timeout_s=100, timeout=110)
        events = s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        shown = [e["data"]["data"]["text/plain"] for e in events if e["type"] == "display_data"]
        self.assertEqual(len(shown), 20000)
        self.assertEqual(shown, [str(i) for i in range(20000)])
        self.assertEqual(self.client.replay(s.id), events)

    @limit(60)
    def test_output_of_several_kernels_does_not_mix(self):
        from harness import run_threads
        sandbox = self.own_sandbox()
        for name in ("a", "b", "c"):
            answer = self.client.post(f"/v1/sandboxes/{sandbox}/kernels", {"id": name})
            self.assertEqual(answer.status, 201, answer)

        def one(name):
            s = self.client.follow(f"for i in range(3000): print('{name}', i)", sandbox,
                                   kernel_id=name)
            return self.texts(s.rest())
        texts = run_threads([lambda n=n: one(n) for n in ("a", "b", "c")], 50)
        for name, text in zip("abc", texts):
            self.assertEqual(text, "".join(f"{name} {i}\n" for i in range(3000)))


def take(left, size):
    out, left[0] = left[0][:size], left[0][size:]
    return out


class Bytes(DaemonCase):
    def test_emoji_and_every_plane_come_back_as_they_were(self):
        text = "naïve 中文 🌍👩‍👩‍👧 \u0000\u001b[31m\u2028 𝄞 \ufffd"
        r = self.client.execute(f"print({text!r}, end='')")
        self.assertEqual(r["status"], "ok")
        s = self.client.follow(f"print({text!r}, end='')")
        self.assertEqual(self.texts(s.rest()), text)

    def test_binary_output_is_still_valid_json(self):
        s = self.client.follow("import os\nos.write(1, bytes(range(256)))\n"
                               "import time; time.sleep(0.3)\nprint('end')")
        events = s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        text = self.texts(events)
        self.assertIn("abcdefgh", text)
        self.assertTrue(text.endswith("end\n"))

    def test_lone_surrogates_do_not_break_the_stream(self):
        for code in ("print('a\\udcff b')", "print('\\ud83d')", "'\\udcff'",
                     "raise ValueError('\\udcfe')"):
            s = self.client.follow(code, timeout_s=10)
            events = s.rest()
            ended = self.check_events(events)
            self.assertIn(ended["status"], ("ok", "error", "kernel_died"), code)
            self.assertEqual(self.client.execute("1+1")["text"].strip(), "2")

    def test_what_is_printed_after_the_end_is_told_by_the_node(self):
        s = self.client.stream("/v1/events?from=1")
        self.client.execute("import threading, time\ndef late():\n    time.sleep(0.3)\n"
                        "    print('LATE', flush=True)\nthreading.Thread(target=late).start()")
        told = s.until(lambda e: e["type"] == "kernel_output")[-1]["data"]
        self.assertEqual((told["name"], told["text"].strip(), told["truncated"]),
                         ("stdout", "LATE", False))
        self.assertEqual((told["sandbox_id"], told["kernel_id"]), ("default", "main"))
        s.close()

    def test_what_a_subprocess_prints_is_output(self):
        r = self.client.execute("import subprocess\n"
                                "subprocess.run('echo out; echo err >&2', shell=True)\n"
                                "import time; time.sleep(0.3)")
        self.assertIn("out\n", r["text"])
        self.assertIn("err\n", r["text"])

    def test_colours_stay_in_the_events_and_leave_the_text(self):
        s = self.client.follow("print('\\x1b[31mred\\x1b[0m')")
        self.assertEqual(self.texts(s.rest()), "\x1b[31mred\x1b[0m\n")
        self.assertEqual(self.client.execute("print('\\x1b[31mred\\x1b[0m')")["text"], "red\n")

    def test_a_large_binary_display_comes_back_whole(self):
        r = self.client.execute("from IPython.display import Image, display\n"
                                "raw = b'\\x89PNG\\r\\n\\x1a\\n' + bytes(range(256)) * 8000\n"
                                "display(Image(data=raw, format='png'))")
        self.assertEqual(r["status"], "ok")
        self.assertEqual(base64.b64decode(r["images"][0]["data"]),
                         b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8000)

    def test_not_a_number_in_an_output_is_still_json(self):
        r = self.client.execute("from IPython.display import display\n"
                                "display({'application/json': {'x': float('nan')}, "
                                "'text/plain': 'nan'}, raw=True)")
        self.assertIn(r["status"], ("ok", "error"))

    def test_code_with_every_kind_of_character_arrives_as_sent(self):
        code = "s = 'ä\\u0000\U0001f30d\\x7f'\nprint(len(s), s == 'ä\\0\U0001f30d\\x7f')"
        self.assertEqual(self.client.execute(code)["text"], "4 True\n")


class Pictures(DaemonCase):
    PLOT = ("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.axis('off')\n"
            "ax.text(0.1, 0.4, {text!r}, fontsize=80{more})\nplt.show()")

    def draw(self, text, more=""):
        from PIL import Image
        r = self.client.execute(self.PLOT.format(text=text, more=more))
        self.assertEqual(r["status"], "ok", r)
        self.assertEqual(len(r["images"]), 1, r["text"])
        self.assertEqual(r["images"][0]["mime"], "image/png")
        raw = base64.b64decode(r["images"][0]["data"])
        image = Image.open(io.BytesIO(raw)).convert("L")
        return image, r["text"]

    @limit(90)
    def test_chinese_text_in_a_plot_has_glyphs(self):
        images = {}
        for text in ("中", "国", "語", "─"):
            images[text], said = self.draw(text)
            self.assertNotIn("missing from", said)
            self.assertNotIn("Glyph", said)
        seen = {i.tobytes() for i in images.values()}
        self.assertEqual(len(seen), 4, "different characters look the same")
        boxes = [self.draw(text, ", fontfamily='DejaVu Sans'") for text in ("中", "国")]
        self.assertEqual(boxes[0][0].tobytes(), boxes[1][0].tobytes(),
                         "the comparison does not know a box")
        self.assertNotEqual(boxes[0][0].tobytes(), images["中"].tobytes())
        ink = sum(1 for p in images["国"].tobytes() if p < 128)
        self.assertGreater(ink, 200)

    def test_the_profile_is_set_and_again_after_a_restart(self):
        code = ("import matplotlib.pyplot as plt\nprint(list(plt.rcParams['figure.figsize']), "
                "plt.rcParams['figure.dpi'], plt.rcParams['axes.unicode_minus'], "
                "plt.rcParams['font.sans-serif'][0].startswith('Noto Sans CJK'))")
        expected = "[8.0, 6.0] 100.0 False True\n"
        self.assertEqual(self.client.execute(code)["text"], expected)
        before = self.client.kernel()
        os.kill(before["pid"], 9)
        self.client.wait_idle(above=before["generation"])
        self.assertEqual(self.client.execute(code)["text"], expected)

    def test_several_plots_in_one_cell_are_several_images(self):
        r = self.client.execute("import matplotlib.pyplot as plt\nfor i in range(3):\n"
                                "    plt.figure(); plt.plot([-1, i]); plt.title('负号 −1')\n"
                                "    plt.show()")
        self.assertEqual(len(r["images"]), 3)
        self.assertNotIn("Glyph", r["text"])


class SlowReaders(DaemonCase):
    def measure(self, sandbox, runs=150, looks=400):
        """p99 of `1+1` in a sandbox and of GET /kernel/status, in ms."""
        c = self.client.connection()
        path = f"/v1/sandboxes/{sandbox}/executions"
        ones, looked = [], []
        for _ in range(runs):
            began = time.monotonic()
            r = self.client.request("POST", path, {"code": "1+1"}, connection=c)
            ones.append((time.monotonic() - began) * 1000)
            self.assertEqual(r.json["status"], "ok")
        for _ in range(looks):
            began = time.monotonic()
            r = self.client.request("GET", "/kernel/status", connection=c)
            looked.append((time.monotonic() - began) * 1000)
            self.assertEqual(r.status, 200)
        c.close()
        return percentile(ones, 0.99), percentile(looked, 0.99)

    @limit(120)
    def test_a_reader_that_takes_nothing_slows_nobody_else(self):
        sandbox, flooded = self.own_sandbox(), self.own_sandbox()
        self.client.execute("1", sandbox)
        self.client.execute("1", flooded)
        quiet = self.measure(sandbox)
        before = rss_bytes(self.daemon.pid)
        slow = []
        body = (b'{"code": "import time\\nend = time.time() + 40\\nwhile time.time() < end:\\n'
                b'    print(\'y\' * 20000)\\n    time.sleep(0.001)", "timeout_s": 60}')
        for _ in range(2):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect((self.client.host, self.client.port))
            s.sendall((f"POST /v1/sandboxes/{flooded}/executions HTTP/1.1\r\n"
                       f"Host: {self.client.host}\r\nAccept: application/x-ndjson\r\n"
                       f"Authorization: Bearer {self.client.token}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
                      .encode() + body)
            slow.append(s)
        self.wait_busy(flooded)
        time.sleep(1)  # let the flood fill what it can fill
        loud = self.measure(sandbox)
        grown = rss_bytes(self.daemon.pid) - before
        for s in slow:
            s.close()
        print(f"     p99 ms quiet/loud: 1+1 {quiet[0]:.1f}/{loud[0]:.1f}, "
              f"status {quiet[1]:.2f}/{loud[1]:.2f}; grown {grown / MIB:.0f} MiB")
        self.assertLess(loud[0], 4 * quiet[0] + 10)
        self.assertLess(loud[1], 4 * quiet[1] + 5)
        self.assertLess(grown, 200 * MIB)

    def wait_busy(self, sandbox):
        from waiting import wait_until
        wait_until(lambda: self.client.kernel(sandbox)["state"] == "busy", 10, "the flood runs")
