"""Waiting for what another process does: polling with a deadline, never a fixed sleep. And judging how long it took."""

import time


GUARD_S = 30.0  # against hanging, where nothing is said of speed


def eventually(check, timeout=GUARD_S, what="the expected state", interval=0.01):
    """Calls `check` until it returns something true, and returns that; fails after `timeout` s. What a pause takes beyond its
    length does not count: the machine was held up, and with it what is waited for."""
    deadline = time.monotonic() + timeout
    while True:
        last = check()
        if last:
            return last
        paused = time.monotonic()
        if paused > deadline:
            raise AssertionError(f"{what} did not come within {timeout} s; last seen: {last!r}")
        time.sleep(interval)
        deadline += time.monotonic() - paused - interval


def quickest(measure, limit, tries=5):
    """The least that `measure()` gives in so many tries; no further one is made once it is below `limit`. What the rest of the
    machine takes comes on top now and then, what a program takes comes each time."""
    taken = []
    while not taken or min(taken) >= limit and len(taken) < tries:
        taken.append(measure())
    return min(taken)


def remains(check, seconds, what="the state"):
    """Asserts that `check` stays true for `seconds`: for things that must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert check(), f"{what} did not last"
        time.sleep(0.01)
