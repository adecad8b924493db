"""A wall clock of the servers' own, that a test can move (tests/faults/fake_clock.c)."""

import pathlib
import struct
import subprocess

from .server import BINARY

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "faults" / "fake_clock.c"


def sanitizer_of(binary):
    """The runtime that the binary was built with: it has to be the first library loaded. Empty: none."""
    needed = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout.split("\n")
    return [line.split()[2] for line in needed if line.split()[0:1] and line.split()[0].startswith(("libasan", "libtsan"))]


class Clock:
    """The wall clock of the servers started with `environment`."""

    def __init__(self, library, file):
        self.file = file
        self.set(0)
        preloaded = [*sanitizer_of(BINARY), str(library)]
        self.environment = {"LD_PRELOAD": ":".join(preloaded), "FAKE_CLOCK_FILE": str(file)}

    def set(self, offset_s):
        with open(self.file, "r+b" if self.file.exists() else "wb") as stream:
            stream.write(struct.pack("=q", offset_s))


def build_library(directory):
    target = directory / "fake_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", target, SOURCE], check=True)
    return target
