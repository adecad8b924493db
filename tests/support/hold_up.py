#!/usr/bin/env python3
"""Runs a command and holds up everything in it now and then, as a machine does that others use too: a wait that relies on luck
fails.

    tests/support/hold_up.py scripts/test.sh build faults

Needs root, and control groups (cgroups(7), version 2) that it may make. The exit status is the command's."""

import os
import pathlib
import random
import subprocess
import sys
import time

PLACES = [pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/unified")]
RUNS_S = (1, 6)  # between two pauses
PAUSES_S = [0.3, 0.7, 1.2, 2.2]


def make_group():
    place = next((place for place in PLACES if (place / "cgroup.procs").exists()), None)
    if place is None:
        sys.exit("hold_up.py: there are no control groups of version 2 here")
    group = place / f"hold-up-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        sys.exit(f"hold_up.py: {error}")
    return group


def hold_up(command, group):
    def freeze(value):
        (group / "cgroup.freeze").write_text(value)

    process = subprocess.Popen(command, preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
    try:
        while True:
            try:
                return process.wait(random.uniform(*RUNS_S))
            except subprocess.TimeoutExpired:
                freeze("1")
                time.sleep(random.choice(PAUSES_S))
                freeze("0")
    finally:
        freeze("0")
        process.wait()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    group = make_group()
    try:
        sys.exit(hold_up(sys.argv[1:], group))
    finally:
        try:
            group.rmdir()
        except OSError:
            pass  # something that the command started is still running


if __name__ == "__main__":
    main()
