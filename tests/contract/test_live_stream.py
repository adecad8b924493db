"""Contract section 7: the live stream of a webhook's deliveries."""

import pytest
from harness import receiver as receivers
from harness.live import LiveStream
from harness.polling import eventually
from harness.receiver import Held, status

ENTRY = ["id", "event_type", "delivery_id", "attempt_number", "response_status_code", "status",
         "delivered_at", "created_at"]
STREAMS_OF_ACCOUNT = 20


@pytest.fixture
def open_stream():
    opened = []

    def make(*arguments, **keywords):
        opened.append(LiveStream(*arguments, **keywords))
        return opened[-1]

    yield make
    for stream in opened:
        stream.close()


def has_status(wanted):
    return lambda event: event.kind == "delivery" and event.data["status"] == wanted


def test_every_change_of_an_entry_is_told(account, make_receiver, open_stream):
    success = Held(status(200))
    receiver = make_receiver(status(500), success)
    webhook = account.webhook(receiver.url(), options={"timeout": "1m"})
    stream = open_stream(account, webhook)
    assert stream.header("Content-Type") == "text/event-stream"
    assert stream.header("Cache-Control") == "no-store"
    account.publish()
    # Its first attempt failed, and that is told while the second is under way.
    stream.wait(lambda event: event.kind == "delivery" and event.data["response_status_code"] == 500)
    success.let_go()
    told = stream.wait(has_status("delivered"))
    assert list(told.data) == ENTRY
    assert told.data == account.deliveries(webhook)[0]
    assert {entry["delivery_id"] for entry in stream.entries()} == {told.data["delivery_id"]}
    assert [entry["attempt_number"] for entry in stream.entries()] == sorted(
        entry["attempt_number"] for entry in stream.entries())


def test_only_the_webhook_that_was_asked_for(account, receiver, open_stream):
    mine, other = account.webhook(receiver.url()), account.webhook(receiver.url(), ["ticket.created"])
    stream = open_stream(account, mine)
    account.publish("ticket.created")
    account.settled(other, "delivered")
    account.publish("contact.created")
    stream.wait(has_status("delivered"))
    assert {entry["event_type"] for entry in stream.entries()} == {"contact.created"}


def test_going_on_where_a_stream_broke_off(account, receiver, open_stream):
    webhook = account.webhook(receiver.url())
    first = open_stream(account, webhook)
    account.publish()
    first.wait(has_status("delivered"))
    place = first.last_id
    first.close()
    account.publish()
    account.publish()
    missed = {entry["delivery_id"] for entry in account.settled(webhook, "delivered", 3)[:2]}
    second = open_stream(account, webhook, last_event_id=place)
    eventually(lambda: len(second.entries()) >= 2, what="what was missed")
    assert {entry["delivery_id"] for entry in second.entries()} == missed
    assert all(event.kind == "delivery" for event in second.events)
    # What was seen by the first stream is not told again, and what comes next is.
    account.publish()
    account.settled(webhook, "delivered", 4)
    eventually(lambda: len({entry["delivery_id"] for entry in second.entries()}) == 3, what="the next")


@pytest.mark.parametrize("last_event_id", ["nonsense", "1-1", "0", "99999999999999999999-5", "ü"])
def test_a_place_that_is_not_known_means_reading_anew(account, receiver, open_stream, last_event_id):
    webhook = account.webhook(receiver.url())
    stream = open_stream(account, webhook, last_event_id=last_event_id.encode())
    assert stream.wait(lambda event: True).kind == "reset"


def test_a_place_that_is_not_reached_yet_means_reading_anew(account, receiver, open_stream):
    webhook = account.webhook(receiver.url())
    epoch = open_stream(account, webhook).last_id.split("-")[0]
    stream = open_stream(account, webhook, last_event_id=f"{epoch}-18446744073709551615")
    assert stream.wait(lambda event: True).kind == "reset"
    account.publish()
    stream.wait(has_status("delivered"))


def test_a_place_of_an_earlier_process_means_reading_anew(make_server, receiver, open_stream):
    server = make_server()
    account = server.account()
    webhook = account.webhook(receiver.url())
    place = open_stream(account, webhook).last_id
    server.restart()
    stream = open_stream(account, webhook, last_event_id=place)
    assert stream.wait(lambda event: True).kind == "reset"


def test_many_changes_at_once_mean_reading_anew(account, make_receiver, open_stream):
    webhook = account.webhook(make_receiver(receivers.hang).url())
    stream = open_stream(account, webhook)
    account.publish_many(300)
    stream.wait(lambda event: event.kind == "reset")


def test_retry_and_switching_off_are_told(make_server, make_receiver, open_stream):
    account = make_server("--retry-schedule", "1h").account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    account.publish()
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 1)
    (entry,) = account.deliveries(webhook)
    stream = open_stream(account, webhook)
    account.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry")
    stream.wait(lambda event: event.kind == "delivery" and event.data["attempt_number"] == 2)
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    stream.wait(lambda event: event.kind == "reset" or event.data["status"] == "failed")


def test_who_may_not_read_it(server, account, receiver, open_stream):
    webhook = account.webhook(receiver.url())
    other = server.account()
    assert open_stream(other, webhook).status == 404
    assert open_stream(account, {"id": 2 ** 40}).status == 404
    path = f"/api/v1/webhooks/{webhook['id']}/deliveries/stream"
    assert server.request("GET", path).status == 401
    assert account.request("HEAD", f"/webhooks/{webhook['id']}/deliveries/stream").body == b""


def test_it_ends_with_its_key_and_with_its_webhook(server, account, receiver, open_stream):
    webhook = account.webhook(receiver.url())
    stream = open_stream(account, webhook)
    assert account.delete(f"/webhooks/{webhook['id']}").status == 204
    account.publish()  # it is looked at when something changes, or after 15 s

    second_webhook = account.webhook(receiver.url())
    second = open_stream(account, second_webhook)
    assert server.operator("POST", f"/accounts/{account.id}/regenerate-key").status == 200
    server.publish(account.id)
    for each in (stream, second):
        assert each.ended.wait(20)


def test_the_number_of_streams_is_bounded(account, receiver, open_stream):
    webhook = account.webhook(receiver.url())
    streams = [open_stream(account, webhook) for _ in range(STREAMS_OF_ACCOUNT)]
    refused = open_stream(account, webhook)
    assert refused.status == 503
    assert refused.header("Retry-After") is not None
    streams[0].close()
    # The server notices it when it writes next.
    account.publish()

    def room():
        account.publish()
        return open_stream(account, webhook).status == 200

    eventually(room, what="room for another stream", interval=0.2)
