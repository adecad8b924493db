"""What the operator sees of every account, and does for one: the account's own answers, by the
operator's token."""

import random
import uuid

import pytest
from harness.live import LiveStream
from harness.polling import eventually
from harness.receiver import status

REFUSED = "Unauthenticated. Please provide a valid API key."


@pytest.fixture
def failed(account, make_receiver):
    """A webhook with one failed delivery, and its receiver."""
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    (entry,) = account.settled(webhook, "failed")
    return receiver, webhook, entry


def test_the_operator_reads_what_the_account_reads(server, account, failed):
    _, webhook, entry = failed
    of_webhook = f"/webhooks/{webhook['id']}"
    for path in ("/webhooks", of_webhook, of_webhook + "/deliveries",
                 of_webhook + "/deliveries?status=failed&per_page=1",
                 f"{of_webhook}/deliveries?before_id={entry['id'] + 1}&per_page=1",
                 f"{of_webhook}/deliveries/{entry['delivery_id']}"):
        mine, theirs = account.get(path), server.operator("GET", f"/accounts/{account.id}{path}")
        assert theirs.status == 200, theirs
        assert theirs.json == mine.json
        assert "x-ratelimit-limit" not in theirs.headers
    span = "?from=2026-03-01T00:00:00Z&to=2026-03-01T02:00:00Z"
    for path in ("/stats", "/webhooks/health", of_webhook + "/stats"):
        assert server.operator("GET", f"/accounts/{account.id}{path}{span}").json == account.get(
            path + span).json


def test_the_operator_retries_and_recovers(server, account, failed):
    receiver, webhook, entry = failed
    base = f"/accounts/{account.id}/webhooks/{webhook['id']}"
    answer = server.operator("POST", f"{base}/deliveries/{entry['delivery_id']}/retry")
    assert answer.status == 202 and answer.data["delivery_id"] == entry["delivery_id"]
    receiver.wait(4)
    account.settled(webhook, "failed")
    receiver.answer_with(status(200))
    assert server.operator("POST", base + "/recover", {"since": entry["created_at"]}).data == {
        "recovered": 1}
    account.settled(webhook, "delivered")


def test_the_operator_watches_live(server, account, receiver):
    webhook = account.webhook(receiver.url())
    asked = type(account)(server, account.id, server.operator_token)
    stream = LiveStream(asked, webhook, base=f"/operator/v1/accounts/{account.id}")
    # It goes on with the account's key changed and the account off, unlike the account's own.
    assert server.operator("POST", f"/accounts/{account.id}/regenerate-key").status == 200
    assert server.operator("PUT", f"/accounts/{account.id}", {"is_active": False}).status == 200
    account.publish()
    stream.wait(lambda event: event.data["status"] == "delivered")
    assert not stream.ended.is_set()
    assert server.operator("DELETE", f"/accounts/{account.id}").status == 204
    assert stream.ended.wait(20)
    stream.close()


def test_who_is_refused(server, account, failed):
    _, webhook, entry = failed
    other = server.account()
    paths = [("GET", ""), ("GET", "/stats"), ("GET", "/deliveries"), ("GET", "/deliveries/stream"),
             ("GET", f"/deliveries/{entry['delivery_id']}"),
             ("POST", f"/deliveries/{entry['delivery_id']}/retry"), ("POST", "/recover"),
             ("POST", "/replay")]
    for method, path in paths:
        of = f"/webhooks/{webhook['id']}{path}"
        body = {"since": entry["created_at"]} if path in ("/recover", "/replay") else None
        by_account = server.operator(method, f"/accounts/{account.id}{of}", body, token=account.key)
        assert (by_account.status, by_account.message) == (401, REFUSED)
        answer = server.operator(method, f"/accounts/{other.id}{of}", body)
        assert (answer.status, answer.message) == (404, "Webhook not found.")
        answer = server.operator(method, f"/accounts/999999999{of}", body)
        assert (answer.status, answer.message) == (404, "Account not found.")
    unknown = server.operator(
        "GET", f"/accounts/{account.id}/webhooks/{webhook['id']}/deliveries/{uuid.uuid4()}")
    assert (unknown.status, unknown.message) == (404, "Delivery not found.")


def test_accounts_are_searched_by_name_and_id(server):
    mark = "".join(random.choices("ghijklmnopqrstuvwxyz", k=20))  # no digits: an id must not match
    blue, red = server.account(f"Blue {mark} Door"), server.account(f"Red {mark}")
    for search, found in ((mark, [blue, red]), (f"BLUE {mark}".replace(" ", "%20"), [blue]),
                          (mark + "x", [])):
        listed = server.operator("GET", f"/accounts?search={search}")
        assert [one["id"] for one in listed.data] == [one.id for one in found]
        assert listed.json["meta"]["total"] == len(found)
        healths = server.operator("GET", f"/accounts/health?search={search}")
        assert [one["id"] for one in healths.data] == [one.id for one in found]
    by_id = server.operator("GET", f"/accounts?search={red.id}&per_page=100").data
    assert red.id in [one["id"] for one in by_id] and blue.id not in [one["id"] for one in by_id]
    second = server.operator("GET", f"/accounts?search={mark}&per_page=1&page=2")
    assert [one["id"] for one in second.data] == [red.id]
    assert second.json["meta"] == {"current_page": 2, "last_page": 2, "per_page": 1, "total": 2}
    assert server.operator("GET", f"/accounts?search={mark}&page=9223372036854775807").data == []


def test_accounts_with_the_most_waiting_come_first(make_server, make_receiver):
    server = make_server("--retry-schedule", "1h")
    receiver = make_receiver(status(500))
    accounts = [server.account(f"Account {number}") for number in range(4)]
    for account, waiting in zip(accounts, (0, 3, 1, 3)):
        account.webhook(receiver.url())
        for _ in range(waiting):
            account.publish()
    order = [accounts[i].id for i in (1, 3, 2, 0)]
    for path in ("/accounts", "/accounts/health"):
        listed = server.operator("GET", path + "?order=waiting")
        assert [one["id"] for one in listed.data] == order
        page = server.operator("GET", path + "?order=waiting&per_page=2&page=2")
        assert [one["id"] for one in page.data] == order[2:]
        plain = server.operator("GET", path + "?order=id")
        assert [one["id"] for one in plain.data] == sorted(order)
        wrong = server.operator("GET", path + "?order=age")
        assert (wrong.status, list(wrong.json["errors"])) == (422, ["order"])


def test_the_health_of_an_account_has_its_recent_past(server, account, failed):
    def health():
        listed = server.operator("GET", f"/accounts/health?search={account.id}&step=86400").data
        one = next(one for one in listed if one["id"] == account.id)
        return one if one["failed"] else None

    one = eventually(health)
    assert list(one) == ["id", "name", "is_active", "webhooks", "active_webhooks", "pending", "delivered", "failed", "steps"]
    assert (one["name"], one["is_active"]) == ("Acme", True)
    assert (one["webhooks"], one["active_webhooks"], one["failed"]) == (1, 1, 1)
    assert sum(step["failed"] for step in one["steps"]) == 1
    assert sum(step["failed_attempts"] for step in one["steps"]) == 3


def test_how_deliveries_are_made(server):
    settings = server.operator("GET", "/stats").data["settings"]
    assert settings == {"header_prefix": "X-Skylight-", "retry_schedule_s": [0.2, 0.2],
                        "timeout_ms": 30_000}
