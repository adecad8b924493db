"""Webhooks that are switched off after a time of nothing but failures, on both stores, over hours that pass at once."""

import datetime
import time

import pytest
from harness.cluster import account_on, known_on
from harness.polling import eventually, remains
from harness.proxy import Proxy
from harness.receiver import status
from harness.stores import KINDS

HOUR_S = 3600


@pytest.fixture(params=sorted(KINDS))
def store(request, tmp_path):
    return KINDS[request.param](tmp_path)


def settings(clock, **more):
    return {"SKYHOOK_SWITCH_OFF_AFTER": "1h", "SKYHOOK_RETRY_SCHEDULE": "none", "SKYHOOK_RATE_LIMIT": "0",
            **clock.environment, **more}


def webhook_of(account, webhook):
    return account.get(f"/webhooks/{webhook['id']}?include=options").data


def fail_once(account, webhook):
    """One event more that fails, and is in the log as failed."""
    failed = len(account.deliveries(webhook, "?status=failed&per_page=100"))
    account.publish()
    account.settled(webhook, "failed", failed + 1)


def is_off(account, webhook):
    return not webhook_of(account, webhook)["is_active"]


def seconds_between(earlier, later):
    return (datetime.datetime.fromisoformat(later) - datetime.datetime.fromisoformat(earlier)).total_seconds()


def test_an_hour_of_failures_over_a_crash(make_server, make_receiver, clock, store):
    server = make_server(store=store, **settings(clock))
    account, receiver = server.account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    clock.set(120)  # a minute in which it was changed does not count
    began = time.monotonic()
    fail_once(account, webhook)
    server.kill()
    clock.set(120 + HOUR_S - 120)
    server.start()
    fail_once(account, webhook)
    remains(lambda: not is_off(account, webhook), 0.5)
    clock.set(120 + HOUR_S + 70)
    fail_once(account, webhook)
    eventually(lambda: is_off(account, webhook), what="the switch-off")
    off = webhook_of(account, webhook)["options"]["switched_off"]
    assert off["reason"] == "failing"
    assert HOUR_S <= seconds_between(off["failing_since"], off["at"]) <= HOUR_S + 80 + time.monotonic() - began
    assert account.server.publish(account.id)["deliveries"] == 0
    assert "switched_off" not in str(account.get(f"/webhooks/{webhook['id']}").json), "only for those who ask"
    # It outlives a crash, and ends when its owner switches it on again; who then gets the whole time anew.
    server.kill()
    server.start()
    assert webhook_of(account, webhook)["options"]["switched_off"] == off
    assert account.put(f"/webhooks/{webhook['id']}", {"is_active": True}).status == 200
    assert webhook_of(account, webhook)["options"]["switched_off"] is None
    fail_once(account, webhook)
    remains(lambda: not is_off(account, webhook), 0.5)


def test_what_fails_for_our_own_trouble_is_not_held_against_a_webhook(make_server, make_receiver, clock, store):
    """A proxy that is away is none of the receiver's fault, however long it is away."""
    proxy = Proxy(listening=False)
    server = make_server(store=store, **settings(clock, SKYHOOK_PROXY=f"http://127.0.0.1:{proxy.port}"))
    account = server.account()
    webhook = account.webhook(make_receiver(status(500)).url())
    for hours in range(4):
        clock.set(120 + hours * HOUR_S)
        fail_once(account, webhook)
        fail_once(account, webhook)
    assert account.detail(webhook, account.deliveries(webhook)[0]["delivery_id"])["attempts"][0]["error"] == "internal"
    proxy.open()
    clock.set(120 + 4 * HOUR_S)
    fail_once(account, webhook)
    assert account.detail(webhook, account.deliveries(webhook)[0]["delivery_id"])["attempts"][0]["error"] == "http_status"
    remains(lambda: not is_off(account, webhook), 0.5)
    clock.set(120 + 4 * HOUR_S + 120)
    fail_once(account, webhook)
    clock.set(120 + 5 * HOUR_S + 240)
    fail_once(account, webhook)
    eventually(lambda: is_off(account, webhook), 10, "the switch-off")
    proxy.close()


def test_own_trouble_is_remembered_over_a_restart(make_server, make_receiver, clock, store):
    proxy = Proxy(listening=False)
    server = make_server(store=store, **settings(clock, SKYHOOK_PROXY=f"http://127.0.0.1:{proxy.port}"))
    account = server.account()
    webhook = account.webhook(make_receiver(status(500)).url())
    for hours in range(2):
        clock.set(120 + hours * HOUR_S)
        fail_once(account, webhook)
    shown = webhook_of(account, webhook)
    server.restart()
    proxy.open()
    clock.set(120 + 2 * HOUR_S)
    fail_once(account, webhook)
    remains(lambda: not is_off(account, webhook), 0.5)
    assert webhook_of(account, webhook)["options"] == shown["options"], "nothing that is shown"
    clock.set(120 + 3 * HOUR_S + 70)
    fail_once(account, webhook)
    eventually(lambda: is_off(account, webhook), what="the switch-off")
    proxy.close()


def test_trouble_on_the_way_to_one_receiver_spares_no_other(make_server, make_receiver, clock):
    proxy = Proxy()
    server = make_server(**settings(clock, SKYHOOK_PROXY=f"http://127.0.0.1:{proxy.port}"))
    spared, failing = server.account(), server.account()
    unreached, receiver = make_receiver(status(500)), make_receiver(status(500))
    proxy.hangs_up_on.add(unreached.port)
    behind, webhook = spared.webhook(unreached.url()), failing.webhook(receiver.url())
    for seconds in (0, HOUR_S // 2, HOUR_S + 70):
        clock.set(120 + seconds)
        fail_once(spared, behind)
        fail_once(failing, webhook)
    eventually(lambda: is_off(failing, webhook), what="the switch-off")
    remains(lambda: not is_off(spared, behind), 0.2)
    proxy.close()


def test_a_clock_that_was_ahead_puts_nothing_off(make_server, make_receiver, clock, store):
    server = make_server(store=store, **settings(clock))
    account = server.account()
    webhook = account.webhook(make_receiver(status(500)).url())
    clock.set(120 + 10 * HOUR_S)
    fail_once(account, webhook)
    clock.set(120)
    fail_once(account, webhook)
    clock.set(120 + HOUR_S + 70)
    fail_once(account, webhook)
    eventually(lambda: is_off(account, webhook), 10, "the switch-off")


def test_what_waits_in_order_ends_and_is_recovered_in_order(make_server, make_receiver, clock, store):
    server = make_server(store=store, **settings(clock))
    account, receiver = server.account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url(), options={"ordered": True, "retry_schedule": ["10h", "10h"]})
    path = f"/webhooks/{webhook['id']}"
    clock.set(120)
    for n in range(6):
        account.publish(data={"n": n})
    receiver.wait(1)
    head = account.deliveries(webhook)[-1]
    eventually(lambda: account.detail(webhook, head["delivery_id"])["attempts"], what="the first failure")
    assert len(account.deliveries(webhook, "?status=pending")) == 6
    clock.set(120 + HOUR_S + 70)
    assert account.post(f"{path}/deliveries/{head['delivery_id']}/retry").status == 202
    eventually(lambda: is_off(account, webhook), what="the switch-off")
    account.settled(webhook, "failed", 6)
    assert [request.json["data"]["n"] for request in receiver.requests] == [0, 0]
    receiver.answer_with(status(200))
    assert account.put(path, {"is_active": True}).status == 200
    account.publish(data={"n": 6})
    account.settled(webhook, "delivered")
    assert account.post(f"{path}/recover", {"since": head["created_at"]}).data == {"recovered": 6}
    account.publish(data={"n": 7})
    account.settled(webhook, "delivered", 8)
    assert [request.json["data"]["n"] for request in receiver.requests] == [0, 0, 6, 0, 1, 2, 3, 4, 5, 7]


def test_a_success_begins_the_time_anew(make_server, make_receiver, clock):
    server = make_server(**settings(clock))
    account, receiver = server.account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    clock.set(120)
    fail_once(account, webhook)
    clock.set(120 + HOUR_S // 2)
    receiver.answer_with(status(200))
    account.publish()
    account.settled(webhook, "delivered")
    receiver.answer_with(status(500))
    for minutes in (45, 61, 62):
        clock.set(120 + minutes * 60)
        fail_once(account, webhook)
    remains(lambda: not is_off(account, webhook), 0.5)
    clock.set(120 + (45 + 60) * 60 + 70)
    fail_once(account, webhook)
    eventually(lambda: is_off(account, webhook), what="the switch-off")


def test_it_is_off_unless_the_operator_asks_for_it(make_server, make_receiver, clock):
    server = make_server(**settings(clock, SKYHOOK_SWITCH_OFF_AFTER=""))
    account, receiver = server.account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    for days in (0, 9, 20):
        clock.set(120 + days * 24 * HOUR_S)
        fail_once(account, webhook)
    remains(lambda: not is_off(account, webhook), 0.5)


def test_the_failures_of_all_nodes_count(make_cluster, make_receiver, clock):
    cluster = make_cluster()
    nodes = []
    for _ in range(2):
        node = cluster.node(start=False)
        node.environment.update(settings(clock))
        nodes.append(node.start())
    account, receiver = nodes[0].account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    there = known_on(nodes[1], account)
    clock.set(120)
    fail_once(account, webhook)
    nodes[0].kill()
    clock.set(120 + HOUR_S + 70)
    fail_once(there, webhook)
    eventually(lambda: is_off(there, webhook), what="the switch-off by the other node")
    nodes[0].start()
    off = webhook_of(there, webhook)["options"]["switched_off"]
    assert webhook_of(account_on(nodes[0], account), webhook)["options"]["switched_off"] == off
    assert off["reason"] == "failing"


def test_trouble_of_one_node_is_known_to_all(make_cluster, make_receiver, clock):
    proxy = Proxy(listening=False)
    cluster = make_cluster()
    troubled, other = cluster.node(start=False), cluster.node(start=False)
    troubled.environment.update(settings(clock, SKYHOOK_PROXY=f"http://127.0.0.1:{proxy.port}"))
    other.environment.update(settings(clock))
    account = troubled.start().account()
    other.start()
    webhook = account.webhook(make_receiver(status(500)).url())
    there = known_on(other, account)
    clock.set(120)
    fail_once(account, webhook)
    clock.set(120 + HOUR_S + 70)
    fail_once(there, webhook)
    remains(lambda: not is_off(there, webhook), 0.5)
    clock.set(120 + 2 * HOUR_S + 210)
    fail_once(there, webhook)
    eventually(lambda: is_off(there, webhook), what="the switch-off")
    proxy.close()
