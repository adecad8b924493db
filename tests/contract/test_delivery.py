"""Contract section 4: what a receiver gets, to the byte."""

import concurrent.futures
import re
import subprocess
import time

import pytest
from harness.polling import eventually, remains
from harness.receiver import Held, status
from harness.server import BINARY
from harness.signatures import assert_signed, is_signed

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def test_request_line_and_headers(account, receiver):
    webhook = account.webhook(receiver.url("/hooks/skylight?tenant=7"))
    before = int(time.time())
    account.publish("contact.created", {"id": 5})
    (request,) = receiver.wait()
    after = int(time.time())
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout
    assert (request.method, request.target, request.version) == (
        "POST", "/hooks/skylight?tenant=7", "HTTP/1.1")
    assert request.header("Host") == f"127.0.0.1:{receiver.port}"
    assert request.header("Content-Type") == "application/json"
    assert int(request.header("Content-Length")) == len(request.body)
    agent = request.header("User-Agent")
    assert re.fullmatch(r"Skyhook/\d+\.\d+\.\d+", agent)
    assert agent.removeprefix("Skyhook/") in version
    assert request.header("X-Skylight-Event") == "contact.created"
    assert UUID.match(request.header("X-Skylight-Delivery"))
    assert request.header("webhook-id") == request.header("X-Skylight-Delivery")
    timestamp = request.header("X-Skylight-Timestamp")
    assert before <= int(timestamp) <= after
    assert before <= int(request.header("webhook-timestamp")) <= after
    body = request.json
    assert list(body) == ["event", "delivery_id", "timestamp", "data"]
    assert body["event"] == "contact.created"
    assert body["delivery_id"] == request.delivery_id
    assert body["timestamp"] == int(timestamp)
    assert body["data"] == {"id": 5}
    assert_signed(request, webhook["secret"])


def test_the_body_has_no_byte_of_its_own(account, receiver):
    account.webhook(receiver.url())
    account.publish("contact.created", {"id": 5})
    (request,) = receiver.wait()
    expected = '{"event":"contact.created","delivery_id":"%s","timestamp":%s,"data":{"id": 5}}' % (
        request.delivery_id, request.header("X-Skylight-Timestamp"))
    assert request.body == expected.encode()


@pytest.mark.parametrize("data", [
    b"{}",
    b'{ "a" :  1 ,\n\t"b": [ 1,2 , 3 ] }',
    b'{"escapes":"\\u00e9 \\/ \\" \\\\ \\ud83d\\ude00 \\n"}',
    '{"text":"Grüße, 日本, 😀 \u202e"}'.encode(),
    b'{"big":123456789012345678901234567890,"precise":0.1000000000000000055511151231257827}',
    b'{"exponent":1E+400,"minus":-0,"zero":-0.0}',
    b'{"twice":1,"twice":2}',
    b'{"nested":{"data":{"event":"x","data":{}}},"brackets":"}]{[\\""}',
    b'{"' + b"k" * 1000 + b'":"' + b"v" * 100_000 + b'"}',
])
def test_data_is_passed_through_byte_for_byte(server, account, receiver, data):
    webhook = account.webhook(receiver.url())
    body = b'{ "data" : ' + data + b' , "event":"contact.created" }'
    answer = server.publish_raw(account.id, body)
    assert answer.status == 202, answer
    (request,) = receiver.wait()
    assert request.body.endswith(b',"data":' + data + b"}")
    assert_signed(request, webhook["secret"])


def test_every_webhook_that_subscribes_gets_its_own_delivery(server, account, make_receiver):
    receivers = [make_receiver() for _ in range(3)]
    webhooks = [account.webhook(receivers[0].url(), ["contact.created", "ticket.created"]),
                account.webhook(receivers[1].url(), ["contact.created"]),
                account.webhook(receivers[2].url(), ["ticket.created"])]
    server.account().webhook(receivers[2].url(), ["contact.created"])
    assert account.publish("contact.created")["deliveries"] == 2
    requests = [receiver.wait()[0] for receiver in receivers[:2]]
    assert requests[0].delivery_id != requests[1].delivery_id
    for request, webhook in zip(requests, webhooks):
        assert_signed(request, webhook["secret"])
    for webhook in webhooks[:2]:
        account.settled(webhook, "delivered")
    assert not receivers[2].requests


def test_every_event_of_the_catalogue(account, receiver):
    events = [entry["event"] for entry in account.get("/webhooks/events").data]
    assert len(events) == 11
    account.webhook(receiver.url(), events)
    for event in events:
        account.publish(event)
    requests = receiver.wait(11)
    assert sorted(r.header("X-Skylight-Event") for r in requests) == sorted(events)


def test_no_subscriber_is_no_delivery(account):
    assert account.publish("contact.created")["deliveries"] == 0


def test_the_body_is_identical_on_every_attempt(account, make_receiver):
    receiver = make_receiver(status(500), status(503), status(200))
    webhook = account.webhook(receiver.url())
    published = time.time()
    account.publish(data={"x": "ü"})
    requests = receiver.wait(3)
    assert len({request.body for request in requests}) == 1
    assert len({request.delivery_id for request in requests}) == 1
    assert len({request.header("X-Skylight-Signature") for request in requests}) == 1
    before = int(published)
    for request in requests:  # each is signed anew, between the one before and its arrival
        assert before <= int(request.header("webhook-timestamp")) <= request.unix_time
        before = int(request.header("webhook-timestamp"))
        assert_signed(request, webhook["secret"])
    (entry,) = account.settled(webhook, "delivered")
    assert entry["attempt_number"] == 3
    assert entry["response_status_code"] == 200
    assert entry["delivery_id"] == requests[0].delivery_id
    assert len(account.deliveries(webhook)) == 1


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(account, make_receiver, code):
    receiver = make_receiver(status(code))
    webhook = account.webhook(receiver.url())
    account.publish()
    (entry,) = account.settled(webhook, "delivered")
    assert entry["response_status_code"] == code
    assert entry["attempt_number"] == 1
    assert entry["created_at"] <= entry["delivered_at"]


def test_connections_are_kept(account, receiver):
    webhook = account.webhook(receiver.url())
    for number in range(5):
        account.publish()
        account.settled(webhook, "delivered", number + 1)
    assert receiver.connections == 1


def test_a_connection_that_the_receiver_closed_meanwhile_costs_nothing(account, make_receiver):
    receiver = make_receiver(status(200, keep=True))
    webhook = account.webhook(receiver.url())
    receiver.answer_with(lambda connection, request: status(200)(connection, request) and False)
    for number in range(3):
        account.publish()
        account.settled(webhook, "delivered", number + 1)
    assert [entry["attempt_number"] for entry in account.deliveries(webhook)] == [1, 1, 1]


def test_over_tls(account, make_receiver, authority):
    receiver = make_receiver(tls=authority.context("good"))
    webhook = account.webhook(receiver.url())
    account.publish()
    account.publish()
    account.settled(webhook, "delivered", 2)
    for request in receiver.requests:
        assert_signed(request, webhook["secret"])


def test_over_tls_by_name(account, make_receiver, authority):
    receiver = make_receiver(tls=authority.context("by-name", names=["localhost"]),
                             name="localhost")
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    assert receiver.requests[0].header("Host") == f"localhost:{receiver.port}"


# --- changes while a delivery waits ------------------------------------------------------------------


# Longer than what a test does while an attempt is under way.
PATIENT = {"timeout": "1m"}


def test_a_new_secret_signs_the_retries_of_older_deliveries(account, make_receiver):
    refusal = Held(status(500))
    receiver = make_receiver(refusal, status(200))
    webhook = account.webhook(receiver.url(), options=PATIENT)
    account.publish()
    receiver.wait(1)
    new = account.post(f"/webhooks/{webhook['id']}/regenerate-secret").data["secret"]
    refusal.let_go()
    first, second = receiver.wait(2)
    assert_signed(first, webhook["secret"])
    assert_signed(second, new)
    assert not is_signed(second, webhook["secret"])
    assert first.body == second.body


def test_a_new_url_holds_from_the_next_attempt(account, make_receiver):
    refusal = Held(status(500))
    old, new = make_receiver(refusal), make_receiver()
    webhook = account.webhook(old.url("/old"), options=PATIENT)
    account.publish()
    old.wait(1)
    account.put(f"/webhooks/{webhook['id']}", {"url": new.url("/new")})
    refusal.let_go()
    (request,) = new.wait(1)
    assert request.target == "/new"
    assert request.body == old.requests[0].body
    account.settled(webhook, "delivered")
    assert len(old.requests) == 1


def test_switching_off_ends_what_waits(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    seen = len(receiver.requests)
    (entry,) = account.settled(webhook, "failed")
    assert entry["delivered_at"] is None
    assert account.publish()["deliveries"] == 0
    assert len(receiver.requests) <= seen + 1
    assert len(account.deliveries(webhook)) == 1


def test_what_waited_has_ended_before_it_is_on_again(account, receiver):
    """However soon that is, and however much waited."""
    webhook = account.webhook(receiver.url(), options={"rate_limit": 0.01})
    path = f"/webhooks/{webhook['id']}"
    account.publish_many(3000)
    receiver.wait(1)
    assert account.put(path, {"is_active": False}).status == 200
    assert account.put(path, {"is_active": True, "options": None}).status == 200
    assert account.get(f"{path}/deliveries?status=pending").json["meta"]["total"] == 0
    account.publish(data={"n": "new"})
    eventually(lambda: receiver.requests[-1].json["data"]["n"] == "new", what="what was published since")
    assert account.get(f"{path}/deliveries?status=failed").json["meta"]["total"] >= 2999
    assert len(receiver.requests) == 2


def test_as_much_as_ever_waited_is_ended_before_the_answer(account, receiver):
    """Meanwhile everybody else is served."""
    webhook = account.webhook(receiver.url(), options={"rate_limit": 0.01})
    path = f"/webhooks/{webhook['id']}"
    account.publish_many(125_000)
    receiver.wait(1)
    assert account.put(path, {"is_active": False}).status == 200
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(account.put, path, {"is_active": True})
        while not answer.done():
            assert account.get("/webhooks").status == 200
    assert answer.result().status == 200
    assert account.get(path).data["is_active"] is True
    assert account.get(f"{path}/deliveries?status=pending").json["meta"]["total"] == 0
    assert account.get(f"{path}/deliveries?status=failed").json["meta"]["total"] >= 124_999


def test_switching_off_gives_its_reason(make_server, make_receiver):
    account = make_server("--retry-schedule", "1h").account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 1)
    eventually(lambda: account.deliveries(webhook)[0]["response_status_code"] == 500)
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    (entry,) = account.settled(webhook, "failed")
    assert account.detail(webhook, entry["delivery_id"])["error"] == "webhook_inactive"
    account.put(f"/webhooks/{webhook['id']}", {"is_active": True})
    receiver.answer_with(status(200))
    account.publish()
    account.settled(webhook, "delivered")
    assert len(receiver.requests) == 2, "what had failed is not sent again"


def test_an_attempt_under_way_while_its_webhook_is_switched_off_is_logged(account, make_receiver):
    refusal = Held(status(500))
    receiver = make_receiver(refusal)
    webhook = account.webhook(receiver.url(), options=PATIENT)
    account.publish()
    receiver.wait(1)
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    account.settled(webhook, "failed")
    refusal.let_go()
    eventually(lambda: account.deliveries(webhook)[0]["response_status_code"] == 500)
    (entry,) = account.deliveries(webhook)
    detail = account.detail(webhook, entry["delivery_id"])
    assert entry["status"] == "failed" and entry["attempt_number"] == 1
    assert detail["error"] == "webhook_inactive"
    assert [attempt["error"] for attempt in detail["attempts"]] == ["http_status"]


def test_deleting_drops_what_waits(account, make_receiver):
    refusal = Held(status(500))
    receiver = make_receiver(refusal, status(500))
    webhook = account.webhook(receiver.url(), options=PATIENT)
    account.publish()
    receiver.wait(1)
    account.delete(f"/webhooks/{webhook['id']}")
    refusal.let_go()
    # Two retries would have come within 2 × 200 ms and their jitter.
    remains(lambda: len(receiver.requests) == 1, 0.7, "the silence after the deletion")
