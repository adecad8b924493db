"""A node that is killed, or frozen and let go: others deliver what it owned, and it does not."""

import signal
import time

import pytest
from harness.cluster import TAKE_OVER_S, known_on
from harness.load import Publisher, numbers
from harness.polling import eventually
from harness.receiver import hang, status


def test_kill_a_node_under_load(make_cluster, make_receiver):
    """What it had accepted is delivered within 15 s, what waited there for a retry included."""
    cluster = make_cluster()
    one, two = cluster.node(), cluster.node()
    account = one.account()
    quick, failing = make_receiver(status(200, delay=0.01)), make_receiver(status(500))
    account.webhook(quick.url())
    account.webhook(failing.url(), ["contact.updated"])
    known_on(two, account)
    for number in range(50):
        two.publish(account.id, "contact.updated", {"n": number})
    failing.wait(50)
    publisher = Publisher([one, two], account.id)
    try:
        eventually(lambda: publisher.accepted_by(two) >= 300, 30, "some load")
        two.kill()
        killed = time.monotonic()
        owned = set(publisher.accepted)
        failing.requests.clear()
        failing.answer_with(status(200))
        eventually(lambda: owned <= set(numbers(quick)), TAKE_OVER_S, "what both had accepted")
        # A retry that falls due meanwhile may do so a retry's delay later.
        eventually(lambda: set(range(50)) <= set(numbers(failing)),
                   TAKE_OVER_S - (time.monotonic() - killed) + 5.5, "what waited for a retry")
        assert len(publisher.accepted) > len(owned), "the other node went on"
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= set(numbers(quick)), what="every accepted event")
    sent = numbers(quick)
    assert len(sent) - len(set(sent)) <= 1024, "duplicates only of what was in flight"


@pytest.mark.parametrize("frozen_s", [0, pytest.param(60, marks=pytest.mark.soak)])
def test_a_frozen_node_does_not_deliver_what_others_took_over(make_cluster, make_receiver, frozen_s):
    """Frozen until the others took over, or for longer."""
    cluster = make_cluster()
    one = cluster.node()
    two = cluster.node("--max-in-flight", "8", "--max-in-flight-per-webhook", "4", "--timeout", "10s")
    account = one.account()
    receiver = make_receiver(hang)
    account.webhook(receiver.url())
    known_on(two, account)
    for number in range(40):
        two.publish(account.id, data={"n": number})
    receiver.wait(4)  # in flight; the others wait in that node's memory
    two.process.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    in_flight = len(receiver.requests)
    receiver.answer_with(status(200))
    eventually(lambda: set(numbers(receiver)[in_flight:]) == set(range(40)), TAKE_OVER_S,
               "what the frozen node owned, delivered by the other")
    eventually(lambda: time.monotonic() - frozen >= frozen_s, frozen_s + 1)
    two.process.send_signal(signal.SIGCONT)
    # It finds out, and goes on as a node like any other.
    eventually(lambda: "the lease was lost" in two.log(), what="the node knows")
    eventually(lambda: two.request("GET", "/readyz").status == 200, what="ready again")
    eventually(lambda: two.operator("POST", f"/accounts/{account.id}/events",
                                    {"event": "contact.created", "data": {"n": 1000}}).status == 202,
               what="an event that is accepted")
    eventually(lambda: 1000 in numbers(receiver), what="new work")
    sent = numbers(receiver)[in_flight:]
    assert len(sent) - len(set(sent)) <= in_flight, "nothing twice beyond what was in flight"
