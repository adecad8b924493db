"""Contract section 3: what the account API promises beyond the shapes of its reference."""

import base64
import re
import threading
import time

import pytest
from harness.receiver import closed_port, hang, status

OBJECT_FIELDS = ["id", "name", "url", "events", "is_active", "created_at", "updated_at"]


def test_events_come_back_in_the_order_given_without_duplicates(account, receiver):
    given = ["ticket.created", "contact.created", "ticket.created", "booking.created"]
    webhook = account.webhook(receiver.url(), events=given)
    assert webhook["events"] == ["ticket.created", "contact.created", "booking.created"]
    stored = account.get(f"/webhooks/{webhook['id']}").data
    assert stored["events"] == webhook["events"]


def test_create_inactive(account, receiver):
    webhook = account.webhook(receiver.url(), is_active=False)
    assert webhook["is_active"] is False
    assert account.publish()["deliveries"] == 0


def test_strings_are_trimmed(account, receiver):
    webhook = account.webhook(f"  {receiver.url()}\u00a0", name="\ufeff  Orders \u200b here\t\u3000",
                              events=[" contact.created\n"])
    assert webhook["name"] == "Orders \u200b here"
    assert webhook["url"] == receiver.url()
    assert webhook["events"] == ["contact.created"]


def test_unknown_fields_are_ignored(account, receiver):
    webhook = account.webhook(receiver.url(), colour="red", id=4711, secret="whsec_mine",
                              created_at="yesterday")
    assert webhook["id"] != 4711
    assert webhook["secret"] != "whsec_mine"
    assert "colour" not in webhook


@pytest.mark.parametrize("given,stored", [
    (True, True), (False, False), (1, True), (0, False), ("1", True), ("0", False), (" 0 ", False),
    (None, True), ("", True)])
def test_booleans(account, receiver, given, stored):
    assert account.webhook(receiver.url(), is_active=given)["is_active"] is stored


@pytest.mark.parametrize("name", ["Größe", "日本語のフック", "👩‍👩‍👧 family", "\"\\/<&>", "‮x"])
def test_any_unicode_name_comes_back_as_given(account, receiver, name):
    webhook = account.webhook(receiver.url(), name=name)
    assert webhook["name"] == name
    assert account.get(f"/webhooks/{webhook['id']}").data["name"] == name


def test_secret_is_a_valid_standard_webhooks_secret(account, receiver):
    secrets = {account.webhook(receiver.url())["secret"] for _ in range(5)}
    assert len(secrets) == 5
    for secret in secrets:
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{64}", secret)
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 48


def test_secret_is_shown_by_create_and_regenerate_only(account, receiver):
    webhook = account.webhook(receiver.url())
    new = account.post(f"/webhooks/{webhook['id']}/regenerate-secret").data["secret"]
    path = f"/webhooks/{webhook['id']}"
    for answer in (account.get("/webhooks"), account.get(path), account.put(path, {"name": "n"}),
                   account.get(path + "/deliveries"), account.post(path + "/test")):
        assert answer.status == 200
        assert b"whsec_" not in answer.body
        assert new.encode() not in answer.body and b'"secret"' not in answer.body


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_a_switch_that_is_nothing_stays_as_it_is(account, receiver, nothing):
    webhook = account.webhook(receiver.url(), is_active=False)
    answer = account.put(f"/webhooks/{webhook['id']}", {"is_active": nothing})
    assert answer.status == 200 and answer.data["is_active"] is False


@pytest.mark.parametrize("change", [
    {"name": "Renamed"}, {"url": "http://127.0.0.1:9/elsewhere"}, {"events": ["ticket.replied"]},
    {"is_active": False}, {}])
def test_update_is_partial(account, receiver, change):
    created = account.webhook(receiver.url())
    before = account.get(f"/webhooks/{created['id']}").data
    after = account.put(f"/webhooks/{created['id']}", change)
    assert after.status == 200
    assert list(after.data) == OBJECT_FIELDS
    expected = {**before, **change, "updated_at": after.data["updated_at"]}
    assert after.data == expected
    assert after.data["updated_at"] >= before["updated_at"]
    assert account.get(f"/webhooks/{created['id']}").data == after.data


def test_list_is_in_order_and_counts_its_deliveries(account, receiver):
    first = account.webhook(receiver.url(), name="first")
    second = account.webhook(receiver.url(), name="second", events=["ticket.created"])
    for _ in range(3):
        account.publish()
    account.settled(first, "delivered", 3)
    listed = account.get("/webhooks").data
    assert [(entry["id"], entry["delivery_logs_count"]) for entry in listed] == [
        (first["id"], 3), (second["id"], 0)]


def test_delete_takes_its_logs_along(account, receiver):
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    assert account.delete(f"/webhooks/{webhook['id']}").status == 204
    for answer in (account.get(f"/webhooks/{webhook['id']}/deliveries"),
                   account.delete(f"/webhooks/{webhook['id']}"),
                   account.put(f"/webhooks/{webhook['id']}", {"name": "x"}),
                   account.post(f"/webhooks/{webhook['id']}/test"),
                   account.post(f"/webhooks/{webhook['id']}/regenerate-secret")):
        assert answer.status == 404
        assert answer.json == {"success": False, "message": "Webhook not found."}


def test_another_accounts_webhook_is_not_there(server, account, receiver):
    theirs = server.account().webhook(receiver.url())
    never = 9_000_000_000
    routes = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries"),
              ("POST", "/regenerate-secret"), ("GET", "/stats"), ("POST", "/recover"),
              ("POST", "/replay")]
    for method, rest in routes:
        span = {"since": "2026-01-01T00:00:00Z"}
        bodies = {"PUT": {"name": "mine now"}, "/recover": span, "/replay": span}
        body = bodies.get(method) or bodies.get(rest)
        foreign = account.request(method, f"/webhooks/{theirs['id']}{rest}", body)
        missing = account.request(method, f"/webhooks/{never}{rest}", body)
        assert foreign.status == missing.status == 404
        assert foreign.body == missing.body
        assert foreign.json == {"success": False, "message": "Webhook not found."}
    assert not receiver.requests
    assert account.get("/webhooks").data == []


# --- test ------------------------------------------------------------------------------------------


def test_a_test_reaches_an_inactive_webhook(account, receiver):
    webhook = account.webhook(receiver.url(), is_active=False)
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert answer.status == 200
    assert answer.data["status"] == "delivered"
    assert answer.data["response_status_code"] == 200
    assert answer.data["attempt_number"] == 1
    (request,) = receiver.requests
    assert answer.data["delivery_id"] == request.delivery_id


@pytest.mark.parametrize("code", [300, 404, 500, 503])
def test_a_failed_test_says_so_and_is_never_retried(account, make_receiver, code):
    receiver = make_receiver(status(code))
    webhook = account.webhook(receiver.url())
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert answer.status == 200
    assert answer.data["status"] == "failed"
    assert answer.data["response_status_code"] == code
    assert answer.data["delivered_at"] is None
    # An ordinary delivery would have been tried again by the time this one is used up.
    account.publish()
    account.settled(webhook, "failed", 2)
    assert [r.header("X-Skylight-Event") for r in receiver.requests].count("webhook.test") == 1


def test_a_test_of_a_dead_receiver(account):
    webhook = account.webhook(f"http://127.0.0.1:{closed_port()}/")
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert answer.status == 200
    assert answer.data["status"] == "failed"
    assert answer.data["response_status_code"] is None


def test_a_test_waits_for_the_outcome(account, make_receiver):
    receiver = make_receiver(status(200, delay=0.5))
    webhook = account.webhook(receiver.url())
    started = time.monotonic()
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    assert time.monotonic() - started >= 0.5
    assert answer.data["status"] == "delivered"
    assert account.deliveries(webhook) == [answer.data]


def test_a_test_does_not_wait_behind_the_webhooks_queue(account, make_receiver):
    receiver = make_receiver(hang)
    webhook = account.webhook(receiver.url())
    for _ in range(5):
        account.publish()
    receiver.wait(1)
    receiver.answer_with(status(200))
    assert account.post(f"/webhooks/{webhook['id']}/test").data["status"] == "delivered"


# --- deliveries ------------------------------------------------------------------------------------


def test_log_is_newest_first_in_pages(account, receiver):
    webhook = account.webhook(receiver.url())
    sent = [account.publish(data={"n": n}) for n in range(7)]
    assert all(event["deliveries"] == 1 for event in sent)
    account.settled(webhook, "delivered", 7)
    whole = account.get(f"/webhooks/{webhook['id']}/deliveries")
    assert whole.json["meta"] == {"current_page": 1, "last_page": 1, "per_page": 25, "total": 7}
    ids = [entry["id"] for entry in whole.data]
    assert ids == sorted(ids, reverse=True)
    paged = []
    for page in (1, 2, 3):
        answer = account.get(f"/webhooks/{webhook['id']}/deliveries?per_page=3&page={page}")
        assert answer.json["meta"] == {"current_page": page, "last_page": 3, "per_page": 3,
                                       "total": 7}
        paged += [entry["id"] for entry in answer.data]
    assert paged == ids


def test_a_page_past_the_end_is_empty(account, receiver):
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries?page=99")
    assert answer.status == 200
    assert answer.data == []
    assert answer.json["meta"]["total"] == 1
    assert answer.json["meta"]["current_page"] == 99


def test_an_empty_log(account, receiver):
    webhook = account.webhook(receiver.url())
    answer = account.get(f"/webhooks/{webhook['id']}/deliveries")
    assert answer.data == []
    assert answer.json["meta"] == {"current_page": 1, "last_page": 1, "per_page": 25, "total": 0}


def test_log_by_status(make_server, make_receiver):
    server = make_server("--retry-schedule", "1h")
    account = server.account()
    good, bad = make_receiver(), make_receiver(status(500), status(410))
    webhook = account.webhook(good.url())
    account.publish()
    account.settled(webhook, "delivered")
    account.put(f"/webhooks/{webhook['id']}", {"url": bad.url()})
    account.publish()
    bad.wait(1)
    (pending,) = account.settled(webhook, "pending")
    assert pending["attempt_number"] in (0, 1) or pending["attempt_number"] is None
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    account.settled(webhook, "failed")
    for wanted, count in (("delivered", 1), ("failed", 1), ("pending", 0)):
        answer = account.get(f"/webhooks/{webhook['id']}/deliveries?status={wanted}")
        assert [entry["status"] for entry in answer.data] == [wanted] * count
        assert answer.json["meta"]["total"] == count


def test_pending_entry_has_nulls(make_server, make_receiver):
    server = make_server()
    account = server.account()
    receiver = make_receiver(hang)
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    (entry,) = account.deliveries(webhook)
    assert entry["status"] == "pending"
    assert entry["response_status_code"] is None
    assert entry["delivered_at"] is None
    assert list(entry) == ["id", "event_type", "delivery_id", "attempt_number",
                           "response_status_code", "status", "delivered_at", "created_at"]


# --- regenerate ------------------------------------------------------------------------------------


def test_webhooks_made_side_by_side_all_exist(account, receiver):
    made = []
    threads = [threading.Thread(target=lambda: made.append(account.webhook(receiver.url())["id"]))
               for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16
    assert sorted(made) == [entry["id"] for entry in account.get("/webhooks").data]
