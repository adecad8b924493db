"""A disk that is full, and has room again: 503 while full, never a false 202, on by itself afterwards."""

import os
import subprocess

import pytest
from harness.load import numbers
from harness.polling import eventually
from harness.server import LOCAL, Skyhook, close_all
from harness.stores import make_store

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB; call it with a size to change that."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")

    def resize(size):
        subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)

    resize.path = place
    yield resize
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(os.environ.get("SKYHOOK_TEST_STORE", "sqlite") != "sqlite", reason="the embedded store's disk")
@pytest.mark.parametrize("killed_while_full", [False, True])
def test_full_and_back(small_disk, make_receiver, killed_while_full):
    server = Skyhook(small_disk.path, [*LOCAL, "--retry-schedule", "200ms,200ms,200ms,200ms", "--rate-limit", "0"],
                     {"SKYHOOK_LOG": "warn"}, make_store(small_disk.path)).start()
    try:
        account = server.account()
        receiver = make_receiver()
        account.webhook(receiver.url())
        accepted = []

        def publish(number, size):
            return server.operator("POST", f"/accounts/{account.id}/events",
                                   {"event": "contact.created", "data": {"n": number, "text": "x" * size}})

        def publish_until_refused(size):
            for number in range(len(accepted), len(accepted) + 5000):
                if publish(number, size).status != 202:
                    return
                accepted.append(number)
            raise AssertionError("the disk never got full")

        publish_until_refused(20_000)  # large events first, then whatever still fits
        refused = set()
        for number in range(100_000, 105_000):
            answer = publish(number, 10_000)
            if answer.status == 202:  # what the store wrote to its log found its place, and made room
                accepted.append(number)
                continue
            assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
            refused.add(number)
            if len(refused) == 50:
                break
        assert len(refused) == 50, "the disk is not full"
        assert server.request("GET", "/healthz").status == 200
        assert account.get("/webhooks").status == 200, "reading goes on"
        if killed_while_full:
            server.kill()
        small_disk("64m")
        if killed_while_full:
            server.start()
        eventually(lambda: publish(-1, 10).status == 202, what="an event that is accepted")
        assert server.request("GET", "/readyz").status == 200
        eventually(lambda: {-1, *accepted} <= set(numbers(receiver)), 60, "every accepted event")
        assert not refused & set(numbers(receiver)), "what was refused is not there"
        assert server.process.poll() is None
    finally:
        close_all([server])
