"""Contract section 5: accounts, publishing, health."""

import json
import re
import threading
import uuid

import pytest
from harness import http
from harness.polling import eventually
from harness.receiver import closed_port

FIELDS = ["id", "name", "is_active", "allowed_origins", "created_at"]
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


# --- accounts ----------------------------------------------------------------------------------------


def test_create_account(server):
    answer = server.operator("POST", "/accounts", {"name": " Acme & Söhne "})
    assert answer.status == 201
    assert list(answer.json) == ["success", "data", "message"]
    account = answer.data
    assert [name for name in account if name in FIELDS] == FIELDS
    assert account["name"] == "Acme & Söhne"
    assert account["is_active"] is True
    assert account["allowed_origins"] == []
    assert TIME.match(account["created_at"])
    assert re.fullmatch(r"sk_live_[A-Za-z0-9]{40}", account["api_key"])
    shown = server.operator("GET", f"/accounts/{account['id']}")
    assert "api_key" not in shown.data
    assert {name: shown.data[name] for name in FIELDS} == {name: account[name] for name in FIELDS}


@pytest.mark.parametrize("body,errors", [
    ({}, {"name": ["The name field is required."]}),
    ({"name": ""}, {"name": ["The name field is required."]}),
    ({"name": 5}, {"name": ["The name field must be a string."]}),
    ({"name": "x" * 256}, {"name": ["The name field must not be greater than 255 characters."]}),
    ({"name": "x", "allowed_origins": "*"},
     {"allowed_origins": ["The allowed origins field must be an array."]}),
    ({"name": "x", "allowed_origins": ["*", 5]},
     {"allowed_origins.1": ["The allowed_origins.1 field must be a valid origin."]}),
    ({"name": "x", "allowed_origins": ["https://a.example.com", "https://*.example.com"]},
     {"allowed_origins.1": ["The allowed_origins.1 field must be a valid origin."]}),
    ({"name": "x", "first_attempt_target": 2},
     {"first_attempt_target": ["The first attempt target field must be a duration such as 30s or 2m."]}),
    ({"name": "x", "first_attempt_target": "2h"},
     {"first_attempt_target": ["The first attempt target field must be between 1ms and 1h."]}),
])
def test_account_validation(server, body, errors):
    answer = server.operator("POST", "/accounts", body)
    assert answer.status == 422
    assert answer.json == {"success": False, "message": "The given data was invalid.",
                           "errors": errors}


def test_update_account_is_partial(server, account):
    answer = server.operator("PUT", f"/accounts/{account.id}", {"name": "Renamed"})
    assert answer.status == 200
    assert answer.data["name"] == "Renamed" and answer.data["is_active"] is True
    answer = server.operator("PUT", f"/accounts/{account.id}",
                             {"allowed_origins": ["https://a.example.com"]})
    assert answer.data["name"] == "Renamed"
    assert answer.data["allowed_origins"] == ["https://a.example.com"]
    assert "api_key" not in answer.data


def test_a_target_for_first_attempts_comes_and_goes(server):
    made = server.operator("POST", "/accounts", {"name": "Acme", "first_attempt_target": " 1500ms "}).data
    assert made["first_attempt_target"] == "1500ms"

    def change(**fields):
        return server.operator("PUT", f"/accounts/{made['id']}", fields).data["first_attempt_target"]

    assert change(name="Renamed") == "1500ms"
    assert change(first_attempt_target="120s") == "2m"
    assert change(first_attempt_target=None) is None
    assert server.operator("GET", f"/accounts/{made['id']}").data["first_attempt_target"] is None


def test_accounts_are_paged(make_server):
    server = make_server()
    ids = [server.account(f"Account {number}").id for number in range(7)]
    first = server.operator("GET", "/accounts?per_page=3")
    assert first.status == 200
    assert first.json["meta"] == {"current_page": 1, "last_page": 3, "per_page": 3, "total": 7}
    listed = []
    for page in (1, 2, 3):
        listed += [entry["id"] for entry in
                   server.operator("GET", f"/accounts?per_page=3&page={page}").data]
    assert sorted(listed) == sorted(ids)
    assert server.operator("GET", "/accounts?page=9").data == []
    assert b"sk_live_" not in first.body
    for query, errors in (
            ("per_page=101", {"per_page": ["The per page field must not be greater than 100."]}),
            ("page=0&per_page=x", {"page": ["The page field must be at least 1."],
                                   "per_page": ["The per page field must be an integer."]})):
        assert server.operator("GET", f"/accounts?{query}").json["errors"] == errors


def test_delete_account(server, receiver):
    account = server.account()
    webhook = account.webhook(receiver.url())
    assert server.operator("DELETE", f"/accounts/{account.id}").status == 204
    for answer in (server.operator("GET", f"/accounts/{account.id}"),
                   server.operator("PUT", f"/accounts/{account.id}", {"name": "x"}),
                   server.operator("DELETE", f"/accounts/{account.id}"),
                   server.operator("POST", f"/accounts/{account.id}/regenerate-key"),
                   server.operator("POST", f"/accounts/{account.id}/events",
                                   {"event": "contact.created", "data": {}})):
        assert answer.status == 404
        assert answer.json == {"success": False, "message": "Account not found."}
    assert webhook["id"] and not receiver.requests


def test_405_and_404(server):
    answer = server.operator("PATCH", "/accounts", {})
    assert answer.status == 405
    assert {item.strip() for item in answer.headers["allow"].split(",")} - {"HEAD", "OPTIONS"} == {
        "GET", "POST"}
    assert server.operator("GET", "/nothing").json == {"success": False, "message": "Not found."}


# --- publish ------------------------------------------------------------------------------------------


def test_publish(server, account, receiver):
    account.webhook(receiver.url())
    answer = server.operator("POST", f"/accounts/{account.id}/events",
                             {"event": "contact.created", "data": {"id": 1}})
    assert answer.status == 202
    assert list(answer.data) == ["id", "deliveries"]
    assert str(uuid.UUID(answer.data["id"])) == answer.data["id"]
    assert answer.data["deliveries"] == 1
    assert answer.json["success"] is True
    receiver.wait(1)


def test_publish_for_an_unknown_account(server):
    answer = server.operator("POST", "/accounts/9000000000/events",
                             {"event": "contact.created", "data": {}})
    assert answer.status == 404
    assert answer.json == {"success": False, "message": "Account not found."}


@pytest.mark.parametrize("body,fields", [
    ({}, {"event", "data"}),
    ({"event": "contact.created"}, {"data"}),
    ({"data": {}}, {"event"}),
    ({"event": "contact.exploded", "data": {}}, {"event"}),
    ({"event": "webhook.test", "data": {}}, {"event"}),
    ({"event": 5, "data": {}}, {"event"}),
    ({"event": "contact.created", "data": []}, {"data"}),
    ({"event": "contact.created", "data": "text"}, {"data"}),
    ({"event": "contact.created", "data": None}, {"data"}),
    ({"event": "contact.created", "data": {}, "idempotency_key": 5}, {"idempotency_key"}),
    ({"event": "contact.created", "data": {}, "idempotency_key": "é" * 256}, {"idempotency_key"}),
    ({"event": "contact.created", "data": {}, "idempotency_key": "a\0b"}, {"idempotency_key"}),
])
def test_publish_validation(server, account, receiver, body, fields):
    account.webhook(receiver.url())
    answer = server.operator("POST", f"/accounts/{account.id}/events", body)
    assert answer.status == 422, answer
    assert answer.message == "The given data was invalid."
    assert set(answer.json["errors"]) == fields
    assert not receiver.requests


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'{"event":"contact.created","data":{"a":}}',
    b'{"event":"contact.created","data":{"a":01}}', b'{"event":"contact.created","data":{"a":1,}}',
    b'{"event":"contact.created","data":{}',
    b'{"event":"contact.created","data":{"a":"\xff"}}',
    b'{"event":"contact.created","data":{"a":"\n"}}',
    b'{"event":"contact.created","data":{"a":tru}}',
    b'{"event":"contact.created","data":{"a":[1 2]}}',
    b'{"event":"contact.created","data":{"a":"\\x"}}',
])
def test_what_is_not_json_is_never_passed_on(server, account, receiver, body):
    account.webhook(receiver.url())
    answer = server.publish_raw(account.id, body)
    assert answer.status == 400, answer
    assert answer.json["success"] is False
    assert not receiver.requests


@pytest.mark.parametrize("value", [b"1", b"1e400"], ids=["by either parser", "by the slower one"])
def test_bodies_nest_64_deep(server, account, value):
    def publish(depth):
        nested = b'{"a":' * (depth - 1) + value + b"}" * (depth - 1)
        return server.publish_raw(account.id, b'{"event":"contact.created","data":%s}' % nested).status

    assert [publish(depth) for depth in (2, 64, 65)] == [202, 202, 400]


def test_publish_size(server, account, receiver):
    webhook = account.webhook(receiver.url())
    frame = b'{"event":"contact.created","data":{"x":""}}'
    limit = 256 * 1024
    fits = frame.replace(b'""', b'"' + b"x" * (limit - len(frame)) + b'"')
    assert len(fits) == limit
    assert server.publish_raw(account.id, fits).status == 202
    over = server.publish_raw(account.id, fits.replace(b"xx", b"xxx", 1))
    assert over.status == 413
    assert over.json["success"] is False
    account.settled(webhook, "delivered")
    assert len(receiver.requests[0].json["data"]["x"]) == limit - len(frame)


# --- idempotency ---------------------------------------------------------------------------------------


def test_the_same_key_sends_nothing_again(server, account, receiver):
    webhook = account.webhook(receiver.url())
    body = {"event": "contact.created", "data": {"id": 1}, "idempotency_key": "order-1"}
    path = f"/accounts/{account.id}/events"
    first = server.operator("POST", path, body)
    assert first.status == 202
    account.webhook(receiver.url("/later"))
    again = server.operator("POST", path, body)
    assert again.status == 200
    assert again.data == first.data
    account.settled(webhook, "delivered")
    account.publish(data={"last": True})
    receiver.wait(3)
    assert [r.json["data"] for r in receiver.requests].count({"id": 1}) == 1


@pytest.mark.parametrize("change", [{"data": {"id": 2}}, {"event": "ticket.created"}])
def test_the_same_key_with_another_body(server, account, receiver, change):
    account.webhook(receiver.url())
    body = {"event": "contact.created", "data": {"id": 1}, "idempotency_key": "order-2"}
    path = f"/accounts/{account.id}/events"
    assert server.operator("POST", path, body).status == 202
    conflict = server.operator("POST", path, {**body, **change})
    assert conflict.status == 422
    assert conflict.json["success"] is False
    assert list(conflict.json["errors"]) == ["idempotency_key"]


def test_the_characters_of_a_key_are_counted_not_its_bytes(account):
    key = "é日😀" * 85
    assert account.publish(key=key) == account.publish(key=key)


def test_an_empty_key_is_none(account):
    assert account.publish(key=" ")["id"] != account.publish(key=" ")["id"]


def test_keys_belong_to_their_account(server, receiver):
    one, two = server.account(), server.account()
    assert one.publish(key="same")["id"] != two.publish(key="same")["id"]


def test_the_same_key_at_the_same_time(server, account, receiver):
    webhook = account.webhook(receiver.url())
    body = {"event": "contact.created", "data": {"id": 3}, "idempotency_key": "at-once"}
    answers = []
    barrier = threading.Barrier(12)

    def publish():
        barrier.wait()
        answers.append(server.operator("POST", f"/accounts/{account.id}/events", body))

    threads = [threading.Thread(target=publish) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 11 + [202]
    assert len({answer.data["id"] for answer in answers}) == 1
    account.settled(webhook, "delivered")
    assert len(account.deliveries(webhook)) == 1
    assert len(receiver.requests) == 1


def test_a_key_outlives_a_restart(make_server, receiver):
    server = make_server()
    account = server.account()
    account.webhook(receiver.url())
    first = account.publish(key="kept")
    server.restart()
    assert account.publish(key="kept") == first


# --- batches --------------------------------------------------------------------------------------------


def batch(server, events):
    return server.operator("POST", "/events", {"events": events})


def test_a_batch_over_several_accounts(server, make_receiver):
    accounts = [server.account() for _ in range(2)]
    receivers = [make_receiver() for _ in accounts]
    for account, receiver in zip(accounts, receivers):
        account.webhook(receiver.url())
    answer = batch(server, [
        {"account_id": accounts[n % 2].id, "event": "contact.created", "data": {"n": n}}
        for n in range(20)])
    assert answer.status == 202, answer
    for parity, receiver in enumerate(receivers):
        requests = receiver.wait(10)
        assert sorted(r.json["data"]["n"] for r in requests) == list(range(parity, 20, 2))


@pytest.mark.parametrize("bad", [
    {"event": "nonsense", "data": {}},
    {"event": "contact.created", "data": 5},
    {"event": "contact.created"},
    {"account_id": 9_000_000_000, "event": "contact.created", "data": {}},
    {"account_id": "x", "event": "contact.created", "data": {}},
    5,
])
def test_a_batch_is_all_or_nothing(server, account, receiver, bad):
    webhook = account.webhook(receiver.url())
    good = {"account_id": account.id, "event": "contact.created", "data": {"batch": True}}
    if isinstance(bad, dict):
        bad = {"account_id": account.id, **bad}
    answer = batch(server, [good] * 5 + [bad] + [good] * 5)
    assert answer.status in (404, 422), answer
    assert answer.json["success"] is False
    if answer.status == 422:
        assert any(field.startswith("events.5") for field in answer.json["errors"])
    assert account.deliveries(webhook) == []
    account.publish(data={"batch": False})
    account.settled(webhook, "delivered")
    assert [request.json["data"] for request in receiver.requests] == [{"batch": False}]


def test_a_batch_with_a_conflicting_key_stores_nothing(server, account, receiver):
    webhook = account.webhook(receiver.url(), ["contact.created"])
    account.publish("ticket.created", key="taken")
    answer = batch(server, [
        {"account_id": account.id, "event": "contact.created", "data": {}},
        {"account_id": account.id, "event": "contact.created", "data": {},
         "idempotency_key": "taken"}])
    assert answer.status == 422, answer
    assert account.deliveries(webhook) == []


def test_the_same_key_twice_in_one_batch(server, account, receiver):
    webhook = account.webhook(receiver.url())
    event = {"account_id": account.id, "event": "contact.created", "data": {"n": 1},
             "idempotency_key": "twin"}
    answer = batch(server, [event, event])
    assert answer.status == 202, answer
    account.settled(webhook, "delivered")
    assert len(account.deliveries(webhook)) == 1
    again = batch(server, [event, event])
    assert again.status in (200, 202) and again.data == answer.data
    clash = batch(server, [event, {**event, "data": {"n": 2}, "idempotency_key": "new"},
                           {**event, "data": {"n": 3}, "idempotency_key": "new"}])
    assert clash.status == 422, clash
    assert len(account.deliveries(webhook)) == 1


@pytest.mark.parametrize("body,error", [
    ({}, "is required."), ({"events": None}, "is required."), ({"events": " "}, "is required."),
    ({"events": "x"}, "must be an array."), ({"events": {"0": 1}}, "must be an array."), ({"events": 1}, "must be an array."),
    ({"events": []}, "must have at least 1 items."),
])
def test_a_batch_is_a_list(server, body, error):
    answer = server.operator("POST", "/events", body)
    assert answer.status == 422
    assert answer.json["errors"] == {"events": [f"The events field {error}"]}


def test_batch_limits(server, account):
    event = {"account_id": account.id, "event": "contact.created", "data": {}}
    assert batch(server, [event] * 1000).status == 202
    for events in ([event] * 1001, [], "x", None):
        answer = batch(server, events)
        assert answer.status == 422, answer
        assert "events" in answer.json["errors"]


# --- looking at it ---------------------------------------------------------------------------------------


def test_health(server):
    for path in ("/healthz", "/readyz"):
        answer = server.request("GET", path)
        assert answer.status == 200
    assert http.request(server.port, "HEAD", "/healthz").status in (200, 405)


def test_metrics_ask_for_the_token(server):
    assert server.request("GET", "/metrics").status == 401
    answer = server.request("GET", "/metrics",
                            headers={"Authorization": f"Bearer {server.operator_token}"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.body.decode()
    assert "# HELP skyhook_" in text and "# TYPE skyhook_" in text
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r'[a-zA-Z_:][\w:]*(\{[^}]*\})? [-+.\deEinfNa]+', line), line


def test_metrics_may_be_open(make_server):
    server = make_server("--open-metrics")
    assert server.request("GET", "/metrics").status == 200


def test_stats(make_server, make_receiver):
    server = make_server("--retry-schedule", "1h")
    account = server.account()
    webhook = account.webhook(make_receiver().url())
    empty = server.operator("GET", "/stats").data
    assert (empty["queue_depth"], empty["oldest_waiting_at"]) == (0, None)
    for _ in range(10):
        account.publish()
    account.settled(webhook, "delivered", 10)
    dead = account.webhook(f"http://127.0.0.1:{closed_port()}/", ["ticket.created"])
    for _ in range(7):
        account.publish("ticket.created")
    eventually(lambda: all(entry["attempt_number"] == 1 for entry in account.deliveries(dead)))

    answer = server.operator("GET", "/stats")
    assert answer.status == 200
    stats, counted = answer.data, answer.data["since_start"]
    assert stats["queue_depth"] == 7
    oldest = account.deliveries(dead)[-1]["created_at"]
    assert stats["oldest_waiting_at"] == oldest and stats["oldest_waiting_seconds"] > 0
    assert stats["deliveries"] == {"pending": 7, "delivered": 10, "failed": 0}
    assert (stats["accounts"], stats["webhooks"]) == (1, 2)
    assert (counted["events_accepted"], counted["deliveries_accepted"]) == (17, 17)
    assert (counted["attempts"], counted["attempts_succeeded"]) == (17, 10)
    for name in ("attempt_duration_ms", "first_attempt_latency_ms"):
        latency = counted[name]
        assert 0 <= latency["p50"] <= latency["p95"] <= latency["p99"]
