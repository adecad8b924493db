"""Sending what was published once more, to one webhook (docs/replay.md)."""

import time
from datetime import datetime, timedelta, timezone

import pytest
from harness.polling import eventually
from harness.receiver import status

LONG_AGO = "2026-01-01T00:00:00Z"
LAST_REPLAYED = 1000  # deliveries of one request


def iso(moment):
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def replay(account, webhook, status=202, **fields):
    answer = account.post(f"/webhooks/{webhook['id']}/replay", {"since": LONG_AGO, **fields})
    assert answer.status == status, answer
    return answer.data


def numbers(receiver):
    return [request.json["data"]["n"] for request in receiver.requests]


def test_events_go_to_a_webhook_that_did_not_exist(account, receiver):
    events = [account.publish(data={"n": n}) for n in range(3)]
    assert [event["deliveries"] for event in events] == [0, 0, 0]
    webhook = account.webhook(receiver.url())
    published_by = time.time()
    assert replay(account, webhook, 200, dry_run=True) == {"would_replay": 3, "next_after_id": None}
    assert account.deliveries(webhook) == [] and not receiver.requests
    assert replay(account, webhook) == {"replayed": 3, "next_after_id": None}
    entries = account.settled(webhook, "delivered", 3)
    assert sorted(numbers(receiver)) == [0, 1, 2]
    # New deliveries of the same events, signed now and logged as any other.
    details = [account.detail(webhook, entry["delivery_id"]) for entry in reversed(entries)]
    assert [detail["event_id"] for detail in details] == [event["id"] for event in events]
    assert sorted(detail["payload"] for detail in details) == sorted(r.body.decode() for r in receiver.requests)
    assert all(int(r.header("webhook-timestamp")) >= int(published_by) for r in receiver.requests)
    assert all(r.json["timestamp"] >= int(published_by) for r in receiver.requests)
    assert account.get("/webhooks").data[0]["delivery_logs_count"] == 3


def test_twice_is_sent_twice(account, receiver):
    webhook = account.webhook(receiver.url())
    account.publish(data={"n": 0})
    (first,) = account.settled(webhook, "delivered")
    assert replay(account, webhook)["replayed"] == 1
    assert replay(account, webhook)["replayed"] == 1
    entries = account.settled(webhook, "delivered", 3)
    assert len({entry["delivery_id"] for entry in entries}) == 3
    assert len({account.detail(webhook, entry["delivery_id"])["event_id"] for entry in entries}) == 1
    assert first in entries


def test_its_span_only(account, receiver):
    account.publish(data={"n": 0})
    since = datetime.now(timezone.utc)
    account.publish(data={"n": 1})
    until = datetime.now(timezone.utc)
    account.publish(data={"n": 2})
    webhook = account.webhook(receiver.url())
    span = {"since": iso(since), "until": iso(until)}
    assert replay(account, webhook, 200, dry_run=True, **span)["would_replay"] == 1
    assert replay(account, webhook, 200, dry_run=True, since=iso(until))["would_replay"] == 1
    assert replay(account, webhook, **span)["replayed"] == 1
    account.settled(webhook, "delivered")
    assert numbers(receiver) == [1]


def test_only_what_the_webhook_takes_now(account, server, make_receiver):
    receiver = make_receiver()
    webhook = account.webhook(receiver.url(), ["contact.*"], options={"filter": {"n": [1, 4]}})
    for number, event in enumerate(["contact.created", "contact.created", "contact.updated",
                                    "ticket.created", "contact.updated"]):
        account.publish(event, {"n": number})
    server.account().publish(data={"n": 1})
    assert account.post(f"/webhooks/{webhook['id']}/test").status == 200
    account.settled(webhook, "delivered", 3)
    assert replay(account, webhook, 200, dry_run=True)["would_replay"] == 2
    everything = {"events": ["*"], "options": {"filter": None}}
    assert account.put(f"/webhooks/{webhook['id']}", everything).status == 200
    # All five, whether sent before or not; test events are none of them.
    assert replay(account, webhook)["replayed"] == 5
    account.settled(webhook, "delivered", 8)
    assert sorted(r.json["data"]["n"] for r in receiver.requests[3:]) == [0, 1, 2, 3, 4]


def test_many_are_walked_and_dealt_out(account, make_receiver):
    receiver = make_receiver()
    count = 2 * LAST_REPLAYED + 5
    account.publish_many(count)
    webhook = account.webhook(receiver.url())
    span = {"until": iso(datetime.now(timezone.utc))}
    assert replay(account, webhook, 200, dry_run=True, **span) == {"would_replay": count,
                                                                 "next_after_id": None}
    asked = datetime.now(timezone.utc)
    replayed, after = [], 0
    while after is not None:
        answer = replay(account, webhook, after_id=after, **span)
        replayed.append(answer["replayed"])
        after = answer["next_after_id"]
    assert replayed == [LAST_REPLAYED, LAST_REPLAYED, 5]
    # 50 ms apart, and the later requests behind the earlier ones.
    (last,) = account.get(f"/webhooks/{webhook['id']}/deliveries?per_page=1").data
    detail = account.detail(webhook, last["delivery_id"])
    due = time_of(detail["next_attempt_at"]) - asked
    assert timedelta(milliseconds=50 * count * 0.8) < due < timedelta(milliseconds=50 * count * 1.5)
    assert f'"n":{count - 1}' in detail["payload"].replace(" ", "")
    receiver.wait(20)
    early = numbers(receiver)[:20]
    assert set(early) <= set(range(40))
    # Those that wait end with the webhook, as always.
    assert account.delete(f"/webhooks/{webhook['id']}").status == 204


def test_its_rate_limit_holds(account, receiver):
    account.publish_many(30)
    webhook = account.webhook(receiver.url(), options={"rate_limit": 10})
    assert replay(account, webhook)["replayed"] == 30
    account.settled(webhook, "delivered", 30, timeout=20)
    assert sorted(numbers(receiver)) == list(range(30))
    requests = receiver.requests
    assert requests[-1].started - requests[0].started > 2  # dealt out alone it were half of that
    assert all(entry["attempt_number"] == 1 for entry in account.deliveries(webhook, "?per_page=100"))


def test_strict_order_holds_over_replays(account, make_receiver):
    account.publish_many(5)
    seen = []

    def subscriber(connection, request):
        seen.append(request.json["data"]["n"])
        return status(500 if seen.count(2) == 1 and seen[-1] == 2 else 200)(connection, request)

    receiver = make_receiver(subscriber)
    webhook = account.webhook(receiver.url(), options={"ordered": True, "retry_schedule": ["200ms"]})
    assert replay(account, webhook)["replayed"] == 5
    account.publish_many(1)
    assert replay(account, webhook)["replayed"] == 6
    account.settled(webhook, "delivered", 12, timeout=20)
    assert seen == [0, 1, 2, 2, 3, 4, 0, 0, 1, 2, 3, 4, 0]


def test_what_waits_outlives_a_crash(make_server, make_receiver):
    server = make_server()
    account = server.account()
    receiver = make_receiver(status(500))
    account.publish_many(30)
    webhook = account.webhook(receiver.url())
    receiver.answer_with(status(200))
    assert replay(account, webhook)["replayed"] == 30
    server.kill()
    server.start()
    account.settled(webhook, "delivered", 30, timeout=40)
    assert sorted(set(numbers(receiver))) == list(range(30))


def test_a_webhook_that_is_off(account, receiver):
    account.publish()
    webhook = account.webhook(receiver.url(), is_active=False)
    assert replay(account, webhook, 200, dry_run=True)["would_replay"] == 1
    answer = account.post(f"/webhooks/{webhook['id']}/replay", {"since": LONG_AGO})
    assert (answer.status, answer.message) == (409, "The webhook is not active.")
    assert account.deliveries(webhook) == []


def test_what_is_not_there(server, account, receiver):
    webhook = account.webhook(receiver.url())
    body = {"since": LONG_AGO}
    assert server.account().post(f"/webhooks/{webhook['id']}/replay", body).status == 404
    assert account.post("/webhooks/999999999/replay", body).status == 404


@pytest.mark.parametrize("body,field", [({}, "since"), ({"since": "yesterday"}, "since"),
                                        ({"since": LONG_AGO, "until": LONG_AGO}, "until"),
                                        ({"since": LONG_AGO, "dry_run": 7}, "dry_run"),
                                        ({"since": LONG_AGO, "after_id": -1}, "after_id"),
                                        ({"since": LONG_AGO, "after_id": "x"}, "after_id")])
def test_validation(account, receiver, body, field):
    webhook = account.webhook(receiver.url())
    answer = account.post(f"/webhooks/{webhook['id']}/replay", body)
    assert answer.status == 422, answer
    assert list(answer.json["errors"]) == [field]


def test_the_operator_replays_for_an_account(server, account, receiver):
    account.publish(data={"n": 7})
    webhook = account.webhook(receiver.url())
    path = f"/accounts/{account.id}/webhooks/{webhook['id']}/replay"
    assert server.operator("POST", path, {"since": LONG_AGO}).data == {"replayed": 1,
                                                                       "next_after_id": None}
    eventually(lambda: numbers(receiver) == [7])
