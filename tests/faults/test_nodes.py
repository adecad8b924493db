"""Equal nodes on one PostgreSQL: whichever is asked, the answer is the same."""

import hashlib
import hmac
import time

from harness.cluster import account_on, known_on
from harness.live import LiveStream
from harness.polling import eventually
from harness.receiver import status


def test_two_nodes_start_at_once_on_an_empty_database(make_cluster):
    cluster = make_cluster()
    nodes = [cluster.node(start=False) for _ in range(3)]
    for node in nodes:
        node.operator_token = nodes[0].operator_token
        node.start(wait=False)
    for node in nodes:
        node.wait_ready()
    # Each step was done once.
    assert cluster.store.sql("SELECT count(*) = max(version) FROM skyhook.schema_versions") == "t"


def test_a_newer_schema_is_refused(make_cluster):
    cluster = make_cluster()
    assert cluster.node().stop() == 0
    cluster.store.sql("INSERT INTO skyhook.schema_versions VALUES (1000)")
    late = cluster.node(start=False)
    late.start(wait=False)
    assert late.process.wait(15) == 1
    assert "newer version" in late.log()


def test_a_live_stream_tells_what_other_nodes_do(make_cluster, make_receiver):
    cluster = make_cluster()
    here, there = cluster.node(), cluster.node()
    account = here.account()
    receiver = make_receiver(status(503), status(200))
    webhook = account.webhook(receiver.url())
    other = known_on(there, account)
    stream = LiveStream(account, webhook)
    # The other node does not know at once that somebody watches here: so the log is read anew.
    stream.wait(lambda event: event.kind == "reset")
    there.publish(account.id)
    delivered = stream.wait(lambda event: event.kind == "delivery" and event.data["status"] == "delivered")
    assert delivered.data == other.deliveries(webhook)[0]
    assert any(entry["status"] == "pending" for entry in stream.entries())
    # What is watched is known, and no more than that; and nothing once nobody watches.
    assert cluster.store.sql("SELECT webhook_id FROM skyhook.watches") == str(webhook["id"])
    stream.close()
    there.publish(account.id)  # by which the server notices that the reader is gone
    eventually(lambda: cluster.store.sql("SELECT count(*) FROM skyhook.watches") == "0", 20,
               "nobody watching")
    eventually(lambda: cluster.store.sql("SELECT count(*) FROM skyhook.told_changes") == "0", 5,
               "nothing left to tell")


def test_a_change_holds_on_every_node_within_a_second(make_cluster, make_receiver):
    cluster = make_cluster()
    one, two = cluster.node(), cluster.node()
    account = one.account()
    there = account_on(two, account)
    eventually(lambda: there.get("/webhooks").status == 200, 1, "the new key on the other node")
    receiver = make_receiver()
    webhook = account.webhook(receiver.url())
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").status == 200, 1, "the new webhook")
    two.publish(account.id)
    receiver.wait(1)
    # A new secret signs what the other node sends.
    secret = account.post(f"/webhooks/{webhook['id']}/regenerate-secret").data["secret"]
    time.sleep(1)  # the promise is a second; after it there is nothing to wait for
    two.publish(account.id)
    receiver.wait(2)
    request = receiver.requests[-1]
    expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.header("X-Skylight-Signature") == "sha256=" + expected
    # Switched off here, off there.
    account.put(f"/webhooks/{webhook['id']}", {"is_active": False})
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").data["is_active"] is False, 1,
               "the switch")
    assert two.publish(account.id)["deliveries"] == 0
    # The log is one, whoever is asked.
    assert len(account.deliveries(webhook)) == len(there.deliveries(webhook)) == 2
    # Deleted here, gone there; the old key dies everywhere.
    account.delete(f"/webhooks/{webhook['id']}")
    eventually(lambda: there.get(f"/webhooks/{webhook['id']}").status == 404, 1, "the deletion")
    one.operator("POST", f"/accounts/{account.id}/regenerate-key")
    eventually(lambda: there.get("/webhooks").status == 401, 1, "the end of the old key")


def test_a_retry_of_another_nodes_delivery(make_cluster, make_receiver):
    cluster = make_cluster()
    one, two = cluster.node("--retry-schedule", "1h"), cluster.node("--retry-schedule", "1h")
    account = one.account()
    receiver = make_receiver(status(500))
    webhook = account.webhook(receiver.url())
    one.publish(account.id)
    receiver.wait(1)
    eventually(lambda: account.deliveries(webhook)[0]["response_status_code"] == 500)
    receiver.answer_with(status(200))
    (entry,) = account.deliveries(webhook)
    there = known_on(two, account)
    answer = there.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry")
    assert answer.status == 202, answer
    account.settled(webhook, "delivered")
    assert len(receiver.requests) == 2
