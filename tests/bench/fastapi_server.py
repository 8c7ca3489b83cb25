"""The smallest server that runs code: FastAPI and jupyter_client, nothing else.

`fastapi_server.py PORT KERNELS`. What most people write first; the yardstick for Troupe.
"""
import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from jupyter_client import AsyncKernelManager
from pydantic import BaseModel

app = FastAPI()
kernels = []


class Code(BaseModel):
    code: str
    kernel: int = 0


class Kernel:
    async def start(self):
        self.manager = AsyncKernelManager()
        await self.manager.start_kernel()
        await self.connect()

    async def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        await self.client.wait_for_ready()
        self.lock = asyncio.Lock()

    async def run(self, code):
        async with self.lock:
            sent = self.client.execute(code)
            outputs = []
            while True:
                message = await self.client.get_iopub_msg()
                if message["parent_header"].get("msg_id") != sent:
                    continue
                content = message["content"]
                if message["msg_type"] == "status" and content["execution_state"] == "idle":
                    break
                if message["msg_type"] in ("stream", "execute_result", "display_data", "error"):
                    outputs.append(content)
            while True:
                reply = await self.client.get_shell_msg()
                if reply["parent_header"].get("msg_id") == sent:
                    return {"status": reply["content"]["status"], "outputs": outputs}


@app.on_event("startup")
async def start():
    for _ in range(int(sys.argv[2])):
        kernels.append(Kernel())
        await kernels[-1].start()


@app.post("/execute")
async def execute(what: Code):
    return await kernels[what.kernel].run(what.code)


@app.post("/kernel/reset")
async def reset():
    kernels[0].client.stop_channels()
    await kernels[0].manager.restart_kernel(now=True)
    await kernels[0].connect()
    return {"success": True}


@app.get("/constant")
async def constant():
    return {"success": True, "kernel_alive": True, "kernel_pid": 1234567,
            "connection_file": "/root/.local/share/jupyter/runtime/kernel.json",
            "client_connected": True}


@app.get("/kernel/status")
async def status():
    manager = kernels[0].manager
    return {"success": True, "kernel_alive": await manager.is_alive(),
            "kernel_pid": manager.provisioner.process.pid,
            "connection_file": manager.connection_file,
            "client_connected": await kernels[0].client.is_alive()}


@app.on_event("shutdown")
async def stop():
    for kernel in kernels:
        await kernel.manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning",
                access_log=False)
