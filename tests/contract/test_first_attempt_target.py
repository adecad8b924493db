"""How soon first attempts begin, held against a target (docs/operating.md)."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from harness.polling import eventually
from harness.receiver import Held, status

LONG_AGO = "2026-01-01T00:00:00Z"
COUNTS = ["first_attempts", "first_attempts_late"]


def target(server, account, value):
    answer = server.operator("PUT", f"/accounts/{account.id}", {"first_attempt_target": value})
    assert answer.status == 200, answer


def counted(account):
    """First attempts and late ones of the last day, and the step that has some."""
    steps = account.get("/stats").data
    busy = [step for step in steps if step["first_attempts"]]
    return tuple(sum(step[name] for step in steps) for name in COUNTS), busy


def series(server, name, account):
    answer = server.request("GET", "/metrics", headers={"Authorization": f"Bearer {server.operator_token}"})
    found = re.search(rf'^{name}{{account="{account}"}} ([0-9.e+]+)$', answer.body.decode(), re.M)
    return float(found[1]) if found else None


def publish(account, webhook, count, settled):
    for n in range(count):
        account.publish(data={"n": n})
    account.settled(webhook, "delivered", settled)


def test_nothing_counts_without_a_target(server, account, receiver):
    webhook = account.webhook(receiver.url())
    publish(account, webhook, 3, 3)
    assert counted(account) == ((0, 0), [])
    assert series(server, "skyhook_account_first_attempt_latency_seconds_count", account.id) is None


def test_what_begins_in_time(server, account, receiver):
    target(server, account, "1h")
    webhook = account.webhook(receiver.url())
    publish(account, webhook, 3, 3)
    counts, busy = counted(account)
    assert counts == (3, 0)
    assert all(0 < step["first_attempt_p50_ms"] <= step["first_attempt_p95_ms"] < 3_600_000 for step in busy)
    assert series(server, "skyhook_account_first_attempt_latency_seconds_count", account.id) == 3
    assert series(server, "skyhook_account_first_attempts_late_total", account.id) == 0
    assert server.operator("GET", f"/accounts/{account.id}/stats").data == account.get("/stats").data
    whole = server.operator("GET", "/stats/history").data
    assert sum(step["first_attempts"] for step in whole) >= 3
    assert "first_attempts" not in account.get(f"/webhooks/{webhook['id']}/stats").data[0]


def test_what_waits_behind_a_slow_receiver_is_late(make_server, make_receiver):
    server = make_server("--max-in-flight-per-webhook", "1")
    first_answer = Held(status(200))
    account, receiver = server.account(), make_receiver(first_answer, status(200))
    target(server, account, "50ms")
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    for _ in range(5):
        account.publish()
    newest = account.deliveries(webhook)[0]

    def has_waited():
        return datetime.now(timezone.utc) - datetime.fromisoformat(newest["created_at"]) > timedelta(milliseconds=60)

    eventually(has_waited, what="the target to pass")
    first_answer.let_go()
    account.settled(webhook, "delivered", 6)
    (first, late), _ = counted(account)
    assert first == 6
    assert 5 <= late <= 6  # those that waited for the first one
    assert series(server, "skyhook_account_first_attempts_late_total", account.id) == late
    # What was late stays late, and the next is judged by what holds then; over a restart too.
    target(server, account, "1h")
    server.restart()
    publish(account, webhook, 1, 7)
    assert counted(account)[0] == (7, late)


def test_a_target_of_the_service_and_the_accounts_own(make_server, receiver):
    server = make_server("--first-attempt-target", "1h")
    plain, own = server.account(), server.account()
    target(server, own, "1ms")
    for account in (plain, own):
        publish(account, account.webhook(receiver.url()), 2, 2)
    assert counted(plain)[0] == (2, 0)
    assert counted(own)[0][0] == 2
    count = "skyhook_account_first_attempt_latency_seconds_count"
    assert [series(server, count, name) for name in (plain.id, own.id, "other")] == [None, 2, 2]


@pytest.mark.parametrize("options", [{"ordered": True}, {"rate_limit": 50}])
def test_who_waits_by_choice_is_not_late(server, account, receiver, options):
    target(server, account, "1ms")
    webhook = account.webhook(receiver.url(), options=options)
    publish(account, webhook, 2, 2)
    assert counted(account)[0] == (0, 0)


def test_only_first_attempts_of_what_was_published(server, account, make_receiver):
    receiver = make_receiver(status(500))
    target(server, account, "1h")
    webhook = account.webhook(receiver.url(), options={"retry_schedule": ["50ms"] * 2})
    account.publish(data={"n": 0})
    (entry,) = account.settled(webhook, "failed")  # three attempts, one of them the first
    receiver.answer_with(status(200))
    path = f"/webhooks/{webhook['id']}"
    assert account.post(path + "/test").status == 200
    assert account.post(f"{path}/deliveries/{entry['delivery_id']}/retry").status == 202
    assert account.post(path + "/replay", {"since": LONG_AGO}).status == 202
    account.settled(webhook, "delivered", 3)
    eventually(lambda: counted(account)[0] == (1, 0))
