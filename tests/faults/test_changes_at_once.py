"""Three equal nodes that change the same webhook or account in the same moment, before any of them knows of the others' changes:
none of the changes is lost."""

import hashlib
import hmac
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.cluster import Cluster, account_on, known_on
from harness.polling import eventually
from harness.stores import PostgresServer


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), PostgresServer.of_this_run())
    yield [cluster.node() for _ in range(3)]
    cluster.close()


@pytest.fixture
def account(nodes):
    return nodes[0].account()


@pytest.fixture
def webhook(account, receiver):
    return account.webhook(receiver.url())


@pytest.fixture
def places(nodes, account, webhook):
    """The account, asked through each of the nodes."""
    return [account, *(known_on(node, account) for node in nodes[1:])]


def at_once(*calls):
    """What they answer; all begin in the same moment."""
    begin = threading.Barrier(len(calls))

    def run(call):
        begin.wait(timeout=10)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        answers = list(threads.map(run, calls))
    assert [answer.status for answer in answers] == [200] * len(calls)
    return answers


def test_fields_of_a_webhook(places, webhook, receiver):
    one, two, three = places
    path = f"/webhooks/{webhook['id']}?include=options"
    for n in range(1, 31):
        name, events = f"Hook {n}", [("contact.created", "contact.updated")[n % 2]]
        url, timeout = receiver.url(f"/{n}"), f"{n}s"
        answers = at_once(lambda: one.put(path, {"name": name, "events": events}),
                          lambda: two.put(path, {"url": url}),
                          lambda: three.put(path, {"options": {"timeout": timeout}}))
        assert len({answer.data["updated_at"] for answer in answers}) == 3, "each has a stamp of its own"
        last = max((answer.data for answer in answers), key=lambda shown: shown["updated_at"])
        assert (last["name"], last["events"]) == (name, events)
        assert (last["url"], last["options"]["timeout"]) == (url, timeout)
    eventually(lambda: all(place.get(path).data == last for place in places), what="the last state everywhere")


def test_a_new_secret_a_name_and_a_switch(places, webhook, receiver):
    one, two, three = places
    path = f"/webhooks/{webhook['id']}"

    def is_signed_with(secret, place):
        seen = len(receiver.requests)
        assert place.post(f"{path}/test").status == 200
        (request,) = receiver.requests[seen:]
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        return request.header("X-Skylight-Signature") == "sha256=" + expected

    for n in range(6):
        wanted = {"name": f"Hook {n}", "is_active": n % 2 == 1}
        regenerated, _, _ = at_once(lambda: one.post(f"{path}/regenerate-secret"),
                                    lambda: two.put(path, {"name": wanted["name"]}),
                                    lambda: three.put(path, {"is_active": wanted["is_active"]}))
        eventually(lambda: all(wanted.items() <= place.get(path).data.items() for place in places),
                   what="the name and the switch on every node")
        eventually(lambda: all(is_signed_with(regenerated.data["secret"], place) for place in places),
                   what="the new secret on every node")


def test_fields_and_the_key_of_an_account(nodes, account):
    one, two, three = nodes
    path = f"/accounts/{account.id}"
    eventually(lambda: all(node.operator("GET", path).status == 200 for node in nodes), what="the account")
    for n in range(6):
        wanted = {"name": f"Acme {n}", "first_attempt_target": f"{n + 1}s"}
        _, _, regenerated = at_once(
            lambda: one.operator("PUT", path, {"name": wanted["name"]}),
            lambda: two.operator("PUT", path, {"first_attempt_target": wanted["first_attempt_target"]}),
            lambda: three.operator("POST", f"{path}/regenerate-key"))
        account.key = regenerated.data["api_key"]
        eventually(lambda: all(wanted.items() <= node.operator("GET", path).data.items() for node in nodes),
                   what="the name and the target on every node")
        eventually(lambda: all(account_on(node, account).get("/webhooks").status == 200 for node in nodes),
                   what="the new key on every node")


def test_a_change_is_judged_by_what_is_stored(places, webhook):
    """Not by what the node that is asked knows yet: another one made or took away the header a moment ago."""
    one, two, _ = places
    path = f"/webhooks/{webhook['id']}?include=options"
    kept = {"options": {"headers": {"X-Key": True}, "timeout": "9s"}}
    for _ in range(5):
        assert one.put(path, {"options": {"headers": {"X-Key": "secret"}, "timeout": None}}).status == 200
        answer = two.put(path, kept)
        assert answer.status == 200
        assert answer.data["options"]["headers"] == {"X-Key": True} and answer.data["options"]["timeout"] == "9s"
        assert one.put(path, {"options": {"headers": None}}).status == 200
        assert two.put(path, kept).status == 422
