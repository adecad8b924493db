"""SKYHOOK_RETENTION through the real binary, on both stores, over days that pass at once."""

import pytest
from harness.polling import eventually
from harness.receiver import status
from harness.stores import KINDS

DAY_S = 86_400


@pytest.fixture(params=sorted(KINDS))
def store(request, tmp_path):
    return KINDS[request.param](tmp_path)


def days_of(store):
    """How many days PostgreSQL has partitions of; the embedded store has none."""
    return int(store.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'skyhook'::regnamespace "
                         "AND relname ~ '^events_d[0-9]+$'"))


def test_what_is_old_goes_and_what_waits_stays(make_server, make_receiver, clock, store):
    server = make_server("--retry-schedule", "240h", "--rate-limit", "0", store=store, SKYHOOK_RETENTION="1d",
                         **clock.environment)
    account = server.account()
    receiver = make_receiver(*[status(200)] * 6, status(500))
    webhook = account.webhook(receiver.url())
    for number in range(7):
        account.publish(data={"n": number})
        receiver.wait(number + 1)
    account.settled(webhook, "delivered", 6)
    waiting = eventually(lambda: [entry for entry in account.deliveries(webhook, "?status=pending")
                                  if entry["response_status_code"] == 500])
    assert server.stop() == 0
    clock.set(3 * DAY_S)
    server.start()
    eventually(lambda: account.deliveries(webhook) == waiting, what="only what waits")
    assert account.get(f"/webhooks/{webhook['id']}/deliveries").json["meta"]["total"] == 1
    assert account.get("/webhooks").data[0]["delivery_logs_count"] == 1
    if hasattr(store, "sql"):
        eventually(lambda: days_of(store) == 5, what="two days that are kept, and three ahead")
    # What waited is delivered as ever, and what is new is logged.
    receiver.answer_with(status(200))
    retry = f"/webhooks/{webhook['id']}/deliveries/{waiting[0]['delivery_id']}/retry"
    assert account.post(retry).status == 202
    account.publish(data={"n": 7})
    assert sorted(request.json["data"]["n"] for request in receiver.wait(9)) == [0, 1, 2, 3, 4, 5, 6, 6, 7]
    # What waited is as old as it is: settled it goes, perhaps at once. What is new stays.
    eventually(lambda: any(entry["delivery_id"] != waiting[0]["delivery_id"]
                           for entry in account.deliveries(webhook, "?status=delivered")), what="the new one in the log")
