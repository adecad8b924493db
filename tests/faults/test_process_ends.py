"""The process is killed every few seconds, or told to end, while it is under load; on both stores."""

import random
import threading
import time

import pytest
from harness.load import Publisher, numbers
from harness.polling import eventually
from harness.receiver import status
from harness.server import SANITIZED
from harness.stores import KINDS

IN_FLIGHT = 16
COMMIT_S = 15 if SANITIZED else 2  # an outcome is durable after this long at most, where the slowest event took no time
RETRIES = ",".join(["300ms"] * 12)


@pytest.fixture(params=sorted(KINDS))
def store(request, tmp_path):
    return KINDS[request.param](tmp_path / "store")


class Subscriber:
    """Refuses each tenth event once, so that retries are under way too; knows when it took which."""

    def __init__(self):
        self.lock = threading.Lock()
        self.refused = set()
        self.taken = {}  # number: the times at which it was taken, monotonic

    def __call__(self, connection, request):
        number = request.json["data"]["n"]
        with self.lock:
            refuse = number % 10 == 0 and number not in self.refused
            if refuse:
                self.refused.add(number)
            else:
                self.taken.setdefault(number, []).append(time.monotonic())
        return status(500 if refuse else 200, delay=0.005)(connection, request)


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.soak)])
def test_kill_9_every_few_seconds(make_server, make_receiver, store, kills):
    server = make_server("--max-in-flight", str(IN_FLIGHT), "--retry-schedule", RETRIES, store=store,
                         SKYHOOK_LOG="info")
    account = server.account()
    subscriber = Subscriber()
    receiver = make_receiver(subscriber)
    webhook = account.webhook(receiver.url())
    # More than what the nodes that were killed leave until others take it over.
    publisher = Publisher([server], account.id, taken=subscriber.taken, ahead=5000)
    pause = random.Random(kills)
    killed = []
    try:
        for _ in range(kills):
            before, until = len(publisher.accepted), time.monotonic() + pause.uniform(0.5, 3)
            eventually(lambda: len(publisher.accepted) >= before + 100 and time.monotonic() > until, 60, "some load")
            server.kill()
            receiver.drain()
            killed.append(time.monotonic())
            server.start()
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= set(subscriber.taken), 120, "every accepted event")
    assert account.get(f"/webhooks/{webhook['id']}/deliveries?status=failed").json["meta"]["total"] == 0
    for number, times in subscriber.taken.items():
        for first, again in zip(times, times[1:]):
            kill = next((at for at in killed if first < at < again), None)
            assert kill, f"event {number} came twice without a kill, at {first:.3f} and {again:.3f}; kills: {killed}"
            # In flight: its outcome was not yet durable, which takes a commit, as an event does.
            assert kill - first < COMMIT_S + publisher.slowest_s, f"event {number} came again {kill - first:.1f} s after it was taken"
    twice = sum(len(times) - 1 for times in subscriber.taken.values())
    print(f"{len(publisher.accepted)} accepted, {kills} kills, {twice} duplicates")


def test_sigterm_under_load(make_server, make_receiver, store):
    patience = 10
    server = make_server("--shutdown-timeout", f"{patience}s", "--retry-schedule", RETRIES, store=store,
                         SKYHOOK_LOG="info")
    account = server.account()
    receiver = make_receiver(status(200, delay=0.03))
    account.webhook(receiver.url())
    publisher = Publisher([server], account.id, taken=receiver.requests)
    try:
        for goal in (200, 400, 600):
            eventually(lambda: len(publisher.accepted) >= goal and receiver.in_progress > 0, 30, "some load")
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < patience + (20 if SANITIZED else 1)
            server.start()
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), 60, "every accepted event")
    sent = numbers(receiver)
    assert len(sent) == len(set(sent)), "an orderly end makes no duplicate"
    assert publisher.cut == [], "an answer to a publisher was cut in the middle"
    assert receiver.cut == 0, "a request to a receiver was cut in the middle, or its answer left unread"
