"""Records of a real broker become events: once in a normal run, none lost when something is killed."""

import json
from collections import Counter

from conftest import PARTITIONS
from harness.polling import eventually, remains
from harness.server import LOCAL, Skyhook

EVENT = [("event", b"contact.created")]


def records(account, numbers):
    return [(str(account.id), json.dumps({"id": number}), EVENT) for number in numbers]


def ids(receiver):
    return Counter(request.json["data"]["id"] for request in list(receiver.requests))


def delivery_ids(receiver):
    return {request.header("X-Skylight-Delivery") for request in list(receiver.requests)}


def wait_for_commit(broker, topic, count):
    eventually(lambda: broker.committed("skyhook", topic, PARTITIONS) == count, 60,
               f"{count} records committed", interval=0.3)


def test_each_record_is_published_once(broker, topic, server, receiver):
    account = server.account()
    account.webhook(receiver.url())
    broker.produce(topic, records(account, range(2000)))
    eventually(lambda: len(receiver.requests) >= 2000, 60, "2,000 deliveries")
    wait_for_commit(broker, topic, 2000)
    assert ids(receiver) == Counter(range(2000))
    assert server.metric("skyhook_kafka_records_published_total") == 2000
    assert server.metric("skyhook_kafka_partitions") == PARTITIONS
    assert server.restart()
    broker.produce(topic, records(account, [2000]))
    eventually(lambda: 2000 in ids(receiver), 60, "what came after the restart")
    assert ids(receiver) == Counter(range(2001)), "nothing is read again that was committed"
    eventually(lambda: server.metric("skyhook_kafka_lag") == 0, 20, "no lag")


def test_a_killed_server_loses_nothing_and_publishes_nothing_twice(broker, topic, server, receiver):
    account = server.account()
    account.webhook(receiver.url())
    for part in range(4):
        broker.produce(topic, records(account, range(part * 1000, part * 1000 + 1000)))
        eventually(lambda: len(ids(receiver)) > part * 1000 + 100, 60, "deliveries under way")
        server.kill()
        server.start()
    eventually(lambda: len(ids(receiver)) == 4000, 90, "every record")
    wait_for_commit(broker, topic, 4000)
    # What was in flight at a kill may arrive twice, as the same delivery: no record became two events.
    assert len(delivery_ids(receiver)) == 4000
    replayed = server.metric("skyhook_kafka_records_replayed_total")
    assert server.metric("skyhook_kafka_records_consumed_total") >= replayed


def test_malformed_records_are_kept_with_the_reason(broker, topic, server, receiver):
    account = server.account()
    account.webhook(receiver.url())
    key = str(account.id)
    bad = {
        b"{broken": (key, EVENT, "The value is not a JSON object."),
        b'{"id": 1}': ("999999", EVENT, "There is no account 999999."),
        b'{"id": 2}': (key, [("event", b"order.eaten")], "The selected event is invalid."),
        b'{"id": 3}': (key, [], "The event field is required."),
        b'{"id": 4}': ("seven", EVENT, "The key is not the id of an account."),
        b"\xff\xfe": (key, EVENT, "The value is not a JSON object."),
    }
    broker.produce(topic, [(key_, value, headers) for value, (key_, headers, _) in bad.items()]
                   + records(account, [10, 11]))
    wait_for_commit(broker, topic, len(bad) + 2)
    eventually(lambda: ids(receiver) == Counter([10, 11]), 30, "the good ones")
    dead = broker.read(topic + ".dead-letter", len(bad))
    assert {value: (key_.decode(), headers["skyhook-reason"]) for key_, value, headers in dead} == {
        value: (key_, reason) for value, (key_, _, reason) in bad.items()}
    assert all(headers["skyhook-topic"] == topic and headers["skyhook-offset"].isdigit()
               for _, _, headers in dead)
    assert server.metric("skyhook_kafka_records_dead_lettered_total") == len(bad)


def test_dead_letters_are_kept_as_far_as_the_broker_takes_them(broker, topic, flags, tmp_path):
    small = topic + ".small"
    broker.make_topic(small, 1, **{"max.message.bytes": "2000"})
    server = Skyhook(tmp_path / "server", [*LOCAL, *flags, "--kafka-dead-letter-topic", small]).start()
    try:
        ordinary = [("none", f"{number}" + "x" * 300, EVENT) for number in range(30)]
        giants = [("none", "v" * 5000, EVENT), ("k" * 5000, "{}", EVENT), ("none", "{}", [("h", b"h" * 5000)]),
                  ("0" * 5000 + "9", "{}", EVENT)]
        broker.produce(topic, ordinary + giants)
        wait_for_commit(broker, topic, len(ordinary + giants))
        dead = broker.read(small, len(ordinary + giants))
    finally:
        server.close()
    assert all({"skyhook-reason", "skyhook-topic", "skyhook-partition", "skyhook-offset"} <= set(headers) for _, _, headers in dead)
    whole = sorted(value.decode() for _, value, headers in dead if "skyhook-value" not in headers)
    assert whole == sorted(value for _, value, _ in ordinary), "together they are too large, each of them is not"
    cut = [(key, value, "skyhook-key-and-headers" in headers) for key, value, headers in dead if "skyhook-value" in headers]
    assert sorted(cut, key=str) == [(None, None, True)] * 3 + [(b"none", None, False)]


def test_a_stop_in_the_middle_of_a_long_topic_ends_well(broker, topic, server, receiver):
    account = server.account()
    account.webhook(receiver.url())
    broker.produce(topic, records(account, range(20_000)))
    eventually(lambda: server.metric("skyhook_kafka_records_consumed_total") > 0, 60, "the first", interval=0.01)
    assert server.stop(timeout=60) == 0
    server.start()
    wait_for_commit(broker, topic, 20_000)
    eventually(lambda: len(ids(receiver)) == 20_000, 120, "every record")
    assert len(delivery_ids(receiver)) == 20_000


def test_a_broker_that_is_away_is_waited_for(broker, topic, server, receiver):
    account = server.account()
    account.webhook(receiver.url())
    broker.produce(topic, records(account, range(10)))
    eventually(lambda: len(ids(receiver)) == 10, 60, "the first")
    wait_for_commit(broker, topic, 10)
    broker.kill()
    eventually(lambda: server.metric("skyhook_kafka_connected") == 0, 60, "the broker missed")
    account.publish(data={"id": 999})
    eventually(lambda: 999 in ids(receiver), 10, "everything else goes on")
    assert server.request("GET", "/readyz").status == 200
    broker.start()
    broker.produce(topic, records(account, range(10, 20)))
    eventually(lambda: len(ids(receiver)) == 21, 90, "what came after")
    assert set(ids(receiver).values()) == {1}


def test_a_server_ends_while_the_broker_is_away(broker, topic, server, receiver):
    account = server.account()
    account.webhook(receiver.url())
    broker.produce(topic, records(account, range(5)))
    eventually(lambda: len(ids(receiver)) == 5, 60, "the first")
    broker.kill()
    try:
        assert server.stop(timeout=30) == 0
    finally:
        broker.start()
    server.start()
    broker.produce(topic, records(account, range(5, 10)))
    eventually(lambda: len(ids(receiver)) == 10, 90, "what came after")
    assert len(delivery_ids(receiver)) == 10


def test_a_store_that_refuses_holds_the_records(broker, topic, cluster, receiver, flags):
    """The database is away for a while: nothing is committed, nothing is dead, nothing is lost."""
    from harness.stores import PostgresServer
    database = PostgresServer()
    own = type(cluster)(cluster.directory / "own", database)
    try:
        node = own.node(*flags)
        account = node.account()
        account.webhook(receiver.url())
        broker.produce(topic, records(account, range(5)))
        eventually(lambda: len(ids(receiver)) == 5, 60, "the first")
        wait_for_commit(broker, topic, 5)
        database.script("stop")
        broker.produce(topic, records(account, range(5, 10)))
        eventually(lambda: node.metric("skyhook_kafka_batches_retried_total") >= 2, 60, "it is tried again")
        assert broker.committed("skyhook", topic, PARTITIONS) == 5
        database.script("run")
        eventually(lambda: len(ids(receiver)) == 10, 90, "all of them")
        wait_for_commit(broker, topic, 10)
        assert node.metric("skyhook_kafka_records_dead_lettered_total") == 0
        assert len(delivery_ids(receiver)) == 10
    finally:
        own.close()
        database.close()


def test_nodes_share_the_topic_and_take_over(broker, topic, cluster, receiver, flags):
    first, second = cluster.node(*flags), cluster.node(*flags)
    account = first.account()
    account.webhook(receiver.url())
    eventually(lambda: {node.metric("skyhook_kafka_partitions") for node in (first, second)} == {1, 2},
               60, "partitions on both")
    eventually(lambda: second.operator("GET", f"/accounts/{account.id}").status == 200, 10, "the account on both")
    broker.produce(topic, records(account, range(1000)))
    eventually(lambda: len(ids(receiver)) == 1000, 60, "deliveries from both")
    # Made on one node and published for at once: the other may not know it yet.
    made = [first.account() for _ in range(5)]
    broker.produce(topic, [(str(one.id), b'{"id": 0}', EVENT) for one in made for _ in range(PARTITIONS)])
    wait_for_commit(broker, topic, 1000 + 5 * PARTITIONS)
    assert [node.metric("skyhook_kafka_records_dead_lettered_total") for node in (first, second)] == [0, 0]
    assert min(node.metric("skyhook_kafka_records_published_total") for node in (first, second)) > 0
    broker.produce(topic, records(account, range(1000, 2000)))
    second.kill()
    eventually(lambda: len(ids(receiver)) == 2000, 90, "every record")
    wait_for_commit(broker, topic, 2000 + 5 * PARTITIONS)
    assert len(delivery_ids(receiver)) == 2000, "no record became two events"
    remains(lambda: len(delivery_ids(receiver)) == 2000, 0.5)
