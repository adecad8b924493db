#!/usr/bin/env python3
"""What an event costs in instructions of the server, published and delivered, counted by valgrind's callgrind: to a thousandth the same
from run to run on a busy machine, and so fit for showing that a change costs nothing.

    bench/instructions.py BINARY...             what was changed costs: the binaries of before and after
    bench/instructions.py --options BINARY      each option of a webhook costs who asks for it

Each binary serves 2,000 events from an empty directory, its start and end included. Needs valgrind.
"""

import os
import pathlib
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BATCHES, BATCH = 40, 50
# What the one webhook is made with; `grace_period` is what its secret is rotated with.
ASKED_FOR = {
    "nothing": {},
    "events by a pattern": {"events": ["contact.*"]},
    "headers, two": {"options": {"headers": {"X-Api-Key": "0123456789abcdef", "X-Tenant": "7"}}},
    "retry_schedule and timeout": {"options": {"retry_schedule": ["1m", "1h"], "timeout": "10s"}},
    "rate_limit": {"options": {"rate_limit": 1000}},
    "filter": {"options": {"filter": {"n": {"$gte": 0}, "kind": ["x", "y"]}}},
    "a grace period": {"grace_period": "1h"},
    "ed25519": {"options": {"ed25519": True}},
    "ordered": {"options": {"ordered": True}},
}


def count(binary, directory, events=("contact.created",), options=None, grace_period=None):
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
    webhook = account.webhook(target.url(), events, options=options)
    if grace_period:
        assert account.post(f"/webhooks/{webhook['id']}/regenerate-secret", {"grace_period": grace_period}).status == 200
    data = {"kind": "x", "text": "x" * 200}
    for batch in range(BATCHES):
        batch_events = [{"account_id": account.id, "event": "contact.created", "data": {"n": n, **data}} for n in range(BATCH)]
        assert server.operator("POST", "/events", {"events": batch_events}).status == 202
        target.wait((batch + 1) * BATCH, timeout=60)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)
    target.close()
    [total] = [line for line in counted.read_text().splitlines() if line.startswith("summary:")]
    return int(total.split()[1])


def measure(binary, **asked_for):
    with tempfile.TemporaryDirectory() as directory:
        return count(binary, pathlib.Path(directory), **asked_for)


def compare_options(binary):
    before = measure(binary)
    for name, asked_for in ASKED_FOR.items():
        more = measure(binary, **asked_for) - before
        print(f"{name}: {more / BATCHES / BATCH / 1000:+.1f} thousand an event", flush=True)


def main():
    if sys.argv[1:2] == ["--options"]:
        return compare_options(sys.argv[2])
    for binary in sys.argv[1:]:
        total = measure(binary)
        print(f"{binary}: {total / 1e6:.1f} million, {total / BATCHES / BATCH / 1000:.1f} thousand an event")


if __name__ == "__main__":
    main()
