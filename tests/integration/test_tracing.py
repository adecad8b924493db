"""A publisher's traceparent reaches the receiver, over retries and restarts; logs name the ids."""

import json

from harness.polling import eventually
from harness.receiver import status
from harness.server import Account

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def publish(server, account, body, path=None, trace=TRACE):
    answer = server.operator("POST", path or f"/accounts/{account.id}/events", body,
                             headers={"traceparent": trace} if trace else None)
    assert answer.status == 202, answer
    return answer.data


def test_it_is_passed_on(server, account, receiver):
    account.webhook(receiver.url())
    publish(server, account, {"event": "contact.created", "data": {}})
    assert receiver.wait(1)[0].header("traceparent") == TRACE


def test_of_a_batch_too(server, account, receiver):
    account.webhook(receiver.url())
    item = {"account_id": account.id, "event": "contact.created", "data": {}}
    publish(server, account, {"events": [item, item]}, path="/events")
    assert {request.header("traceparent") for request in receiver.wait(2)} == {TRACE}


def test_none_or_a_malformed_one_is_not_invented(server, account, receiver):
    account.webhook(receiver.url())
    for trace in (None, "nonsense", TRACE.upper(), TRACE[:-1]):
        publish(server, account, {"event": "contact.created", "data": {}}, trace=trace)
    assert {request.header("traceparent") for request in receiver.wait(4)} == {None}


def test_over_retries_and_a_restart(make_server, make_receiver):
    server = make_server("--retry-schedule", "100ms,1h")
    account = server.account()
    receiver = make_receiver(status(500), status(500), status(200))
    webhook = account.webhook(receiver.url())
    publish(server, account, {"event": "contact.created", "data": {}})
    receiver.wait(2)
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 2, 10, "the outcome")
    server.restart()
    same = Account(server, account.id, account.key)
    delivery = same.deliveries(webhook)[0]["delivery_id"]
    assert same.post(f"/webhooks/{webhook['id']}/deliveries/{delivery}/retry").status == 202
    assert {request.header("traceparent") for request in receiver.wait(3)} == {TRACE}


def test_json_log_lines_name_event_and_delivery(make_server, receiver):
    server = make_server("--log-format", "json")
    account = server.account()
    account.webhook(receiver.url())
    event = account.publish()
    request = receiver.wait(1)[0]

    def attempt():
        lines = [json.loads(line) for line in server.log().splitlines()]
        return next((line for line in lines if line.get("delivery") == request.delivery_id), None)

    line = eventually(attempt, 10, "the attempt in the log")
    assert line["event"] == event["id"]
    assert line["status"] == 200
