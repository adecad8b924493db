"""Contract section 4: receivers that misbehave, and what follows from each."""

import email.utils
import itertools
import ssl
import statistics
import time
from datetime import datetime, timezone

import pytest
from harness import receiver as receivers
from harness.polling import eventually, quickest, remains
from harness.receiver import closed_port, status
from harness.server import SANITIZED

TIMEOUT_S = 2.0
SLACK_S = 4.0 if SANITIZED else 1.0


def failed_in_time(account, url):
    """As failed_once, within TIMEOUT_S and a little. Again where the machine was held up meanwhile."""
    made = []

    def measure():
        made.append(failed_once(account, url, timeout_s=TIMEOUT_S))
        return made[-1][2]

    assert quickest(measure, TIMEOUT_S + SLACK_S) <= TIMEOUT_S + SLACK_S
    return made[-1]


def failed_once(account, url, timeout_s=20):
    """One attempt without a retry (a test call): the log entry, the attempt, how long it took."""
    webhook = account.webhook(url, options={"timeout": f"{timeout_s:.0f}s"})
    started = time.monotonic()
    answer = account.post(f"/webhooks/{webhook['id']}/test")
    took = time.monotonic() - started
    assert answer.status == 200, answer
    assert answer.data["status"] == "failed", answer
    detail = account.detail(webhook, answer.data["delivery_id"])
    return answer.data, detail["attempts"][0], took


@pytest.mark.parametrize("code", [400, 401, 404, 418, 500, 502, 503])
def test_a_bad_status_is_tried_again(account, make_receiver, code):
    receiver = make_receiver(status(code), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    (entry,) = account.settled(webhook, "delivered")
    assert entry["attempt_number"] == 2
    assert len(receiver.requests) == 2


def test_attempts_are_used_up(account, make_receiver):
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    (entry,) = account.settled(webhook, "failed")
    assert entry["attempt_number"] == 3  # the schedule of this server has two retries
    assert entry["response_status_code"] == 500
    assert entry["delivered_at"] is None
    assert len(receiver.requests) == 3


def test_retries_are_never_early_and_at_most_a_tenth_late(make_server, make_receiver):
    account = make_server("--retry-schedule", "300ms,600ms").account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    for _ in range(5):
        account.publish()
    account.settled(webhook, "failed", 5)
    by_delivery = {}
    for request in receiver.requests:
        by_delivery.setdefault(request.delivery_id, []).append(request)
    lateness = []
    for requests in by_delivery.values():
        first, second, third = requests
        for delay, earlier, later in ((0.3, first, second), (0.6, second, third)):
            waited = later.started - earlier.answered
            assert waited >= delay - 0.005
            lateness.append(waited - delay * 1.1)
    # The median: what holds up the machine holds up some.
    assert statistics.median(lateness) < (2.0 if SANITIZED else 0.25), lateness


def test_the_schedule_is_a_list_of_any_length(make_server, make_receiver):
    account = make_server("--retry-schedule", "50ms,50ms,50ms,50ms,50ms").account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "failed")
    assert len(receiver.requests) == 6


def test_the_first_retry_of_the_default_schedule_is_after_two_minutes(make_server):
    account = make_server().account()
    webhook = account.webhook(f"http://127.0.0.1:{closed_port()}/")
    account.publish()
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 1)
    detail = account.detail(webhook, account.deliveries(webhook)[0]["delivery_id"])
    (attempt,) = detail["attempts"]
    due, tried = (datetime.fromisoformat(text.replace("Z", "+00:00"))
                  for text in (detail["next_attempt_at"], attempt["started_at"]))
    assert 120 <= (due - tried).total_seconds() <= 132 + SLACK_S


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_in_seconds(account, make_receiver, code):
    receiver = make_receiver(status(code, [("Retry-After", "1")]), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    first, second = receiver.wait(2)
    assert second.started - first.answered >= 0.995
    account.settled(webhook, "delivered")


def test_retry_after_as_a_date(account, make_receiver):
    at = int(time.time()) + 2
    receiver = make_receiver(
        status(503, [("Retry-After", email.utils.formatdate(at, usegmt=True))]), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    _, second = receiver.wait(2)
    assert second.unix_time >= at - 0.02
    account.settled(webhook, "delivered")


@pytest.mark.parametrize("headers", [
    [("Retry-After", "nonsense")], [("Retry-After", "-5")], [("Retry-After", "0")],
    [("Retry-After", "Mon, 01 Jan 2001 00:00:00 GMT")], [("Retry-After", "")]])
def test_a_retry_after_without_meaning_leaves_the_schedule(account, make_receiver, headers):
    receiver = make_receiver(status(503, headers), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    first, second = receiver.wait(2)
    assert second.started - first.answered >= 0.195
    account.settled(webhook, "delivered")


def test_retry_after_of_another_status_is_not_heeded(account, make_receiver):
    receiver = make_receiver(status(500, [("Retry-After", "3600")]), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")


def test_retry_after_is_capped_at_an_hour(account, make_receiver):
    receiver = make_receiver(status(503, [("Retry-After", "999999")]))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    (entry,) = account.settled(webhook, "pending")

    def next_attempt():
        return account.detail(webhook, entry["delivery_id"])["attempts"]

    eventually(next_attempt)
    due = account.detail(webhook, entry["delivery_id"])["next_attempt_at"]
    seconds = (datetime.fromisoformat(due.replace("Z", "+00:00"))
               - datetime.now(timezone.utc)).total_seconds()
    assert 3500 < seconds <= 3600 * 1.1 + 1


def test_410_switches_the_webhook_off(make_server, make_receiver):
    account = make_server("--retry-schedule", "1h").account()
    receiver = make_receiver(status(500), status(410))
    webhook = account.webhook(receiver.url())
    account.publish()
    eventually(lambda: account.deliveries(webhook)[0]["response_status_code"] == 500)
    account.publish()
    receiver.wait(2)
    entries = account.settled(webhook, "failed", 2)
    assert sorted(entry["response_status_code"] for entry in entries) == [410, 500]
    assert account.get(f"/webhooks/{webhook['id']}").data["is_active"] is False
    assert account.publish()["deliveries"] == 0
    assert len(receiver.requests) == 2


def test_410_of_a_url_before_does_not_switch_the_webhook_off(make_server, make_receiver):
    """Whoever moves changes the URL first, and then takes the old receiver away."""
    account = make_server("--retry-schedule", "100ms").account()
    gone = receivers.Held(status(410))
    old, new = make_receiver(gone), make_receiver()
    webhook = account.webhook(old.url())
    account.publish()
    old.wait(1)
    assert account.put(f"/webhooks/{webhook['id']}", {"url": new.url()}).status == 200
    gone.let_go()
    account.settled(webhook, "delivered")
    assert len(new.requests) == 1
    assert account.get(f"/webhooks/{webhook['id']}").data["is_active"] is True


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(account, make_receiver, code):
    target = make_receiver()
    receiver = make_receiver(receivers.redirect(target.url("/elsewhere"), code))
    entry, attempt, _ = failed_once(account, receiver.url())
    assert entry["response_status_code"] == code
    assert attempt["error"] == "http_status"
    assert target.connections == 0


@pytest.mark.parametrize("answer,error", [
    (receivers.hang, "timeout"),
    (receivers.slow_headers, "response_too_slow"),
    (receivers.slow_body, "response_too_slow"),
])
def test_the_timeout_is_a_deadline_over_everything(account, make_receiver, answer, error):
    receiver = make_receiver(answer)
    _, attempt, took = failed_in_time(account, receiver.url())
    assert took >= TIMEOUT_S - 0.05
    assert attempt["error"] == error
    assert attempt["duration_ms"] >= TIMEOUT_S * 1000 - 50


def test_an_endless_body_ends(account, make_receiver):
    receiver = make_receiver(receivers.endless_body)
    before = account.server.rss_mib()
    _, attempt, _ = failed_in_time(account, receiver.url())
    assert attempt["error"] in ("bad_response", "response_too_slow")
    assert account.server.rss_mib() - before < 32


def test_an_endless_head_ends(account, make_receiver):
    receiver = make_receiver(receivers.endless_headers)
    _, attempt, _ = failed_in_time(account, receiver.url())
    assert attempt["error"] == "bad_response"


@pytest.mark.parametrize("answer", [receivers.reset, receivers.close_early, receivers.cut_body])
def test_a_connection_that_ends_early(account, make_receiver, answer):
    receiver = make_receiver(answer)
    _, attempt, _ = failed_once(account, receiver.url())
    assert attempt["error"] == "reset"


@pytest.mark.parametrize("data", [
    b"this is not HTTP\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x00\x01\x02\x03" * 100,
    b"SSH-2.0-OpenSSH_9.2\r\n",
])
def test_an_answer_that_is_not_http(account, make_receiver, data):
    receiver = make_receiver(receivers.raw(data))
    _, attempt, _ = failed_once(account, receiver.url())
    assert attempt["error"] in ("bad_response", "reset")


def test_a_closed_port(account):
    entry, attempt, _ = failed_once(account, f"http://127.0.0.1:{closed_port()}/")
    assert attempt["error"] == "connect"
    assert attempt["response_status_code"] is None
    assert entry["response_status_code"] is None


def test_a_closed_port_uses_the_attempts_up(account):
    port = closed_port()
    webhook = account.webhook(f"http://127.0.0.1:{port}/")
    account.publish()
    (entry,) = account.settled(webhook, "failed")
    assert entry["attempt_number"] == 3


def test_a_name_that_does_not_exist(account):
    _, attempt, _ = failed_once(account, "http://does-not-exist.invalid/", TIMEOUT_S)
    assert attempt["error"] in ("dns", "timeout")


# --- answers that are odd but right ------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    receivers.chunked(b"one", b"two" * 1000),
    receivers.chunked(),
    receivers.until_close(b"until the end"),
    receivers.status(204),
    receivers.raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    receivers.raw(b"HTTP/1.0 200 OK\r\n\r\nold"),
    receivers.raw(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
])
def test_odd_but_right(account, make_receiver, answer):
    receiver = make_receiver(answer)
    webhook = account.webhook(receiver.url())
    result = account.post(f"/webhooks/{webhook['id']}/test").data
    assert result["status"] == "delivered", account.detail(webhook, result["delivery_id"])


# --- TLS -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def bad_contexts(authority):
    return {
        "wrong name": authority.context("wrong-name", names=["other.example.com"]),
        "expired": authority.context("expired", days_from=-20, days_until=-1),
        "not yet valid": authority.context("future", days_from=5, days_until=10),
        "self-signed": authority.context("self-signed", self_signed=True),
        "tls 1.1": authority.context("tls-1-1", maximum_version=ssl.TLSVersion.TLSv1_1),
    }


@pytest.mark.parametrize("kind", ["wrong name", "expired", "not yet valid", "self-signed",
                                  "tls 1.1"])
def test_certificates_are_verified(account, make_receiver, bad_contexts, kind):
    receiver = make_receiver(tls=bad_contexts[kind])
    entry, attempt, _ = failed_once(account, receiver.url())
    assert attempt["error"] == "tls"
    assert entry["response_status_code"] is None
    assert not receiver.requests, "nothing is sent before the certificate is verified"


def test_plain_http_where_tls_is_expected(account, make_receiver):
    receiver = make_receiver(greeting=b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    _, attempt, _ = failed_once(account, receiver.url().replace("http:", "https:"))
    assert attempt["error"] == "tls"


def test_tls_that_never_shakes_hands(account, make_receiver):
    receiver = make_receiver(receivers.hang)  # reads, and does not speak TLS
    _, attempt, _ = failed_in_time(account, receiver.url().replace("http:", "https:"))
    assert attempt["error"] == "timeout"


@pytest.mark.parametrize("answer,error", [(receivers.reset, "reset"),
                                          (receivers.cut_body, "reset"),
                                          (receivers.slow_body, "response_too_slow")])
def test_misbehaviour_over_tls(account, make_receiver, authority, answer, error):
    receiver = make_receiver(answer, tls=authority.context("misbehaving"))
    _, attempt, _ = failed_once(account, receiver.url(), TIMEOUT_S)
    assert attempt["error"] == error


# --- one webhook's trouble is not another's -----------------------------------------------------------


def test_a_hanging_receiver_does_not_hold_the_others(server, make_receiver):
    hanging, quick = make_receiver(receivers.hang), make_receiver()
    account = server.account()
    account.webhook(hanging.url(), ["contact.created"])
    other = account.webhook(quick.url(), ["ticket.created"])
    for _ in range(200):
        account.publish("contact.created")
    settled = itertools.count(1)

    def measure():
        started = time.monotonic()
        account.publish("ticket.created")
        account.settled(other, "delivered", next(settled))
        return time.monotonic() - started

    assert quickest(measure, 1.0 + SLACK_S) < 1.0 + SLACK_S


def test_concurrency_towards_one_webhook_is_bounded(make_server, make_receiver):
    account = make_server("--max-in-flight-per-webhook", "3").account()
    receiver = make_receiver(status(200, delay=0.02))
    webhook = account.webhook(receiver.url())
    for _ in range(60):
        account.publish()
    account.settled(webhook, "delivered", 60)
    assert receiver.most_in_progress <= 3


def test_a_failing_receiver_is_not_stormed(server, make_receiver):
    account = server.account()
    receiver = make_receiver(receivers.status(500, delay=0.01))
    webhook = account.webhook(receiver.url())
    for _ in range(30):
        account.publish()
    account.settled(webhook, "failed", 30, timeout=30)
    assert len(receiver.requests) == 90
    remains(lambda: len(receiver.requests) == 90, 0.3)
