"""Events published by `SELECT skyhook.publish(…)` inside somebody else's transaction."""

import time


def test_publish_inside_the_users_own_transaction(make_cluster, make_receiver):
    cluster = make_cluster()
    node = cluster.node()
    account = node.account()
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    sql = cluster.store.sql
    sql("CREATE TABLE orders (id int PRIMARY KEY)")
    data = '{"order" : 1,   "total": 1.50}'
    publish = f"SELECT skyhook.publish({account.id}, 'contact.created', '%s', '%s')"
    sql(f"BEGIN; INSERT INTO orders VALUES (1); {publish % (data, 'order-1')}; ROLLBACK")
    event = sql(f"BEGIN; INSERT INTO orders VALUES (1); {publish % (data, 'order-1')}; COMMIT")
    committed = time.monotonic()
    receiver.wait(1)
    assert time.monotonic() - committed < 2  # 200 ms, and what a busy machine adds
    assert receiver.requests[0].body.endswith(b',"data":' + data.encode() + b"}")
    assert event.splitlines()[-1] == sql(publish % (data, "order-1")), "the key is known"
    (entry,) = account.settled(webhook, "delivered")
    assert account.detail(webhook, entry["delivery_id"])["event_id"] == event.splitlines()[-1]
    time.sleep(0.5)
    assert len(receiver.requests) == 1, "once, and what was rolled back never"
