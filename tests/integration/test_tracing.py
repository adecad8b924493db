"""A publisher's traceparent reaches the receiver: on both stores, over retries and restarts, from
batches too. Log lines lead from a request to its event, and from there to each attempt."""

import json

import pytest
from harness.polling import eventually
from harness.receiver import status
from harness.server import Account

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def publish(server, account, body, path=None, trace=TRACE, **headers):
    if trace:
        headers["traceparent"] = trace
    answer = server.operator("POST", path or f"/accounts/{account.id}/events", body, headers=headers)
    assert answer.status == 202, answer
    return answer


@pytest.fixture
def traced_server(make_store_server):
    return make_store_server("--retry-schedule", "100ms,1h", "--log-format", "json")


def test_it_is_passed_on_over_retries_and_a_restart(traced_server, make_receiver):
    server = traced_server
    account = server.account()
    receiver = make_receiver(status(500), status(500), status(200))
    webhook = account.webhook(receiver.url())
    publish(server, account, {"event": "contact.created", "data": {}})
    receiver.wait(2)
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 2, what="the outcome")
    server.restart()
    same = Account(server, account.id, account.key)
    delivery = same.deliveries(webhook)[0]["delivery_id"]
    assert same.post(f"/webhooks/{webhook['id']}/deliveries/{delivery}/retry").status == 202
    assert {request.header("traceparent") for request in receiver.wait(3)} == {TRACE}


def test_it_is_passed_on_of_a_batch(traced_server, receiver):
    account = traced_server.account()
    account.webhook(receiver.url())
    item = {"account_id": account.id, "event": "contact.created", "data": {}}
    publish(traced_server, account, {"events": [item, item]}, path="/events")
    assert {request.header("traceparent") for request in receiver.wait(2)} == {TRACE}


def test_none_or_a_malformed_one_is_not_invented(traced_server, receiver):
    account = traced_server.account()
    account.webhook(receiver.url())
    for trace in (None, "nonsense", TRACE.upper(), TRACE[:-1]):
        publish(traced_server, account, {"event": "contact.created", "data": {}}, trace=trace)
    assert {request.header("traceparent") for request in receiver.wait(4)} == {None}


# --- the log ------------------------------------------------------------------------------------------


def lines(server):
    """Every line is one JSON object with its time, level and message."""
    found = [json.loads(line) for line in server.log().splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in found)
    return found


def line(server, message, **fields):
    def there():
        return next((one for one in lines(server) if one["message"] == message
                     and all(one.get(name) == value for name, value in fields.items())), None)

    return eventually(there, what=f"'{message}' with {fields}")


def test_from_a_request_to_its_attempts(traced_server, make_receiver):
    account = traced_server.account()
    receiver = make_receiver(status(500), status(200))
    account.webhook(receiver.url())
    answer = publish(traced_server, account, {"event": "contact.created", "data": {}})
    request = answer.headers["x-request-id"]
    asked = line(traced_server, "request", request=request)
    assert asked["method"] == "POST" and asked["status"] == 202
    assert asked["path"] == f"/operator/v1/accounts/{account.id}/events"
    accepted = line(traced_server, "event accepted", request=request)
    assert accepted["event"] == answer.data["id"] and accepted["deliveries"] == 1
    first, second = (
        line(traced_server, "attempt", event=accepted["event"], number=number) for number in (1, 2))
    assert first["delivery"] == second["delivery"] == receiver.wait(1)[0].delivery_id
    assert (first["status"], second["status"]) == (500, 200)


def test_a_batch_names_each_of_its_events(traced_server, receiver):
    account = traced_server.account()
    account.webhook(receiver.url())
    item = {"account_id": account.id, "event": "contact.created", "data": {}}
    answer = publish(traced_server, account, {"events": [item, item]}, path="/events",
                     **{"X-Request-Id": "from-the-proxy.7"})
    assert answer.headers["x-request-id"] == "from-the-proxy.7"
    for event in answer.data:
        line(traced_server, "event accepted", request="from-the-proxy.7", event=event["id"])


def test_every_answer_names_its_request(server, account):
    seen = set()
    for method, path, key in (("GET", "/api/v1/webhooks", account.key), ("GET", "/nowhere", ""),
                              ("GET", "/api/v1/webhooks", "wrong"), ("GET", "/healthz", ""),
                              ("PATCH", "/api/v1/webhooks/1", account.key),
                              ("POST", "/api/v1/webhooks", account.key)):
        answer = server.request(method, path, headers={"Authorization": f"Bearer {key}"})
        seen.add(answer.headers["x-request-id"])
    assert len(seen) == 6
    forged = server.request("GET", "/healthz", headers={"X-Request-Id": 'a" "b'})
    assert forged.headers["x-request-id"] not in seen | {'a" "b'}


def test_nothing_secret_is_in_the_log(traced_server, receiver):
    account = traced_server.account()
    webhook = account.webhook(receiver.url())
    account.publish(data={"card": "4111-1111"})
    account.settled(webhook, "delivered")
    traced_server.stop()
    text = traced_server.log()
    for secret in (webhook["secret"], account.key, traced_server.operator_token, "4111-1111"):
        assert secret not in text
