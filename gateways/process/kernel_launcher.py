"""Runs an IPython kernel for Troupe: `python3 launcher.py CONNECTION_FILE FIRST_FD [debugger]`.

What differs from `python3 -m ipykernel_launcher`: its five sockets are made by the daemon and come
as descriptors from FIRST_FD on, it drops no output, whoever prints faster than the daemon reads
waits, and matplotlib, whenever the user imports it, is set up for inline pictures with CJK labels.
Nothing of this is visible in the user's namespace.
"""
import logging
import os
import sys
import threading


class ProfileLoader:
    """A module's own loader, and a function of ours that runs right after it."""

    def __init__(self, loader, after):
        self._loader = loader
        self._after = after

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        try:
            self._after(module)
        except Exception as e:  # a picture with default settings is better than no matplotlib
            print(f"matplotlib profile: {e!r}", file=sys.__stderr__)


class ProfileFinder:
    """Finds matplotlib and its font manager as the other finders do, then adds the profile.

    matplotlib itself is not imported at start: that takes about 280 ms.
    """

    def __init__(self, hooks):
        self._hooks = hooks

    def find_spec(self, name, path=None, target=None):
        after = self._hooks.pop(name, None)
        if after is None:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = ProfileLoader(spec.loader, after)
                return spec
        self._hooks[name] = after  # not installed, perhaps later
        return None


class MatplotlibProfile:
    def __init__(self):
        self._untouched = None
        hooks = {"matplotlib": self.set_figure, "matplotlib.font_manager": self.set_font}
        sys.meta_path.insert(0, ProfileFinder(hooks))

    @staticmethod
    def _font_of(matplotlib):
        return list(matplotlib.rcParams["font.family"]), list(
            matplotlib.rcParams["font.sans-serif"]
        )

    def set_figure(self, matplotlib):
        # The inline backend cuts empty margins (bbox_inches="tight"), so that a picture usually has
        # somewhat fewer than 800x600 pixels, and more when something sticks out.
        matplotlib.rcParams.update(
            {"figure.figsize": (8, 6), "figure.dpi": 100, "axes.unicode_minus": False}
        )
        self._untouched = self._font_of(matplotlib)

    def set_font(self, font_manager):
        import matplotlib

        if self._font_of(matplotlib) != self._untouched:
            return  # the user chose a font before anything could be drawn
        cjk = self._cjk_family(font_manager)
        if cjk is None:
            return
        rest = [f for f in self._untouched[1] if f != cjk]
        # The second family is the fallback for glyphs that the CJK font lacks.
        matplotlib.rcParams["font.family"] = ["sans-serif", "DejaVu Sans"]
        matplotlib.rcParams["font.sans-serif"] = [cjk, *rest]

    def _cjk_family(self, font_manager):
        known = self._families(font_manager)
        if not known:
            # The cache may be older than the fonts.
            for path in font_manager.findSystemFonts():
                if "CJK" in os.path.basename(path):
                    font_manager.fontManager.addfont(path)
            known = self._families(font_manager)
        for wanted in ("Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK JP"):
            if wanted in known:
                return wanted
        return min(known, default=None)

    @staticmethod
    def _families(font_manager):
        return {f.name for f in font_manager.fontManager.ttflist if "CJK" in f.name}


def mend_stream_capture():
    """Output of subprocesses survives a character that is cut in two.

    ipykernel 6.17 decodes every 1000 bytes alone; the error ends its thread, and with it the output
    of subprocesses, which then block on a full pipe.
    """
    import codecs

    from ipykernel.iostream import OutStream

    def watch_pipe_fd(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while self._should_watch:
            read = os.read(self._fid, 65536)
            text = decoder.decode(read, final=not read)
            if text:
                self.write(text)
            if not read:
                return

    OutStream._watch_pipe_fd = watch_pipe_fd


class OutputBound:
    """Output that the daemon has not read waits here, so much and no more; then the code waits.

    Output is on its way in three places: the text buffers of stdout and stderr, messages for the
    thread that sends, and ZeroMQ's queue, which has no bound of its own. `read_fd` is an eventfd to
    which the daemon adds the bytes it has read.
    """

    text_chars_max = 1 << 20
    messages_bytes_max = 16 << 20
    unread_bytes_max = 64 << 20

    def __init__(self, read_fd):
        os.set_inheritable(read_fd, False)
        self._read_fd = read_fd
        self._unread = 0
        self._waiting = 0
        self._changed = threading.Condition()

    def install(self):
        from ipykernel.iostream import IOPubThread, OutStream

        send_multipart, really_send = IOPubThread.send_multipart, IOPubThread._really_send
        write = OutStream.write

        def bounded_send_multipart(sender, message, *args, **kwargs):
            # In a forked child nobody sends but the caller.
            if not sender.thread.is_alive() or threading.current_thread() is sender.thread:
                return send_multipart(sender, message, *args, **kwargs)
            size = self._bytes_of(message)
            self._enter(size)

            def send():
                try:
                    sender._really_send(message, *args, **kwargs)
                finally:
                    self._leave(size)

            sender.schedule(send)

        def bounded_really_send(sender, message, *args, **kwargs):
            if sender._is_master_process():
                self._await_reader(self._bytes_of(message))
            really_send(sender, message, *args, **kwargs)

        def bounded_write(stream, text):
            written = write(stream, text)
            with stream._buffer_lock:
                full = stream._buffer.tell() > self.text_chars_max
            if full:
                stream.flush()
            return written

        IOPubThread.send_multipart = bounded_send_multipart
        IOPubThread._really_send = bounded_really_send
        OutStream.write = bounded_write
        OutStream.flush_timeout = threading.TIMEOUT_MAX  # after which it would not wait

    @staticmethod
    def _bytes_of(message):
        return sum(memoryview(frame).nbytes for frame in message)

    def _enter(self, size):
        """By whoever prints: an interrupt ends the wait, as it ends a write to a full pipe."""
        with self._changed:
            while self._waiting > self.messages_bytes_max:
                self._changed.wait()
            self._waiting += size

    def _leave(self, size):
        with self._changed:
            self._waiting -= size
            self._changed.notify()

    def _await_reader(self, size):
        """By the thread that sends."""
        while self._unread > self.unread_bytes_max:
            self._unread -= int.from_bytes(os.read(self._read_fd, 8), sys.byteorder)
        self._unread += size


def session_class():
    from jupyter_client.session import Session

    stream_chars_max = 1 << 20

    class PiecewiseSession(Session):
        """Sends a large text as several messages, so that no reader has to hold it whole."""

        def send(self, stream, msg_or_type, content=None, *args, **kwargs):
            if msg_or_type == "stream" and len(content["text"]) > stream_chars_max:
                text = content["text"]
                for start in range(0, len(text), stream_chars_max):
                    piece = dict(content, text=text[start : start + stream_chars_max])
                    sent = super().send(stream, msg_or_type, piece, *args, **kwargs)
                return sent
            return super().send(stream, msg_or_type, content, *args, **kwargs)

    return PiecewiseSession


def app_class(first_fd):
    import zmq
    from ipykernel.heartbeat import Heartbeat
    from ipykernel.kernelapp import IPKernelApp
    from traitlets import default

    session = session_class()

    def adopt(socket, port):
        """Has the socket listen on what the daemon made for this port; ports count from 1."""
        fd = first_fd + port - 1
        os.set_inheritable(fd, False)  # not for the user's subprocesses
        socket.setsockopt(zmq.USE_FD, fd)

    bind_heartbeat = Heartbeat._try_bind_socket

    def adopt_heartbeat(self):
        adopt(self.socket, self.port)
        return bind_heartbeat(self)

    Heartbeat._try_bind_socket = adopt_heartbeat

    class TroupeKernelApp(IPKernelApp):
        @default("session")
        def _session_default(self):
            return session(parent=self)

        def _bind_socket(self, s, port):
            if s.type in (zmq.PUB, zmq.XPUB):
                s.sndhwm = 0  # by default, what exceeds 1000 waiting messages is dropped silently
            adopt(s, port)
            bound = super()._bind_socket(s, port)
            if s is self.shell_socket:
                # ipykernel connects a socket of its own to shell's last address.
                s.bind("inproc://shell")
            return bound

        def cleanup_ipc_files(self):
            pass  # they are the daemon's

        def write_connection_file(self):
            pass  # it is complete, and others may be reading it

        def log_connection_info(self):
            terminal, sys.__stdout__ = sys.__stdout__, open(os.devnull, "w")
            try:
                super().log_connection_info()  # also records the ports
            finally:
                sys.__stdout__.close()
                sys.__stdout__ = terminal

    return TroupeKernelApp


def main():
    connection_file, first_fd = sys.argv[1], int(sys.argv[2])
    debugger = "debugger" in sys.argv[3:]
    del sys.path[0]  # this file's folder
    sys.argv[:] = ["ipykernel_launcher.py", "-f", connection_file]
    if not debugger:
        sys.modules["debugpy"] = None  # importing it takes about 190 ms
    mend_stream_capture()
    OutputBound(first_fd + 5).install()
    app = app_class(first_fd).instance(connection_file=connection_file)
    if not debugger:
        del sys.modules["debugpy"]  # the user may import it
        app.log_level = logging.ERROR  # a warning says that there is no debugger
    # Kernels share no history with each other, and no cell waits for a disk.
    app.config.HistoryManager.hist_file = ":memory:"
    MatplotlibProfile()
    app.initialize([])
    app.start()


main()
