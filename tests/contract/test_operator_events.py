"""What the operator is told (docs/operator-events.md): to its own webhook, signed like every delivery."""

import base64
import secrets

import pytest
from harness.polling import eventually, remains
from harness.receiver import status
from harness.server import run
from harness.signatures import assert_signed

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
PER_WEBHOOK = 10


@pytest.fixture
def told(make_receiver):
    return make_receiver()


@pytest.fixture
def make_told_server(make_server, told):
    def make(*arguments, **environment):
        return make_server(*arguments, SKYHOOK_RETRY_SCHEDULE="100ms", SKYHOOK_OPERATOR_WEBHOOK=told.url("/ops"),
                           SKYHOOK_OPERATOR_WEBHOOK_SECRET=SECRET, **environment)

    return make


def own_account(server):
    [account] = [one for one in server.operator("GET", "/accounts").data if one["name"] == "Operator events"]
    return account


def test_a_delivery_that_failed_for_good(make_told_server, told, make_receiver):
    server = make_told_server()
    account, receiver = server.account(), make_receiver(status(503))
    webhook = account.webhook(receiver.url(), name="Orders")
    account.publish(data={"n": 1})
    [request] = told.wait(1)
    [entry] = account.settled(webhook, "failed")
    assert_signed(request, SECRET)
    assert request.target == "/ops"
    assert request.header("X-Skylight-Event") == request.json["event"] == "operator.delivery.failed"
    data = request.json["data"]
    detail = account.detail(webhook, entry["delivery_id"])
    assert data.pop("failed_at")[:10] == detail["attempts"][1]["started_at"][:10]
    assert data == {
        "account_id": account.id, "account_name": "Acme", "webhook_id": webhook["id"], "webhook_name": "Orders",
        "url": receiver.url(), "delivery_id": entry["delivery_id"], "event_id": detail["event_id"],
        "event": "contact.created", "attempts": 2, "response_status_code": 503, "error": "http_status", "not_told": 0}


def test_a_webhook_that_was_switched_off(make_told_server, told, make_receiver):
    server = make_told_server()
    account, receiver = server.account(), make_receiver(status(410))
    webhook = account.webhook(receiver.url(), name="Orders")
    account.publish()
    events = {request.json["event"]: request.json["data"] for request in told.wait(2)}
    eventually(lambda: not account.get(f"/webhooks/{webhook['id']}").data["is_active"], what="the switch-off")
    off = account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["switched_off"]
    assert events["operator.webhook.switched_off"] == {
        "account_id": account.id, "account_name": "Acme", "webhook_id": webhook["id"], "webhook_name": "Orders",
        "url": receiver.url(), "reason": "gone", "switched_off_at": off["at"], "failing_since": None}
    assert events["operator.delivery.failed"]["error"] == "http_status"
    remains(lambda: len(told.requests) == 2, 0.3)


def test_an_account_over_its_limit_is_told_once(make_told_server, told):
    server = make_told_server("--rate-limit", "3")
    account = server.account()
    answers = [account.get("/webhooks") for _ in range(12)]
    assert 429 in [answer.status for answer in answers]
    [request] = told.wait(1)
    assert request.json["event"] == "operator.account.limited"
    data = request.json["data"]
    assert data.pop("limited_at").endswith("Z")
    assert data == {"account_id": account.id, "account_name": "Acme", "limit_per_minute": 3}
    # Twice at most where the hour ends just now.
    remains(lambda: len(told.requests) <= 2, 0.3)


def test_a_storm_of_failures_is_counted(make_told_server, told, make_receiver):
    server = make_told_server("--retry-schedule", "none")
    account, receiver = server.account(), make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    for number in range(60):
        account.publish(data={"n": number})
    account.settled(webhook, "failed", 60)
    # Of another webhook it is told how many were not; a minute may have ended in between.
    other = account.webhook(make_receiver(status(404)).url(), events=["contact.deleted"])
    account.publish("contact.deleted")
    account.settled(other, "failed")

    def all_accounted_for():
        came = [one.json["data"] for one in list(told.requests)]
        of_storm = sum(one["webhook_id"] == webhook["id"] for one in came)
        return of_storm if of_storm + sum(one["not_told"] for one in came) == 60 and len(came) > of_storm else None

    assert PER_WEBHOOK <= eventually(all_accounted_for, what="each failure, told or counted") <= 2 * PER_WEBHOOK


def test_events_of_the_operator_cause_none(make_told_server, told):
    told.answer_with(status(500))
    server = make_told_server("--retry-schedule", "none")
    account = server.account()
    account.webhook("http://127.0.0.1:1/refused")
    account.publish()
    told.wait(1)
    own = own_account(server)
    webhooks = server.operator("GET", f"/accounts/{own['id']}/webhooks").data
    log = f"/accounts/{own['id']}/webhooks/{webhooks[0]['id']}/deliveries"
    eventually(lambda: [one["status"] for one in server.operator("GET", log).data] == ["failed"], what="the log")
    remains(lambda: len(told.requests) == 1, 0.5)


def test_tests_of_a_webhook_are_not_told(make_told_server, told, make_receiver):
    server = make_told_server()
    account = server.account()
    webhook = account.webhook(make_receiver(status(500)).url())
    assert account.post(f"/webhooks/{webhook['id']}/test").data["status"] == "failed"
    remains(lambda: told.requests == [], 0.3)


def test_its_account_is_kept_by_the_settings(make_told_server, told):
    server = make_told_server()
    own = own_account(server)
    assert own["is_kept_by_settings"] is True
    assert server.operator("GET", f"/accounts/{server.account().id}").data["is_kept_by_settings"] is False
    assert server.operator("DELETE", f"/accounts/{own['id']}").status == 409
    assert server.operator("POST", f"/accounts/{own['id']}/regenerate-key").status == 409
    for change in ({"is_active": False}, {"name": "Mine"}, {"allowed_origins": ["https://example.com"]}):
        assert server.operator("PUT", f"/accounts/{own['id']}", change).status == 409, "no key opens it: nothing to switch"
    for target in ("2s", None):
        assert server.operator("PUT", f"/accounts/{own['id']}", {"first_attempt_target": target}).status == 200
    [webhook] = server.operator("GET", f"/accounts/{own['id']}/webhooks").data
    assert webhook["url"] == told.url("/ops") and "secret" not in webhook
    server.restart()
    assert own_account(server) == own
    # Nobody else can ask for these events or publish them.
    account = server.account()
    answer = account.post("/webhooks", {"name": "x", "url": told.url(), "events": ["operator.delivery.failed"]})
    assert answer.json["errors"] == {"events.0": ["The selected events.0 is invalid."]}
    answer = server.operator("POST", f"/accounts/{own['id']}/events", {"event": "operator.delivery.failed", "data": {}})
    assert answer.status == 422
    # Without the setting it is off.
    server.stop()
    del server.environment["SKYHOOK_OPERATOR_WEBHOOK"]
    server.start()
    assert server.operator("GET", f"/accounts/{own['id']}/webhooks").data[0]["is_active"] is False


@pytest.mark.parametrize("environment,named", [
    ({"SKYHOOK_OPERATOR_WEBHOOK": "https://example.com"}, "operator_webhook_secret"),
    ({"SKYHOOK_OPERATOR_WEBHOOK": "http://example.com", "SKYHOOK_OPERATOR_WEBHOOK_SECRET": SECRET}, "operator_webhook"),
    ({"SKYHOOK_OPERATOR_WEBHOOK": "https://10.0.0.1/x", "SKYHOOK_OPERATOR_WEBHOOK_SECRET": SECRET}, "allow_networks"),
])
def test_settings_that_do_not_go_together(tmp_path, environment, named):
    result = run("serve", "--data", tmp_path / "data", environment=environment)
    assert result.returncode == 2
    [line] = (result.stdout + result.stderr).strip().splitlines()
    assert named in line and SECRET not in line
    assert not (tmp_path / "data").exists()
