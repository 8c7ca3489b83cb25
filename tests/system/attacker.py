"""Sent into a kernel: tries attacks there, each in a process of its own, and says how each ended.

An attack ends with the name of the error that refused it, the signal that ended it, or `open`. What
it may use: the functions and modules below, and upper-case names for what the test knows of the
host. System calls go by their numbers on x86-64, so that no library stands in between.
"""
import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading

FIRST_NEWER_CALL = 463  # the filter knows what Linux had before
NAMESPACES = {"time": 0x80, "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000,
              "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """Nothing failed, but there was nothing to be had."""


class Several(Exception):
    """How each of several attempts ended; not each has a name."""


def call(number, *arguments):
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result == -1:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def address_of(memory):
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def each(*attempts):
    """All are made, and every one must be refused."""
    raise Several(" ".join(sorted({outcome(a) for a in attempts})))


def calls(*several):
    each(*[lambda c=c: call(*c) for c in several])


def opens(flags, *paths):
    each(*[lambda p=p: os.open(p, flags) for p in paths])


def clone(flags):
    if call(56, flags | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


def clone3(flags):
    arguments = bytearray(struct.pack("11Q", flags, 0, 0, 0, signal.SIGCHLD, *[0] * 6))
    if call(435, bytes(arguments), len(arguments)) == 0:
        os._exit(0)


def as_32_bit(number):
    """A system call by the interface for programs of 32 bits."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8" + struct.pack("<I", number) + b"\xcd\x80\xc3")  # mov eax; int 0x80; ret
    result = ctypes.CFUNCTYPE(ctypes.c_int)(address_of(code))()
    if result < 0:
        raise OSError(-result, "int 0x80")


def add_record(packet):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect("\0troupe-store")
        s.send(packet)
        answer = json.loads(s.recv(65536))
    if answer["status"] != 200:
        raise OSError(errno.EINVAL, answer["detail"])


def ask(request):
    """One request to the proxy; refused, it ends with the answer's status."""
    with socket.create_connection(("127.0.0.1", 3128), 5) as s:
        s.sendall(request.encode())
        status = s.makefile("rb").readline().split()[1].decode()
    if status != "200":
        raise Several(status)


def tunnel(host):
    ask(f"CONNECT {host} HTTP/1.1\r\n\r\n")


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        if kind == socket.SOCK_DGRAM:
            s.send(b"x")
            s.send(b"x")  # fails when nobody was there for the first


def leads_out(family, address):
    """Whether there is a way to an address; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.connect(address)


def many(make, count):
    kept = [make() for _ in range(count)]
    del kept


def forks(count):
    children = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def threads(count):
    end = threading.Event()
    try:
        for _ in range(count):
            threading.Thread(target=end.wait, daemon=True).start()
    finally:
        end.set()


def fill(folder, count):
    """Space for `count` files of 4 MiB."""
    with tempfile.TemporaryDirectory(dir=folder) as where:
        for n in range(count):
            with open(f"{where}/{n}", "wb") as f:
                os.posix_fallocate(f.fileno(), 0, 4 << 20)


def status_of(*fields):
    with open("/proc/self/status", encoding="ascii") as f:
        return [line.split()[1] for line in f if line.startswith(fields)]


def outcome(attempt):
    try:
        attempt()
    except Several as e:
        return str(e)
    except OSError as e:
        return errno.errorcode.get(e.errno, type(e).__name__)
    except Exception as e:  # noqa: BLE001 - whatever it is, the test judges it
        return type(e).__name__
    return "open"


def tried(code, known):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        words = outcome(lambda: exec(code, {**globals(), **known}))
        os.write(writer, words.encode())
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    os.close(writer)
    os.set_blocking(reader, False)
    words = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "silent"
    try:
        words = os.read(reader, 4096).decode() or words
    except BlockingIOError:
        pass
    os.close(reader)
    return words


def tell_all(codes, known):
    print(json.dumps([tried(code, known) for code in codes]))
