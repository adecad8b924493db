"""Ports for the servers that tests start."""

import fcntl
import os
import pathlib
import socket
import tempfile

# Below the ports that the system deals to outgoing connections: a port stays free over a restart.
FIRST, COUNT = 15_000, 17_000
# The tests of all suites and workers count in one file: between a look at a port and its use, no
# other test is given the same one.
COUNTER = pathlib.Path(tempfile.gettempdir()) / f"skyhook-test-ports-{os.getuid()}"


def free_port():
    """A port on which nothing listens, and which no other test gets until 17,000 more are given."""
    with open(COUNTER, "a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        given = int(counter.read() or 0)
        while True:
            port = FIRST + given % COUNT
            given += 1
            with socket.socket() as sock:
                try:
                    sock.bind(("127.0.0.1", port))
                except OSError:
                    continue
            break
        counter.truncate(0)
        counter.write(str(given))
        return port


if __name__ == "__main__":
    print(free_port())
