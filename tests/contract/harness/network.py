"""A network of its own for one process (ip-netns(8)), joined to this one by two cables, of which
one can be cut: what the process says on it is lost, and nobody is told."""

import itertools
import os
import subprocess

import pytest

_numbers = itertools.count()


def _ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


def need_namespaces():
    """Skips the test where this machine does not let us make one."""
    name = f"skyhook-probe-{os.getpid()}"
    made = _ip("netns", "add", name)
    _ip("netns", "delete", name)
    if made.returncode != 0:
        pytest.skip(f"the kernel allows no network namespace here: {made.stderr.strip()}")


class Namespace:
    """`gateway` is this machine, on the cable that stays; `far_side` is this machine on the one
    that can be cut."""

    def __init__(self):
        number = next(_numbers)
        self.name = f"skyhook-{os.getpid()}-{number}"
        # Two subnets of 16 addresses out of 10.128.0.0/9, by process, so that test runs side by
        # side do not meet.
        block = (os.getpid() * 8 + number) % (1 << 18)
        self.cables = []
        self.run("netns", "add", self.name)
        self.run("-n", self.name, "link", "set", "lo", "up")
        self.gateway, self.host = self.lay_cable("stays", 2 * block)
        self.far_side, self.near_side = self.lay_cable("cut", 2 * block + 1)

    def run(self, *words):
        done = _ip(*words)
        assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"

    def lay_cable(self, kind, subnet):
        address = (10 << 24) + (1 << 23) + subnet * 16
        here, there = (".".join(str((address + i) >> shift & 255) for shift in (24, 16, 8, 0))
                       for i in (1, 2))
        outer, inner = f"sk{len(self.cables)}o{os.getpid()}", f"sk{len(self.cables)}i{os.getpid()}"
        self.cables.append(outer)
        self.run("link", "add", outer, "type", "veth", "peer", "name", inner)
        self.run("link", "set", inner, "netns", self.name)
        self.run("address", "add", f"{here}/28", "dev", outer)
        self.run("link", "set", outer, "up")
        self.run("-n", self.name, "address", "add", f"{there}/28", "dev", inner)
        self.run("-n", self.name, "link", "set", inner, "up")
        return here, there

    def take_in(self, server):
        server.launcher = ["ip", "netns", "exec", self.name]
        server.host = self.host
        server.arguments += ["--allow-network", "10.128.0.0/9"]

    def cut(self):
        self.run("link", "set", self.cables[1], "down")

    def heal(self):
        self.run("link", "set", self.cables[1], "up")

    def close(self):
        for cable in self.cables:
            _ip("link", "delete", cable)
        _ip("netns", "delete", self.name)
