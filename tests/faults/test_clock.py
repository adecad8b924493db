"""The wall clock jumps an hour forward and back: no storm of retries, and none is lost."""

import time

import pytest
from harness.polling import eventually, remains
from harness.receiver import status


@pytest.mark.parametrize("jumps", [(3600, 0), (-3600, 0)])
def test_a_jump_and_back(make_server, make_receiver, clock, jumps):
    server = make_server("--retry-schedule", "3s,3s,3s", "--rate-limit", "0", SKYHOOK_LOG="info", **clock.environment)
    account = server.account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    for number in range(20):
        account.publish(data={"n": number})
    # Not only received: an attempt that is judged an hour ahead is followed up an hour ahead.
    eventually(lambda: [entry["response_status_code"] for entry in account.deliveries(webhook, "?per_page=100")] == [500] * 20,
               what="each tried once")
    clock.set(jumps[0])
    time.sleep(0.5)  # the jump must last a moment; nothing is waited for
    clock.set(jumps[1])
    receiver.answer_with(status(200))
    account.settled(webhook, "delivered", 20, timeout=30)
    per_delivery = {}
    for request in receiver.requests:
        per_delivery.setdefault(request.delivery_id, []).append(request.started)
    assert len(per_delivery) == 20
    assert max(map(len, per_delivery.values())) <= 4, "no delivery is sent more often than its schedule says"
    # A clock that goes back makes none of them early; one that goes ahead makes what waits due, once.
    second = [times[1] - times[0] for times in per_delivery.values()]
    assert jumps[0] > 0 or min(second) >= 3, min(second)


def test_fresh_deliveries_do_not_mind(make_server, make_receiver, clock):
    server = make_server(SKYHOOK_LOG="info", **clock.environment)
    account = server.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    for offset in (0, 3600, -3600, 0):
        clock.set(offset)
        seen = len(receiver.requests)
        account.publish()
        eventually(lambda: len(receiver.requests) == seen + 1, what=f"a delivery at {offset}")
        apart = int(receiver.requests[-1].header("webhook-timestamp")) - time.time()
        assert abs(apart - offset) < 30, "the server's clock was moved"
    remains(lambda: len(receiver.requests) == 4, 0.3)
