"""The options of a webhook (docs/webhook-options.md), each as its receiver and its owner see it."""

import os
import secrets
import time

import pytest
from harness.receiver import hang, status

ALL = ["headers", "retry_schedule", "timeout"]
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
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url(), options={"retry_schedule": ["300ms", "1h"]})
    account.publish()
    receiver.wait(1)
    change(account, webhook, {"retry_schedule": ["300ms"]})
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
