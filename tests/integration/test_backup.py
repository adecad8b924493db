"""docs/operating.md, "Backup and restore": a copy made under load starts, and loses nothing older."""

import shutil
import subprocess
import threading

from harness.polling import eventually
from harness.receiver import closed_port, status
from harness.server import Account


def with_the_token_it_made(server):
    """Its operator token is the file in its data directory."""
    del server.environment["SKYHOOK_OPERATOR_TOKEN"]
    return server


def test_a_backup_under_load_restores(make_server, make_receiver, tool, tmp_path):
    server = make_server("--retry-schedule", "300ms,300ms,300ms", "--rate-limit", "0", start=False)
    with_the_token_it_made(server).start()
    token_file = server.directory / "data" / "operator-token"
    server.operator_token = token_file.read_text().strip()
    account = server.account()
    receiver = make_receiver()
    good = account.webhook(receiver.url())
    away = account.webhook(f"http://127.0.0.1:{closed_port()}/hook", events=["contact.updated"])
    for number in range(50):
        account.publish(data={"n": number})
    before = {entry["delivery_id"] for entry in account.settled(good, "delivered", count=50)}

    stopping = threading.Event()

    def load():
        while not stopping.is_set():
            account.publish(data={"n": "during"})

    thread = threading.Thread(target=load)
    thread.start()
    try:
        source = server.directory / "data" / "skyhook.db"
        copy = tmp_path / "backup" / "skyhook.db"
        copy.parent.mkdir()
        subprocess.run([tool("sqlite3"), str(source), f".backup '{copy}'"], check=True, timeout=60)
        shutil.copy(token_file, copy.parent)
    finally:
        stopping.set()
        thread.join()
    assert server.stop() == 0

    restored = make_server("--retry-schedule", "100ms", "--rate-limit", "0", name="restored", start=False)
    restored.operator_token = server.operator_token
    data = restored.directory / "data"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in copy.parent.iterdir():
        shutil.copy(path, data)
    with_the_token_it_made(restored).start()
    same = Account(restored, account.id, account.key)
    # The token, the key, webhooks and log are there, and what is published goes on being delivered.
    assert [one["id"] for one in same.get("/webhooks").data] == [good["id"], away["id"]]
    assert len(before) == 50
    assert {same.detail(good, delivery)["status"] for delivery in before} == {"delivered"}
    same.publish(data={"n": "after"})
    eventually(lambda: any(request.json["data"] == {"n": "after"} for request in receiver.requests),
               what="a delivery after the restore")


def test_a_store_of_a_newer_version_is_refused(make_server, tool):
    server = make_server()
    assert server.stop() == 0
    database = server.directory / "data" / "skyhook.db"
    subprocess.run([tool("sqlite3"), str(database), "PRAGMA user_version = 9999"], check=True)
    server.start(wait=False)
    assert server.process.wait(20) == 1
    assert "newer" in server.log()


def test_an_unanswered_delivery_waits_through_the_restore(make_server, make_receiver, tool, tmp_path):
    server = make_server("--retry-schedule", "1h")
    account = server.account()
    receiver = make_receiver(status(500), status(200))
    webhook = account.webhook(receiver.url())
    account.publish()
    receiver.wait(1)
    eventually(lambda: account.deliveries(webhook)[0]["attempt_number"] == 1, what="the outcome")
    copy = tmp_path / "skyhook.db"
    subprocess.run([tool("sqlite3"), str(server.directory / "data" / "skyhook.db"),
                    f".backup '{copy}'"], check=True, timeout=60)
    assert server.stop() == 0
    restored = make_server("--retry-schedule", "1h", name="restored", start=False)
    data = restored.directory / "data"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copy(copy, data / "skyhook.db")
    restored.start()
    same = Account(restored, account.id, account.key)
    entry = same.deliveries(webhook)[0]
    assert entry["status"] == "pending"
    same.post(f"/webhooks/{webhook['id']}/deliveries/{entry['delivery_id']}/retry")
    receiver.wait(2)
