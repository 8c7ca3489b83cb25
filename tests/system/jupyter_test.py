"""An unmodified jupyter_client connects to a kernel of Troupe with what /kernel/connection says."""
import queue
import unittest

from harness import DaemonCase, limit

try:
    from jupyter_client import BlockingKernelClient
except ImportError:
    BlockingKernelClient = None


@unittest.skipIf(BlockingKernelClient is None, "jupyter_client is not installed")
class JupyterClient(DaemonCase):
    def connect(self, info):
        kc = BlockingKernelClient()
        kc.load_connection_info(info)
        kc.start_channels()
        self.addCleanup(kc.stop_channels)
        kc.wait_for_ready(timeout=20)
        return kc

    @limit(60)
    def test_it_connects_executes_and_disturbs_nobody(self):
        answer = self.client.get("/kernel/connection").json
        kc = self.connect(answer["connection_info"])
        outputs = []
        reply = kc.execute_interactive("shared = 6\nprint('from jupyter')", timeout=20,
                                       output_hook=outputs.append)
        self.assertEqual(reply["content"]["status"], "ok")
        self.assertIn("from jupyter\n", [m["content"].get("text") for m in outputs])
        s = self.client.follow("print('from troupe', shared * 7)")
        events = s.rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertEqual(self.texts(events), "from troupe 42\n")
        self.assertNotIn("jupyter", str(events))
        seen = []
        try:
            while True:
                seen.append(kc.get_iopub_msg(timeout=1))
        except queue.Empty:
            pass
        self.assertIn("from troupe 42\n", [m["content"].get("text") for m in seen])

    @limit(60)
    def test_it_connects_by_the_connection_file(self):
        path = self.client.get("/kernel/connection-file").json["connection_file"]
        kc = BlockingKernelClient(connection_file=path)
        kc.load_connection_file()
        kc.start_channels()
        self.addCleanup(kc.stop_channels)
        kc.wait_for_ready(timeout=20)
        reply = kc.execute_interactive("1/0", timeout=20, output_hook=lambda m: None)
        self.assertEqual(reply["content"]["ename"], "ZeroDivisionError")
        self.assertTrue(kc.is_alive())
        self.assertEqual(self.client.execute("1+1")["status"], "ok")

    @limit(60)
    def test_code_of_another_client_only_delays_an_execution(self):
        kc = self.connect(self.client.get("/kernel/connection").json["connection_info"])
        kc.execute("import time; time.sleep(1.5)")
        events = self.client.follow("print('after')").rest()
        self.assertEqual(self.check_events(events)["status"], "ok")
        self.assertEqual(self.texts(events), "after\n")
