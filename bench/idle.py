#!/usr/bin/env python3
"""What a server that has nothing to do costs: its memory, and how often it wakes up.

    bench/idle.py [--skyhook PROGRAM] [--seconds 20]
"""

import argparse
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until_ready(port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise SystemExit("the server did not become ready")


def wake_ups(pid):
    """Of all its threads, so far: each time that one was run again after it had waited or been pushed aside."""
    statuses = [task.joinpath("status").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(count) for status in statuses for count in re.findall(r"ctxt_switches:\s+(\d+)", status))


def memory_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skyhook", default="build/skyhook")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        server = subprocess.Popen([options.skyhook, "serve", "--data", directory, "--listen", f"127.0.0.1:{port}", "--log", "error"])
        try:
            wait_until_ready(port)
            time.sleep(2)  # the start's own work, and the keep-alive of the question above, are over
            before = wake_ups(server.pid)
            time.sleep(options.seconds)
            woken = wake_ups(server.pid) - before
            memory = memory_mib(server.pid)
        finally:
            server.terminate()
            server.wait()
    print(f"memory     {memory['VmRSS']:5.1f} MiB: {memory['RssAnon']:.1f} of its own, {memory['RssFile']:.1f} pages of the program and its libraries")
    print(f"wake-ups   {woken:5d} in {options.seconds:g} s")


if __name__ == "__main__":
    main()
