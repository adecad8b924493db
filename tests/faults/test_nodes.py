"""Equal nodes on one PostgreSQL: how they start, and what they tell each other. What they answer:
test_any_node_answers.py."""

from harness.cluster import known_on
from harness.live import LiveStream
from harness.polling import eventually
from harness.receiver import Held, status


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
    success = Held(status(200))
    receiver = make_receiver(success)
    webhook = account.webhook(receiver.url())
    other = known_on(there, account)
    stream = LiveStream(account, webhook)
    # The other node does not know at once that somebody watches here: so the log is read anew.
    stream.wait(lambda event: event.kind == "reset")

    def told():
        """Again for a node that is held up, and has not heard yet that this is watched."""
        there.publish(account.id)
        return any(entry["status"] == "pending" for entry in stream.entries())

    eventually(told, what="what the other node has to do", interval=0.5)
    success.let_go()
    delivered = stream.wait(lambda event: event.kind == "delivery" and event.data["status"] == "delivered")
    assert delivered.data in other.deliveries(webhook, "?per_page=100")
    # What is watched is known, and no more than that; and nothing once nobody watches.
    assert cluster.store.sql("SELECT webhook_id FROM skyhook.watches") == str(webhook["id"])
    stream.close()
    there.publish(account.id)  # by which the server notices that the reader is gone
    eventually(lambda: cluster.store.sql("SELECT count(*) FROM skyhook.watches") == "0",
               what="nobody watching")
    eventually(lambda: cluster.store.sql("SELECT count(*) FROM skyhook.told_changes") == "0",
               what="nothing left to tell")
