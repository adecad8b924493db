#!/usr/bin/env python3
"""Where the CPU of an event goes: samples of the server's threads while `skyhook bench` drives it, by system call and library.

    bench/profile.py EVENTS [OPTION OF skyhook bench]...

Needs perf (Debian's linux-perf) and the right to see the kernel's symbols: perf_event_paranoid 1 or less, or root. SKYHOOK is the
program (build/skyhook). Prints microseconds an event; sampling itself adds some.
"""

import collections
import os
import re
import subprocess
import sys
import tempfile

SKYHOOK = os.environ.get("SKYHOOK", "build/skyhook")
# The server's threads by what ps calls them; the bench's own are called otherwise.
THREADS = [("net-0", "network"), ("store-writer", "store writer"), ("worker-", "workers: refills of lanes")]
SYSTEM_CALL = re.compile(r"\b_*(?:__x64_sys|__sys|do_sys|ksys)_(\w+)")
LEAST_US = 0.1  # what is less stands under "other"


def kind_of(frames):
    """The system call that a sample was taken in, or the library."""
    symbol, place = frames[0]
    if "kernel" not in place:
        library = os.path.basename(place)
        return "skyhook itself" if library == os.path.basename(SKYHOOK) else library.split(".so")[0]
    for symbol, _ in frames:
        call = SYSTEM_CALL.search(symbol)
        if call:
            return f"{call.group(1)}()"
    return "interrupts, page faults" if any("sysvec" in s or "page_fault" in s for s, _ in frames) else "other"


def samples(recording):
    """(thread, nanoseconds, frames as (symbol, place)), innermost frame first."""
    script = ["perf", "script", "-i", recording, "-F", "comm,period,ip,sym,dso"]
    text = subprocess.run(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    for block in text.split("\n\n"):
        lines = block.strip().splitlines()
        if len(lines) < 2:
            continue
        thread, period = lines[0].rsplit(None, 1)
        frames = [re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line) for line in lines[1:]]
        yield thread, int(period), [frame.groups() for frame in frames if frame]


def main():
    events = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as directory:
        recording = os.path.join(directory, "perf.data")
        bench = [SKYHOOK, "bench", "--no-limit", "--events", str(events), *sys.argv[2:]]
        subprocess.run(["perf", "record", "-q", "-g", "-F", "4000", "-o", recording, *bench], check=True)
        spent = collections.defaultdict(collections.Counter)
        for thread, nanoseconds, frames in samples(recording):
            room = next((name for prefix, name in THREADS if thread.startswith(prefix)), None)
            if room and frames:
                spent[room][kind_of(frames)] += nanoseconds / 1000 / events
    for room, kinds in spent.items():
        print(f"{room:44} {sum(kinds.values()):6.2f}")
        small = sum(us for us in kinds.values() if us < LEAST_US)
        for kind, us in kinds.most_common():
            if us >= LEAST_US:
                print(f"    {kind:40} {us:6.2f}")
        print(f"    {'other':40} {small:6.2f}")


main()
