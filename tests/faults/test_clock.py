"""The wall clock jumps an hour forward and back: no storm of retries, and none is lost."""

import concurrent.futures
import itertools
import os
import signal
import time

import pytest
from harness.polling import eventually, remains
from harness.receiver import status


@pytest.mark.parametrize("jumps", [(3600, 0), (-3600, 0)])
def test_a_jump_and_back(make_server, make_receiver, clock, jumps):
    wait_s = 5  # until long after the jump
    server = make_server("--retry-schedule", ",".join([f"{wait_s}s"] * 3), "--rate-limit", "0", SKYHOOK_LOG="info",
                         **clock.environment)
    account = server.account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish_many(20)
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
    assert jumps[0] > 0 or min(second) >= wait_s, min(second)


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


def test_a_jump_while_a_node_connects(own_database, make_cluster, clock):
    """libpq judges by the wall clock how long it has been connecting."""
    database = own_database()
    node = make_cluster(database).node(start=False)
    node.environment.update(clock.environment)
    node.start()
    account = node.account()
    webhook = account.webhook("http://127.0.0.1:1/")
    hour = itertools.count(1)

    def answer():
        """To a request that needs a connection, which the database answers after the jump."""
        database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'skyhook'")
        os.kill(database.process_id(), signal.SIGSTOP)
        try:
            asked = executor.submit(account.get, f"/webhooks/{webhook['id']}/deliveries")
            concurrent.futures.wait([asked], 0.2)  # on its way to the database
            clock.set(3600 * next(hour))
        finally:
            os.kill(database.process_id(), signal.SIGCONT)
        return asked.result().status

    with concurrent.futures.ThreadPoolExecutor() as executor:
        answers = [answer() for _ in range(10)]
    assert answers.count(200) >= 7, answers  # where a jump ends a connection, it is three or four
