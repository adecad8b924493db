"""Webhooks that want strict order, while what delivers for them is killed; on both stores."""

import random
import threading
import time

import pytest
from harness.cluster import known_on
from harness.load import Publisher
from harness.polling import eventually
from harness.receiver import status
from harness.stores import KINDS

RETRIES = ["50ms"] * 20


class Witness:
    """Refuses each seventh event once; knows in which order it took them, and what came in between."""

    def __init__(self):
        self.lock = threading.Lock()
        self.refused = set()
        self.taken = []  # numbers, each once, in the order in which they were taken first
        self.seen = set()
        self.again = 0

    def __call__(self, connection, request):
        number = request.json["data"]["n"]
        with self.lock:
            refuse = number % 7 == 0 and number not in self.refused
            if refuse:
                self.refused.add(number)
            elif number in self.seen:
                self.again += 1
            else:
                self.seen.add(number)
                self.taken.append(number)
        return status(500 if refuse else 200)(connection, request)


class OnePublisher(Publisher):
    """One event after the other, so that there is one order: a node that is away is passed over."""

    def __init__(self, servers, account_id, witness):
        self.servers = servers
        super().__init__(servers, account_id, threads=1, taken=witness.seen, ahead=100)

    def publish(self, server, account_id):
        number = 0
        while not self.stopped.wait(0.002):
            if self.is_ahead():
                continue
            server = self.servers[number % len(self.servers)]
            number += 1
            try:
                answer = server.operator("POST", f"/accounts/{account_id}/events",
                                         {"event": "contact.created", "data": {"n": number}})
            except OSError:
                self.stopped.wait(0.01)
                continue
            if answer.status == 202:
                self.accepted.add(number)


def assert_in_order(witness, publisher):
    """An event that was accepted comes before every one that was published after it was."""
    taken = [number for number in witness.taken if number in publisher.accepted]
    assert taken == sorted(taken)
    assert len(taken) == len(publisher.accepted)


def await_webhook(nodes, account, webhook):
    def known():
        return all(node.operator("GET", f"/accounts/{account.id}/webhooks/{webhook['id']}").status == 200
                   for node in nodes)

    eventually(known, what="the webhook on every node")


@pytest.fixture(params=sorted(KINDS))
def store(request, tmp_path):
    return KINDS[request.param](tmp_path / "store")


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.soak)])
def test_order_outlives_kill_9(make_server, make_receiver, store, kills):
    server = make_server(store=store, SKYHOOK_LOG="info")
    account, witness = server.account(), Witness()
    account.webhook(make_receiver(witness).url(), options={"ordered": True, "retry_schedule": RETRIES})
    publisher = OnePublisher([server], account.id, witness)
    pause = random.Random(kills)
    try:
        for _ in range(kills):
            before, until = len(publisher.accepted), time.monotonic() + pause.uniform(0.5, 2)
            eventually(lambda: len(publisher.accepted) >= before + 50 and time.monotonic() > until, 60, "some load")
            server.kill()
            server.start()
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= witness.seen, 120, "every accepted event")
    assert_in_order(witness, publisher)
    assert witness.again <= kills  # what was in flight at a kill


def test_order_is_kept_over_nodes_that_end(make_cluster, make_receiver):
    cluster = make_cluster()
    nodes = [cluster.node() for _ in range(3)]
    account, witness = nodes[0].account(), Witness()
    webhook = account.webhook(make_receiver(witness).url(), options={"ordered": True, "retry_schedule": RETRIES})
    await_webhook(nodes, account, webhook)
    publisher = OnePublisher(nodes, account.id, witness)
    try:
        eventually(lambda: len(witness.seen) >= 200, 60, "some load")
        keeper = int(cluster.store.sql("SELECT node_id FROM skyhook.orders"))
        victim = next(node for node in nodes if id_of(node) == keeper)
        victim.kill()
        before = len(witness.seen)
        eventually(lambda: len(witness.seen) >= before + 200, 60, "the order on another node")
        victim.start()
        assert nodes[1 if victim is not nodes[1] else 2].stop() == 0
        eventually(lambda: len(witness.seen) >= before + 400, 60, "the order after an orderly end")
    finally:
        publisher.stop()
    eventually(lambda: publisher.accepted <= witness.seen, 60, "every accepted event")
    assert_in_order(witness, publisher)
    assert witness.again <= 1  # what was in flight at the kill


def id_of(node):
    return next(one["id"] for one in node.operator("GET", "/nodes").data if one["is_self"])


def test_sql_publishes_keep_their_order(make_cluster, make_receiver):
    cluster = make_cluster()
    nodes = [cluster.node() for _ in range(2)]
    account, witness = nodes[0].account(), Witness()
    webhook = account.webhook(make_receiver(witness).url(), options={"ordered": True, "retry_schedule": RETRIES})
    await_webhook(nodes, account, webhook)
    for n in range(1, 1500, 30):
        cluster.store.sql(f"""SELECT count(skyhook.publish({account.id}, 'contact.created',
                          json_build_object('n', n))) FROM generate_series({n}, {n + 29}) AS n""")
    eventually(lambda: len(witness.seen) == 1500, 60, "all of them")
    assert witness.taken == sorted(witness.taken)


def test_replays_are_in_the_order_of_publishing_over_nodes(make_cluster, make_receiver):
    cluster = make_cluster()
    nodes = [cluster.node() for _ in range(2)]
    account, receiver = nodes[0].account(), make_receiver(status(200))
    eventually(lambda: nodes[1].operator("GET", f"/accounts/{account.id}").status == 200, what="the account on both nodes")
    for n in range(20):
        nodes[n % 2].publish(account.id, data={"n": n})
    webhook = account.webhook(receiver.url(), options={"ordered": True})
    assert account.post(f"/webhooks/{webhook['id']}/replay", {"since": "2020-01-01T00:00:00Z"}).data["replayed"] == 20
    assert [request.json["data"]["n"] for request in receiver.wait(20)] == list(range(20))


def test_what_is_recovered_keeps_the_order_over_nodes(make_cluster, make_receiver):
    """Ids of several nodes are not in the order of acceptance."""
    cluster = make_cluster()
    nodes = [cluster.node("--retry-schedule", "1h") for _ in range(2)]
    account, receiver = nodes[0].account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url(), options={"ordered": True})
    await_webhook(nodes, account, webhook)
    for n in range(20):
        nodes[n % 2].publish(account.id, data={"n": n})
    receiver.wait(1)
    since = min(entry["created_at"] for entry in account.deliveries(webhook, "?per_page=100"))
    assert account.put(f"/webhooks/{webhook['id']}", {"is_active": False}).status == 200
    account.settled(webhook, "failed", 20)
    receiver.answer_with(status(200))
    assert account.put(f"/webhooks/{webhook['id']}", {"is_active": True}).status == 200
    # One of them by hand, and by the other node.
    there = known_on(nodes[1], account)
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").data["is_active"], what="the switch on the other node")
    newest = account.deliveries(webhook)[0]["delivery_id"]
    receiver.requests.clear()
    assert account.post(f"/webhooks/{webhook['id']}/recover", {"since": since}).data == {"recovered": 20}
    retry = f"/webhooks/{webhook['id']}/deliveries/{newest}/retry"
    # 503 where the first node took its time to say whether it has it in flight.
    eventually(lambda: there.post(retry).status in (202, 409), what="an answer")
    for n in range(20, 24):
        nodes[n % 2].publish(account.id, data={"n": n})
    account.settled(webhook, "delivered", 24)
    assert [request.json["data"]["n"] for request in receiver.requests] == list(range(24))
