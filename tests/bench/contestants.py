"""The servers that are measured, each started on a free port and ended by its process id."""
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOLS = os.environ.get("BENCH_TOOLS", os.path.join(ROOT, "build", "bin"))
PYTHON = "/usr/bin/python3"
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from harness import Daemon  # noqa: E402
from waiting import wait_until  # noqa: E402


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tool(name):
    return os.path.join(TOOLS, "bench_" + name)


class Tool:
    """A load generator that takes orders: see load_tool.hpp."""

    def __init__(self, name, targets):
        self.process = subprocess.Popen([tool(name)], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE)
        self.process.stdin.write(json.dumps(targets) + "\n")

    def order(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator failed; its reason is above")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Server:
    """A process of its own session, ended with all that it started."""

    def launch(self, command, **kw):
        self.folder = tempfile.mkdtemp(prefix="tbench")
        env = dict(os.environ, HOME=self.folder, JUPYTER_RUNTIME_DIR=self.folder + "/run",
                   JUPYTER_DATA_DIR=self.folder + "/share", IPYTHONDIR=self.folder + "/ipython")
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(command, env=env, start_new_session=True,
                                        stderr=self.log, cwd=self.folder, **kw)
        self.pid = self.process.pid

    def wait_for(self, path):
        def answers():
            try:
                return self.call("GET", path)
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(open(self.log.name, errors="replace").read()[-3000:])
                return None
        wait_until(answers, 60, f"{path} answers")

    def call(self, method, path, body=None, timeout=60):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, method=method,
            headers={"Content-Type": "application/json", "Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.read() or b"{}"

    token = "none"

    def children(self):
        """Processes in sessions of their own that still name this server's folder."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/environ", "rb") as f:
                    if self.folder.encode() in f.read() and int(name) != self.pid:
                        found.append(int(name))
            except OSError:
                pass
        return found

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in self.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class FastApi(Server):
    def __init__(self, kernels):
        self.port = free_port()
        self.launch([PYTHON, os.path.join(HERE, "fastapi_server.py"), str(self.port),
                     str(kernels)], stdout=subprocess.DEVNULL)
        self.wait_for("/constant")

    def targets(self, kernels):
        return [{"host": "127.0.0.1", "port": self.port, "path": "/execute", "expect": '"2"',
                 "body": json.dumps({"code": "1+1", "kernel": i})} for i in range(kernels)]


class JupyterServer(Server):
    def __init__(self, kernels):
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.launch([PYTHON, "-m", "jupyter_server", "--ip=127.0.0.1", f"--port={self.port}",
                     "--port-retries=0", "--no-browser", f"--ServerApp.token={self.token}",
                     "--allow-root", "--ServerApp.root_dir=."], stdout=subprocess.DEVNULL)
        self.wait_for("/api/status")
        self.kernels = [json.loads(self.call("POST", "/api/kernels", {"name": "python3"}))["id"]
                        for _ in range(kernels)]

    def targets(self, kernels):
        return [{"host": "127.0.0.1", "port": self.port,
                 "path": f"/api/kernels/{k}/channels?token={self.token}"}
                for k in self.kernels[:kernels]]

    def kernel_pid(self, index):
        wanted = f"kernel-{self.kernels[index]}.json".encode()
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    if wanted in f.read():
                        return int(name)
            except OSError:
                pass
        raise RuntimeError("the kernel's process was not found")


class BareBeast(Server):
    def __init__(self, threads):
        self.launch([tool("bare_beast"), str(threads)], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())


class Troupe:
    def __init__(self, kernels=1, *flags):
        self.daemon = Daemon("--limits.requests_per_s", "0", "--kernel.max_per_sandbox", "16",
                             *flags).start()
        self.client, self.pid = self.daemon.client, self.daemon.pid
        self.port = self.client.port
        self.names = ["main"] + [f"k{i}" for i in range(1, kernels)]
        for name in self.names[1:]:
            self.client.post("/v1/sandboxes/default/kernels", {"id": name})
        for name in self.names:
            self.client.wait_idle(kernel=name, timeout_s=90)

    def targets(self, kernels):
        return [{"host": self.client.host, "port": self.port, "token": self.client.token,
                 "path": "/v1/sandboxes/default/executions", "expect": '"status":"ok"',
                 "body": json.dumps({"code": "1+1", "kernel_id": n})}
                for n in self.names[:kernels]]

    def connection_info(self, name="main"):
        path = self.client.kernel(kernel=name)["connection_file"]
        with open(path, encoding="utf-8") as f:
            return json.load(f)

    def close(self):
        self.daemon.stop()
        self.daemon.remove()


def plain_kernel_start():
    """Seconds from starting `python3 -m ipykernel_launcher` to its kernel_info_reply."""
    import zmq
    from jupyter_client import KernelManager
    from jupyter_client.session import Session
    folder = tempfile.mkdtemp(prefix="tbench")
    manager = KernelManager(transport="ipc", ip=os.path.join(folder, "k"),
                            connection_file=os.path.join(folder, "kernel.json"))
    for i, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1):
        setattr(manager, name + "_port", i)
    manager.write_connection_file()
    session = Session(key=manager.session.key)
    context = zmq.Context.instance()
    shell = context.socket(zmq.DEALER)
    shell.setsockopt(zmq.RECONNECT_IVL, 2)
    shell.setsockopt(zmq.LINGER, 0)
    began = time.monotonic()
    process = subprocess.Popen([PYTHON, "-m", "ipykernel_launcher", "-f", manager.connection_file],
                               env=dict(os.environ, HOME=folder), start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        shell.connect(f"ipc://{manager.ip}-{manager.shell_port}")
        session.send(shell, "kernel_info_request", {})
        if not shell.poll(30000):
            raise RuntimeError("a plain kernel did not start")
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait()
        shell.close()
        shutil.rmtree(folder, ignore_errors=True)
