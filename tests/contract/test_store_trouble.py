"""Contract section 2: what happens when the store cannot take writes, or cannot be opened."""

import base64
import os
import resource

import pytest
from harness.polling import eventually
from harness.receiver import Held, status
from harness.server import SANITIZED, run

pytestmark = pytest.mark.skipif(os.environ.get("SKYHOOK_TEST_STORE", "sqlite") != "sqlite",
                                reason="the embedded store's files")


def limit_files(server, size):
    """No file of the process may grow past `size` bytes: as full as a disk can be, and undone at
    will."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_503_while_it_cannot_write_and_on_again_by_itself(make_server, receiver):
    server = make_server("--retry-schedule", "100ms,100ms", start=False, SKYHOOK_LOG="off")
    server.ignores_file_size_signal = True
    server.start()
    account = server.account()
    webhook = account.webhook(receiver.url())
    event = {"event": "contact.created", "data": {"filler": "x" * 100_000}}
    path = f"/accounts/{account.id}/events"
    assert server.operator("POST", path, event).status == 202
    accepted = 1

    limit_files(server, 150_000)

    def refused():
        nonlocal accepted
        answer = server.operator("POST", path, event)
        accepted += answer.status == 202
        return answer if answer.status != 202 else None

    answer = eventually(refused, what="a refusal")
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json["success"] is False and answer.message
    assert server.request("GET", "/readyz").status == 503
    assert server.request("GET", "/healthz").status == 200
    created = account.post("/webhooks", {"name": "x" * 200, "url": receiver.url(),
                                         "events": ["contact.created"]})
    if created.status != 201:
        assert created.status == 503 and "retry-after" in created.headers
    assert account.get("/webhooks").status == 200, "reading goes on"

    limit_files(server, resource.RLIM_INFINITY)
    eventually(lambda: server.request("GET", "/readyz").status == 200)
    assert server.operator("POST", path, event).status == 202
    accepted += 1
    account.settled(webhook, "delivered", accepted)
    server.kill()
    server.start()
    total = account.get(f"/webhooks/{webhook['id']}/deliveries").json["meta"]["total"]
    assert total == accepted, "what was refused is not there, what was accepted is"


def test_failures_that_could_not_be_told_at_first_are_told_all_the_same(make_server, make_receiver):
    """Offered every half a second until the store takes them: more often than ten a minute may be told."""
    failure = Held(status(500))
    told, receiver = make_receiver(), make_receiver(failure)
    server = make_server("--retry-schedule", "none", start=False, SKYHOOK_LOG="off", SKYHOOK_OPERATOR_WEBHOOK=told.url("/ops"),
                         SKYHOOK_OPERATOR_WEBHOOK_SECRET="whsec_" + base64.b64encode(os.urandom(32)).decode())
    server.ignores_file_size_signal = True
    server.start()
    account = server.account()
    webhooks = [account.webhook(receiver.url()) for _ in range(2)]
    account.publish()
    receiver.wait(2)
    limit_files(server, 1)
    failure.let_go()
    eventually(lambda: server.metric("skyhook_store_failures_total") >= 12, 20, "offers that were refused")
    limit_files(server, resource.RLIM_INFINITY)
    for webhook in webhooks:
        account.settled(webhook, "failed")
    data = [request.json["data"] for request in told.wait(2)]
    assert {one["webhook_id"] for one in data} == {webhook["id"] for webhook in webhooks}
    assert [one["not_told"] for one in data] == [0, 0]


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "file" / "data")
    assert result.returncode not in (0, 2, -6, -11)
    assert "file" in result.stderr


def test_a_file_that_is_no_database(make_server):
    server = make_server()
    server.account()
    assert server.stop() == 0
    for path in server.store.directory.glob("*.db*"):
        path.write_bytes(b"this is not a database, and long enough to look like one " * 100)
    server.start(wait=False)
    assert server.process.wait(60 if SANITIZED else 15) not in (0, 2, -6, -11)
    assert server.log().strip()
