"""Options of a webhook that several nodes deliver for."""

import pytest
from harness.cluster import known_on
from harness.polling import eventually


@pytest.fixture
def two(make_cluster):
    cluster = make_cluster()
    nodes = [cluster.node(), cluster.node()]
    eventually(lambda: len(nodes[0].operator("GET", "/nodes").data) == 2, what="both nodes")
    return cluster, nodes


def test_nodes_share_a_rate_limit(two, make_receiver):
    _, nodes = two
    account, receiver = nodes[0].account(), make_receiver()
    rate = 10
    webhook = account.webhook(receiver.url(), options={"rate_limit": rate})
    known_on(nodes[1], account)
    for n in range(60):
        nodes[n % 2].publish(account.id, data={"n": n})
    account.settled(webhook, "delivered", 60, timeout=40)
    assert sorted(request.json["data"]["n"] for request in receiver.requests) == list(range(60))
    # The first two seconds may know one node only; each node may be one ahead of its even pace.
    began = account.began(webhook)
    times = [at for at in began if at > began[0] + 2.5]
    assert len(times) > 20
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= rate * (times[last] - times[first] + 0.2) + 2


def test_filters_and_patterns_hold_on_every_node_and_for_sql(two, receiver):
    cluster, nodes = two
    account = nodes[0].account()
    webhook = account.webhook(receiver.url(), events=["contact.*"], options={"filter": {"plan": "pro"}})
    there = known_on(nodes[1], account)
    for node in nodes:
        assert node.publish(account.id, "contact.deleted", {"plan": "pro"})["deliveries"] == 1
        assert node.publish(account.id, "contact.deleted", {"plan": "free"})["deliveries"] == 0
    for plan in ("free", "pro"):
        cluster.store.sql(f"""SELECT skyhook.publish({account.id}, 'contact.created', '{{"plan": "{plan}"}}')""")
    account.settled(webhook, "delivered", 3)
    assert there.put(f"/webhooks/{webhook['id']}", {"options": {"filter": None}}).status == 200
    eventually(lambda: nodes[0].publish(account.id, "contact.deleted", {"plan": "free"})["deliveries"] == 1,
               what="the change on the other node")


def test_a_grace_period_holds_on_every_node(two, receiver):
    _, nodes = two
    account = nodes[0].account()
    webhook = account.webhook(receiver.url())
    known_on(nodes[1], account)
    account.post(f"/webhooks/{webhook['id']}/regenerate-secret", {"grace_period": "1h"})

    def both_sign():
        seen = len(receiver.requests)
        nodes[1].publish(account.id)
        last = receiver.wait(seen + 1)[-1]
        return len(last.header("webhook-signature").split(" ")) == 2

    eventually(both_sign, what="both signatures from the other node")
