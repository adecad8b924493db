"""Contract section 4 and 6: nothing that was accepted is lost, however the process ends."""

import json
import os
import signal
import threading
import time

import pytest
from harness import receiver as receivers
from harness.polling import eventually
from harness.receiver import closed_port, status
from harness.server import run


def test_what_waits_is_taken_up(make_server, make_receiver):
    server = make_server("--retry-schedule", "1s,1s")
    account = server.account()
    receiver = make_receiver(receivers.hang)
    webhook = account.webhook(receiver.url())
    events = [account.publish(data={"n": n}) for n in range(40)]
    receiver.wait(1)
    server.kill()
    assert len(events) == 40
    receiver.answer_with(status(200))
    server.start()
    account.settled(webhook, "delivered", 40)
    assert len(account.deliveries(webhook, "?per_page=100")) == 40


def test_a_retry_keeps_its_time_over_a_restart(make_server, make_receiver):
    server = make_server("--retry-schedule", "2s")
    account = server.account()
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    (first,) = receiver.wait(1)
    eventually(lambda: account.deliveries(webhook)[0]["response_status_code"] == 500)
    server.kill()
    server.start()
    _, second = receiver.wait(2)
    assert second.unix_time - first.unix_time >= 1.99
    assert second.body == first.body
    (entry,) = account.settled(webhook, "delivered")
    assert entry["attempt_number"] == 2


def test_a_retry_is_due_when_it_was_over_a_restart(make_server, make_receiver):
    server = make_server("--retry-schedule", "1h")
    account = server.account()
    webhook = account.webhook(make_receiver(status(500)).url())
    account.publish()
    (entry,) = eventually(lambda: [one for one in account.deliveries(webhook) if one["response_status_code"] == 500])
    due = account.detail(webhook, entry["delivery_id"])["next_attempt_at"]
    server.kill()
    server.start()
    assert account.detail(webhook, entry["delivery_id"])["next_attempt_at"] == due


def test_everything_is_still_there(make_server, make_receiver):
    server = make_server("--retry-schedule", "1h")
    account = server.account("Acme", allowed_origins=["https://a.example.com", "*"])
    receiver = make_receiver()
    webhook = account.webhook(receiver.url(), ["ticket.created", "contact.created"], name="Größe")
    account.webhook(f"http://127.0.0.1:{closed_port()}/", ["booking.created"])
    for event in ("contact.created", "ticket.created", "booking.created"):
        account.publish(event)
    account.settled(webhook, "delivered", 2)
    second = account.get("/webhooks").data[1]
    eventually(lambda: account.deliveries(second)[0]["attempt_number"] == 1)
    eventually(lambda: "connect" in json.dumps(
        account.detail(second, account.deliveries(second)[0]["delivery_id"])))

    def picture():
        return [account.get("/webhooks").data, account.deliveries(webhook),
                account.deliveries(second), server.operator("GET", "/accounts").data]

    before = picture()
    for end in (server.kill, server.stop):
        end()
        server.start()
        assert picture() == before


def test_sigterm_ends_with_0_in_time(make_server, make_receiver):
    server = make_server("--timeout", "10s", "--shutdown-timeout", "10s")
    account = server.account()
    receiver = make_receiver(status(200, delay=0.5))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 10
    server.start()
    account.settled(webhook, "delivered")
    assert len(receiver.requests) == 1, "what was in flight was let finish"


def test_after_sigterm_no_request_is_taken_and_the_last_one_is_answered(make_server, make_receiver):
    server = make_server()
    account = server.account()
    receiver = make_receiver(status(200, delay=1.0))
    webhook = account.webhook(receiver.url())
    answers = []
    last = threading.Thread(
        target=lambda: answers.append(account.post(f"/webhooks/{webhook['id']}/test")))
    last.start()
    receiver.wait(1)
    server.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            server.request("GET", "/healthz")
        except OSError:
            return True

    eventually(refused, what="the end of taking requests")
    last.join()
    assert answers[0].status == 200 and answers[0].data["status"] == "delivered"
    assert server.process.wait(20) == 0


def test_sigterm_does_not_wait_for_ever(make_server, make_receiver):
    server = make_server("--timeout", "60s", "--shutdown-timeout", "1s")
    account = server.account()
    receiver = make_receiver(receivers.hang)
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 20, "the attempt may take a minute"
    receiver.answer_with(status(200))
    server.start()
    account.settled(webhook, "delivered")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(make_server, number):
    server = make_server()
    started = time.monotonic()
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    assert time.monotonic() - started < 10, "what is under way would have 30 s"


@pytest.mark.skipif(os.environ.get("SKYHOOK_TEST_STORE", "sqlite") != "sqlite",
                    reason="a directory belongs to the embedded store")
def test_two_processes_on_one_directory(make_server):
    server = make_server()
    second = run("serve", "--listen", "127.0.0.1:0", *server.store.arguments(),
                 environment={"SKYHOOK_OPERATOR_TOKEN": "op_" + "x" * 40})
    assert second.returncode not in (0, -6, -11)
    assert second.stderr.strip()
    assert server.request("GET", "/readyz").status == 200
    server.account()


def test_a_port_that_is_taken(make_server, tmp_path):
    server = make_server()
    second = run("serve", "--listen", f"127.0.0.1:{server.port}", "--data", tmp_path / "other")
    if second.returncode == 0:
        raise AssertionError("two servers on one port")
    assert len(second.stderr.strip().splitlines()) >= 1
