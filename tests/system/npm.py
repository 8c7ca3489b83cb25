"""The clients of `tests/clients/package.json`: where they are, and how scripts find them."""
import os
import shutil
import subprocess

from harness import ROOT

CLIENTS = os.path.join(ROOT, "tests", "clients")
INSTALLED = os.path.join(ROOT, "build", "clients", "node_modules")


def install():
    done = subprocess.run([os.path.join(CLIENTS, "install")], capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode:
        raise AssertionError("the clients cannot be installed:\n" + done.stdout + done.stderr)


def copy_scripts(source, folder):
    """Into a folder from where they find the packages; gives where that is."""
    to = os.path.join(folder, "scripts")
    shutil.copytree(source, to)
    os.symlink(INSTALLED, os.path.join(to, "node_modules"))
    return to
