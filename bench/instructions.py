#!/usr/bin/env python3
"""What an event costs in instructions of the server, published and delivered, counted by valgrind's callgrind: to a thousandth the same
from run to run on a busy machine, and so fit for showing that a change costs nothing.

    bench/instructions.py BINARY...

Each binary serves 2,000 events from an empty directory, its start and end included. Needs valgrind.
"""

import os
import pathlib
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BATCHES, BATCH = 40, 50


def count(binary, directory):
    os.environ["SKYHOOK_BINARY"] = str(binary)
    sys.path.insert(0, str(ROOT / "tests" / "contract"))
    from harness import receiver
    from harness import server as servers

    servers.BINARY = pathlib.Path(binary)
    counted = directory / "callgrind.out"
    server = servers.Skyhook(directory, [*servers.LOCAL, "--rate-limit", "0"], {"SKYHOOK_LOG": "warn"})
    server.launcher = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counted}"]
    server.start(wait=False).wait_ready(60)
    account, target = server.account(), receiver.Receiver()
    account.webhook(target.url())
    for batch in range(BATCHES):
        events = [{"account_id": account.id, "event": "contact.created", "data": {"n": n, "text": "x" * 200}} for n in range(BATCH)]
        assert server.operator("POST", "/events", {"events": events}).status == 202
        target.wait((batch + 1) * BATCH, timeout=60)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)
    target.close()
    [total] = [line for line in counted.read_text().splitlines() if line.startswith("summary:")]
    return int(total.split()[1])


def main():
    for binary in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as directory:
            total = count(binary, pathlib.Path(directory))
        print(f"{binary}: {total / 1e6:.1f} million, {total / BATCHES / BATCH / 1000:.1f} thousand an event")


if __name__ == "__main__":
    main()
