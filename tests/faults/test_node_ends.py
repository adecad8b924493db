"""A node that is killed, or frozen and let go: others deliver what it owned, and it does not."""

import signal
import time

from harness.cluster import TAKE_OVER_S, known_on
from harness.load import Publisher, numbers
from harness.polling import eventually
from harness.receiver import hang, status


def test_kill_a_node_under_load(make_cluster, make_receiver):
    cluster = make_cluster()
    one, two = cluster.node(), cluster.node()
    account = one.account()
    receiver = make_receiver(status(200, delay=0.05))
    account.webhook(receiver.url())
    known_on(two, account)
    publisher = Publisher([one, two], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 300, 30, "some load")
        two.kill()
        killed = time.monotonic()
        eventually(lambda: len(publisher.accepted) >= 500, 30, "more load")
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)),
               TAKE_OVER_S - (time.monotonic() - killed) + 5, "every accepted event")
    sent = numbers(receiver)
    assert len(sent) - len(set(sent)) <= 1024, "duplicates only of what was in flight"


def test_a_frozen_node_does_not_deliver_what_others_took_over(make_cluster, make_receiver):
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
    in_flight = len(receiver.requests)
    receiver.answer_with(status(200))
    eventually(lambda: set(numbers(receiver)[in_flight:]) == set(range(40)), TAKE_OVER_S + 15,
               "what the frozen node owned, delivered by the other")
    two.process.send_signal(signal.SIGCONT)
    # It finds out, and goes on as a node like any other.
    eventually(lambda: "the lease was lost" in two.log(), 10, "the node knows")
    eventually(lambda: two.request("GET", "/readyz").status == 200, 10, "ready again")
    before = len(receiver.requests)
    assert before <= in_flight + 40 + 4, "nothing twice beyond what was in flight"
    eventually(lambda: two.operator("POST", f"/accounts/{account.id}/events",
                                    {"event": "contact.created", "data": {"n": 1000}}).status == 202,
               10, "an event that is accepted")
    eventually(lambda: 1000 in numbers(receiver), 10, "new work")
    sent = numbers(receiver)[in_flight:]
    assert len(sent) - len(set(sent)) <= 4
