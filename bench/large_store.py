#!/usr/bin/env python3
"""How a server does on a large store: time to ready, first pages of the log over HTTP, peak memory.

    bench/large_store.py DIRECTORY [SKYHOOK]

DIRECTORY is a data directory that `store_bench DIRECTORY fill ...` made; SKYHOOK is the program (build/skyhook). Python's own
cost of a request is in the figures.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request

PORT = 18931
TOKEN = "op_large_store_0123456789abcdefghijklmnop"


def call(method, path, token):
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}", method=method, headers={"Authorization": "Bearer " + token}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_until_ready(server):
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5).read()
            return
        except OSError:
            time.sleep(0.005)
    sys.exit("the server ended")


def time_reads(path, key):
    took_ms = []
    for _ in range(31):
        started = time.monotonic()
        call("GET", path, key)
        took_ms.append((time.monotonic() - started) * 1e3)
    print(f"{path}: first {took_ms[0]:.2f} ms, median {statistics.median(took_ms):.2f} ms")


def measure(server, started):
    wait_until_ready(server)
    print(f"ready after {time.monotonic() - started:.2f} s")
    key = call("POST", "/operator/v1/accounts/1/regenerate-key", TOKEN)["data"]["api_key"]
    webhook = call("GET", "/api/v1/webhooks", key)["data"][0]["id"]
    time_reads("/api/v1/webhooks", key)
    time_reads("/api/v1/webhooks?per_page=100", key)
    for query in ("", "?per_page=100", "?status=delivered", "?status=failed", "?status=pending"):
        time_reads(f"/api/v1/webhooks/{webhook}/deliveries{query}", key)
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(f"peak memory {int(peak) / 1024:.1f} MiB")


def main():
    program = sys.argv[2] if len(sys.argv) > 2 else "build/skyhook"
    environment = dict(os.environ, SKYHOOK_OPERATOR_TOKEN=TOKEN, SKYHOOK_RATE_LIMIT="0", SKYHOOK_LOG="error")
    started = time.monotonic()
    server = subprocess.Popen(
        [program, "serve", "--listen", f"127.0.0.1:{PORT}", "--data", sys.argv[1]], env=environment
    )
    try:
        measure(server, started)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
