"""What a daemon has on the host, so that two looks tell what was left between them."""
import os


def footprint(daemon):
    """Of each kind what is there, by names; of descriptors their number. Not what is journaled."""
    def under(root, wanted):
        return {os.path.join(folder, name) for folder, folders, files in os.walk(root)
                for name in folders + files if wanted in folder + name}

    def mounts(pid):
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as f:
            return set(f)
    with open(os.path.join(daemon.data_dir, "instance"), encoding="ascii") as f:
        groups = {os.path.dirname(p) for p in under("/sys/fs/cgroup", "troupe-" + f.read().strip())}
    return {"processes": set(daemon.processes()), "zombies": set(zombies_of(daemon.pid)),
            "descriptors": len(os.listdir(f"/proc/{daemon.pid}/fd")),
            "mounts of the host": mounts("self"), "mounts of the daemon": mounts(daemon.pid),
            "control groups": groups, "temporary files": under(daemon.temp_dir, ""),
            "files": {p for p in under(daemon.data_dir, "") if "journal" not in p}}


def grown(before, after):
    """How many of each kind are new, of the kinds that have new ones."""
    new = {kind: after[kind] - before[kind] for kind in before}
    counts = {kind: n if isinstance(n, int) else len(n) for kind, n in new.items()}
    return {kind: n for kind, n in counts.items() if n > 0}


def zombies_of(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                state, parent = f.read().rsplit(b")", 1)[1].split()[:2]
            if state == b"Z" and int(parent) == pid:
                found.append(name)
        except OSError:
            pass
    return found
