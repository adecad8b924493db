"""The options of a webhook (docs/webhook-options.md), each as its receiver and its owner see it."""

import base64
import datetime
import os
import secrets
import time

import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from harness.polling import eventually
from harness.receiver import Held, hang, status
from harness.signatures import assert_signed, openssl_signature

ALL = ["headers", "rate_limit", "ordered", "filter", "retry_schedule", "timeout", "ed25519",
       "client_certificate", "previous_secret_expires_at", "switched_off"]
NONE = dict.fromkeys(ALL)


def options_of(account, webhook):
    answer = account.get(f"/webhooks/{webhook['id']}?include=options")
    assert answer.status == 200, answer
    return answer.data["options"]


def change(account, webhook, options):
    answer = account.put(f"/webhooks/{webhook['id']}?include=options", {"options": options})
    assert answer.status == 200, answer
    return answer.data["options"]


def faults(account, options):
    answer = account.post("/webhooks", {"name": "x", "url": "https://example.com", "events": ["contact.created"],
                                        "options": options})
    assert answer.status == 422, answer
    assert answer.json["message"] == "The given data was invalid."
    return answer.json["errors"]


# --- the shape ----------------------------------------------------------------------------------------


def test_options_are_shown_to_those_who_ask(account, receiver):
    made = account.webhook(receiver.url(), options={"timeout": "1500ms"})
    path = f"/webhooks/{made['id']}"
    assert "options" not in made
    for plain in (account.get(path).data, account.get("/webhooks").data[0],
                  account.put(path, {"name": "New"}).data):
        assert "options" not in plain
    shown = {**NONE, "timeout": "1500ms"}
    for answer in (account.get(path + "?include=options").data, account.get("/webhooks?include=options").data[0],
                   account.put(path + "?include=options", {"name": "Newer"}).data):
        assert answer["options"] == shown
        assert list(answer["options"]) == ALL
    other = account.post("/webhooks?include=options", {"name": "x", "url": receiver.url(), "events": ["contact.created"]})
    assert other.data["options"] == NONE
    assert account.get(path + "?include=secret").json["errors"] == {"include": ["The selected include is invalid."]}


def test_options_change_one_by_one_and_null_resets(account, receiver):
    webhook = account.webhook(receiver.url(), options={"timeout": "2s", "retry_schedule": ["1m", "2h"]})
    assert options_of(account, webhook) == {**NONE, "timeout": "2s", "retry_schedule": ["1m", "2h"]}
    assert change(account, webhook, {"timeout": "90s"}) == {**NONE, "timeout": "90s", "retry_schedule": ["1m", "2h"]}
    assert change(account, webhook, {"retry_schedule": None}) == {**NONE, "timeout": "90s"}
    assert change(account, webhook, {}) == {**NONE, "timeout": "90s"}
    assert change(account, webhook, None) == NONE


def test_what_is_shown_can_be_sent_back(account, receiver):
    webhook = account.webhook(receiver.url(), options={"headers": {"X-Key": "k"}, "timeout": "2s"})
    shown = options_of(account, webhook)
    assert change(account, webhook, shown) == shown
    account.publish()
    assert receiver.wait(1)[0].header("X-Key") == "k"


@pytest.mark.parametrize("name, value", [
    ("previous_secret_expires_at", "2030-01-01T00:00:00.000000Z"), ("previous_secret_expires_at", 5),
    ("switched_off", {"reason": "gone", "at": "2026-03-06T10:01:07.291840Z", "failing_since": None}), ("switched_off", True),
])
def test_what_is_shown_only_cannot_be_set(account, receiver, name, value):
    refused = {f"options.{name}": [f"The options.{name} field is shown only and cannot be changed."]}
    assert faults(account, {name: value}) == refused
    webhook = account.webhook(receiver.url())
    answer = account.put(f"/webhooks/{webhook['id']}", {"options": {"timeout": "2s", name: value}})
    assert answer.status == 422 and answer.json["errors"] == refused
    assert options_of(account, webhook) == NONE
    account.post(f"/webhooks/{webhook['id']}/regenerate-secret", {"grace_period": "1h"})
    shown = options_of(account, webhook)
    assert change(account, webhook, {name: None}) == shown, "null changes nothing"


def test_a_prefix_that_is_chosen_later_has_its_headers_to_itself(make_server, make_receiver):
    server = make_server()
    account, receiver = server.account(), make_receiver()
    account.webhook(receiver.url(), options={"headers": {"X-Acme-Event": "mine", "X-Other": "kept"}})
    server.stop()
    server.arguments += ["--header-prefix", "X-Acme-"]
    server.start()
    account.publish()
    request = receiver.wait(1)[0]
    assert [value for name, value in request.headers if name.lower() == "x-acme-event"] == ["contact.created"]
    assert request.header("X-Other") == "kept"


def test_bad_options_are_told_by_field(account):
    assert faults(account, "x") == {"options": ["The options field must be an object."]}
    errors = faults(account, {"timeout": "6m", "retry_schedule": ["1m", "x"], "headers": {"Host": "x"}, "colour": 1})
    assert errors == {
        "options.timeout": ["The options.timeout field must be between 1s and 5m."],
        "options.retry_schedule.1": ["The options.retry_schedule.1 field must be a duration such as 30s or 2m."],
        "options.headers.Host": ["The options.headers.Host field must not have a reserved name."],
        "options.colour": ["The selected options.colour is invalid."],
    }


def test_a_value_that_looks_sealed_is_a_value(make_server, make_receiver):
    server = make_server()  # without a master key
    account, receiver = server.account(), make_receiver()
    account.webhook(receiver.url(), options={"headers": {"X-Key": "enc1:AAAA"}})
    server.restart()
    account.publish()
    assert receiver.wait(1)[0].header("X-Key") == "enc1:AAAA"


def test_options_outlive_a_restart(make_server, make_receiver):
    server = make_server(SKYHOOK_MASTER_KEY=secrets.token_hex(32))
    account, receiver = server.account(), make_receiver()
    webhook = account.webhook(receiver.url(), options={"headers": {"X-Key": "k-1"}, "retry_schedule": []})
    server.restart()
    assert options_of(account, webhook) == {**NONE, "headers": {"X-Key": True}, "retry_schedule": []}
    account.publish()
    assert receiver.wait(1)[0].header("X-Key") == "k-1"


# --- headers ------------------------------------------------------------------------------------------


def test_headers_go_out_with_every_attempt(account, make_receiver):
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url(), options={
        "headers": {"Authorization": "Bearer t0k3n", "X-Tenant": "a b; c=\"d\""}})
    account.publish()
    for request in receiver.wait(2):
        assert request.header("Authorization") == "Bearer t0k3n"
        assert request.header("X-Tenant") == 'a b; c="d"'
    account.post(f"/webhooks/{webhook['id']}/test")
    assert receiver.wait(3)[2].header("Authorization") == "Bearer t0k3n"


def test_header_values_are_never_shown(account, receiver):
    webhook = account.webhook(receiver.url(), options={"headers": {"X-Key": "s3cr3t-value"}})
    path = f"/webhooks/{webhook['id']}"
    delivery = account.post(path + "/test").data
    for answer in (account.get(path + "?include=options"), account.get("/webhooks?include=options"),
                   account.put(path + "?include=options", {"name": "x"}),
                   account.get(f"{path}/deliveries/{delivery['delivery_id']}")):
        assert answer.status == 200
        assert b"s3cr3t-value" not in answer.body
    assert "s3cr3t-value" not in account.server.log()


def test_headers_are_replaced_as_a_whole_and_true_keeps_one(account, receiver):
    webhook = account.webhook(receiver.url(), options={"headers": {"X-One": "1", "X-Two": "2"}})
    assert change(account, webhook, {"headers": {"X-Two": True, "X-Three": "3"}})["headers"] == {
        "X-Two": True, "X-Three": True}
    account.publish()
    request = receiver.wait(1)[0]
    assert [request.header(name) for name in ("X-One", "X-Two", "X-Three")] == [None, "2", "3"]
    answer = account.put(f"/webhooks/{webhook['id']}", {"options": {"headers": {"X-Four": True}}})
    assert answer.status == 422
    assert change(account, webhook, {"headers": {}})["headers"] is None


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "webhook-signature",
                                  "X-Skylight-Signature", "User-Agent", "traceparent", "a b", "a:b", "x\r\ny", ""])
def test_reserved_and_broken_names_are_refused(account, name):
    assert list(faults(account, {"headers": {name: "1"}})) == [f"options.headers.{name}"]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "ü", "", 5, None, False, ["a"], "v" * 1001])
def test_broken_values_are_refused(account, value):
    assert list(faults(account, {"headers": {"X-Key": value}})) == ["options.headers.X-Key"]


def test_the_most_headers_go_out(account, receiver):
    headers = {("X-%02d-" % i).ljust(100, "n"): ("%02d" % i).ljust(1000, "v") for i in range(20)}
    account.webhook(receiver.url(), options={"headers": headers})
    account.publish()
    request = receiver.wait(1)[0]
    for name, value in headers.items():
        assert request.header(name) == value
    assert "options.headers" in faults(account, {"headers": {**headers, "X-21": "1"}})


@pytest.mark.skipif(os.environ.get("SKYHOOK_TEST_STORE", "sqlite") != "sqlite",
                    reason="looks into the embedded store's files")
def test_header_values_are_sealed_under_the_master_key(make_server, receiver):
    server = make_server(SKYHOOK_MASTER_KEY=secrets.token_hex(32))
    account = server.account()
    account.webhook(receiver.url(), options={"headers": {"X-Key": "s3cr3t-value"}})
    assert server.stop() == 0
    stored = b"".join(path.read_bytes() for path in server.store.directory.rglob("*") if path.is_file())
    assert b"X-Key" in stored
    assert b"s3cr3t-value" not in stored


# --- schedule and timeout -----------------------------------------------------------------------------


def test_a_webhook_has_its_own_schedule(account, make_receiver):
    receiver = make_receiver(status(500))
    none = account.webhook(receiver.url("/none"), options={"retry_schedule": []})
    one = account.webhook(receiver.url("/one"), options={"retry_schedule": ["100ms"]})
    account.publish()
    assert account.settled(none, "failed")[0]["attempt_number"] == 1
    assert account.settled(one, "failed")[0]["attempt_number"] == 2
    plain = account.webhook(receiver.url("/plain"))
    account.publish()
    assert account.settled(plain, "failed")[0]["attempt_number"] == 3  # the service's: 200 ms, 200 ms


def test_a_changed_schedule_holds_from_the_next_failure_on(account, make_receiver):
    first = Held(status(500))
    receiver = make_receiver(first, status(500))
    webhook = account.webhook(receiver.url(), options={"retry_schedule": ["1h"], "timeout": "1m"})
    account.publish()
    receiver.wait(1)
    change(account, webhook, {"retry_schedule": ["50ms"]})
    first.let_go()
    assert account.settled(webhook, "failed")[0]["attempt_number"] == 2


def test_a_webhook_has_its_own_timeout(make_server, make_receiver):
    server = make_server("--timeout", "30s", "--retry-schedule", "none")
    account, receiver = server.account(), make_receiver(hang)
    webhook = account.webhook(receiver.url(), options={"timeout": "1s"})
    began = time.monotonic()
    entry = account.post(f"/webhooks/{webhook['id']}/test").data
    assert 0.9 < time.monotonic() - began < 10
    attempts = account.detail(webhook, entry["delivery_id"])["attempts"]
    assert attempts[0]["error"] == "timeout"
    assert 900 <= attempts[0]["duration_ms"] < 9000


# --- rate limit ---------------------------------------------------------------------------------------

SLACK_S = 0.05  # delivery/pace.h


def assert_within(times, rate):
    """Never more than the limit allows, over any span; sending may lag a little behind its turn."""
    for first in range(len(times)):
        for last in range(first, len(times)):
            span = times[last] - times[first]
            assert last - first + 1 <= rate * (span + SLACK_S + 0.15) + 1, (first, last, span)


def test_a_rate_limit_spreads_and_loses_nothing(account, receiver):
    webhook = account.webhook(receiver.url(), options={"rate_limit": 20})
    for n in range(40):
        account.publish(data={"n": n})
    account.settled(webhook, "delivered", 40, timeout=20)
    assert sorted(numbers_of(receiver)) == list(range(40))
    began = account.began(webhook)
    assert len(began) == 40
    assert_within(began, 20)
    assert all(entry["attempt_number"] == 1 for entry in account.deliveries(webhook, "?per_page=100"))


def test_a_rate_limit_is_one_webhooks_own(account, make_receiver):
    slow, quick = make_receiver(), make_receiver()
    account.webhook(slow.url(), options={"rate_limit": 0.02})
    account.webhook(quick.url())
    for n in range(30):
        account.publish(data={"n": n})
    quick.wait(30)
    assert len(slow.requests) <= 2


def test_a_raised_limit_holds_at_once(account, receiver):
    webhook = account.webhook(receiver.url(), options={"rate_limit": 0.02})
    for n in range(5):
        account.publish(data={"n": n})
    receiver.wait(1)
    assert change(account, webhook, {"rate_limit": 50})["rate_limit"] == 50
    receiver.wait(5)


def test_what_a_limit_holds_back_outlives_a_restart(make_server, receiver):
    server = make_server()
    account = server.account()
    webhook = account.webhook(receiver.url(), options={"rate_limit": 0.02})
    for n in range(5):
        account.publish(data={"n": n})
    receiver.wait(1)
    assert len(account.deliveries(webhook, "?status=pending")) == 4
    server.restart()
    change(account, webhook, {"rate_limit": 100})
    account.settled(webhook, "delivered", 5)


def test_a_limit_counts_retries(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url(), options={"rate_limit": 5, "retry_schedule": ["0s"] * 3})
    account.publish()
    account.settled(webhook, "failed")
    began = account.began(webhook)
    assert len(began) == len(receiver.requests) == 4
    assert_within(began, 5)


@pytest.mark.parametrize("value,reason", [
    ("5", "must be a number."), (0, "must be between 0.01 and 1000."), (1000.5, "must be between 0.01 and 1000."),
    (-1, "must be between 0.01 and 1000."), (0.0101, "must have 0-3 decimal places."), ([1], "must be a number."),
])
def test_bad_rate_limits_are_refused(account, value, reason):
    assert faults(account, {"rate_limit": value}) == {
        "options.rate_limit": [f"The options.rate_limit field {reason}"]}


@pytest.mark.parametrize("value", [0.01, 0.125, 1, 7.5, 1000])
def test_a_rate_limit_comes_back_as_given(account, receiver, value):
    webhook = account.webhook(receiver.url(), options={"rate_limit": value})
    assert options_of(account, webhook)["rate_limit"] == value


# --- strict order -------------------------------------------------------------------------------------


def numbers_of(receiver):
    return [request.json["data"]["n"] for request in receiver.requests]


def numbers_of_events(receiver):
    """Without tests."""
    return [request.json["data"]["n"] for request in receiver.requests if "n" in request.json["data"]]


def test_order_is_kept_over_retries(account, make_receiver):
    refusals = {3: 2, 5: 1, 6: 9}

    def subscriber(connection, request):
        number = request.json["data"]["n"]
        refusals[number] = refusals.get(number, 0) - 1
        return status(500 if refusals[number] >= 0 else 200)(connection, request)

    receiver = make_receiver(subscriber)
    webhook = account.webhook(receiver.url(), options={"ordered": True, "retry_schedule": ["50ms"] * 2})
    for n in range(10):
        account.publish(data={"n": n})
    account.settled(webhook, "delivered", 9)
    # The sixth fails for good, and the next goes on.
    assert numbers_of(receiver) == [0, 1, 2, 3, 3, 3, 4, 5, 5, 6, 6, 6, 7, 8, 9]
    for before, after in zip(receiver.requests, receiver.requests[1:]):
        assert before.started < after.started
    assert [entry["attempt_number"] for entry in account.deliveries(webhook)][::-1] == [1, 1, 1, 3, 1, 2, 3, 1, 1, 1]


def test_one_is_in_flight_at_a_time(account, make_receiver):
    now, most = [0], [0]

    def subscriber(connection, request):
        now[0] += 1
        most[0] = max(most[0], now[0])
        connection.pause(0.02)
        now[0] -= 1
        return status(200)(connection, request)

    receiver = make_receiver(subscriber)
    account.webhook(receiver.url(), options={"ordered": True})
    other = make_receiver(status(200))
    account.webhook(other.url())
    account.publish_many(30)
    receiver.wait(30)
    assert numbers_of(receiver) == list(range(30))
    assert most[0] == 1
    other.wait(30)


def test_what_waits_in_order_outlives_a_restart(make_server, make_receiver):
    server = make_server("--retry-schedule", "1h")
    account, receiver = server.account(), make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url(), options={"ordered": True})
    for n in range(5):
        account.publish(data={"n": n})
    receiver.wait(1)
    server.restart()
    account.publish(data={"n": 5})
    account.post(f"/webhooks/{webhook['id']}/test")  # at once, past the order
    assert [entry["status"] for entry in account.deliveries(webhook)] == ["delivered"] + ["pending"] * 6
    first = account.deliveries(webhook)[-1]
    assert account.post(f"/webhooks/{webhook['id']}/deliveries/{first['delivery_id']}/retry").status == 202
    account.settled(webhook, "delivered", 7)
    assert numbers_of_events(receiver) == [0, 0, 1, 2, 3, 4, 5]


def test_a_retry_by_hand_comes_before_what_waits(account, make_receiver):
    receiver = make_receiver(status(200))
    webhook = account.webhook(receiver.url(), options={"ordered": True, "retry_schedule": ["1h"]})
    account.publish(data={"n": 0})
    account.settled(webhook, "delivered", 1)
    receiver.answer_with(status(500))
    for n in range(1, 4):
        account.publish(data={"n": n})
    receiver.wait(2)
    receiver.answer_with(status(200))
    oldest = account.deliveries(webhook)[-1]
    assert account.post(f"/webhooks/{webhook['id']}/deliveries/{oldest['delivery_id']}/retry").status == 202
    receiver.wait(3)
    assert numbers_of(receiver) == [0, 1, 0]
    change(account, webhook, {"ordered": False})  # what waited behind the retry need not any more
    assert sorted(request.json["data"]["n"] for request in receiver.wait(5)[3:]) == [2, 3]


def test_a_410_lets_nothing_pass_and_recovery_goes_on_in_order(account, make_receiver):
    receiver = make_receiver(status(200), status(410), status(200))
    webhook = account.webhook(receiver.url(), options={"ordered": True})
    account.post(f"/webhooks/{webhook['id']}/test")
    since = account.deliveries(webhook)[0]["created_at"]
    account.publish_many(8)
    account.settled(webhook, "failed", 8)
    assert options_of(account, webhook)["switched_off"]["reason"] == "gone"
    assert len(receiver.requests) == 2  # the test, and the one that was answered 410
    assert account.put(f"/webhooks/{webhook['id']}", {"is_active": True}).status == 200
    assert account.post(f"/webhooks/{webhook['id']}/recover", {"since": since}).data == {"recovered": 8}
    account.publish(data={"n": 8})
    account.settled(webhook, "delivered", 10)
    assert numbers_of_events(receiver) == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_order_can_begin_and_end_under_way(account, make_receiver):
    receiver = make_receiver(status(200, delay=0.01))
    webhook = account.webhook(receiver.url())
    for n in range(120):
        if n % 40 == 20:
            assert change(account, webhook, {"ordered": n != 60})["ordered"] is (None if n == 60 else True)
        account.publish(data={"n": n})
    account.settled(webhook, "delivered", 100, timeout=20)
    receiver.wait(120)
    assert sorted(numbers_of(receiver)) == list(range(120))


@pytest.mark.parametrize("value", ["yes", 2, [True], {}])
def test_bad_orders_are_refused(account, value):
    assert faults(account, {"ordered": value}) == {
        "options.ordered": ["The options.ordered field must be true or false."]}


# --- filters and patterns -----------------------------------------------------------------------------


def test_a_filter_chooses_by_the_data(account, receiver):
    wanted = {"customer": {"plan": ["pro", "team"]}, "amount": {"$gte": 100}}
    webhook = account.webhook(receiver.url(), options={"filter": wanted})
    assert options_of(account, webhook)["filter"] == wanted
    counts = [account.publish(data=data)["deliveries"] for data in (
        {"customer": {"plan": "pro", "id": 1}, "amount": 100},
        {"customer": {"plan": "free", "id": 2}, "amount": 500},
        {"customer": {"plan": "team", "id": 3}, "amount": 99.5},
        {"amount": 100},
        {"customer": [{"plan": "x"}, {"plan": "team", "id": 4}], "amount": 1e3},
    )]
    assert counts == [1, 0, 0, 0, 1]
    assert len(receiver.wait(2)) == 2


@pytest.mark.parametrize("number", ["361.30268965844164", "112.58002984152021", "9007199254740993", "-1.5e-7", "0e999"])
def test_a_filter_knows_every_digit_of_a_number(account, receiver, number):
    body = '{"name":"x","url":"%s","events":["*"],"options":{"filter":{"a":%s}}}' % (receiver.url(), number)
    assert account.post("/webhooks", body=body.encode()).status == 201
    answer = account.server.publish_raw(account.id, ('{"event":"contact.created","data":{"a":%s}}' % number).encode())
    assert answer.data["deliveries"] == 1


def test_a_filter_is_for_new_events_and_not_for_tests(account, receiver):
    webhook = account.webhook(receiver.url(), options={"filter": {"a": 1}})
    assert account.post(f"/webhooks/{webhook['id']}/test").data["status"] == "delivered"
    assert account.publish(data={"a": 2})["deliveries"] == 0
    change(account, webhook, {"filter": {"a": 2}})
    assert account.publish(data={"a": 2})["deliveries"] == 1
    change(account, webhook, {"filter": None})
    assert account.publish(data={"a": 3})["deliveries"] == 1


def test_a_filter_holds_in_batches_and_for_repeated_keys(account, server):
    account.webhook("https://example.com", options={"filter": {"n": [1, 3]}})
    events = [{"account_id": account.id, "event": "contact.created", "data": {"n": n}} for n in range(5)]
    answer = server.operator("POST", "/events", {"events": events})
    assert [receipt["deliveries"] for receipt in answer.data] == [0, 1, 0, 1, 0]
    first = account.publish(data={"n": 2}, key="k")
    assert account.publish(data={"n": 2}, key="k") == first and first["deliveries"] == 0


@pytest.mark.parametrize("value,reason", [
    ([1], "must be an object."), ("x", "must be an object."), ({"a": []}, "must not have an empty list."),
    ({"a": {"$eq": 1}}, "must have only the operators $not, $exists, $gt, $gte, $lt and $lte."),
    ({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}, "must not be nested deeper than 5 objects."),
    ({"a": list(range(50))}, "must not have more than 50 names and values."),
    ({"a": "x" * 5000}, "must not be greater than 4096 bytes."),
])
def test_bad_filters_are_refused(account, value, reason):
    assert faults(account, {"filter": value}) == {"options.filter": [f"The options.filter field {reason}"]}


def test_patterns_stand_for_events(account, make_receiver):
    contacts, everything = make_receiver(), make_receiver()
    webhook = account.webhook(contacts.url(), events=["contact.*", "ticket.created", "contact.created"])
    account.webhook(everything.url(), events=["*"])
    assert webhook["events"] == ["contact.*", "ticket.created", "contact.created"]
    counts = [account.publish(event)["deliveries"] for event in (
        "contact.created", "contact.deleted", "ticket.created", "ticket.replied")]
    assert counts == [2, 2, 2, 1]
    everything.wait(4)
    assert len(contacts.wait(3)) == 3


def test_own_events_are_found_by_patterns(make_server, receiver):
    server = make_server("--event-type", "order.item.sold=Sold")
    account = server.account()
    for events in (["order.*"], ["order.item.*"], ["*"]):
        account.webhook(receiver.url(), events=events)
    assert account.publish("order.item.sold")["deliveries"] == 3
    server.restart()
    assert account.publish("order.item.sold")["deliveries"] == 3


@pytest.mark.parametrize("pattern", ["contacts.*", "contact*", "contact.", "*.created", "**", ".*", "contact.*.*"])
def test_a_pattern_has_to_stand_for_something(account, pattern):
    answer = account.post("/webhooks", {"name": "x", "url": "https://example.com", "events": ["*", pattern]})
    assert answer.status == 422
    assert answer.json["errors"] == {"events.1": ["The selected events.1 is invalid."]}


# --- rotation -----------------------------------------------------------------------------------------


def signatures_of(request):
    """Each of the signatures alone."""
    return request.header("webhook-signature").split(" ")


def standard_signature(secret, request):
    at = datetime.datetime.fromtimestamp(int(request.header("webhook-timestamp")), datetime.timezone.utc)
    return standardwebhooks.Webhook(secret).sign(request.header("webhook-id"), at, request.body.decode())


def regenerate(account, webhook, body=None, **keywords):
    answer = account.post(f"/webhooks/{webhook['id']}/regenerate-secret", body, **keywords)
    assert answer.status == 200, answer
    return answer.data


def test_without_a_grace_period_the_old_secret_dies_at_once(account, receiver):
    webhook = account.webhook(receiver.url())
    for body in (None, {}, []):
        new = regenerate(account, webhook, body)
        assert list(new) == ["secret"]
        account.publish()
    last = receiver.wait(3)[-1]
    assert signatures_of(last) == [standard_signature(new["secret"], last)]
    assert options_of(account, webhook)["previous_secret_expires_at"] is None


def test_both_secrets_sign_in_the_grace_period(make_server, make_receiver):
    server = make_server(SKYHOOK_MASTER_KEY=secrets.token_hex(32))
    account, receiver = server.account(), make_receiver()
    webhook = account.webhook(receiver.url())
    new = regenerate(account, webhook, {"grace_period": "24h"})
    assert list(new) == ["secret", "previous_secret_expires_at"]
    ends = datetime.datetime.fromisoformat(new["previous_secret_expires_at"])
    assert 86390 < (ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds() <= 86400
    assert options_of(account, webhook)["previous_secret_expires_at"] == new["previous_secret_expires_at"]
    account.publish()
    server.restart()
    account.publish()
    for request in receiver.wait(2):
        assert signatures_of(request) == [standard_signature(one, request) for one in (new["secret"], webhook["secret"])]
        assert request.header("X-Skylight-Signature") == openssl_signature(new["secret"], request.body)
        assert_signed(request, new["secret"])
        for secret in (new["secret"], webhook["secret"]):
            standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers))


def test_the_old_secret_ends_with_its_period(account, receiver):
    webhook = account.webhook(receiver.url())
    new = regenerate(account, webhook, {"grace_period": "1s"})

    def alone():
        seen = len(receiver.requests)
        account.publish()
        last = receiver.wait(seen + 1)[-1]
        return len(signatures_of(last)) == 1 and last

    last = eventually(alone, what="one signature")
    assert_signed(last, new["secret"])


def test_a_second_rotation_drops_the_first_secret(account, receiver):
    webhook = account.webhook(receiver.url())
    second = regenerate(account, webhook, {"grace_period": "1h"})["secret"]
    third = regenerate(account, webhook, {"grace_period": "1h"})["secret"]
    account.publish()
    request = receiver.wait(1)[0]
    assert signatures_of(request) == [standard_signature(one, request) for one in (third, second)]
    fourth = regenerate(account, webhook)["secret"]
    account.publish()
    request = receiver.wait(2)[1]
    assert signatures_of(request) == [standard_signature(fourth, request)]


def test_options_and_rotation_leave_each_other_alone(account, receiver):
    webhook = account.webhook(receiver.url(), options={"timeout": "2s"})
    ends = regenerate(account, webhook, {"grace_period": "1h"})["previous_secret_expires_at"]
    assert options_of(account, webhook) == {**NONE, "timeout": "2s", "previous_secret_expires_at": ends}
    assert change(account, webhook, {"previous_secret_expires_at": None})["previous_secret_expires_at"] == ends
    assert change(account, webhook, None) == {**NONE, "previous_secret_expires_at": ends}


@pytest.mark.parametrize("value,reason", [
    ("8d", "must be between 1s and 7d."), ("999ms", "must be between 1s and 7d."),
    ("soon", "must be a duration such as 30s or 2m."), (60, "must be a duration such as 30s or 2m."),
])
def test_bad_grace_periods_change_nothing(account, receiver, value, reason):
    webhook = account.webhook(receiver.url())
    answer = account.post(f"/webhooks/{webhook['id']}/regenerate-secret", {"grace_period": value})
    assert answer.status == 422
    assert answer.json["errors"] == {"grace_period": [f"The grace period field {reason}"]}
    account.publish()
    assert_signed(receiver.wait(1)[0], webhook["secret"])


def test_a_body_that_cannot_be_read_changes_nothing(account, receiver):
    webhook = account.webhook(receiver.url())
    path = f"/webhooks/{webhook['id']}/regenerate-secret"
    assert account.post(path, body=b"{").status == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert account.post(path, body=b'{"grace_period":"1h"}', headers=form).status == 415
    account.publish()
    assert_signed(receiver.wait(1)[0], webhook["secret"])


# --- Ed25519 --------------------------------------------------------------------------------------------


def ed25519_verifies(public_key, request):
    assert public_key.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key[5:]))
    [signature] = [one for one in signatures_of(request) if one.startswith("v1a,")]
    signed = f"{request.header('webhook-id')}.{request.header('webhook-timestamp')}.".encode() + request.body
    try:
        key.verify(base64.b64decode(signature[4:]), signed)
    except InvalidSignature:
        return False
    return True


def test_ed25519_signs_beside_the_secret(make_server, make_receiver):
    server = make_server(SKYHOOK_MASTER_KEY=secrets.token_hex(32))
    account, receiver, other = server.account(), make_receiver(), make_receiver()
    webhook = account.webhook(receiver.url(), options={"ed25519": True})
    plain = account.webhook(other.url())
    key = options_of(account, webhook)["ed25519"]
    account.publish()
    server.restart()
    account.publish()
    for request in receiver.wait(2):
        assert [one.split(",")[0] for one in signatures_of(request)] == ["v1", "v1a"]
        assert ed25519_verifies(key, request)
        assert_signed(request, webhook["secret"])
        standardwebhooks.Webhook(webhook["secret"]).verify(request.body, dict(request.headers))
    for request in other.wait(2):
        assert len(signatures_of(request)) == 1
    assert options_of(account, plain)["ed25519"] is None


def test_an_ed25519_key_stays_until_it_is_taken_off(account, receiver):
    webhook = account.webhook(receiver.url(), options={"ed25519": True})
    key = options_of(account, webhook)["ed25519"]
    assert change(account, webhook, {"ed25519": True})["ed25519"] == key
    assert change(account, webhook, {"ed25519": key, "timeout": "2s"})["ed25519"] == key
    regenerate(account, webhook)
    assert options_of(account, webhook)["ed25519"] == key
    assert change(account, webhook, {"ed25519": None}) == {**NONE, "timeout": "2s"}
    account.publish()
    assert len(signatures_of(receiver.wait(1)[-1])) == 1
    newer = change(account, webhook, {"ed25519": True})["ed25519"]
    assert newer != key
    account.publish()
    last = receiver.wait(2)[-1]
    assert ed25519_verifies(newer, last) and not ed25519_verifies(key, last)


@pytest.mark.parametrize("value", [False, 1, {}, [], "true", "whpk_" + "A" * 43 + "="])
def test_nobody_brings_an_ed25519_key(account, value):
    assert faults(account, {"ed25519": value}) == {"options.ed25519": ["The options.ed25519 field must be true."]}


# --- switched off -------------------------------------------------------------------------------------


def test_a_switch_off_says_why_until_it_is_on_again(account, make_receiver):
    receiver = make_receiver(status(410))
    webhook = account.webhook(receiver.url(), options={"timeout": "1s"})
    path = f"/webhooks/{webhook['id']}"
    account.publish()
    eventually(lambda: not account.get(path).data["is_active"], what="the switch-off")
    shown = options_of(account, webhook)
    assert shown["switched_off"] == {"reason": "gone", "at": account.get(path).data["updated_at"], "failing_since": None}
    # It is shown only: neither sending it back nor putting back the options changes it.
    assert change(account, webhook, shown) == shown
    assert change(account, webhook, None) == {**NONE, "switched_off": shown["switched_off"]}
    assert account.put(path, {"is_active": True}).status == 200
    assert options_of(account, webhook) == NONE


def test_its_owner_switching_it_off_needs_no_reason(account, receiver):
    webhook = account.webhook(receiver.url())
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    assert options_of(account, webhook) == NONE
