"""What the operator is told outlives kill -9, on both stores, and comes from one account whatever starts when."""

import base64
import secrets

import pytest
from harness.polling import eventually
from harness.receiver import status
from harness.stores import KINDS

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(params=sorted(KINDS))
def store(request, tmp_path):
    return KINDS[request.param](tmp_path)


def settings(told, **more):
    return {"SKYHOOK_OPERATOR_WEBHOOK": told.url("/ops"), "SKYHOOK_OPERATOR_WEBHOOK_SECRET": SECRET,
            "SKYHOOK_RATE_LIMIT": "0", **more}


def test_every_failure_is_told_over_kills(make_server, make_receiver, store):
    told = make_receiver()
    server = make_server(store=store, **settings(told, SKYHOOK_RETRY_SCHEDULE="none"))
    account = server.account()
    webhooks = []
    for round_number in range(4):
        # Killed with none, one, two and three of four attempts answered, their outcomes anywhere on the way.
        receiver = make_receiver(*[status(500)] * round_number, status(500, delay=0.2))
        webhooks.append(account.webhook(receiver.url(), events=[f"contact.{('created', 'updated', 'deleted', 'created')[round_number]}"]))
        for number in range(4):
            account.publish(webhooks[-1]["events"][0], {"n": number})
        receiver.wait(4)
        server.kill()
        server.start()
    failed = set()
    for webhook in webhooks:
        entries = account.settled(webhook, "failed", 4, timeout=30)
        failed |= {entry["delivery_id"] for entry in entries}

    def all_told():
        return failed <= {request.json["data"]["delivery_id"] for request in told.requests}

    eventually(all_told, 30, "an event for each failure")
    assert {request.json["event"] for request in told.requests} == {"operator.delivery.failed"}
    # Sent twice perhaps, as any delivery after a crash; but never two events for one failure.
    events = {request.delivery_id: request.json["data"]["delivery_id"] for request in told.requests}
    assert len(events) == len(set(events.values()))


def test_a_switch_off_for_failing_is_told(make_server, make_receiver, clock, store):
    told, receiver = make_receiver(), make_receiver(status(500))
    server = make_server(store=store, **settings(told, SKYHOOK_RETRY_SCHEDULE="none", SKYHOOK_SWITCH_OFF_AFTER="1h",
                                                 **clock.environment))
    account = server.account()
    webhook = account.webhook(receiver.url())
    for minutes in (2, 64):
        clock.set(minutes * 60)
        account.publish(data={"minutes": minutes})
        account.settled(webhook, "failed", 1 if minutes == 2 else 2)
    eventually(lambda: not account.get(f"/webhooks/{webhook['id']}").data["is_active"], what="the switch-off")
    events = eventually(lambda: [one for one in told.requests if one.json["event"] == "operator.webhook.switched_off"],
                        what="the event")
    off = account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["switched_off"]
    data = events[0].json["data"]
    assert (data["webhook_id"], data["reason"]) == (webhook["id"], "failing")
    assert (data["switched_off_at"], data["failing_since"]) == (off["at"], off["failing_since"])


def test_nodes_that_start_together_have_one_account(make_cluster, make_receiver):
    told = make_receiver()
    cluster = make_cluster()
    nodes = [cluster.node(start=False) for _ in range(3)]
    for node in nodes:
        node.environment.update(settings(told, SKYHOOK_RETRY_SCHEDULE="none"))
    nodes[0].start()  # makes the schema
    nodes[0].operator("GET", "/accounts")
    for node in nodes[1:]:
        node.start(wait=False)
    for node in nodes[1:]:
        node.wait_ready()
    own = [one for one in nodes[1].operator("GET", "/accounts").data if one["name"] == "Operator events"]
    assert len(own) == 1
    account = nodes[2].account()
    webhook = account.webhook(make_receiver(status(500)).url())
    account.publish()
    account.settled(webhook, "failed")
    assert told.wait(1)[0].json["data"]["webhook_id"] == webhook["id"]
