"""Equal nodes on one PostgreSQL: how they start, and what they tell each other. What they answer:
test_any_node_answers.py."""

from harness.cluster import known_on
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
    webhook = account.webhook(receiver.url(), options={"retry_schedule": ["1h"]})
    other = known_on(there, account)
    stream = LiveStream(account, webhook)
    # The other node does not know at once that somebody watches here: so the log is read anew.
    stream.wait(lambda event: event.kind == "reset")
    there.publish(account.id)
    failed = stream.wait(lambda event: event.kind == "delivery" and event.data["response_status_code"] == 503)
    assert failed.data["status"] == "pending"
    assert other.post(f"/webhooks/{webhook['id']}/deliveries/{failed.data['delivery_id']}/retry").status == 202
    delivered = stream.wait(lambda event: event.kind == "delivery" and event.data["status"] == "delivered")
    assert delivered.data == other.deliveries(webhook)[0]
    # What is watched is known, and no more than that; and nothing once nobody watches.
    assert cluster.store.sql("SELECT webhook_id FROM skyhook.watches") == str(webhook["id"])
    stream.close()
    there.publish(account.id)  # by which the server notices that the reader is gone
    eventually(lambda: cluster.store.sql("SELECT count(*) FROM skyhook.watches") == "0", 20,
               "nobody watching")
    eventually(lambda: cluster.store.sql("SELECT count(*) FROM skyhook.told_changes") == "0", 5,
               "nothing left to tell")
