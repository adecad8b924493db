"""Waiting for what another process does: polling with a deadline, never a fixed sleep."""

import time


def eventually(check, timeout=10.0, what="the expected state", interval=0.01):
    """Calls `check` until it returns something true, and returns that; fails after `timeout` s."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        last = check()
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {timeout} s; last seen: {last!r}")
        time.sleep(interval)


def remains(check, seconds, what="the state"):
    """Asserts that `check` stays true for `seconds`: for things that must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert check(), f"{what} did not last"
        time.sleep(0.01)
