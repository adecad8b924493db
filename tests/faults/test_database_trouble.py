"""A database that goes away, comes back, or cannot be reached: no false 202, no restart of a node."""

import time

import pytest
from harness.cluster import TAKE_OVER_S, known_on
from harness.live import LiveStream
from harness.load import Publisher, numbers
from harness.polling import eventually
from harness.receiver import status


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_database_ends_and_comes_back(own_database, make_cluster, make_receiver, how):
    server = own_database(fsync="on")
    cluster = make_cluster(server)
    node = cluster.node()
    account = node.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    publisher = Publisher([node], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 200, 30, "some load")
        if how == "kill":
            server.crash()
        else:
            server.script("stop")
        eventually(lambda: any(code == 503 for code, _ in publisher.refused), what="a refusal")
        assert node.request("GET", "/healthz").status == 200
        assert node.request("GET", "/readyz").status == 503
        time.sleep(1)  # some load against a database that is away
        eventually(lambda: server.script("run"), what="the database")
        accepted = len(publisher.accepted)
        eventually(lambda: len(publisher.accepted) >= accepted + 200, 30, "load as before")
    finally:
        publisher.stop()
    publisher.assert_refused_politely()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), 30, "every accepted event")
    assert node.process.poll() is None, "no restart was needed"


def test_a_live_stream_outlasts_the_database(own_database, make_cluster, make_receiver):
    server = own_database(fsync="on")
    cluster = make_cluster(server)
    here, there = cluster.node(), cluster.node()
    account = here.account()
    webhook = account.webhook(make_receiver().url())
    known_on(there, account)
    stream = LiveStream(account, webhook)

    def resets():
        return sum(event.kind == "reset" for event in stream.events)

    eventually(lambda: resets() == 1, what="the first reading")
    server.crash()  # what the nodes told each other is lost with it
    eventually(lambda: there.request("GET", "/readyz").status == 503, what="a database away")
    eventually(lambda: server.script("run"), what="the database")
    eventually(lambda: resets() == 2, what="a word to read anew")
    assert not stream.ended.is_set()
    eventually(lambda: there.request("GET", "/readyz").status == 200, what="a node as before")
    there.publish(account.id)
    stream.wait(lambda event: event.kind == "delivery" and event.data["status"] == "delivered")
    stream.close()


def test_a_failover_to_a_standby(own_database, make_cluster, make_receiver):
    """Synchronous replication; the nodes name both servers and choose the one that can write."""
    primary = own_database(fsync="on")
    cluster = make_cluster(primary)
    standby = own_database(standby_of=primary)
    both = cluster.store.reached_through(f"127.0.0.1:{primary.port}", f"127.0.0.1:{standby.port}")
    one, two = cluster.node(store=both), cluster.node(store=both)
    account = one.account()
    receiver = make_receiver()
    account.webhook(receiver.url())
    known_on(two, account)
    publisher = Publisher([one, two], account.id)
    try:
        eventually(lambda: len(publisher.accepted) >= 200, 30, "some load")
        primary.crash()
        eventually(lambda: any(code == 503 for code, _ in publisher.refused), what="a refusal")
        standby.script("promote")
        accepted = len(publisher.accepted)
        eventually(lambda: len(publisher.accepted) >= accepted + 200, 30, "load as before")
    finally:
        publisher.stop()
    publisher.assert_refused_politely()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), 30, "every accepted event")
    assert one.process.poll() is None and two.process.poll() is None, "no restart was needed"


def test_a_cut_between_a_node_and_the_database(own_database, make_namespace, make_cluster,
                                               make_receiver):
    network = make_namespace()
    server = own_database(addresses="*", network="10.128.0.0/9")
    cluster = make_cluster(server)
    bounds = ["--max-in-flight", "16", "--allow-network", "10.128.0.0/9"]
    one = cluster.node(*bounds)
    two = cluster.node(*bounds, network=network,
                       store=cluster.store.reached_through(f"{network.far_side}:{server.port}"))
    account = one.account()
    receiver = make_receiver(status(200, delay=0.005), host=network.gateway)
    account.webhook(receiver.url())
    known_on(two, account)
    publisher = Publisher([one, two], account.id, pause=0.01)
    try:
        eventually(lambda: len(publisher.accepted) >= 200, 30, "some load")
        network.cut()
        cut = time.monotonic()
        # What the node that is cut off owned goes on at the other.
        owned = set(publisher.accepted)
        eventually(lambda: owned <= set(numbers(receiver)), TAKE_OVER_S, "what both had accepted")
        eventually(lambda: two.request("GET", "/readyz").status == 503, 30, "not ready")
        assert two.request("GET", "/healthz").status == 200
        assert one.request("GET", "/readyz").status == 200
        accepted = len(publisher.accepted)
        eventually(lambda: len(publisher.accepted) >= accepted + 200, 30, "the other node goes on")
        # Until after the other has taken over.
        eventually(lambda: time.monotonic() - cut > TAKE_OVER_S, TAKE_OVER_S + 1)
        network.heal()
        eventually(lambda: two.request("GET", "/readyz").status == 200, 30, "healed")
        accepted = publisher.accepted_by(two)
        eventually(lambda: publisher.accepted_by(two) >= accepted + 50, 30, "load as before")
    finally:
        publisher.stop()
    publisher.assert_refused_politely()
    eventually(lambda: publisher.accepted <= set(numbers(receiver)), TAKE_OVER_S,
               "every accepted event")
    sent = numbers(receiver)
    assert len(sent) - len(set(sent)) <= 16, "nothing twice beyond what was in flight"
    assert two.process.poll() is None, "no restart was needed"
