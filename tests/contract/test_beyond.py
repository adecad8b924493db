"""Contract section 7: what accounts get beyond the seed."""

import base64
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from harness import receiver as receivers
from harness.polling import eventually
from harness.receiver import closed_port, status

ENTRY = ["id", "event_type", "delivery_id", "attempt_number", "response_status_code", "status",
         "delivered_at", "created_at"]
ATTEMPT = ["number", "started_at", "duration_ms", "response_status_code", "error",
           "response_headers", "response_body", "response_truncated"]


def iso(moment):
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now():
    return datetime.now(timezone.utc)


def test_detail(account, make_receiver):
    receiver = make_receiver(status(500, [("X-Reason", "broken")], b"no luck"),
                             status(200, body=b"thanks"))
    webhook = account.webhook(receiver.url())
    event = account.publish(data={"a": 1})
    (entry,) = account.settled(webhook, "delivered")
    detail = account.detail(webhook, entry["delivery_id"])
    assert [name for name in detail if name in ENTRY] == ENTRY
    assert {name: detail[name] for name in ENTRY} == entry
    assert detail["event_id"] == event["id"]
    assert detail["next_attempt_at"] is None
    assert detail["error"] is None
    assert detail["payload"] == receiver.requests[0].body.decode()
    first, second = detail["attempts"]
    assert set(ATTEMPT) <= set(first)
    assert (first["number"], second["number"]) == (1, 2)
    assert first["response_status_code"] == 500 and first["error"] == "http_status"
    assert first["response_body"] == "no luck"
    assert "X-Reason" in str(first["response_headers"])
    assert "broken" in str(first["response_headers"])
    assert second["error"] is None and second["response_body"] == "thanks"
    assert first["started_at"] < second["started_at"]
    assert 0 <= first["duration_ms"] < 2000


def test_detail_of_a_waiting_delivery(make_server, make_receiver):
    account = make_server("--retry-schedule", "1h").account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)

    def waiting():
        (entry,) = account.deliveries(webhook)
        detail = account.detail(webhook, entry["delivery_id"])
        return detail if detail["attempts"] else None

    detail = eventually(waiting)
    assert detail["status"] == "pending" and detail["error"] == "http_status"
    due = datetime.fromisoformat(detail["next_attempt_at"].replace("Z", "+00:00"))
    assert timedelta(minutes=59) < due - now() <= timedelta(minutes=66)


@pytest.mark.parametrize("size,kept,truncated", [(16 * 1024, 16 * 1024, False),
                                                 (16 * 1024 + 1, 16 * 1024, True),
                                                 (1_000_000, 16 * 1024, True)])
def test_answers_are_kept_up_to_16_kib(account, make_receiver, size, kept, truncated):
    receiver = make_receiver(status(200, body=b"b" * size))
    webhook = account.webhook(receiver.url())
    entry = account.post(f"/webhooks/{webhook['id']}/test").data
    assert entry["status"] == "delivered"
    (attempt,) = account.detail(webhook, entry["delivery_id"])["attempts"]
    assert attempt["response_body"] == "b" * kept
    assert attempt["response_truncated"] is truncated


@pytest.mark.parametrize("body", [bytes(range(256)), b"\xff\xfe\x00", "ü".encode() * 8193,
                                  b"<script>alert(1)</script>", b"\xed\xa0\x80"])
def test_any_answer_can_be_shown(account, make_receiver, body):
    receiver = make_receiver(status(200, body=body))
    webhook = account.webhook(receiver.url())
    entry = account.post(f"/webhooks/{webhook['id']}/test").data
    detail = account.detail(webhook, entry["delivery_id"])  # is JSON, and UTF-8
    assert isinstance(detail["attempts"][0]["response_body"], str)


def test_detail_that_is_not_there(server, account, receiver):
    webhook = account.webhook(receiver.url())
    account.publish()
    (entry,) = account.settled(webhook, "delivered")
    other = account.webhook(receiver.url())
    foreign = server.account()
    foreign_webhook = foreign.webhook(receiver.url())
    path = "/webhooks/{}/deliveries/{}"
    for asker, answer in (
            ("another webhook", account.get(path.format(other["id"], entry["delivery_id"]))),
            ("another account", foreign.get(path.format(webhook["id"], entry["delivery_id"]))),
            ("its webhook", foreign.get(path.format(foreign_webhook["id"], entry["delivery_id"]))),
            ("a random id", account.get(path.format(webhook["id"], uuid.uuid4()))),
            ("no id", account.get(path.format(webhook["id"], "nonsense"))),
            ("the number", account.get(path.format(webhook["id"], entry["id"])))):
        assert answer.status == 404, asker
        assert answer.json["success"] is False


# --- retry -----------------------------------------------------------------------------------------


def test_retry(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    (failed,) = account.settled(webhook, "failed")
    receiver.answer_with(status(200))
    answer = account.post(f"/webhooks/{webhook['id']}/deliveries/{failed['delivery_id']}/retry")
    assert answer.status == 202, answer
    assert [name for name in answer.data if name in ENTRY] == ENTRY
    assert answer.data["delivery_id"] == failed["delivery_id"]
    (entry,) = account.settled(webhook, "delivered")
    assert entry["delivery_id"] == failed["delivery_id"]
    assert entry["attempt_number"] == 4
    assert len({request.body for request in receiver.requests}) == 1
    assert account.get("/webhooks").data[0]["delivery_logs_count"] == 1


def test_retry_begins_the_schedule_anew(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    (failed,) = account.settled(webhook, "failed")
    account.post(f"/webhooks/{webhook['id']}/deliveries/{failed['delivery_id']}/retry")
    receiver.wait(6)
    eventually(lambda: account.deliveries(webhook)[0]["status"] == "failed")
    assert account.deliveries(webhook)[0]["attempt_number"] == 6


def test_a_delivered_one_can_be_sent_again(account, receiver):
    webhook = account.webhook(receiver.url())
    account.publish()
    (entry,) = account.settled(webhook, "delivered")
    path = f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry"
    assert account.post(path).status == 202
    first, second = receiver.wait(2)
    assert first.body == second.body
    eventually(lambda: account.deliveries(webhook)[0]["status"] == "delivered")


def test_retry_of_what_is_in_flight(make_server, make_receiver):
    account = make_server().account()
    receiver = make_receiver(receivers.hang)
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    (entry,) = account.deliveries(webhook)
    answer = account.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry")
    assert answer.status == 409, answer
    assert answer.json["success"] is False


def test_retry_of_what_is_not_there(account, receiver):
    webhook = account.webhook(receiver.url())
    assert account.post(
        f"/webhooks/{webhook['id']}/deliveries/{uuid.uuid4()}/retry").status == 404


# --- recover ---------------------------------------------------------------------------------------


def test_recover(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    since = now() - timedelta(seconds=1)
    for number in range(5):
        account.publish(data={"n": number})
    account.settled(webhook, "failed", 5)
    receiver.answer_with(status(200))
    answer = account.post(f"/webhooks/{webhook['id']}/recover", {"since": iso(since)})
    assert answer.status == 202, answer
    assert answer.data == {"recovered": 5}
    account.settled(webhook, "delivered", 5, timeout=30)
    assert account.post(f"/webhooks/{webhook['id']}/recover",
                        {"since": iso(since)}).data == {"recovered": 0}


def test_recover_takes_its_span_only(account):
    webhook = account.webhook(f"http://127.0.0.1:{closed_port()}/")
    account.publish()
    account.settled(webhook, "failed")
    path = f"/webhooks/{webhook['id']}/recover"
    past = now() - timedelta(hours=2)
    assert account.post(path, {"since": iso(past), "until": iso(past + timedelta(hours=1))}
                        ).data == {"recovered": 0}
    assert account.post(path, {"since": iso(past)}).data == {"recovered": 1}


def test_recover_deals_its_deliveries_out_over_time(make_server, make_receiver):
    # One at a time: those that fall due together, where the machine is held up, come in order too.
    account = make_server("--retry-schedule", "", "--max-in-flight-per-webhook", "1").account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish_many(40)
    account.settled(webhook, "failed", 40)
    path, since = f"/webhooks/{webhook['id']}/recover", iso(now() - timedelta(minutes=1))
    answer = account.post(path, {"since": since, "dry_run": True})
    assert (answer.status, answer.data) == (200, {"would_recover": 40})
    assert len(account.deliveries(webhook, "?status=failed&per_page=100")) == 40
    receiver.answer_with(status(200))
    before, asked = len(receiver.requests), now()
    assert account.post(path, {"since": since}).data == {"recovered": 40}
    # 50 ms apart, the oldest first: they cannot all arrive before the last is due.
    entries = account.settled(webhook, "delivered", 40, timeout=30)
    delivered = [datetime.fromisoformat(entry["delivered_at"].replace("Z", "+00:00"))
                 for entry in entries]
    assert max(delivered) - asked >= timedelta(milliseconds=39 * 50)
    assert [request.json["data"]["n"] for request in receiver.requests[before:]] == list(range(40))


def test_recover_of_a_webhook_that_is_off(account):
    webhook = account.webhook(f"http://127.0.0.1:{closed_port()}/")
    account.publish()
    account.settled(webhook, "failed")
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    since = iso(now() - timedelta(minutes=1))
    answer = account.post(f"/webhooks/{webhook['id']}/recover", {"since": since})
    assert answer.status == 409 and answer.json["success"] is False
    (entry,) = account.deliveries(webhook)
    retry = account.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry")
    assert retry.status == 409


def test_recover_of_what_is_not_there(server, account, receiver):
    webhook = account.webhook(receiver.url())
    body = {"since": "2026-03-01T10:00:00Z"}
    assert server.account().post(f"/webhooks/{webhook['id']}/recover", body).status == 404
    assert account.post("/webhooks/999999999/recover", body).status == 404


@pytest.mark.parametrize("body,field", [({}, "since"), ({"since": "yesterday"}, "since"),
                                        ({"since": 5}, "since"),
                                        ({"since": "2026-03-01T10:00:00Z", "until": "x"}, "until"),
                                        ({"since": "2026-03-01T10:00:00Z",
                                          "until": "2026-03-01T10:00:00Z"}, "until"),
                                        ({"since": "2026-03-01T10:00:00Z", "dry_run": 7}, "dry_run")])
def test_recover_validation(account, receiver, body, field):
    webhook = account.webhook(receiver.url())
    answer = account.post(f"/webhooks/{webhook['id']}/recover", body)
    assert answer.status == 422, answer
    assert list(answer.json["errors"]) == [field]


# --- stats, walking ----------------------------------------------------------------------------------


def test_stats(account, make_receiver):
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url())
    for number in range(4):
        account.publish()
        account.settled(webhook, "delivered", number + 1)
    start = now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    answer = account.get(f"/webhooks/{webhook['id']}/stats?from={iso(start)}"
                         f"&to={iso(start + timedelta(minutes=5))}&step=60")
    assert answer.status == 200, answer
    steps = answer.data if isinstance(answer.data, list) else answer.data["steps"]
    assert sum(step["delivered"] for step in steps) == 4
    assert sum(step["failed_attempts"] for step in steps) == 1
    assert sum(step["failed"] for step in steps) == 0
    for step in steps:
        for name in ("duration_p50_ms", "duration_p95_ms"):
            assert step[name] is None or 0 <= step[name] < 5000


STEP = ["start", "delivered", "failed_attempts", "failed", "duration_p50_ms", "duration_p95_ms"]


def test_stats_come_in_steps(account, make_receiver):
    webhook = account.webhook(make_receiver(status(200, delay=0.05)).url())
    gone = account.webhook(f"http://127.0.0.1:{closed_port()}/", ["ticket.created"])
    account.publish()
    account.publish("ticket.created")
    account.settled(webhook, "delivered")
    account.settled(gone, "failed")
    start = now().replace(second=0, microsecond=0) - timedelta(minutes=3)
    query = f"?from={iso(start)}&to={iso(start + timedelta(minutes=6))}&step=120"
    steps = account.get(f"/webhooks/{webhook['id']}/stats{query}").data
    assert [list(step) for step in steps] == [STEP] * 3
    assert [step["start"] for step in steps] == [iso(start + timedelta(minutes=2 * i))
                                                for i in range(3)]
    (busy,) = (step for step in steps if step["delivered"])
    assert busy["delivered"] == 1 and busy["failed_attempts"] == 0 and busy["failed"] == 0
    assert 45 <= busy["duration_p50_ms"] <= busy["duration_p95_ms"] < 2000
    for step in steps:
        if step is not busy:
            assert [step[name] for name in STEP[1:]] == [0, 0, 0, None, None]
    failures = account.get(f"/webhooks/{gone['id']}/stats{query}").data
    assert sum(step["failed"] for step in failures) == 1
    assert sum(step["failed_attempts"] for step in failures) == 3


def test_stats_of_an_account_tell_its_events(server, account, receiver):
    webhook = account.webhook(receiver.url())
    other = account.webhook(receiver.url())
    for _ in range(3):
        account.publish()
    server.publish(account.id, event="contact.deleted")  # to nobody
    assert account.post(f"/webhooks/{webhook['id']}/test").status == 200  # is no event of the platform
    account.settled(webhook, "delivered", 4)
    account.settled(other, "delivered", 3)

    def sum_of(steps, field):
        return sum(step[field] for step in steps)

    steps = account.get("/stats").data
    assert sum_of(steps, "events") == 4
    assert sum_of(steps, "delivered") == 7
    assert server.operator("GET", f"/accounts/{account.id}/stats").data == steps
    assert sum_of(server.operator("GET", "/stats/history").data, "events") >= 4
    assert "events" not in account.get(f"/webhooks/{webhook['id']}/stats").data[0]
    # Not another account's.
    assert sum_of(server.account().get("/stats").data, "events") == 0


def test_stats_of_the_last_day_unless_told_otherwise(account, receiver):
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    steps = account.get(f"/webhooks/{webhook['id']}/stats").data
    assert len(steps) in (24, 25)  # hours; the first begins with the minute of its moment
    assert sum(step["delivered"] for step in steps) == 1


@pytest.mark.parametrize("query,field", [("step=90", "step"), ("step=0", "step"),
                                         ("step=x", "step"), ("from=x", "from"), ("to=x", "to"),
                                         ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "to"),
                                         ("from=2026-03-01T00:00:00Z&to=2026-03-03T00:00:00Z&step=60",
                                          "step")])
def test_stats_validation(account, receiver, query, field):
    webhook = account.webhook(receiver.url())
    answer = account.get(f"/webhooks/{webhook['id']}/stats?{query}")
    assert answer.status == 422, answer
    assert list(answer.json["errors"]) == [field]


def walk(account, webhook, query):
    """All entries that walking from the newest on yields."""
    walked, before = [], 2 ** 53
    while before is not None:
        answer = account.get(f"/webhooks/{webhook['id']}/deliveries?before_id={before}&{query}")
        assert answer.status == 200, answer
        assert list(answer.json["meta"]) == ["per_page", "next_before_id"]
        walked += answer.data
        before = answer.json["meta"]["next_before_id"]
    return walked


def test_walking_takes_the_same_filters(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url(), ["contact.created", "ticket.created"])
    for _ in range(3):
        account.publish("contact.created")
    account.settled(webhook, "failed", 3)
    receiver.answer_with(status(200))
    for _ in range(4):
        account.publish("ticket.created")
    entries = account.settled(webhook, "delivered", 4)
    assert len(walk(account, webhook, "per_page=2")) == 7
    assert {entry["status"] for entry in walk(account, webhook, "per_page=2&status=failed")} == {"failed"}
    tickets = walk(account, webhook, "per_page=3&event=ticket.created")
    assert [entry["id"] for entry in tickets] == [entry["id"] for entry in entries]
    middle = entries[1]["created_at"]
    later = walk(account, webhook, f"per_page=1&from={middle}")
    earlier = walk(account, webhook, f"per_page=100&until={middle}")
    assert [len(later), len(earlier)] == [2, 5]


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
def test_before_id_is_an_id(account, receiver, value):
    webhook = account.webhook(receiver.url())
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries?before_id={value}")
    assert answer.status == 422, answer
    assert list(answer.json["errors"]) == ["before_id"]


def test_walking_by_before_id(account, receiver):
    webhook = account.webhook(receiver.url())
    for _ in range(12):
        account.publish()
    account.settled(webhook, "delivered", 12)
    ids = [entry["id"] for entry in account.deliveries(webhook)]
    path = f"/webhooks/{webhook['id']}/deliveries?per_page=5"
    walked, before = ids[:1], ids[0]
    while before is not None:
        answer = account.get(f"{path}&before_id={before}")
        assert answer.status == 200
        meta = answer.json["meta"]
        assert "next_before_id" in meta
        assert "current_page" not in meta and "total" not in meta
        walked += [entry["id"] for entry in answer.data]
        before = meta["next_before_id"]
    assert walked == ids


def test_secrets_are_not_in_what_is_shown(account, receiver):
    webhook = account.webhook(receiver.url())
    entry = account.post(f"/webhooks/{webhook['id']}/test").data
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}")
    key = webhook["secret"].removeprefix("whsec_")
    assert key.encode() not in answer.body
    assert base64.b64decode(key).hex().encode() not in answer.body
