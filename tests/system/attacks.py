#!/usr/bin/env python3
"""What hostile code tries, as data. `tests/system/attacks.py > docs/attacks.md` writes it down.

An attack is a few lines that run inside a kernel, with all that `attacker.py` beside this has. From
its level on it must end as one of its refusals. Below that level it gets through: no attack harms a
machine where it does. `proven` tells whether a test may count on that under root; some need a
device, an address, an option of the kernel or a right of root's that not every machine has.
"""
from typing import NamedTuple

LEVELS = ("none", "process", "namespaces", "full")
ZONE_REFUSALS = "EROFS EACCES EPERM EBUSY EXDEV"


class Attack(NamedTuple):
    name: str
    level: str  # the first at which it is refused
    refusals: str
    code: str
    proven: bool = True
    landlock: int = 0  # at the first level by Landlock, in this version or a newer one


def process(name, refusals, code, proven=True):
    return Attack(name, "process", refusals, code, proven)


def walls(name, refusals, code, proven=True):
    return Attack(name, "namespaces", refusals, code, proven)


def paths(name, refusals, code, proven=True):
    """Refused by Landlock where no mount does it, whatever its version that is used."""
    return Attack(name, "process", refusals, code, proven, landlock=3)


def scopes(name, refusals, code):
    return Attack(name, "process", refusals, code, landlock=6)


NETWORK = [
    walls("the daemon's port", "ECONNREFUSED", "connect(socket.AF_INET, ('127.0.0.1', PORT))"),
    walls("TCP to the host", "ECONNREFUSED", "connect(socket.AF_INET, ('127.0.0.1', TCP))"),
    walls("TCP to the host by IPv6", "ECONNREFUSED EADDRNOTAVAIL",
          "connect(socket.AF_INET6, ('::1', TCP6))", proven=False),
    walls("UDP to the host", "ECONNREFUSED",
          "connect(socket.AF_INET, ('127.0.0.1', UDP), socket.SOCK_DGRAM)"),
    walls("the way to other machines", "ENETUNREACH EADDRNOTAVAIL",
          "each(*[lambda a=a: leads_out(*a) for a in ("
          "(socket.AF_INET, ('198.51.100.1', 9)), (socket.AF_INET, ('169.254.169.254', 80)),"
          "(socket.AF_INET6, ('2001:db8::1', 9)))])", proven=False),
    walls("name servers", "ENOENT ENETUNREACH",
          "each(lambda: open('/etc/resolv.conf'),"
          "lambda: leads_out(socket.AF_INET, ('198.51.100.53', 53)))", proven=False),
    walls("a Unix socket of the host", "ENOENT",
          "connect(socket.AF_UNIX, OUTSIDE + '/socket')"),
    scopes("an abstract Unix socket of the host", "ECONNREFUSED EPERM",
           "connect(socket.AF_UNIX, ABSTRACT)"),
    walls("another kernel by what `GET /kernel/connection` tells", "ENOENT",
          "each(lambda: open(CONNECTION['connection_file']), lambda: connect("
          "socket.AF_UNIX, CONNECTION['connection_info']['ip'] + '-1'))"),
    walls("moving the sockets of its own kernel away", "ENOENT",
          "own = os.path.dirname(OWN_CONNECTION)\nos.rename(own, own)"),
    walls("raw sockets", "EPERM",
          "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)"),
    process("packet sockets", "EAFNOSUPPORT", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
    process("sockets to the hypervisor (vsock)", "EAFNOSUPPORT",
            "socket.socket(40, socket.SOCK_STREAM)", proven=False),
    process("sockets to the kernel's ciphers (AF_ALG)", "EAFNOSUPPORT",
            "socket.socket(38, socket.SOCK_SEQPACKET)", proven=False),
    process("netlink but for the list of interfaces", "EPROTONOSUPPORT",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)"),
    walls("interfaces beside its loopback", "Refused",
          "if [name for _, name in socket.if_nameindex()] == ['lo']: raise Refused", proven=False),
]

PROCESSES = [
    scopes("a signal to the daemon", "ESRCH EPERM", "os.kill(DAEMON, 0)"),
    scopes("a signal to another sandbox's kernel", "ESRCH EPERM", "os.kill(VICTIM, 0)"),
    walls("a pidfd of the daemon", "ESRCH", "os.pidfd_open(DAEMON)"),
    walls("what `/proc` tells of the daemon and other sandboxes", "ENOENT",
          "each(*[lambda p=p: open(f'/proc/{pid}/{p}').read(1) for p in ('environ', 'cmdline',"
          "'mem', 'maps', 'root/etc/passwd') for pid in (DAEMON, VICTIM)])"),
    paths("memory, descriptors and folders of the daemon and other sandboxes", "ENOENT EACCES",
          "each(*[lambda p=p: os.stat(f'/proc/{pid}/{p}') for p in ('root/', 'cwd/', 'fd/0')"
          " for pid in (DAEMON, VICTIM)], lambda: open(f'/proc/{DAEMON}/mem').close())"),
    process("tracing (ptrace)", "EPERM", "calls((101, 0x4206, DAEMON, 0, 0), (101, 0, 0, 0, 0))"),
    process("memory of others (process_vm_readv, process_vm_writev, process_madvise)", "EPERM",
            "v = struct.pack('PN', address_of(bytearray(8)), 8)\n"
            "calls((310, DAEMON, v, 1, v, 1, 0), (311, -1, v, 1, v, 1, 0), (440, -1, v, 1, 0, 0))"),
    process("descriptors of others (pidfd_getfd, kcmp)", "EPERM",
            "calls((438, os.pidfd_open(os.getpid()), 0, 0), (312, DAEMON, DAEMON, 0, 0, 0))"),
    walls("memory, descriptors and folder of process 1", "EACCES",
          "each(*[lambda p=p: os.stat('/proc/1/' + p) for p in ('root/', 'fd/0', 'cwd/')],"
          "lambda: open('/proc/1/mem').read(0), lambda: open('/proc/1/environ').read())",
          proven=False),
    walls("namespaces of process 1", "EACCES", "opens(os.O_RDONLY, '/proc/1/ns/net',"
          "'/proc/1/ns/mnt', '/proc/1/ns/user', '/proc/1/ns/pid')", proven=False),
    walls("shared memory of the host (SysV)", "ENOENT", "call(29, SHARED_KEY, 0, 0)"),
    process("typing into a terminal (TIOCSTI)", "EPERM",
            "import pty\ns = pty.openpty()[1]\n"
            "calls((16, s, 0x5412, b'x'), (16, s, 0x5412 | 1 << 32, b'x'))"),
]

SYSTEM = [
    paths("settings in `/proc/sys`", "EROFS EACCES", "opens(os.O_WRONLY, *["
          "'/proc/sys/' + n for n in ('kernel/core_pattern', 'vm/swappiness',"
          "'vm/drop_caches', 'net/ipv4/ip_forward')])"),
    paths("`/proc/sysrq-trigger`", "ENOENT EROFS EACCES",
          "opens(os.O_WRONLY, '/proc/sysrq-trigger')", proven=False),
    walls("the kernel's memory, log and addresses", "ENOENT EPERM EACCES Refused",
          "def addresses():\n"
          "    with open('/proc/kallsyms') as f:\n"
          "        if int(f.readline().split()[0], 16) == 0: raise Refused\n"
          "each(addresses, *[lambda p=p: open(p, 'rb').read(1) for p in ('/proc/kcore',"
          "'/dev/mem', '/dev/kmsg')], lambda: call(103, 10, None, 0))"),
    paths("`/sys` and control groups", "ENOENT EROFS EACCES ENOTSUP",
          "each(lambda: os.listdir('/sys/kernel'), lambda: os.listdir('/sys/fs/cgroup'),"
          "lambda: os.open('/sys', os.O_TMPFILE | os.O_WRONLY))", proven=False),
    process("mount, umount", "EPERM",
            "calls((165, b'none', b'.', b'no-such-type', 0, None),"
            "(165, b'no-such-folder', b'upload', None, 4096, None),"
            "(165, None, b'upload', None, 32 | 4096, None), (166, b'upload', 2))"),
    process("the newer calls for mounts", "EPERM",
            "calls((428, -100, b'.', 1), (429, -1, b'', -1, b'', 0), (430, b'tmpfs', 0),"
            "(431, -1, 0, None, None, 0), (432, -1, 0, 0), (433, -1, b'.', 0),"
            "(442, -1, b'', 0, bytes(32), 32))"),
    process("chroot, pivot_root", "EPERM", "calls((161, b'.'), (155, b'.', b'.'))"),
    process("setns", "EPERM",
            "call(308, os.open('/proc/self/ns/net', os.O_RDONLY), NAMESPACES['net'])"),
    process("unshare, each namespace", "EPERM",
            "calls(*[(272, flag) for flag in NAMESPACES.values()])"),
    process("clone into namespaces", "EPERM",
            "each(*[lambda f=f: clone(f) for n, f in NAMESPACES.items() if n != 'time'])"),
    process("clone3 into namespaces", "ENOSYS",
            "each(*[lambda f=f: clone3(f) for f in NAMESPACES.values()])"),
    process("io_uring", "ENOSYS",
            "calls((425, 1, bytes(120)), (426, -1, 0, 0, 0, None, 0), (427, -1, 0, None, 0))"),
    process("bpf, perf_event_open, userfaultfd", "EPERM",
            "calls((321, 0, bytes(128), 128), (298, bytes(128), 0, -1, -1, 0), (323, 0))"),
    process("key rings", "EPERM", "calls((248, b'user', b'attack', b'x', 1, -1),"
            "(249, b'user', b'attack', None, 0), (250, 0, -1, 0))"),
    process("files by handle, watching all files (fanotify)", "EPERM",
            "handle = struct.pack('Ii8s', 8, 1, b'')\n"
            "calls((303, -100, b'.', handle, bytes(4), 0), (304, -100, handle, 0),"
            "(300, 0, 0), (301, -1, 0, 0, -1, None))"),
    process("placing and secret memory", "EPERM",
            "calls((237, None, 0, 0, None, 0, 0), (238, 0, None, 0), (256, 0, 0, None, None),"
            "(279, 0, 0, None, None, None, 0), (278, -1, None, 0, 0), (447, 0))"),
    process("addresses that can be foretold (personality)", "EPERM", "call(135, 0x40000)"),
    process("the machine's administration", "EPERM",
            "calls((103, 10, None, 0), (136, 0, None), (139, 3, 0, 0), (154, 0, None, 0),"
            "(159, bytes(208)), (163, b'/no-such'), (164, None, None), (167, None, 0),"
            "(168, None), (169, 0, 0, 0, None), (170, None, 1 << 20), (171, None, 1 << 20),"
            "(172, 0), (173, 0, 1, 0), (175, None, 0, None), (176, b'none', 0),"
            "(179, 0, None, 0, None), (212, 0, None, 0), (227, -1, bytes(16)),"
            "(246, 0, 0, None, 0xffffff), (305, 0, bytes(208)), (313, -1, b'', 0),"
            "(320, -1, -1, 0, None, 0xffff), (443, -1, 0, 0, None))"),
    process("calls by the numbers of other interfaces (x32, 32 bits)", "ENOSYS SIGSEGV",
            "each(lambda: call(0x40000000 | 39), lambda: as_32_bit(20))", proven=False),
    process("calls that are newer than the filter", "ENOSYS",
            "calls(*[(n, -1, None, 0, None, 0) for n in range(FIRST_NEWER_CALL, 512)])",
            proven=False),
    paths("devices", "ENOENT EACCES EROFS",
          "opens(os.O_RDONLY, *['/dev/' + d for d in ('mem', 'kmsg', 'kvm', 'fuse', 'vda', 'sda',"
          "'net/tun', 'loop-control')])"),
    paths("making a device", "EPERM EROFS EACCES",
          "def make(folder):\n"
          "    os.mknod(folder + '/device', 0o600 | stat.S_IFCHR, os.makedev(1, 3))\n"
          "    os.unlink(folder + '/device')\n"
          "each(lambda: make('output'), lambda: make('/dev'), lambda: make('/tmp'))"),
]

RIGHTS = [
    walls("becoming root", "EINVAL EPERM",
          "each(lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]))"),
    walls("capabilities", "Refused", "if not any(int(c, 16) for c in status_of('Cap')): "
          "raise Refused"),
    process("rights by exec (no_new_privs)", "Refused",
            "if status_of('NoNewPrivs') == ['1']: raise Refused"),
    paths("a set-user-id program (su)", "Refused",
          "if subprocess.run(['su', '-s', '/bin/true', 'nobody'], stdin=subprocess.DEVNULL,"
          "capture_output=True).returncode: raise Refused"),
    process("making a set-user-id or set-group-id program", "EPERM ENOSYS",
            "new = os.O_CREAT | os.O_WRONLY\n"
            "fd = os.open('output/s', new)\n"
            "how = struct.pack('QQQ', new, 0o4755, 0)\n"
            "calls((90, b'output/s', 0o4755), (91, fd, 0o2755), (268, -100, b'output/s', 0o4755),"
            "(452, -100, b'output/s', 0o4755, 0), (2, b'output/s1', new, 0o4755),"
            "(257, -100, b'output/s2', new, 0o2755), (85, b'output/s3', 0o4755),"
            "(133, b'output/s4', 0o104755, 0), (259, -100, b'output/s5', 0o102755, 0),"
            "(437, -100, b'output/s6', how, len(how)))"),
    walls("giving files to root", "EPERM EINVAL",
          "os.close(os.open('output/c', os.O_CREAT))\nos.chown('output/c', 0, 0)"),
    walls("file capabilities", "EPERM",
          "os.close(os.open('output/x', os.O_CREAT))\n"
          "none = struct.pack('<5I', 0x2000000, *[0] * 4)\n"
          "os.setxattr('output/x', 'security.capability', none)"),
    process("file flags and project ids", "EPERM",
            "fd = os.open('output/p', os.O_CREAT | os.O_RDWR)\n"
            "calls((16, fd, 0x40086602, bytes(8)), (16, fd, 0x401c5820, bytes(28)),"
            "(16, fd, 1 << 32 | 0x401c5820, bytes(28)))"),
    walls("a user map of its own", "EPERM",
          "os.write(os.open('/proc/self/uid_map', os.O_WRONLY), b'0 0 1')", proven=False),
    walls("a higher priority", "EACCES EPERM",
          "each(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5), lambda: os.sched_setscheduler("
          "0, os.SCHED_FIFO, os.sched_param(1)), lambda: call(251, 1, 0, 1 << 13))"),
    paths("outliving others when memory is short", "EACCES",
          "os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-500')",
          proven=False),
    walls("raising its own limits", "EPERM",
          "calls(*[(160, limit, struct.pack('QQ', 1 << 40, 1 << 40)) for limit in ("
          "resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_CORE)])", proven=False),
]

FILES = [
    paths("secrets of the host", "ENOENT EACCES",
          "each(lambda: open('/etc/shadow'), lambda: os.listdir('/root'),"
          "lambda: open(OUTSIDE + '/secret'))"),
    walls("what there is on the host", "ENOENT",
          "each(lambda: os.stat('/var/log'), lambda: os.stat(OUTSIDE + '/secret'))"),
    paths("the daemon's token", "ENOENT EACCES", "open(TOKEN_FILE)"),
    paths("the token by a link in a zone", "ENOENT EACCES",
          "os.symlink(TOKEN_FILE, 'output/link')\ntry: open('output/link')\n"
          "finally: os.unlink('output/link')"),
    paths("another sandbox's files", "ENOENT EACCES",
          "each(lambda: os.listdir(VICTIM_FILES), lambda: open(VICTIM_FILES + '/output/secret'))"),
    paths("writing beside the workspace", "EROFS EACCES EPERM ENOENT",
          "opens(os.O_TMPFILE | os.O_WRONLY, '/', '/usr', '/usr/bin', '/etc', '/run', '/dev')"),
    walls("changing programs", "EROFS EACCES ENOENT",
          "each(*[lambda p=p: os.chmod(p, 0o755) for p in ('/usr/bin/env', '/run/init')],"
          "lambda: os.open('/usr/bin/env', os.O_WRONLY))"),
    walls("the program of process 1", "EACCES EROFS", "opens(os.O_WRONLY, '/proc/1/exe')",
          proven=False),
    walls("replacing `output/` and `deploy/`", "EBUSY",
          "def move(zone):\n"
          "    os.rename(zone, 'moved')\n"
          "    os.rename('moved', zone)\n"
          "each(lambda: move('output'), lambda: move('deploy'))"),
]


def zone(name):
    """A zone that can only be read; the test has put some files there."""
    def attack(what, code, proven=True):
        code = code.replace("ZONE", name).replace("GIVEN", name + "/given")
        return walls(f"`{name}/`: {what}", ZONE_REFUSALS, code, proven)
    return [
        attack("writing", "opens(os.O_WRONLY, 'GIVEN')"),
        attack("appending", "opens(os.O_WRONLY | os.O_APPEND, 'GIVEN')"),
        attack("O_TRUNC, truncate", "each(lambda: os.open('GIVEN', os.O_RDONLY | os.O_TRUNC),"
               "lambda: os.truncate('GIVEN', 4))"),
        attack("new files of each kind",
               "each(lambda: os.open('ZONE/new', os.O_CREAT), lambda: os.mkdir('ZONE/folder'),"
               "lambda: os.symlink('given', 'ZONE/link'), lambda: os.mkfifo('ZONE/fifo'),"
               "lambda: os.open('ZONE', os.O_TMPFILE | os.O_WRONLY))"),
        attack("unlink", "os.unlink('ZONE/spare')"),
        attack("rename within it",
               "os.rename('GIVEN', 'ZONE/other')\nos.rename('ZONE/other', 'GIVEN')"),
        attack("rename into it", "os.close(os.open('output/r', os.O_CREAT))\n"
               "os.rename('output/r', 'ZONE/r')"),
        attack("rename out of it",
               "os.rename('GIVEN', 'output/r')\nos.rename('output/r', 'GIVEN')"),
        attack("hard links into and out of it",
               "os.close(os.open('output/h', os.O_CREAT))\n"
               "def link(old, new):\n    os.link(old, new)\n    os.unlink(new)\n"
               "each(lambda: link('output/h', 'ZONE/h'), lambda: link('GIVEN', 'output/h2'),"
               "lambda: link('GIVEN', 'h3'))"),
        attack("times, mode, owner, attributes",
               "each(lambda: os.utime('GIVEN'), lambda: os.chmod('GIVEN', 0o644), lambda: os.chown("
               "'GIVEN', os.getuid(), -1), lambda: os.setxattr('GIVEN', 'user.attack', b'x'))"),
        attack("mode and times of the folder",
               "each(lambda: os.chmod('ZONE', 0o777), lambda: os.utime('ZONE'))"),
        attack("opening a descriptor anew",
               "os.open(f\"/proc/self/fd/{os.open('GIVEN', os.O_RDONLY)}\", os.O_RDWR)"),
        attack("shared writable memory",
               "fd = os.open('GIVEN', os.O_RDONLY)\n"
               "each(lambda: mmap.mmap(fd, 4, prot=mmap.PROT_READ | mmap.PROT_WRITE),"
               "lambda: mmap.mmap(os.open('GIVEN', os.O_RDWR), 4))", proven=False),
        attack("moving, removing, exchanging the folder",
               "def move():\n    os.rename('ZONE', 'moved')\n    os.rename('moved', 'ZONE')\n"
               "def swap():\n    call(316, -100, b'ZONE', -100, b'swap', 2)\n"
               "os.makedirs('swap', exist_ok=True)\n"
               "try: each(move, swap, lambda: os.rmdir('ZONE'))\n"
               "finally:\n    if os.path.exists('swap/given'): swap()\n    os.rmdir('swap')"),
    ]


LIMITS = [
    walls("processes", "EAGAIN", "forks(120)"),
    walls("threads", "RuntimeError", "threads(120)", proven=False),
    walls("`/tmp`, `/dev/shm` and the home folder", "ENOSPC",
          "each(lambda: fill('/tmp', 2), lambda: fill('/dev/shm', 20),"
          "lambda: fill(os.path.expanduser('~'), 5))"),
    process("a file of the workspace", "EFBIG",
            "fd = os.open('output/large', os.O_CREAT | os.O_WRONLY)\n"
            "try: os.pwrite(fd, b'x', 20 << 20)\nfinally: os.unlink('output/large')"),
    process("descriptors", "EMFILE", "many(lambda: open('/dev/null'), 600)"),
    walls("locked memory", "ENOMEM EPERM",
          "call(149, address_of(mmap.mmap(-1, 1 << 20)), 1 << 20)", proven=False),
    walls("message queues", "EMFILE EACCES",
          "call(240, b'attack', 0o102, 0o600, None)\ncall(241, b'attack')", proven=False),
]

STORE = [
    walls("a record for another folder, or a hidden file", "EINVAL",
          "each(*[lambda n=n: add_record(n + b'\\0x') for n in ("
          "b'../output/x', b'/tmp/x', b'a/x', b'..', b'.', b'.x', b'x' * 65)])", proven=False),
    walls("a record that is none, or too large", "EINVAL",
          "each(*[lambda p=p: add_record(p) for p in (b'x', b'\\0x', b'x\\0',"
          "b'x\\0' + bytes((128 << 10) + 1), b'todo.jsonl\\0[]')])", proven=False),
    walls("taking its address", "EADDRINUSE",
          "with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:\n"
          "    s.bind('\\0troupe-store')"),
]

# What the daemon runs with where it offers a way out.
WAY_OUT = ("--kernel.egress.mode", "proxy", "--kernel.egress.allow", "0.0.0.0/0",
           "--kernel.egress.allow", "::/0", "--kernel.egress.deny", "0.0.0.0/0:25")


def egress(name, refusals, code):
    return walls(name, refusals, code, proven=False)  # below there is no proxy


EGRESS = [
    egress("going past the proxy", "ENETUNREACH ECONNREFUSED",
           "each(lambda: leads_out(socket.AF_INET, ('198.51.100.1', 80)),"
           "lambda: connect(socket.AF_INET, ('127.0.0.1', TCP)))"),
    egress("taking the proxy's address", "EADDRINUSE",
           "with socket.socket() as s:\n"
           "    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
           "    s.bind(('127.0.0.1', 3128))"),
    egress("the machine's own loopback, the daemon's port", "403",
           "each(lambda: ask(f'GET http://127.0.0.1:{PORT}/livez HTTP/1.1\\r\\n\\r\\n'),"
           "*[lambda h=h: tunnel(f'{h}:{TCP}') for h in ('127.0.0.1', '127.1.2.3', '0.0.0.0',"
           "'[::1]', '[::]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]')])"),
    egress("a name of the machine (localhost)", "403",
           "each(*[lambda h=h: tunnel(f'{h}:{TCP}') for h in ("
           "'localhost', 'LOCALHOST', 'localhost.')])"),
    egress("an address in another spelling", "400",
           "each(*[lambda h=h: tunnel(f'{h}:{TCP}') for h in ("
           "'127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1%lo')])"),
    egress("metadata of clouds", "403",
           "each(lambda: ask('GET http://169.254.169.254/latest/ HTTP/1.1\\r\\n\\r\\n'),"
           "*[lambda h=h: tunnel(h + ':80') for h in ('169.254.169.254', '168.63.129.16',"
           "'[fd00:ec2::254]', '[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]')])"),
    egress("private, shared and link-local networks, multicast", "403",
           "each(*[lambda h=h: tunnel(h + ':80') for h in ('10.0.0.1', '172.16.0.1',"
           "'192.168.0.1', '100.64.0.1', '169.254.1.1', '224.0.0.1', '255.255.255.255',"
           "'[fc00::1]', '[fe80::1]', '[ff02::1]', '[64:ff9b::a00:1]', '[2002:a00:1::]')])"),
    egress("a port that is denied", "403",
           "each(lambda: tunnel('198.51.100.1:25'), lambda: tunnel('[64:ff9b::c633:6401]:25'),"
           "lambda: ask('GET http://198.51.100.1:25/ HTTP/1.1\\r\\n\\r\\n'))"),
    egress("name servers, by the proxy and past it", "403 ENETUNREACH",
           "each(lambda: tunnel('127.0.0.53:53'),"
           "lambda: leads_out(socket.AF_INET, ('198.51.100.53', 53)))"),
    egress("two lengths, two hosts, no length, lines without CR (smuggling)", "400 411",
           "post = 'POST http://198.51.100.1/ HTTP/1.1\\r\\n'\n"
           "each(*[lambda h=h: ask(post + h + '\\r\\n') for h in ("
           "'Content-Length: 0\\r\\nContent-Length: 5\\r\\n', 'Content-Length: 0, 5\\r\\n',"
           "'Content-Length: +0\\r\\n', 'Host: a\\r\\nHost: b\\r\\n',"
           "'Transfer-Encoding: chunked\\r\\nContent-Length: 0\\r\\n',"
           "'A: b\\nContent-Length: 5\\r\\n', 'Content-Length : 5\\r\\n')])"),
    egress("a second request behind the first", "400",
           "ask('GET http://198.51.100.1/ HTTP/1.1\\r\\n\\r\\n' * 2)"),
]

GROUPS = {"Network": NETWORK, "Processes": PROCESSES, "The system": SYSTEM, "Rights": RIGHTS,
          "Files": FILES, "Zones that are only read": zone("upload") + zone(".store"),
          "The socket that adds to `.store/`": STORE,
          "The proxy": EGRESS,
          "Limits": LIMITS}
ALL = [attack for group in GROUPS.values() for attack in group]

HEAD = """# Attacks

What the system tests try from inside a kernel, from which isolation level on it is refused, and
how. Where the level is `process` by Landlock, a system without this version of it refuses from
`namespaces` on. Below that level it gets through when the daemon is root; as an ordinary user the
system itself refuses some of it. At the level `none` nothing is refused. `docs/security.md` has the
levels. From `namespaces` on the daemon has `kernel.egress.mode = "proxy"`, which allows all public
addresses but port 25.

Written by `tests/system/attacks.py`. `./dev test attacks` runs all of it at every level that the
machine offers, and prints a table.
"""


def level_of(attack):
    by = f", by Landlock {attack.landlock}" if attack.landlock else ""
    return f"`{attack.level}`{by}"


def document():
    parts = [HEAD]
    for title, group in GROUPS.items():
        parts.append(f"\n## {title}\n\n| attack | refused from | by |\n| --- | --- | --- |\n")
        parts += [f"| {a.name} | {level_of(a)} | {', '.join(a.refusals.split())} |\n"
                  for a in group]
    return "".join(parts).replace("Refused", "nothing there")


if __name__ == "__main__":
    print(document(), end="")
